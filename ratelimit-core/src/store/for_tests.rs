//! Asks as the engine makes them, for tests of stores.

use std::time::Duration;

use super::{Acquire, Answer, Ask, Entry, Known, Part, Plan, Said, Verb, escaped};
use crate::policy::Guarded;
use crate::rate::Rate;

impl Ask {
    /// A start without a wait by `rates`, which count without a guard, of the bucket's `key`, and by `totals` over all keys.
    #[doc(hidden)]
    #[must_use]
    pub fn to_acquire(
        (bucket, key): (&str, Option<&str>),
        rates: &[Rate],
        totals: &[Rate],
        weight: u32,
    ) -> Self {
        let acquire = Acquire { weight, after: 0, slack: 0, allowance: 0, reserves: false };
        Ask::by((bucket, key), rates, totals, Verb::Acquire(acquire))
    }

    /// A look, as [`to_acquire`](Ask::to_acquire).
    #[doc(hidden)]
    #[must_use]
    pub fn to_peek((bucket, key): (&str, Option<&str>), rates: &[Rate], totals: &[Rate]) -> Self {
        Ask::by((bucket, key), rates, totals, Verb::Peek { weight: 1 })
    }

    fn by((bucket, key): (&str, Option<&str>), rates: &[Rate], totals: &[Rate], verb: Verb) -> Self {
        let bucket = escaped(bucket);
        let part = |entry, rates: &[Rate]| {
            let guarded: Vec<Guarded> = rates.iter().map(|rate| Guarded { rate: *rate, guard: 0 }).collect();
            Part { entry, plan: Plan::new(0, &guarded, None).into(), known: Known::default() }
        };
        let mut parts = vec![part(Entry::of_key(&bucket, key), rates)];
        if !totals.is_empty() {
            parts.push(part(Entry::total(&bucket), totals));
        }
        Ask::of(parts, verb)
    }
}

impl Answer {
    /// Whether a start was granted.
    #[doc(hidden)]
    #[must_use]
    pub fn is_granted(&self) -> bool {
        matches!(self.0, Said::Granted { .. })
    }

    /// How it is counted, in the store's microseconds, if it was granted.
    #[doc(hidden)]
    #[must_use]
    pub fn start(&self) -> Option<u64> {
        match self.0 {
            Said::Granted { start, .. } => Some(start),
            _ => None,
        }
    }

    /// By how much earlier than it is counted it may be made, in microseconds, if it was granted.
    #[doc(hidden)]
    #[must_use]
    pub fn slack(&self) -> Option<u64> {
        match self.0 {
            Said::Granted { wait, start, now, .. } => Some(start.saturating_sub(now).saturating_sub(wait)),
            _ => None,
        }
    }

    /// After how long to ask again, in microseconds, if nothing was reserved.
    #[doc(hidden)]
    #[must_use]
    pub fn later(&self) -> Option<u64> {
        match self.0 {
            Said::Later { wait } => Some(wait),
            _ => None,
        }
    }

    /// After how long to come again, if it was refused.
    #[doc(hidden)]
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match &self.0 {
            Said::Refused(refused) => refused.retry_after.map(Duration::from_micros),
            _ => None,
        }
    }

    /// How much more the first rate would let start, if it was looked at.
    #[doc(hidden)]
    #[must_use]
    pub fn remaining(&self) -> Option<u32> {
        match &self.0 {
            Said::Outlook(seen) => seen.first()?.rates.first().map(|rate| rate.remaining),
            _ => None,
        }
    }
}
