//! A window that is learned: what a server's answers say of a limit that only it knows.
//!
//! Pure, as the policies are, and beside them: it is asked when a weight may start, told what started, and told of each
//! call how it ended. Unlike theirs, its promises hold only until the next answer, which may say anything.
//!
//! Two numbers and a count are enough, whatever order answers come in. An answer to a call that was sent at `s` and
//! heard of at `t` and that says "reset after `d`" puts the end of the server's window between `s + d` and `t + d`.
//! Answers whose intervals meet are of one window, in which what the server says is left only ever becomes less: so the
//! least that was heard is the newest, and every call that was answered by then is in it. Those in flight may not be:
//! they are counted on top. Once the window is surely over the whole limit is there again, less those in flight.

mod lost;
mod saved;

use std::time::Duration;

use super::Earliest;
use crate::feedback::{Feedback, Scope};
use crate::time::{Timestamp, nanos};
use lost::Lost;

/// How long to wait after a rejection that says no time: doubled with each that follows, up to the most.
const BACKOFF: u64 = SECOND;
const MOST_BACKOFF: u64 = 60 * SECOND;
const SECOND: u64 = 1_000_000_000;
/// A hundred years: nobody means more, and it can still be told of.
const LONGEST: u64 = 100 * 365 * 86_400 * SECOND;

/// What is known of one of the server's windows. Its times are the clock's: what the server says is not stretched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Learned {
    manner: Manner,
    said: Said,
    /// The weight that was sent and not heard of since.
    in_flight: u64,
    /// When the last of what is known was heard.
    heard: Timestamp,
    /// When the window that is known was heard of.
    opened: Timestamp,
    paused_until: Timestamp,
    rejections: Rejections,
    lost: Lost,
}

/// How the bucket learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    /// While nothing is known one call at a time is sent: there are no rates to start under.
    pub(crate) probes: bool,
    /// For how many nanoseconds beyond its window what the server said is remembered.
    pub(crate) remember: u64,
}

/// What the server has said so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// It has not answered, or that was too long ago.
    Nothing,
    /// It has answered, and there is no window.
    NoWindow,
    Window(Window),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    limit: Option<u64>,
    remaining: u64,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Surely not before the first, and by the second.
    Between(Timestamp, Timestamp),
    /// The one before was over then, and nothing was heard of this one.
    After(Timestamp),
    /// The server does not say; who told what remains was sent then.
    Unsaid(Timestamp),
}

/// Rejections in a row that said no time to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rejections {
    count: u32,
    /// When the last that counts was heard of.
    last: Timestamp,
}

impl Rejections {
    /// For how long the next one will hold everybody back.
    fn next(self) -> u64 {
        (BACKOFF << self.count.min(6)).min(MOST_BACKOFF)
    }

    /// A call was accepted; one that was sent before the last rejection was heard of tells nothing new.
    fn end(&mut self, sent: Sent) {
        if sent.at >= self.last {
            self.count = 0;
        }
    }

    /// For how long the last one does.
    fn backoff(self) -> u64 {
        Rejections { count: self.count.saturating_sub(1), ..self }.next()
    }
}

/// A call: when it was sent, and what it weighs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Timestamp,
    pub(crate) weight: u32,
}

impl Learned {
    pub(crate) fn new(manner: Manner) -> Self {
        Learned {
            manner,
            said: Said::Nothing,
            in_flight: 0,
            heard: Timestamp::ZERO,
            opened: Timestamp::ZERO,
            paused_until: Timestamp::ZERO,
            rejections: Rejections::default(),
            lost: Lost::default(),
        }
    }

