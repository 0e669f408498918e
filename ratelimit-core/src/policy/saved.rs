//! States of rates as bytes, as stores keep them.
//!
//! Numbers are little-endian. Of a list of rates first what they are, 17 bytes each: the kind (0 sliding, 1 token bucket,
//! 2 fixed), the amount (4), the span in nanoseconds (8), the burst (4). Then, in the same order, their states, whose times
//! are in whatever unit the policies are told:
//!
//! | kind | state |
//! |---|---|
//! | token bucket | TAT (8) and ticks beyond it (4); zeros before the first commit |
//! | fixed window | opened at (8), with weight (8), last start (8), used (8); zeros if none is open |
//! | sliding window | weight in the log (8), entries (4), newest start (8) and its weight (8), oldest of the others (8), slots of the ring (4), first slot used (4), slots used (4) |
//!
//! Behind all states, in the same order, a ring for each sliding window: slots of 8 bytes, of which those used hold the
//! entries but the newest, oldest first: 7 bytes of time and one of weight, which is 0 where the weight stands in the slot
//! behind. What the others hold means nothing.
//!
//! So whoever adds a start need neither read nor move what is between: a script at the server writes the states, which
//! have their length, and a slot or two. What it has no room for it leaves to a program, which writes all of it anew, with
//! room for a while.

use super::{All, Builtin, Guarded, SlidingWindow};
use crate::rate::{Rate, Shape};
use crate::time::Timestamp;

/// The longest log that is read: no window writes more, and a length in damaged bytes must not take all memory.
const MOST_ENTRIES: u64 = 4096;
/// The most weight that is read: no calls come to so much, and the sum of two such is a number yet.
pub(crate) const MOST_WEIGHT: u64 = 1 << 62;
/// The end of time, as far as bytes tell it: a start in a log has seven.
pub(crate) const END: u64 = 1 << 56;

/// How many slots a ring has beside those that are used: so many, and an eighth of those.
pub(crate) const SPARE: u32 = 16;

/// Into how many lots the starts of a window are cut as they are forgotten.
pub(crate) const LOTS: u64 = 64;

