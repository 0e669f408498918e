//! Fixed window: one that opens at its first use and is over one length later; the next opens at the next use.
//!
//! Law 3: the weight started in a window is at most the amount. A start exactly one length after the opening belongs
//! to the next window. What is charged beyond the amount counts in the window in which it is charged, and is forgotten
//! with it.
//!
//! A refund gives back what was taken in the window that is still open. If nothing remains of what opened it, the
//! window would have opened at some later start, which two numbers cannot tell. So from there on the window *floats*:
//! it is over one length after its last start, whenever that is. That is sound, whichever of its starts has opened it:
//! all of them together stay within the amount, and when it is over, so is every window that one of them could have
//! opened. The same goes for starts that were read from a log which may have forgotten the one that opened the window.

use super::saved::MOST_WEIGHT;
use super::{Earliest, Gauge, Outcome, Policy};
use crate::time::Timestamp;

#[derive(Clone, Debug)]
pub(crate) struct FixedWindow {
    amount: u32,
    /// Nanoseconds, the guard included.
    length: u64,
    /// The window that was opened last; `None` = none that anything remains of.
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    since: Timestamp,
    /// The weight that started in that very moment; zero = the window floats.
    opening: u64,
    /// The last start.
    last: Timestamp,
    /// All of the weight; above the amount only after a charge or under a lowered limit.
    used: u64,
}

impl FixedWindow {
    pub(crate) fn new(amount: u32, length: u64) -> Self {
        FixedWindow { amount, length, open: None }
    }

    /// Another length, also of a window that is open.
    pub(super) fn set_length(&mut self, length: u64) {
        self.length = length;
    }

    /// When it was opened, with how much; the last start, and all that is used; zeros if nothing is open.
    pub(super) fn numbers(&self) -> [u64; 4] {
        self.open
            .map_or([0; 4], |open| [open.since.as_nanos(), open.opening, open.last.as_nanos(), open.used])
    }

    /// This window, open as [`numbers`](Self::numbers) tell.
    pub(super) fn at_numbers(mut self, [since, opening, last, used]: [u64; 4]) -> Self {
        let (since, last) = (Timestamp::from_nanos(since), Timestamp::from_nanos(last));
        self.open = (used > 0).then_some(Open { since, opening, last, used });
        self
    }

    /// When `weight` could start that may be made so much `early`, not before `now`.
    ///
    /// It may be made before the window has opened in which it counts, where it might be too much: what the one before holds
    /// is not known any more.
    pub(super) fn earliest_if_early(&self, now: Timestamp, weight: u32, early: u64) -> Earliest {
        let earliest = self.earliest(now, weight);
        match self.current(now) {
            Some(open) if earliest == Earliest::At(now) => Earliest::At(now.max(open.since.plus(early))),
            _ => earliest,
        }
    }

    /// All times as if it were so much earlier.
    pub(super) fn shift_back(&mut self, by: u64) {
        if let Some(open) = &mut self.open {
            for time in [&mut open.since, &mut open.last] {
                *time = Timestamp::from_nanos(time.as_nanos().saturating_sub(by));
            }
        }
    }

    /// This window, opened as `old` is.
    pub(super) fn opened_like(mut self, old: &FixedWindow) -> Self {
        self.open = old.open;
        self
    }

    /// A window that counts what of `log`, which is in order of time, can be in a window that is open at `now`.
    pub(super) fn remembering(mut self, log: &[(Timestamp, u64)], now: Timestamp) -> Self {
        for (start, weight) in log.iter().copied().filter(|(_, weight)| *weight > 0) {
            if self.over_at(start).is_none_or(|over| over > now) {
                // Nobody knows since when: a start of this very moment must not pass for the one that opened it.
                let unknown = Open { since: Timestamp::ZERO, opening: 0, last: start, used: 0 };
                let open = self.open.get_or_insert(unknown);
                open.last = open.last.max(start);
                open.used = open.used.saturating_add(weight).min(MOST_WEIGHT);
            }
        }
        self
    }

