//! Sliding window: the log of starts.
//!
//! Law 1: the weight started in any closed span of the window's length is at most the amount. A start exactly one
//! window old still counts, so what was taken at `s` is free again one nanosecond after `s + window`.
//!
//! The log is exact up to [`MOST`] entries. When it is full, the window's length is cut into [`PARTS`] parts, and the
//! entries that lie in one part become one, which counts from the last of its starts. So every start counts from its
//! own time or later, by less than a part, and law 1 holds as it is; what is free again is so by less than a part later
//! than need be. The parts are the same every time, so that nothing is moved twice any further.

use std::collections::VecDeque;

use super::saved::MOST_WEIGHT;
use super::{Earliest, Gauge, Outcome, Policy};
use crate::time::Timestamp;

/// How many entries a log has at most: 48 KiB.
pub(crate) const MOST: usize = 3072;
/// Into how many parts a full log is cut. That leaves at most two entries more, so that a third of the log has room
/// again, and each start pays for three entries that are looked at.
const PARTS: u64 = 2048;

#[derive(Clone, Debug)]
pub(crate) struct SlidingWindow {
    amount: u32,
    /// Nanoseconds, the guard included.
    window: u64,
    /// Starts by time, oldest first, one entry a time. A start counts in the first entry that is not before it.
    log: VecDeque<(Timestamp, u64)>,
    /// The weight in the log; above the amount only after a charge or under a lowered limit.
    logged: u64,
}

impl SlidingWindow {
    pub(crate) fn new(amount: u32, window: u64) -> Self {
        SlidingWindow { amount, window, log: VecDeque::new(), logged: 0 }
    }

    /// Another length; what was forgotten under a shorter one stays forgotten.
    pub(super) fn set_window(&mut self, window: u64) {
        self.window = window;
    }

    /// A window that remembers `log`, which is in order of time.
    pub(crate) fn remembering(mut self, log: impl Iterator<Item = (Timestamp, u64)>) -> Self {
        for (start, weight) in log {
            self.record(start, weight);
        }
        self
    }

    /// A window that has exactly this log: in order of time, one entry a time, none empty.
    pub(super) fn with_log(mut self, log: Vec<(Timestamp, u64)>) -> Self {
        self.logged = log.iter().map(|(_, weight)| weight).sum();
        self.log = log.into();
        self
    }

    pub(crate) fn log(&self) -> impl Iterator<Item = (Timestamp, u64)> {
        self.log.iter().copied()
    }

    pub(super) fn window(&self) -> u64 {
        self.window
    }

    /// Whether entries would have to become one for another to have room.
    pub(super) fn is_full(&self) -> bool {
        self.log.len() >= MOST
    }

    /// All times as if it were so much earlier.
    pub(crate) fn shift_back(&mut self, by: u64) {
        // Times before the first there is become one.
        for (start, weight) in std::mem::take(&mut self.log) {
            let start = Timestamp::from_nanos(start.as_nanos().saturating_sub(by));
            match self.log.back_mut() {
                Some((last, logged)) if *last == start => *logged = logged.saturating_add(weight),
                _ => self.log.push_back((start, weight)),
            }
        }
    }

    /// Counts `weight` from `start`, which is not before any other.
    fn record(&mut self, start: Timestamp, weight: u64) {
        debug_assert!(self.log.back().is_none_or(|(last, _)| *last <= start), "the log is sorted");
        // No calls come to more; so no sum of weights is too great to be told.
        let weight = weight.min(MOST_WEIGHT.saturating_sub(self.logged));
        if weight == 0 {
            return;
        }
        match self.log.back_mut() {
            // What is over by then was forgotten when the entry was made.
            Some((last, logged)) if *last == start => *logged += weight,
            _ => {
                self.forget_before(start);
                self.push(start, weight);
            }
        }
        self.logged += weight;
    }

    fn push(&mut self, start: Timestamp, weight: u64) {
        let len = self.log.len();
        if len >= MOST {
            self.merge();
        } else if len == self.log.capacity() && 2 * len > MOST {
            // Growing by itself it would double.
            self.log.reserve_exact(MOST - len);
        }
        self.log.push_back((start, weight));
    }

    /// The part of the window of which a log that is full keeps one entry: merging moves no start by as much.
    fn part(&self) -> u64 {
        self.window.div_ceil(PARTS).max(1)
    }

