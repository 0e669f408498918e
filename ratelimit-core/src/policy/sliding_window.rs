//! Sliding window: the exact log of starts.
//!
//! Law 1: the weight started in any closed span of the window's length is at most the amount. A start exactly one
//! window old still counts, so what was taken at `s` is free again one nanosecond after `s + window`.

use std::collections::VecDeque;

use super::{Earliest, Gauge, Outcome, Policy};
use crate::time::Timestamp;

#[derive(Clone, Debug)]
pub(crate) struct SlidingWindow {
    amount: u32,
    /// Nanoseconds, the guard included.
    window: u64,
    /// Starts by time, oldest first, one entry a time.
    log: VecDeque<(Timestamp, u64)>,
    /// The weight in the log; above the amount only after a charge or under a lowered limit.
    logged: u64,
}

impl SlidingWindow {
    pub(crate) fn new(amount: u32, window: u64) -> Self {
        SlidingWindow { amount, window, log: VecDeque::new(), logged: 0 }
    }

    /// A window that remembers `log`, which is in order of time.
    pub(super) fn remembering(mut self, log: impl Iterator<Item = (Timestamp, u64)>) -> Self {
        for (start, weight) in log {
            self.record(start, weight);
        }
        self
    }

    pub(super) fn log(&self) -> impl Iterator<Item = (Timestamp, u64)> {
        self.log.iter().copied()
    }

    pub(super) fn window(&self) -> u64 {
        self.window
    }

    fn record(&mut self, start: Timestamp, weight: u64) {
        debug_assert!(self.log.back().is_none_or(|(last, _)| *last <= start), "the log is sorted");
        match self.log.back_mut() {
            Some((last, logged)) if *last == start => *logged = logged.saturating_add(weight),
            _ => self.log.push_back((start, weight)),
        }
        self.logged = self.logged.saturating_add(weight);
    }

    /// When what was taken at `start` no longer counts; `None` beyond the end of time.
    fn free_at(&self, start: Timestamp) -> Option<Timestamp> {
        let nanos = start.as_nanos().checked_add(self.window)?.checked_add(1)?;
        Some(Timestamp::from_nanos(nanos))
    }

    fn forget_before(&mut self, now: Timestamp) {
        while let Some((start, weight)) = self.log.front().copied() {
            if self.free_at(start).is_none_or(|free| free > now) {
                break;
            }
            self.log.pop_front();
            self.logged -= weight;
        }
        debug_assert_eq!(self.logged, self.log.iter().map(|(_, weight)| weight).sum::<u64>());
    }
}

impl Policy for SlidingWindow {
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        if weight > self.amount {
            return Earliest::Never;
        }
        let room = u64::from(self.amount - weight);
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

    fn commit(&mut self, now: Timestamp, weight: u32) {
        self.forget_before(now);
        if weight > 0 {
            self.record(now, u64::from(weight));
        }
    }

    fn settle(&mut self, start: Timestamp, _now: Timestamp, weight: u32, outcome: &Outcome) {
        let Outcome::Refund(given) = *outcome else { return };
        let Ok(index) = self.log.binary_search_by_key(&start, |(time, _)| *time) else { return };
        let Some((_, logged)) = self.log.get_mut(index) else { return };
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