    /// A window that counts all that the windows of `old`, which share no starts, count at `now`.
    ///
    /// If they were not all opened by the same start, nobody knows which of theirs would have opened one of them all, or
    /// what has opened the one before: so it floats.
    pub(super) fn joining(mut self, old: &[&FixedWindow], now: Timestamp) -> Self {
        for open in old.iter().filter_map(|old| old.current(now)) {
            self.open = Some(match self.open {
                None => *open,
                Some(known) => Open {
                    since: known.since.min(open.since),
                    opening: known.opening.max(open.opening),
                    last: known.last.max(open.last),
                    used: known.used.saturating_add(open.used).min(MOST_WEIGHT),
                },
            });
        }
        if let Some(open) = &mut self.open {
            let are_one =
                old.iter().all(|old| old.current(now).is_some_and(|other| other.since == open.since));
            open.opening = if are_one { open.opening } else { 0 };
        }
        self
    }

    /// The same of a log that has each start when it was: none of those that count was before the first.
    pub(super) fn holding(self, log: &[(Timestamp, u64)], now: Timestamp) -> Self {
        let counts = |start: Timestamp| self.over_at(start).is_none_or(|over| over > now);
        let first = log.iter().find(|(start, weight)| *weight > 0 && counts(*start)).map(|(start, _)| *start);
        let mut holding = self.remembering(log, now);
        if let Some((open, first)) = holding.open.as_mut().zip(first) {
            open.since = Timestamp::from_nanos(first.as_nanos().saturating_sub(1));
        }
        holding
    }

    /// The same, counting also no less than `other` does, which shares these starts.
    pub(super) fn no_looser_than(self, other: &FixedWindow, now: Timestamp) -> Self {
        if other.current(now).is_some() { self.or_stricter(other) } else { self }
    }

    /// Of two states of the same rate that share starts what admits no more than either.
    pub(super) fn or_stricter(mut self, other: &FixedWindow) -> Self {
        debug_assert_eq!((self.amount, self.length), (other.amount, other.length));
        self.open = match (self.open, other.open) {
            (Some(a), Some(b)) => Some(Open {
                since: a.since.min(b.since),
                opening: 0,
                last: a.last.max(b.last),
                used: a.used.max(b.used),
            }),
            (a, b) => a.or(b),
        };
        self
    }

    /// The weight that is remembered, and the latest time at which it can have started.
    pub(super) fn remembered(&self) -> Option<(Timestamp, u64)> {
        self.open.map(|open| (open.last, open.used))
    }

    /// When the window that is open was opened.
    pub(super) fn opened(&self) -> Option<Timestamp> {
        self.open.map(|open| open.since)
    }

    /// When a window that opens at `since` is over; `None` beyond the end of time.
    fn over_at(&self, since: Timestamp) -> Option<Timestamp> {
        since.as_nanos().checked_add(self.length).map(Timestamp::from_nanos)
    }

    fn end(&self, open: &Open) -> Option<Timestamp> {
        self.over_at(if open.opening > 0 { open.since } else { open.last })
    }

    /// The window that is open at `now`.
    fn current(&self, now: Timestamp) -> Option<&Open> {
        self.open.as_ref().filter(|open| self.end(open).is_none_or(|end| now < end))
    }
}

