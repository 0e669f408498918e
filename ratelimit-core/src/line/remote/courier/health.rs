//! How a store fares: whether it is asked at all, and how long its answers take.

use crate::limits::Valid;
use crate::line::remote::RESERVES;
use crate::store::Failure;
use crate::time::Timestamp;

/// After so many trips in a row that failed a store counts as away.
const FAILURES: u32 = 3;
/// How long nothing is sent then; each time it fails again twice as long, up to the longest. In nanoseconds.
const FIRST: u64 = 100_000_000;
const LONGEST: u64 = 1_000_000_000;

/// What is known of a store by its last trips.
#[derive(Debug, Default)]
pub(super) struct Health {
    failures: u32,
    /// While it is away: until when nothing is sent, and for how long that was.
    away: Option<(Timestamp, u64)>,
    /// What it failed with last.
    pub(super) failure: Option<Failure>,
    /// The shortest guard, in nanoseconds: by how much answers may be late; `None` where nothing is reserved.
    guard: Option<u64>,
    /// By how much its answers may be late, in nanoseconds: by the trips of late.
    slack: u64,
    /// Whether the last trip was quick.
    is_quick: bool,
    /// By how much later than now starts are counted that the trip under way asks for.
    asked: u64,
    /// By how much what was counted last for who started at once lies ahead of now, at most.
    ahead: u64,
    /// When that was so, and how much time has gone by since `slack` became less.
    seen: Timestamp,
    passed: u64,
}

/// What a trip has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    WentAway,
    CameBack,
}

impl Health {
    pub(super) fn under(limits: &Valid) -> Self {
        let mut health = Health::default();
        health.set_limits(limits);
        health
    }

    pub(super) fn set_limits(&mut self, limits: &Valid) {
        self.guard = Some(limits.least_guard()).filter(|guard| *guard >= RESERVES);
    }

    /// Whether a trip may be made: to a store that is away only one now and then.
    pub(super) fn may_go(&self, now: Timestamp) -> bool {
        self.away.is_none_or(|(until, _)| now >= until)
    }

    /// A trip was answered, at least in part.
    pub(super) fn went_well(&mut self) -> Option<Turn> {
        self.failures = 0;
        self.away.take().map(|_| Turn::CameBack)
    }

    /// A trip failed; `dice` is any number, so that several who fail at once do not try again at once. The failure before
    /// is to be dropped without a lock.
    pub(super) fn failed(
        &mut self,
        failure: Failure,
        now: Timestamp,
        dice: u64,
    ) -> (Option<Turn>, Option<Failure>) {
        let before = self.failure.replace(failure);
        self.failures = self.failures.saturating_add(1);
        let span = match self.away {
            None if self.failures < FAILURES => return (None, before),
            None => FIRST,
            Some((_, span)) => (2 * span).min(LONGEST),
        };
        let turn = self.away.is_none().then_some(Turn::WentAway);
        self.away = Some((now.plus(span - dice % (span / 4)), span));
        (turn, before)
    }

    /// By how much starts that are asked for by a trip that begins now are to be counted later than the store's now: so that
    /// they are in time although the answer takes a while. All who ask may wait for `allowance`.
    ///
    /// After a slow trip it becomes less with the quick ones, as time goes by. What was counted later before may hold up who
    /// comes after, for no longer than they may wait: a start of who may not wait is counted no sooner than the last one,
    /// wherever in a trip the store decides.
    pub(super) fn slack_at(&mut self, now: Timestamp, allowance: impl FnOnce() -> u64) -> u64 {
        self.pass(now);
        self.asked = 0;
        if let Some(guard) = self.guard {
            let fades = if self.slack > guard / 4 { self.slack / 16 } else { self.slack };
            let passed = std::mem::take(&mut self.passed);
            if self.is_quick {
                self.slack -= fades.min(passed);
            }
            let at_once = if self.ahead > self.slack { self.ahead.saturating_sub(allowance()) } else { 0 };
            self.asked = self.slack.max(at_once);
        }
        self.asked
    }

    /// A trip took so long, where calls may be late by the guard.
    ///
    /// As long as answers come well within the guard nothing is counted later. Else twice as long as the longest trip of
    /// late, up to `most`.
    pub(super) fn took(&mut self, span: u64, most: u64) {
        self.is_quick = self.guard.is_none_or(|guard| span <= guard / 2);
        if !self.is_quick {
            self.slack = self.slack.max((2 * span).min(most));
        }
    }

