//! What several processes have learned together of one of a server's windows.
//!
//! It is what one process knows ([`Learned`]), kept as bytes, but for the calls on their way: of a process that ended
//! without a word nobody hears any more what became of its calls. So they are counted in two lots, by when they started;
//! each [`TURN`] what is left of the older one counts as lost.
//!
//! A record is: the format's version (1), the letter `W`, when it was written last (8), the newest start (8), when the
//! younger lot began (8), the weight of the younger and of the older (8 each), the length (4) and the text of the name that
//! the server has given the window meanwhile, and [what is known](crate::policy::learned). Numbers are little-endian,
//! times the store's microseconds, but nanoseconds in what is known.

use super::Failure;
use super::record::LONGEST;
use crate::feedback::Feedback;
use crate::limits::Learning;
use crate::policy::Earliest;
use crate::policy::learned::{Learned, Manner, Sent};
use crate::policy::saved::{END, MOST_WEIGHT, Reader, put};
use crate::time::{Timestamp, nanos};

/// The format's version, and what tells a window from other records.
const HEAD: [u8; 2] = [1, b'W'];

/// How long a lot of calls is young, and then old: 30 s in microseconds.
const TURN: u64 = 30_000_000;

/// One window, read and perhaps changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    manner: Manner,
    known: Learned,
    /// When the younger lot began.
    turned: u64,
    young: u64,
    old: u64,
    /// When it was written last: not while nothing changes.
    written: u64,
    /// Whether the clock was put back since.
    was_put_back: bool,
    /// The newest start.
    pub(crate) newest: u64,
    /// What the server calls it: its calls count there.
    pub(crate) renamed: Option<Box<str>>,
}

/// What became of a call.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    /// It was answered; `None` = with nothing about limits.
    Answer(Option<Feedback>),
    /// It ended, and nobody knows what the server made of it.
    Nothing,
    /// It never reached the server.
    Unsent,
    /// It is still on its way, and weighs so much.
    Weighs(u32),
}

impl Window {
    /// # Errors
    ///
    /// Where the bytes are no such record.
    pub(crate) fn read(learning: Learning, bytes: Option<&[u8]>, now: u64) -> Result<Self, Failure> {
        let manner = Manner { probes: learning.is_declared, remember: nanos(learning.remember) };
        let Some(bytes) = bytes else {
            let known = Learned::new(manner);
            let (young, old, written, newest) = (0, 0, 0, 0);
            let (was_put_back, renamed) = (false, None);
            return Ok(Window {
                manner,
                known,
                turned: now,
                young,
                old,
                written,
                was_put_back,
                newest,
                renamed,
            });
        };
        let mut window = Self::parse(manner, bytes).ok_or_else(|| {
            Failure::of_state("a window in the store cannot be read: it is damaged, or of a newer format")
        })?;
        let by = window.written.saturating_sub(now);
        if by > 0 {
            // As of a record.
            window.known.shift_back(by.saturating_mul(1000));
            window.turned = window.turned.saturating_sub(by);
            window.newest = window.newest.saturating_sub(by);
            (window.written, window.was_put_back) = (now, true);
        }
        window.turn(now);
        Ok(window)
    }

    fn parse(manner: Manner, bytes: &[u8]) -> Option<Self> {
        let mut bytes = Reader(bytes.strip_prefix(&HEAD)?);
        let (written, newest, turned) = (bytes.u64()?, bytes.u64()?, bytes.u64()?);
        let (young, old) = (bytes.u64()?, bytes.u64()?);
        if young.max(old) > MOST_WEIGHT || written.max(newest).max(turned) >= END {
            return None;
        }
        let len = usize::try_from(bytes.number(4)?).ok()?;
        let name = std::str::from_utf8(bytes.take(len)?).ok()?;
        let renamed = (!name.is_empty()).then(|| name.into());
        let known = Learned::load(manner, young + old, &mut bytes)?;
        let was_put_back = false;
        let window = Window { manner, known, turned, young, old, written, was_put_back, newest, renamed };
        bytes.0.is_empty().then_some(window)
    }

    /// The bytes, and for how many microseconds from `now` they are to be kept.
    pub(crate) fn write(&self, now: u64) -> (Vec<u8>, u64) {
        let mut bytes = HEAD.to_vec();
        for number in [now, self.newest, self.turned, self.young, self.old] {
            put(&mut bytes, number, 8);
        }
        let name = self.renamed.as_deref().unwrap_or("");
        put(&mut bytes, name.len() as u64, 4);
        bytes.extend(name.as_bytes());
        self.known.save(&mut bytes);
        let remembered = self.known.remembered_until().as_nanos().div_ceil(1000);
        let lots = if self.young + self.old > 0 { 2 * TURN } else { 0 };
        let kept_for = remembered.max(self.newest).saturating_sub(now).saturating_add(lots + TURN);
        (bytes, kept_for.min(LONGEST))
    }

