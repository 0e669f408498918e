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
    /// By how much later than now starts are counted that the trip under way asks for.
    asked: u64,
    /// When all is over that is counted later than now, at the latest.
    counted: Timestamp,
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
    /// they are in time although the answer takes a while. `all_wait` tells whether all that ask may wait for so long.
    ///
    /// With each trip it becomes less. What was counted later before holds up who comes after for as long, which is no longer
    /// than it was slow; but for who may not wait: wherever in a trip the store decides, such a start is to be counted no
    /// sooner than the last one.
    pub(super) fn slack_at(&mut self, now: Timestamp, all_wait: impl FnOnce(u64) -> bool) -> u64 {
        let Some(guard) = self.guard else { return 0 };
        let fades = if self.slack > guard / 4 { self.slack / 16 } else { self.slack };
        self.slack -= fades;
        let at_once = self.slack.max(self.counted.as_nanos().saturating_sub(now.as_nanos()));
        self.asked = if at_once == self.slack || all_wait(at_once) { self.slack } else { at_once };
        self.asked
    }

    /// A trip that ended at `now` took so long, where calls may be late by the guard.
    ///
    /// As long as answers come well within the guard nothing is counted later. Else twice as long as the longest trip of
    /// late, up to `most`.
    pub(super) fn took(&mut self, span: u64, now: Timestamp, most: u64) {
        if self.guard.is_some_and(|guard| span > guard / 2) {
            self.slack = self.slack.max((2 * span).min(most));
        }
        if self.asked > 0 {
            self.counted = self.counted.max(now.plus(self.asked));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Also where the store decides at the end of one trip and at the beginning of the next.
    #[test]
    fn no_start_of_who_may_not_wait_is_to_be_counted_before_the_last_one() {
        let mut health = Health { guard: Some(20 * MS), ..Health::default() };
        let (mut now, mut counted) = (1_000 * MS, 0);
        for trip in 0..60_000_u64 {
            now += trip % 7 * MS / 100;
            let begin = now;
            let slack = health.slack_at(Timestamp::from_nanos(begin), |_| trip.is_multiple_of(5));
            let span = if trip == 3 { 100 * MS } else { MS / 20 };
            now += span;
            health.took(span, Timestamp::from_nanos(now), 1_000 * MS);
            assert!(trip.is_multiple_of(5) || begin + slack >= counted, "{trip}");
            counted = counted.max(now + slack);
            assert!(slack == 0 || trip > 3, "only after the slow one");
        }
        assert_eq!(health.slack_at(Timestamp::from_nanos(now), |_| false), 0, "in the end nothing is");
    }

    /// However little time goes by between trips: who asks again and again after a slow one would hold up all others.
    #[test]
    fn who_may_wait_is_counted_later_for_no_longer_than_it_was_slow() {
        let mut health = Health { guard: Some(20 * MS), ..Health::default() };
        health.took(85 * MS, Timestamp::from_nanos(1_000 * MS), 1_000 * MS);
        let (mut now, mut counted, mut trips) = (1_000 * MS, 0, 0);
        loop {
            let slack = health.slack_at(Timestamp::from_nanos(now), |_| true);
            if slack == 0 {
                break;
            }
            // The store decides at once, and the caller waits for what was counted last.
            let start = counted.max(now + slack);
            now = start - slack + MS / 100;
            health.took(MS / 100, Timestamp::from_nanos(now), 1_000 * MS);
            (counted, trips) = (start, trips + 1);
        }
        assert!(trips < 100 && now < (1_000 + 170) * MS, "{trips} until {now}");
    }
}