/// Bytes that are being read; each read is `None` where they end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of so many bytes, at most 8.
    pub(crate) fn number(&mut self, len: usize) -> Option<u64> {
        Some(self.take(len)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn array<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}

/// The low `len` bytes of `number`.
pub(crate) fn put(out: &mut Vec<u8>, number: u64, len: usize) {
    let bytes = number.to_le_bytes();
    out.extend_from_slice(bytes.get(..len).unwrap_or(&bytes));
}

/// What `rate` is.
pub(crate) fn describe(out: &mut Vec<u8>, rate: Rate) {
    let (kind, burst) = match rate.shape() {
        Shape::Sliding => (0, 0),
        Shape::Burst(burst) => (1, burst),
        Shape::Fixed => (2, 0),
    };
    out.push(kind);
    put(out, rate.amount().into(), 4);
    put(out, rate.per_nanos(), 8);
    put(out, burst.into(), 4);
}

/// How many bytes the state of a rate takes, without its ring.
pub(crate) fn state_bytes(rate: Rate) -> usize {
    match rate.shape() {
        Shape::Sliding => 48,
        Shape::Burst(_) => 12,
        Shape::Fixed => 32,
    }
}

/// The rate that is described.
pub(crate) fn described(bytes: &mut Reader<'_>) -> Option<Rate> {
    let kind = bytes.number(1)?;
    let (amount, per, burst) = (bytes.u32()?, bytes.u64()?, bytes.u32()?);
    let rate = Rate::try_new(amount, std::time::Duration::from_nanos(per)).ok()?;
    match (kind, burst) {
        (0, 0) => Some(rate),
        (1, 1..) => Some(rate.burst(burst)),
        (2, 0) => Some(rate.fixed()),
        _ => None,
    }
}

impl All {
    /// The states of the rates, without a user's policy beside them.
    pub(crate) fn save_states(&self, out: &mut Vec<u8>) {
        let mut rings = Vec::new();
        for (_, state) in &*self.states {
            match state {
                Builtin::TokenBucket(state) => {
                    let (tat, ticks) = state.tat().unwrap_or_default();
                    put(out, tat, 8);
                    put(out, ticks, 4);
                }
                Builtin::FixedWindow(state) => {
                    for number in state.numbers() {
                        put(out, number, 8);
                    }
                }
                Builtin::SlidingWindow(state) => save_log(out, &mut rings, state),
            }
        }
        out.append(&mut rings);
    }

    /// States of `rates` as they were saved; `None` if these bytes cannot be that.
    pub(crate) fn load_states(rates: &[Guarded], bytes: &mut Reader<'_>) -> Option<All> {
        let len = rates.iter().map(|guarded| state_bytes(guarded.rate)).sum();
        let mut numbers = Reader(bytes.take(len)?);
        let read = |guarded: &Guarded| {
            let state = match Builtin::new(*guarded) {
                Builtin::TokenBucket(fresh) => {
                    let tat = (numbers.u64()?, u64::from(numbers.u32()?));
                    if tat.1 >= fresh.numbers().ticks {
                        return None;
                    }
                    Builtin::TokenBucket(fresh.at_tat((tat != (0, 0)).then_some(tat)))
                }
                Builtin::FixedWindow(fresh) => {
                    let numbers = [numbers.u64()?, numbers.u64()?, numbers.u64()?, numbers.u64()?];
                    let [since, opening, last, used] = numbers;
                    let makes_sense = numbers == [0; 4]
                        || used > 0 && used <= MOST_WEIGHT && opening <= used && since <= last;
                    if !makes_sense {
                        return None;
                    }
                    Builtin::FixedWindow(fresh.at_numbers(numbers))
                }
                Builtin::SlidingWindow(fresh) => {
                    Builtin::SlidingWindow(fresh.with_log(Log::read(&mut numbers)?.entries(bytes)?))
                }
            };
            Some((*guarded, state))
        };
        Some(All { states: rates.iter().map(read).collect::<Option<_>>()?, own: None })
    }

    /// The same states, which are about to take a start at `at`, as of `ahead` before; windows whose starts are remembered
    /// remember them for `longer` than they count, and then forget them in lots: what is over stays until the first of it
    /// is over for a 64th of all that time. To forget one start is to look for the next, which costs a script at a server
    /// as much as to add one.
    pub(crate) fn remember_longer(&mut self, longer: u64, (at, ahead): (Timestamp, u64)) {
        for (_, state) in &mut *self.states {
            if let Builtin::SlidingWindow(state) = state {
                let kept = state.window().saturating_add(longer);
                let (window, lot) = (kept.saturating_add(ahead), kept / LOTS);
                let is_over = |(first, _): (Timestamp, u64)| {
                    let lots = window.saturating_add(lot);
                    at.as_nanos().checked_sub(lots).is_some_and(|begin| first.as_nanos() < begin)
                };
                // A log that is full forgets what it can before it is cut into parts.
                let is_lot = state.is_full() || state.log().next().is_some_and(is_over);
                state.set_window(if is_lot { window } else { window.saturating_add(lot) });
            }
        }
    }

    /// The newest start that the states tell, of windows alone: a token bucket tells none.
    pub(crate) fn newest_start(&self) -> Option<Timestamp> {
        let newest = self.states.iter().filter_map(|(_, state)| match state {
            Builtin::TokenBucket(_) => None,
            Builtin::FixedWindow(state) => state.remembered().map(|(last, _)| last),
            Builtin::SlidingWindow(state) => state.log().last().map(|(start, _)| start),
        });
        newest.max()
    }

    /// When the newest of the fixed windows was opened.
    pub(crate) fn newest_opening(&self) -> Option<Timestamp> {
        let opened = self.states.iter().filter_map(|(_, state)| match state {
            Builtin::FixedWindow(state) => state.opened(),
            Builtin::TokenBucket(_) | Builtin::SlidingWindow(_) => None,
        });
        opened.max()
    }

    /// The same states, all times as if it were so much earlier: where a clock was put back.
    pub(crate) fn shift_back(&mut self, by: u64) {
        for (_, state) in &mut *self.states {
            match state {
                Builtin::TokenBucket(state) => state.shift_back(by),
                Builtin::FixedWindow(state) => state.shift_back(by),
                Builtin::SlidingWindow(state) => state.shift_back(by),
            }
        }
    }
}

fn save_log(out: &mut Vec<u8>, rings: &mut Vec<u8>, state: &SlidingWindow) {
    let len = state.log().count();
    let logged = state.log().fold(0, |sum: u64, (_, weight)| sum.saturating_add(weight));
    let (newest, newest_weight) = state.log().last().unwrap_or_default();
    let others = || state.log().take(len.saturating_sub(1));
    let begin = rings.len();
    for (start, weight) in others() {
        put(rings, start.as_nanos(), 7);
        if weight < 256 {
            put(rings, weight, 1);
        } else {
            rings.push(0);
            put(rings, weight, 8);
        }
    }
    let used = (rings.len() - begin) / 8;
    let slots = used + used / 8 + SPARE as usize;
    rings.resize(begin + 8 * slots, 0);
    put(out, logged, 8);
    put(out, len as u64, 4);
    put(out, newest.as_nanos(), 8);
    put(out, newest_weight, 8);
    put(out, others().next().map_or(0, |(start, _)| start.as_nanos()), 8);
    put(out, slots as u64, 4);
    put(out, 0, 4);
    put(out, used as u64, 4);
}

/// What is told of a log before its ring.
#[derive(Clone, Copy, Debug)]
struct Log {
    logged: u64,
    entries: u64,
    newest: (u64, u64),
    oldest: u64,
    slots: usize,
    first: usize,
    used: usize,
}

impl Log {
    fn read(bytes: &mut Reader<'_>) -> Option<Log> {
        let (logged, entries) = (bytes.u64()?, bytes.number(4)?);
        let (newest, oldest) = ((bytes.u64()?, bytes.u64()?), bytes.u64()?);
        let mut number = || usize::try_from(bytes.number(4)?).ok();
        let (slots, first, used) = (number()?, number()?, number()?);
        let is_possible = entries <= MOST_ENTRIES && used <= slots && first < slots.max(1);
        is_possible.then_some(Log { logged, entries, newest, oldest, slots, first, used })
    }

    /// The entries, with what the ring holds of them.
    fn entries(&self, bytes: &mut Reader<'_>) -> Option<Vec<(Timestamp, u64)>> {
        let ring = bytes.take(self.slots.checked_mul(8)?)?;
        let (before, from_first) = ring.split_at_checked(8 * self.first)?;
        let slots = [from_first, before].concat();
        let mut others = Reader(slots.get(..8 * self.used)?);
        let mut log = Vec::new();
        while !others.0.is_empty() {
            let start = Timestamp::from_nanos(others.number(7)?);
            let weight = match others.number(1)? {
                0 => others.u64()?,
                weight => weight,
            };
            log.push((start, weight));
        }
        let oldest = log.first().map_or(0, |(start, _)| start.as_nanos());
        if self.entries > 0 {
            log.push((Timestamp::from_nanos(self.newest.0), self.newest.1));
        }
        let sum = log.iter().try_fold(0_u64, |sum, (_, weight)| sum.checked_add(*weight))?;
        let is_sorted = log.is_sorted_by(|(before, _), (after, _)| before < after);
        let is_whole = log.len() as u64 == self.entries && sum == self.logged && oldest == self.oldest;
        let makes_sense = (self.entries > 0 || self.newest == (0, 0)) && sum <= MOST_WEIGHT;
        (is_sorted && is_whole && makes_sense && log.iter().all(|(_, weight)| *weight > 0)).then_some(log)
    }
}