    /// Makes of the entries in each part of the window one, at the time of the last of them.
    fn merge(&mut self) {
        let nanos = self.part();
        let part = |time: Timestamp| time.as_nanos() / nanos;
        let mut merged = 0;
        for _ in 0..self.log.len() {
            let Some((start, weight)) = self.log.pop_front() else { break };
            match self.log.back_mut() {
                Some((last, logged)) if merged > 0 && part(*last) == part(start) => {
                    (*last, *logged) = (start, logged.saturating_add(weight));
                }
                _ => {
                    self.log.push_back((start, weight));
                    merged += 1;
                }
            }
        }
        debug_assert_eq!(self.logged, self.log.iter().map(|(_, weight)| weight).sum::<u64>());
    }

    /// When what was taken at `start` no longer counts; `None` beyond the end of time.
    fn free_at(&self, start: Timestamp) -> Option<Timestamp> {
        let nanos = start.as_nanos().checked_add(self.window)?.checked_add(1)?;
        Some(Timestamp::from_nanos(nanos))
    }

    /// When no more than `room` counts any longer, not before `now`.
    fn earliest_by_log(&self, now: Timestamp, room: u64) -> Earliest {
        let (mut at, mut counting) = (now, self.logged);
        for (start, weight) in &self.log {
            if counting <= room {
                break;
            }
            let Some(free) = self.free_at(*start) else { return Earliest::Never };
            counting -= weight;
            at = at.max(free);
        }
        Earliest::At(at)
    }

    fn forget_before(&mut self, now: Timestamp) {
        // As `free_at` has it, from the other end: what started earlier than a window before now is over.
        let Some(begin) = now.as_nanos().checked_sub(self.window) else { return };
        while let Some((_, weight)) = self.log.front().filter(|(start, _)| start.as_nanos() < begin) {
            self.logged -= weight;
            self.log.pop_front();
        }
    }
}