    /// A trip ended at `now` by which a start may have been counted.
    pub(super) fn counted(&mut self, now: Timestamp) {
        self.pass(now);
        self.ahead = self.ahead.max(self.asked);
    }

    /// A clock that goes back, or is another one, only lets no time go by.
    fn pass(&mut self, now: Timestamp) {
        let since = now.as_nanos().saturating_sub(self.seen.as_nanos());
        self.seen = now;
        self.ahead = self.ahead.saturating_sub(since);
        self.passed = self.passed.saturating_add(since);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const MOST: u64 = 1_000 * MS;

    fn at(nanos: u64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    /// Of a store whose trip took so long, just now.
    fn after(span: u64, now: u64) -> Health {
        let mut health = Health { guard: Some(20 * MS), ..Health::default() };
        health.slack_at(at(now - span), || 0);
        health.took(span, MOST);
        health.counted(at(now));
        health
    }

    /// Also where the store decides at the end of one trip and at the beginning of the next.
    #[test]
    fn no_start_of_who_may_not_wait_is_counted_before_the_last_one() {
        let mut health = after(MS, 1_000 * MS);
        let (mut now, mut counted) = (1_000 * MS, 0);
        for trip in 0..60_000_u64 {
            now += trip % 7 * MS / 100;
            let begin = now;
            let may_wait = trip.is_multiple_of(5);
            let slack = health.slack_at(at(begin), || if may_wait { u64::MAX } else { 0 });
            let span = if trip == 3 { 100 * MS } else { MS / 20 };
            now += span;
            health.took(span, MOST);
            health.counted(at(now));
            assert!(may_wait || begin + slack >= counted, "{trip}");
            counted = counted.max(now + slack);
            assert!(slack == 0 || trip > 3, "only after the slow one");
        }
        assert_eq!(health.slack_at(at(now), || 0), 0, "in the end nothing is");
    }

    /// However little time goes by between trips: who asks again and again after a slow one would hold up all others.
    #[test]
    fn who_may_wait_is_counted_later_for_twice_as_long_as_it_was_slow() {
        for allowance in [u64::MAX, 100 * MS] {
            let mut now = 1_000 * MS;
            let mut health = after(85 * MS, now);
            let mut counted = 0;
            while now < (1_000 + 175) * MS {
                let slack = health.slack_at(at(now), || allowance);
                // The store decides at once, and the caller waits for what was counted last.
                let start = counted.max(now + slack);
                assert!(start - (now + slack) <= allowance.min(MS), "hardly anybody waits");
                now = start - slack + MS / 50;
                health.took(MS / 50, MOST);
                health.counted(at(now));
                counted = start;
            }
            assert!(health.slack_at(at(now), || allowance) <= 5 * MS, "{allowance}");
        }
    }

    #[test]
    fn what_counts_nothing_prolongs_nothing() {
        let mut health = after(100 * MS, 1_000 * MS);
        let asked = health.slack_at(at(1_000 * MS), || 0);
        assert_eq!(asked, 200 * MS);
        health.counted(at(1_000 * MS));
        for trip in 0..205 {
            let now = at((1_000 + trip) * MS);
            assert!(health.slack_at(now, || 0) <= (220 - trip) * MS, "{trip}");
            health.took(MS, MOST);
        }
    }

    #[test]
    fn trips_that_stay_slow_are_answered_in_time() {
        let mut health = after(970 * MS, 1_000 * MS);
        for trip in 1..50 {
            let now = (1_000 + trip * 971) * MS;
            assert_eq!(health.slack_at(at(now), || u64::MAX), MOST);
            health.took(970 * MS, MOST);
            health.counted(at(now + 970 * MS));
        }
    }

    /// Also one that the bucket was given later, which shows less by days.
    #[test]
    fn a_clock_that_goes_back_counts_nothing_later() {
        let mut health = after(100 * MS, 5_000_000 * MS);
        for now in [4_000_000, 3_000_000, 0, 1, 2] {
            let slack = health.slack_at(at(now * MS), || 0);
            assert!(slack <= MOST, "{slack}");
            health.counted(at(now * MS));
        }
        assert_eq!(health.slack_at(at(9_000_000 * MS), || 0), 200 * MS);
    }
}