    /// When `weight` could start, not before `now`, if no answer comes before.
    pub(crate) fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        let start = now.max(self.paused_until);
        let Said::Window(Window { limit, end, .. }) = self.said_at(start) else {
            return self.by_probing(start);
        };
        if limit.is_some_and(|limit| limit < u64::from(weight)) {
            return Earliest::Never;
        }
        if self.fits(self.said_at(start), weight) {
            return Earliest::At(start);
        }
        let later = match end {
            End::Between(_, end) => end,
            // With nobody in flight nothing more will be heard of it.
            End::After(_) | End::Unsaid(_) if self.in_flight == 0 => {
                self.heard.plus(self.rejections.next()).max(start)
            }
            End::After(_) | End::Unsaid(_) => return Earliest::WhenSettled,
        };
        match (end, self.said_at(later)) {
            (End::Between(..), said @ Said::Window(_)) if self.fits(said, weight) => Earliest::At(later),
            (End::Between(..), Said::Window(_)) => Earliest::WhenSettled,
            _ => self.by_probing(later),
        }
    }

    /// `weight` starts, whether it may or not.
    pub(crate) fn commit(&mut self, now: Timestamp, weight: u32) {
        self.said = self.said_at(now);
        let is_endless =
            matches!(self.said, Said::Window(Window { end: End::After(_) | End::Unsaid(_), .. }));
        let is_given_up = is_endless && self.in_flight == 0 && now >= self.heard.plus(self.rejections.next());
        if is_given_up && !self.fits(self.said, weight) {
            // Nothing more will be heard of that window: somebody tries, as after a rejection that says nothing.
            self.said = Said::Nothing;
            self.reject(now);
        }
        self.board(weight);
    }

    /// Learns at `now` of the answer to a call; until when the server wants to hear from nobody, if it says so.
    pub(crate) fn answer(&mut self, sent: Sent, now: Timestamp, answer: &Feedback) -> Option<Timestamp> {
        self.said = self.said_at(now);
        self.land(sent.weight);
        self.heard = now;
        self.lost.hear(sent);
        if let Some(window) = self.window_of(sent, now, answer) {
            self.said = Said::Window(window);
            self.opened = now;
        } else if self.said == Said::Nothing {
            self.said = Said::NoWindow;
        }
        if !answer.rejected {
            self.rejections.end(sent);
            return None;
        }
        let until = now.plus(self.wait_after(sent, now, answer));
        if answer.scope == Scope::Global {
            return Some(until);
        }
        self.pause(until);
        None
    }

    /// A call ended and its answer said nothing of limits.
    pub(crate) fn answer_without_news(&mut self, sent: Sent, now: Timestamp) {
        self.no_news(sent, now);
        self.heard = now;
        self.rejections.end(sent);
        if self.said == Said::Nothing {
            self.said = Said::NoWindow;
        }
    }

    /// A call ended and nobody knows how: the server may have counted it, and says so no more.
    pub(crate) fn no_news(&mut self, sent: Sent, now: Timestamp) {
        self.said = self.said_at(now);
        self.land(sent.weight);
        self.lost.add(sent.weight, now);
        if let Said::Window(window) = &mut self.said {
            window.remaining = window.remaining.saturating_sub(u64::from(sent.weight));
            self.heard = now;
        }
    }

    /// A call never reached the server, or is counted in another window from now on.
    pub(crate) fn land(&mut self, weight: u32) {
        debug_assert!(self.in_flight >= u64::from(weight), "each call lands once");
        self.in_flight = self.in_flight.saturating_sub(u64::from(weight));
    }

    /// A call that is on its way already is counted here from now on.
    pub(crate) fn board(&mut self, weight: u32) {
        self.in_flight = self.in_flight.saturating_add(u64::from(weight));
    }

    /// Another window turns out to be this one: its calls are counted here, and what it was told to wait.
    pub(crate) fn join(&mut self, other: &Learned) {
        self.in_flight = self.in_flight.saturating_add(other.in_flight);
        self.pause(other.paused_until);
        if self.said == Said::Nothing {
            (self.said, self.heard, self.opened) = (other.said, other.heard, other.opened);
        }
    }

    /// Whether a window was heard of last, and its limit, if it has one.
    pub(crate) fn limit(&self) -> (bool, Option<u64>) {
        match self.said {
            Said::Window(window) => (true, window.limit),
            Said::Nothing | Said::NoWindow => (false, None),
        }
    }

    /// Until when the server has asked to be left alone.
    pub(crate) fn paused_until(&self) -> Timestamp {
        self.paused_until
    }

    /// The weight that was sent and not heard of since.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// The server wants to be left alone until then.
    pub(crate) fn pause(&mut self, until: Timestamp) {
        self.paused_until = self.paused_until.max(until);
    }

    /// Whether a window that is not known says the same at `now`.
    pub(crate) fn is_forgotten(&self, now: Timestamp) -> bool {
        self.in_flight == 0 && self.paused_until <= now && self.said_at(now) == Said::Nothing
    }

    pub(crate) fn set_manner(&mut self, manner: Manner) {
        self.manner = manner;
    }

    /// From when on nothing is in force: what is still known is only remembered; `None` = not before a call ends.
    pub(crate) fn idle_at(&self) -> Option<Timestamp> {
        (self.in_flight == 0).then_some(self.over_at())
    }

    /// The same, whatever is on its way.
    fn over_at(&self) -> Timestamp {
        let over = match self.said {
            Said::Window(Window { end: End::Between(_, end), .. }) => end,
            Said::Window(Window { end: End::Unsaid(_) | End::After(_), .. }) => {
                self.heard.plus(self.rejections.next())
            }
            Said::Nothing | Said::NoWindow => Timestamp::ZERO,
        };
        over.max(self.paused_until)
    }

    /// What is known at `now`, if nothing was heard since.
    fn said_at(&self, now: Timestamp) -> Said {
        let (said, heard) = match self.said {
            Said::Window(Window { limit, end: End::Between(_, end), .. }) if now >= end => {
                let over = |limit| Window { limit: Some(limit), remaining: limit, end: End::After(end) };
                (limit.map_or(Said::Nothing, |limit| Said::Window(over(limit))), self.heard.max(end))
            }
            said @ Said::Window(Window { end: End::Between(..), .. }) => return said,
            said => (said, self.heard),
        };
        let is_forgotten = self.in_flight == 0 && now >= heard.plus(self.manner.remember);
        if is_forgotten { Said::Nothing } else { said }
    }

    fn fits(&self, said: Said, weight: u32) -> bool {
        let Said::Window(Window { remaining, .. }) = said else { return false };
        self.in_flight.saturating_add(u64::from(weight)) <= remaining
    }

    /// Where no window is known: at once under the bucket's own rates, or one at a time.
    fn by_probing(&self, start: Timestamp) -> Earliest {
        let waits = self.manner.probes && self.in_flight > 0 && self.said_at(start) != Said::NoWindow;
        if waits { Earliest::WhenSettled } else { Earliest::At(start) }
    }

    /// The window that an answer speaks of, if it is to be believed more than what is known.
    fn window_of(&self, sent: Sent, now: Timestamp, answer: &Feedback) -> Option<Window> {
        // Calls that were lost may have come to the server after this answer was given.
        let remaining = answer.remaining?.saturating_sub(self.lost.weight());
        // No limit lets nothing through.
        let limit = answer.limit.filter(|limit| *limit > 0);
        let known = match self.said {
            Said::Window(window) => Some(window),
            Said::Nothing | Said::NoWindow => None,
        };
        let Some(after) = answer.reset_after.map(believed) else {
            return self.without_end(sent, Window { limit, remaining, end: End::Unsaid(sent.at) });
        };
        let (first, end) = (sent.at.plus(after), now.plus(after));
        let widened =
            if answer.whole_seconds { first.as_nanos().saturating_sub(SECOND) } else { first.as_nanos() };
        let end = End::Between(Timestamp::from_nanos(widened), end);
        let heard = Window { limit: limit.or(known.and_then(|known| known.limit)), remaining, end };
        match (known.map(|known| (known.end, known.remaining)), end) {
            (Some((End::After(over), _)), _) if first <= over => None,
            (Some((End::Between(_, end), _)), End::Between(start, _)) if start > end => Some(heard),
            // What was sent since is no answer from before: the server no longer says what it said.
            (Some((End::Between(start, _), _)), End::Between(_, end)) if end < start => {
                (sent.at > self.opened).then_some(heard)
            }
            (Some((End::Between(..), least)), _) if remaining >= least => None,
            _ => Some(heard),
        }
    }

    /// What an answer that names no end says: the one to the call that was sent last counts, of several the least.
    fn without_end(&self, sent: Sent, heard: Window) -> Option<Window> {
        let Said::Window(known) = self.said else { return Some(heard) };
        let limit = heard.limit.or(known.limit);
        let remaining = heard.remaining.min(known.remaining);
        match known.end {
            End::Between(..) => Some(Window { remaining, ..known }),
            End::Unsaid(at) if sent.at < at => None,
            End::Unsaid(at) if sent.at == at => Some(Window { limit, remaining, ..known }),
            End::Unsaid(_) | End::After(_) => Some(Window { limit, ..heard }),
        }
    }

    /// For how long a rejection holds everybody back.
    fn wait_after(&mut self, sent: Sent, now: Timestamp, answer: &Feedback) -> u64 {
        // Where something remains of the window it is another limit that was met, whose end is not said.
        let reset = answer.reset_after.filter(|_| answer.remaining.is_none_or(|remaining| remaining == 0));
        // No time at all is as if none were said: to come back at once is what was done.
        let mut told = [answer.retry_after, reset].into_iter().flatten().map(believed);
        if let Some(wait) = told.find(|wait| *wait > 0) {
            return wait;
        }
        // One that was sent before the last was heard of tells nothing new.
        if self.rejections.count == 0 || sent.at >= self.rejections.last {
            self.reject(now);
        }
        self.rejections.backoff()
    }

    fn reject(&mut self, now: Timestamp) {
        self.rejections = Rejections { count: self.rejections.count.saturating_add(1), last: now };
    }
}

fn believed(span: Duration) -> u64 {
    nanos(span).min(LONGEST)
}

#[cfg(test)]
mod tests;
