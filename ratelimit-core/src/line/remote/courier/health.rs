//! How a store fares: whether it is asked at all.

use crate::store::Failure;
use crate::time::Timestamp;

/// After so many trips in a row that failed a store counts as away.
const FAILURES: u32 = 3;
/// How long nothing is sent then; each time it fails again twice as long, up to the longest. In nanoseconds.
const FIRST: u64 = 100_000_000;
const LONGEST: u64 = 500_000_000;

/// What is known of a store by its last trips.
#[derive(Debug, Default)]
pub(super) struct Health {
    failures: u32,
    /// While it is away: until when nothing is sent, and for how long that was.
    away: Option<(Timestamp, u64)>,
    /// What it failed with last.
    pub(super) failure: Option<Failure>,
}

/// What a trip has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    WentAway,
    CameBack,
}

impl Health {
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
}
