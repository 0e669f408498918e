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
    /// By how much its answers may be late, in nanoseconds.
    slack: u64,
    /// When that became less the last time.
    faded: Timestamp,
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

    pub(super) fn is_away(&self) -> bool {
        self.away.is_some()
    }

    /// A trip was answered, at least in part.
    pub(super) fn went_well(&mut self) -> Option<Turn> {
        self.failures = 0;
        self.away.take().map(|_| Turn::CameBack)
    }

    /// A trip failed; `dice` is any number, so that several who fail at once do not try again at once.
    pub(super) fn failed(&mut self, failure: Failure, now: Timestamp, dice: u64) -> Option<Turn> {
        self.failure = Some(failure);
        self.failures = self.failures.saturating_add(1);
        let span = match self.away {
            None if self.failures < FAILURES => return None,
            None => FIRST,
            Some((_, span)) => (2 * span).min(LONGEST),
        };
        let turn = self.away.is_none().then_some(Turn::WentAway);
        self.away = Some((now.plus(span - dice % (span / 4)), span));
        turn
    }

    /// By how much a start that is asked for now is to be counted later than now: so that it is in time although the answer
    /// takes a while.
    pub(super) fn slack(&self) -> u64 {
        self.slack
    }

    /// A trip that ended at `now` took so long, where calls may be late by the guard.
    ///
    /// As long as answers come well within the guard nothing is counted later. Else twice as long as the longest trip of
    /// late, up to `most`; and less again no sooner than time goes by, so that no start is to be counted before the last one.
    pub(super) fn took(&mut self, span: u64, now: Timestamp, most: u64) {
        let Some(guard) = self.guard else { return };
        let wanted = if span > guard / 2 { (2 * span).min(most) } else { 0 };
        let since = now.as_nanos().saturating_sub(self.faded.as_nanos());
        let fades = if self.slack > guard / 4 { self.slack / 16 } else { self.slack };
        self.slack = wanted.max(self.slack - fades.min(since));
        self.faded = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn no_start_is_to_be_counted_before_the_last_one() {
        let mut health = Health { guard: Some(20 * MS), ..Health::default() };
        let mut now = Timestamp::from_nanos(1_000 * MS);
        health.took(100 * MS, now, 1_000 * MS);
        assert_eq!(health.slack(), 200 * MS);
        let mut counted = now.plus(health.slack());
        for _ in 0..20_000 {
            now = now.plus(MS / 20);
            health.took(MS / 20, now, 1_000 * MS);
            assert!(now.plus(health.slack()) >= counted);
            counted = now.plus(health.slack());
        }
        assert_eq!(health.slack(), 0, "in the end nothing is");
    }
}