impl Policy for FixedWindow {
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        if weight > self.amount {
            return Earliest::Never;
        }
        match self.current(now) {
            Some(open) if open.used > u64::from(self.amount - weight) => {
                self.end(open).map_or(Earliest::Never, Earliest::At)
            }
            _ => Earliest::At(now),
        }
    }

    fn commit(&mut self, now: Timestamp, weight: u32) {
        if weight == 0 {
            return;
        }
        let weight = u64::from(weight);
        let mut open = match self.current(now) {
            Some(open) => *open,
            None => Open { since: now, opening: 0, last: now, used: 0 },
        };
        if open.since == now {
            open.opening = open.opening.saturating_add(weight).min(MOST_WEIGHT);
        }
        open.last = now;
        open.used = open.used.saturating_add(weight).min(MOST_WEIGHT);
        self.open = Some(open);
    }

    /// Gives back what was taken in the window that is still open; a window that is over stays as it was.
    ///
    /// What started before the window opened is not in it. Nothing remains of a window that is given back whole: the
    /// next start opens one of its own.
    fn settle(&mut self, start: Timestamp, now: Timestamp, weight: u32, outcome: &Outcome) {
        let Outcome::Refund(given) = *outcome else { return };
        let Some(mut open) = self.current(now).copied() else { return };
        if start < open.since || start > open.last {
            return;
        }
        let given = u64::from(given.min(weight)).min(open.used);
        open.used -= given;
        if start == open.since {
            open.opening = open.opening.saturating_sub(given);
        }
        // What was taken before a reset may be given back out of what was taken since.
        open.opening = open.opening.min(open.used);
        self.open = (open.used > 0).then_some(open);
    }

    fn idle_at(&self) -> Option<Timestamp> {
        self.open.as_ref().map_or(Some(Timestamp::ZERO), |open| self.end(open))
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

impl Gauge for FixedWindow {
    fn used(&self, now: Timestamp) -> u32 {
        let used = self.current(now).map_or(0, |open| open.used);
        u32::try_from(used).unwrap_or(u32::MAX)
    }

    fn remaining(&self, now: Timestamp) -> u32 {
        self.amount.saturating_sub(self.used(now))
    }
}

#[cfg(test)]
mod tests {
    use super::{Earliest, FixedWindow, Gauge, Outcome, Policy, Timestamp};

    fn at(nanos: u64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    #[test]
    fn windows_that_come_together_float_unless_one_start_has_opened_all() {
        let opened = |starts: &[u64]| {
            let mut state = FixedWindow::new(9, 100);
            for start in starts {
                state.commit(at(*start), 1);
            }
            state
        };
        let ends = |windows: [&[u64]; 2]| {
            let windows = windows.map(opened);
            let joined = FixedWindow::new(9, 100).joining(&[&windows[0], &windows[1]], at(110));
            (joined.used(at(110)), joined.idle_at())
        };
        assert_eq!(ends([&[20, 50], &[20, 60]]), (4, Some(at(120))));
        assert_eq!(ends([&[20, 50], &[30, 60]]), (4, Some(at(160))));
        assert_eq!(ends([&[20, 50], &[]]), (2, Some(at(150))));
        assert_eq!(ends([&[5, 70], &[20, 50]]), (2, Some(at(150))), "what is over counts no more");
        assert_eq!(ends([&[], &[5]]), (0, Some(Timestamp::ZERO)));
    }

    #[test]
    fn what_is_over_or_nothing_opens_no_window() {
        let from = |log: &[(Timestamp, u64)]| FixedWindow::new(3, 100).remembering(log, at(110));
        for log in [&[(at(10), 2)][..], &[(at(50), 0)], &[]] {
            let mut state = from(log);
            assert_eq!((state.idle_at(), state.used(at(110))), (Some(Timestamp::ZERO), 0), "{log:?}");
            state.commit(at(120), 1);
            state.commit(at(150), 2);
            assert_eq!(state.earliest(at(150), 1), Earliest::At(at(220)), "it opened at 120");
        }
        assert_eq!(from(&[(at(10), 1), (at(11), 2)]).earliest(at(110), 2), Earliest::At(at(111)));
    }

    #[test]
    fn what_is_charged_beyond_the_amount_is_forgotten_with_its_window() {
        let mut state = FixedWindow::new(3, 100);
        state.commit(at(10), 2);
        state.commit(at(60), 7);
        assert_eq!((state.used(at(60)), state.remaining(at(60))), (9, 0));
        assert_eq!(state.earliest(at(60), 1), Earliest::At(at(110)));
        assert_eq!((state.used(at(110)), state.remaining(at(110))), (0, 3));
        assert_eq!((state.earliest(at(110), 3), state.idle_at()), (Earliest::At(at(110)), Some(at(110))));
        state.commit(at(130), 3);
        assert_eq!(state.earliest(at(131), 1), Earliest::At(at(230)));
    }

    #[test]
    fn a_refund_of_a_part_leaves_the_rest_where_it_is() {
        let mut state = FixedWindow::new(5, 100);
        state.commit(at(10), 3);
        state.commit(at(20), 2);
        state.settle(at(10), at(50), 3, &Outcome::Refund(2));
        assert_eq!(
            (state.used(at(50)), state.idle_at()),
            (3, Some(at(110))),
            "what opened it is still in it"
        );
        state.settle(at(10), at(50), 3, &Outcome::Refund(1));
        assert_eq!((state.used(at(50)), state.idle_at()), (2, Some(at(120))), "it floats");
        state.commit(at(115), 1);
        assert_eq!((state.used(at(214)), state.idle_at()), (3, Some(at(215))));
    }

    #[test]
    fn a_moment_that_may_not_have_opened_the_window_does_not_fix_it() {
        let mut state = FixedWindow::new(5, 100).remembering(&[(at(50), 1)], at(50));
        state.commit(at(50), 1);
        state.commit(at(120), 1);
        assert_eq!((state.used(at(160)), state.idle_at()), (3, Some(at(220))));
    }
}
