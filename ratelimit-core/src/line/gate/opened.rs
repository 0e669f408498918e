//! What the words of a gate mean.

use super::{FIRST, MOST, Terms};
use crate::policy::token_bucket::FINEST;
use crate::time::Timestamp;

/// How a gate was opened last.
///
/// A word is the TAT above the one that no guard stands off from any more when the numbers begin to hold; all that are
/// not above it are one word, [`fresh`](Self::fresh), as they make no difference. So words grow by the time that passes,
/// and by what is owed where the terms change, and not by the age of the clock.
#[derive(Clone, Copy, Debug)]
pub(in crate::line) struct Opened {
    pub(super) terms: Terms,
    /// From when on the numbers hold, by the clock and by the policies' time, and for how long.
    pub(super) since: u64,
    pub(super) at: u64,
    pub(super) span: u64,
    /// The word of what owes nothing and has nothing to stand off from.
    pub(super) fresh: u64,
    /// In ticks.
    pub(super) guard: u64,
    /// What `at` is in ticks.
    floor: u64,
    /// The TAT that `fresh` stands for.
    low: u64,
    /// The word that was put in.
    pub(in crate::line) shown: u64,
}

impl Opened {
    pub(super) fn new(terms: Terms, latest: Timestamp, above: u64) -> Option<Self> {
        let Terms { since, at, numbers, .. } = terms;
        let later = latest.as_nanos().saturating_sub(since.as_nanos());
        let (since, at) = (since.as_nanos().checked_add(later)?, at.as_nanos().checked_add(later)?);
        let guard = numbers.guard.checked_mul(numbers.ticks).filter(|guard| *guard <= MOST)?;
        let fresh = above.max(FIRST).checked_add(1)?;
        // No clock that is so young shows a time whose word is below zero.
        since.checked_mul(numbers.ticks).filter(|since| *since <= FIRST)?;
        (numbers.ticks <= FINEST && fresh <= FIRST + MOST).then_some(Opened {
            terms,
            since,
            at,
            span: MOST / numbers.ticks,
            fresh,
            guard,
            floor: at.checked_mul(numbers.ticks).filter(|floor| *floor <= FIRST)?,
            low: 0,
            shown: 0,
        })
    }

    /// Whether the numbers still hold for long.
    pub(super) fn lasts(&self, latest: Timestamp) -> bool {
        latest.as_nanos().saturating_sub(self.since) < self.span / 2
    }

    /// The same with the word of a TAT, 0 for none; `None` if it does not fit.
    pub(super) fn showing(self, tat: u64) -> Option<Self> {
        let above = tat.checked_add(self.guard)?.saturating_sub(self.floor);
        if tat == 0 || above == 0 {
            return Some(Opened { shown: self.fresh, low: tat, ..self });
        }
        let shown = self.fresh.checked_add(above).filter(|_| above <= MOST)?;
        Some(Opened { shown, ..self })
    }

    /// The TAT that a word stands for, 0 for none.
    pub(in crate::line) fn tat(&self, word: u64) -> u64 {
        if word == self.fresh {
            return self.low;
        }
        (self.floor + (word - self.fresh)).saturating_sub(self.guard)
    }
}