impl Policy for SlidingWindow {
    #[inline]
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        if weight > self.amount {
            return Earliest::Never;
        }
        let room = u64::from(self.amount - weight);
        if self.logged <= room { Earliest::At(now) } else { self.earliest_by_log(now, room) }
    }

    #[inline]
    fn commit(&mut self, now: Timestamp, weight: u32) {
        self.record(now, u64::from(weight));
    }

    /// Gives back what still counts.
    ///
    /// A start counts in the first entry that is not before it: it began as one of its own, entries come only behind the
    /// last, and one that is merged leaves its starts to the next of its part, which is then the first not before them. So
    /// that is the entry to take from, and it holds at least what has not been given back of all its starts. Entries go at
    /// the front only once the last of their starts is over; a start that is not over itself has not lost its entry, and
    /// nothing is given back for one that is, or for one that was never counted here and has none within a part.
    /// Where a store's log was merged while it was to remember longer, neither is for some of those that were merged.
    fn settle(&mut self, start: Timestamp, now: Timestamp, weight: u32, outcome: &Outcome) {
        let Outcome::Refund(given) = *outcome else { return };
        if self.free_at(start).is_some_and(|free| free <= now) {
            return;
        }
        let (index, part) = (self.log.partition_point(|(time, _)| *time < start), self.part());
        let Some((time, logged)) = self.log.get_mut(index) else { return };
        if time.as_nanos() - start.as_nanos() >= part {
            return;
        }
        let given = u64::from(given.min(weight)).min(*logged);
        *logged -= given;
        self.logged -= given;
        if *logged == 0 {
            self.log.remove(index);
        }
    }

    fn idle_at(&self) -> Option<Timestamp> {
        match self.log.back() {
            None => Some(Timestamp::ZERO),
            Some((last, _)) => self.free_at(*last),
        }
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

impl Gauge for SlidingWindow {
    fn used(&self, now: Timestamp) -> u32 {
        let over =
            self.log.iter().take_while(|(start, _)| self.free_at(*start).is_some_and(|free| free <= now));
        let counting = self.logged - over.map(|(_, weight)| weight).sum::<u64>();
        u32::try_from(counting).unwrap_or(u32::MAX)
    }

    fn remaining(&self, now: Timestamp) -> u32 {
        self.amount.saturating_sub(self.used(now))
    }
}

#[cfg(test)]
mod tests {
    use super::{Earliest, Gauge, MOST, Outcome, PARTS, Policy, SlidingWindow, Timestamp};

    const DAY: u64 = 86_400_000_000_000;

    fn at(nanos: u64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    fn bytes(state: &SlidingWindow) -> usize {
        state.log.capacity() * size_of::<(Timestamp, u64)>() + size_of::<SlidingWindow>()
    }

    #[test]
    fn a_million_a_day_take_less_than_64_kib() {
        let mut state = SlidingWindow::new(1_000_000, DAY);
        let (mut now, mut taken, mut longest, mut most) = (0, 0_u32, 0, 0);
        while taken < 1_500_000 {
            // Now and then the state is forked, as for a plan, and goes on.
            if taken % 100_000 == 0 {
                state = state.clone();
            }
            let Earliest::At(due) = state.earliest(at(now), 1) else { panic!("one fits") };
            now = due.as_nanos().max(now) + 59_000_000 + u64::from(taken % 977) * 1_000;
            state.commit(at(now), 1);
            taken += 1;
            longest = longest.max(state.log.len());
            most = most.max(bytes(&state));
        }
        assert!(now > DAY + DAY / 3, "more than one window has passed");
        assert_eq!(longest, MOST);
        assert!(most < 64 * 1024, "{most} bytes");
    }

    #[test]
    fn a_full_log_is_cut_into_parts_and_no_further() {
        let starts = if cfg!(miri) { 2 } else { 20 } * MOST as u64;
        let mut state = SlidingWindow::new(u32::MAX, DAY);
        for start in 0..starts {
            state.commit(at(start * (DAY / starts)), 1);
        }
        state.merge();
        let merged: Vec<_> = state.log().collect();
        assert!(merged.len() <= usize::try_from(PARTS).unwrap() + 2 && merged.len() > MOST / 2);
        assert_eq!(merged.iter().map(|(_, weight)| weight).sum::<u64>(), state.logged);
        state.merge();
        assert_eq!(state.log().collect::<Vec<_>>(), merged, "nothing is moved twice");
    }

    /// Also where all that was started lies in one part: law 1 is about the last of it.
    #[test]
    fn what_is_merged_counts_from_the_last_of_its_starts() {
        let mut state = SlidingWindow::new(u32::MAX, DAY);
        for start in 0..MOST as u64 {
            state.commit(at(start), 1);
        }
        state.commit(at(MOST as u64), 1);
        let last = MOST as u64 - 1;
        assert_eq!(state.log().collect::<Vec<_>>(), [(at(last), MOST as u64), (at(last + 1), 1)]);
        assert_eq!(u64::from(state.used(at(last + DAY))), MOST as u64 + 1);
        assert_eq!(state.used(at(last + DAY + 1)), 1);
    }

    #[test]
    fn a_short_log_takes_little() {
        let mut state = SlidingWindow::new(1_000_000, DAY);
        for start in 0..100 {
            state.commit(at(start), 1);
            assert!(bytes(&state) < 2 * 100 * 16 + 256, "{} bytes for {start}", bytes(&state));
        }
    }

    #[test]
    fn nothing_taken_leaves_it_as_it_was() {
        let mut state = SlidingWindow::new(1, 100);
        state.commit(at(7), 0);
        assert_eq!((state.idle_at(), state.log().count()), (Some(Timestamp::ZERO), 0));
    }

    #[test]
    fn a_refund_of_what_is_over_takes_nothing_from_those_behind() {
        let mut state = SlidingWindow::new(9, 100);
        state.commit(at(10), 2);
        state.commit(at(50), 3);
        state.commit(at(120), 1);
        state.settle(at(10), at(120), 2, &Outcome::Refund(2));
        assert_eq!(state.used(at(120)), 4);
        state.settle(at(50), at(151), 3, &Outcome::Refund(3));
        assert_eq!(state.log().collect::<Vec<_>>(), [(at(50), 3), (at(120), 1)]);
    }

    #[test]
    fn a_refund_of_what_was_never_counted_takes_nothing_from_others() {
        let mut state = SlidingWindow::new(9, DAY);
        state.commit(at(DAY / 2), 3);
        state.settle(at(DAY / 4), at(DAY / 2), 2, &Outcome::Refund(2));
        assert_eq!(state.used(at(DAY / 2)), 3);
    }
}
