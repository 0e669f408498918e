//! The sliding counter: two numbers instead of a log, and nearly as good.
//!
//! Time is cut into windows of one length, counted from the clock's zero. What was taken in the window before this one
//! counts as if it had been spread over it evenly: of that as much counts as would still be within one window's length.
//! Source: the sliding window counter of the Python package limits, which rounds the sum down.
//!
//! What it promises is no more than twice the amount in any span of a window's length; what it costs is two numbers a
//! key, whatever the amount.

use rate_limited::clock::Timestamp;
use rate_limited::policy::{Earliest, Outcome, Policy};

/// So much weight per window.
#[derive(Clone, Debug)]
pub struct SlidingCounter {
    amount: u32,
    /// Nanoseconds.
    window: u64,
    /// The window of the latest start, counted from the clock's zero.
    index: u64,
    /// What was taken in it, and in the one before. More than the amount only after a charge.
    taken: u64,
    before: u64,
}

impl SlidingCounter {
    /// Nothing taken yet; `window` is in nanoseconds, and neither is zero.
    pub fn new(amount: u32, window: u64) -> Self {
        assert!(amount > 0 && window > 0, "an amount and a window");
        Self { amount, window, index: 0, taken: 0, before: 0 }
    }

    /// What counts at `now`, rounded down.
    pub fn used(&self, now: Timestamp) -> u64 {
        let (_, taken, before) = self.counted_in(self.index_of(now));
        let left = self.window - now.as_nanos() % self.window;
        let before = u128::from(before) * u128::from(left) / u128::from(self.window);
        taken.saturating_add(u64::try_from(before).unwrap_or(u64::MAX))
    }

    fn index_of(&self, time: Timestamp) -> u64 {
        time.as_nanos() / self.window
    }

    /// Window `index`, what is taken in it, and what was in the one before; it is not before the latest start.
    fn counted_in(&self, index: u64) -> (u64, u64, u64) {
        match index.saturating_sub(self.index) {
            0 => (self.index, self.taken, self.before),
            1 => (index, 0, self.taken),
            _ => (index, 0, 0),
        }
    }

    /// When at most `most` is used, not before `now`; `None` = beyond the end of time.
    ///
    /// What is used only shrinks as time goes by, within a window and from one to the next. So the first time is right,
    /// and it stays so: the promise that the trait asks for.
    fn used_at_most(&self, most: u64, now: Timestamp) -> Option<Timestamp> {
        let first = self.index_of(now);
        // In the second window from now, nothing counts any more.
        (first..=first.saturating_add(2)).find_map(|index| {
            let (index, taken, before) = self.counted_in(index);
            let offset = self.offset(most.checked_sub(taken)?, before)?;
            let time = index.checked_mul(self.window)?.checked_add(offset)?;
            Some(Timestamp::from_nanos(time).max(now))
        })
    }

    /// How far into a window no more than `most` of `before` counts; `None` = not before its end.
    ///
    /// `before × (window − offset) / window < most + 1`, solved for the offset in whole numbers.
    fn offset(&self, most: u64, before: u64) -> Option<u64> {
        let (window, before) = (u128::from(self.window), u128::from(before));
        if before <= u128::from(most) {
            return Some(0);
        }
        let left = ((u128::from(most) + 1) * window).div_ceil(before) - 1;
        // `left` is less than the window, as `most + 1` is at most `before`.
        let offset = window - left;
        u64::try_from(offset).ok().filter(|offset| *offset < self.window)
    }
}

impl Policy for SlidingCounter {
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        let Some(room) = self.amount.checked_sub(weight) else { return Earliest::Never };
        self.used_at_most(u64::from(room), now).map_or(Earliest::Never, Earliest::At)
    }

    fn commit(&mut self, now: Timestamp, weight: u32) {
        (self.index, self.taken, self.before) = self.counted_in(self.index_of(now));
        self.taken = self.taken.saturating_add(u64::from(weight));
    }

    fn settle(&mut self, start: Timestamp, _now: Timestamp, weight: u32, outcome: &Outcome) {
        let Outcome::Refund(given) = outcome else { return };
        let given = u64::from(weight.min(*given));
        // The window that it was taken in, if that still counts.
        match self.index.checked_sub(self.index_of(start)) {
            Some(0) => self.taken = self.taken.saturating_sub(given),
            Some(1) => self.before = self.before.saturating_sub(given),
            _ => {}
        }
    }

    /// As soon as nothing is used: what is less than one is rounded down, then and ever after.
    fn idle_at(&self) -> Option<Timestamp> {
        self.used_at_most(0, Timestamp::from_nanos(self.index * self.window))
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use rate_limited::policy::conformance::Kit;

    use super::*;

    /// The one test that every policy should have.
    #[test]
    fn it_keeps_the_laws() {
        for (amount, window) in [(1, 1), (1, 7), (3, 1_000), (10, 1_000_000_000), (u32::MAX, u64::MAX)] {
            let played = Kit::new().run(|| SlidingCounter::new(amount, window));
            // The kit has not gone past anything.
            assert!(played.takes > 1_000 && played.refunds > 1_000 && played.idle > 100, "{played:?}");
        }
    }

    #[test]
    fn the_window_before_counts_less_and_less() {
        let mut state = SlidingCounter::new(10, 1_000);
        let at = Timestamp::from_nanos;
        state.commit(at(999), 10);
        let used = [999, 1_000, 1_001, 1_100, 1_101, 1_550, 1_900, 1_901].map(|time| state.used(at(time)));
        assert_eq!(used, [10, 10, 9, 9, 8, 4, 1, 0]);
        assert_eq!(state.earliest(at(999), 1), Earliest::At(at(1_001)));
        assert_eq!(state.earliest(at(999), 10), Earliest::At(at(1_901)));
        assert_eq!(state.earliest(at(999), 11), Earliest::Never);
        assert_eq!(state.idle_at(), Some(at(1_901)));
    }
}