    /// Whether the clock was, since it was written.
    pub(crate) fn was_put_back(&self) -> bool {
        self.was_put_back
    }

    /// Counts as lost what is too old to be heard of.
    fn turn(&mut self, now: u64) {
        for _ in 0..2 {
            if now < self.turned.saturating_add(TURN) {
                return;
            }
            let lost = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            let weight = u32::try_from(lost).unwrap_or(u32::MAX);
            if weight > 0 {
                self.known.no_news(Sent { at: in_nanos(self.turned), weight }, in_nanos(now));
            }
            self.turned = self.turned.saturating_add(TURN);
        }
        // Neither lot holds any.
        self.turned = now;
    }

    /// When `weight` could start, not before `from`, that may be made earlier by `slack`.
    pub(crate) fn earliest(&self, from: u64, slack: u64, weight: u32) -> Earliest {
        let made = from.max(self.newest).saturating_sub(slack);
        match self.known.earliest(in_nanos(made), weight) {
            Earliest::At(at) => Earliest::At(Timestamp::from_nanos(at.as_nanos().div_ceil(1000)).plus(slack)),
            unknown_or_never => unknown_or_never,
        }
    }

    pub(crate) fn commit(&mut self, at: u64, weight: u32) {
        self.known.commit(in_nanos(at), weight);
        self.young = together(self.young, weight.into());
        self.newest = self.newest.max(at);
    }

    /// Learns at `now` what became of a call that started at `start`; until when the server wants to hear from nobody at
    /// all, if it says so.
    pub(crate) fn hear(&mut self, (start, weight): (u64, u32), now: u64, heard: &Heard) -> Option<u64> {
        let sent = Sent { at: in_nanos(start.min(now)), weight: self.land(start, weight) };
        match heard {
            Heard::Answer(Some(answer)) => {
                let until = self.known.answer(sent, in_nanos(now), answer)?;
                return Some(until.as_nanos().div_ceil(1000));
            }
            Heard::Answer(None) => self.known.answer_without_news(sent, in_nanos(now)),
            Heard::Nothing => self.known.no_news(sent, in_nanos(now)),
            Heard::Unsent => self.known.land(sent.weight),
            Heard::Weighs(cost) => {
                self.known.land(sent.weight);
                // What counts as lost of it does so on.
                self.board(start, cost.saturating_sub(weight - sent.weight));
            }
        }
        None
    }

    fn board(&mut self, start: u64, weight: u32) {
        let lot = if start >= self.turned { &mut self.young } else { &mut self.old };
        *lot = lot.saturating_add(weight.into());
        self.known.board(weight);
    }

    /// How much of a call that ends is still counted as on its way.
    fn land(&mut self, start: u64, weight: u32) -> u32 {
        let lot = if start >= self.turned { &mut self.young } else { &mut self.old };
        let landed = u64::from(weight).min(*lot);
        *lot -= landed;
        u32::try_from(landed).unwrap_or(weight)
    }

    /// The server wants to be left alone until then.
    pub(crate) fn pause(&mut self, until: u64) {
        self.known.pause(in_nanos(until));
    }

    /// Another window turns out to be this one.
    pub(crate) fn join(&mut self, other: &Window) {
        self.known.join(&other.known);
        (self.young, self.old) = (together(self.young, other.young), together(self.old, other.old));
        self.newest = self.newest.max(other.newest);
    }

    /// Nothing is known, and nothing on its way: what started before `now` is of the older lot, which is empty.
    pub(crate) fn reset(&mut self, now: u64) {
        self.known = Learned::new(self.manner);
        (self.young, self.old, self.newest, self.turned) = (0, 0, 0, now);
    }

    /// From when on, not before `from`, somebody may start who may be earlier by `slack`, as the server wants to hear from
    /// anybody again.
    pub(crate) fn paused_until(&self, from: u64, slack: u64) -> Timestamp {
        let until = self.known.paused_until().as_nanos().div_ceil(1000);
        Timestamp::from_nanos(if until > 0 { until.saturating_add(slack).max(from) } else { from })
    }
}

/// Never more than what is read again.
fn together(one: u64, other: u64) -> u64 {
    one.saturating_add(other).min(MOST_WEIGHT)
}

fn in_nanos(micros: u64) -> Timestamp {
    Timestamp::from_nanos(micros.saturating_mul(1000))
}
