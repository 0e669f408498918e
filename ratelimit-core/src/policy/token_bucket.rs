//! Token bucket, as the generic cell rate algorithm keeps it: one number, the theoretical arrival time (TAT).
//!
//! Source: ITU-T I.371, "virtual scheduling". Law 2: the weight started in any span `d` is at most `burst + rate × d`.
//!
//! Time is counted in ticks, whole parts of a nanosecond, so that the spacing of one weight is a whole number of them:
//! for an amount that is at most [`FINEST`] in lowest terms against its span exactly what was asked, beyond that rounded
//! up to the next of 64 ticks a nanosecond, which is never faster and at most 2e-5 slower, and exact again where that
//! would be too coarse. The largest TAT is about 2^103, well within `u128`; nearly all fit into 64 bits
//! ([`TokenBucket::packed`]).

use super::saved::MOST_WEIGHT;
use super::{Earliest, Gauge, Outcome, Policy};
use crate::time::{Timestamp, low};

/// The most ticks in a nanosecond of a spacing that is rounded.
pub(crate) const FINEST: u64 = 64;
/// The fewest ticks of a spacing that is rounded: one tick is then at most 2e-5 of it.
const COARSEST: u64 = 50_000;

#[derive(Clone, Debug)]
pub(crate) struct TokenBucket {
    numbers: Numbers,
    /// In ticks; `None` = nothing was ever taken, so that the guard has nothing to stand off from.
    tat: Option<u128>,
}

/// What one token bucket's rate comes to, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// Ticks in a nanosecond: 1 to 64, more only where rates are beyond a million a second.
    pub(crate) ticks: u64,
    /// One weight's spacing.
    pub(crate) spacing: u64,
    pub(crate) burst: u32,
    /// Nanoseconds.
    pub(crate) guard: u64,
}

impl Numbers {
    fn new(amount: u32, per: u64, burst: u32, guard: u64) -> Self {
        let amount = u64::from(amount);
        let common = greatest_common_divisor(amount, per);
        let exact = (amount / common, per / common);
        let rounded = (u128::from(per) * u128::from(FINEST)).div_ceil(u128::from(amount));
        let is_rounded = exact.0 > FINEST && rounded >= u128::from(COARSEST);
        let (ticks, spacing) = if is_rounded { (FINEST, low(rounded)) } else { exact };
        debug_assert!(u128::from(spacing) * u128::from(amount) >= u128::from(per) * u128::from(ticks));
        Numbers { ticks, spacing, burst, guard }
    }

    fn at(&self, time: Timestamp) -> u128 {
        u128::from(time.as_nanos()) * u128::from(self.ticks)
    }

    fn cost(&self, weight: u32) -> u128 {
        u128::from(weight) * u128::from(self.spacing)
    }

    fn guard(&self) -> u128 {
        u128::from(self.guard) * u128::from(self.ticks)
    }

    /// The first whole nanosecond at or after `ticks`; `None` beyond the end of time.
    fn time(&self, ticks: u128) -> Option<Timestamp> {
        let nanos = ticks.div_ceil(u128::from(self.ticks));
        (nanos <= u128::from(u64::MAX)).then(|| Timestamp::from_nanos(low(nanos)))
    }
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl TokenBucket {
    pub(crate) fn new(amount: u32, per: u64, burst: u32, guard: u64) -> Self {
        TokenBucket { numbers: Numbers::new(amount, per, burst, guard), tat: None }
    }

    pub(super) fn set_guard(&mut self, guard: u64) {
        self.numbers.guard = guard;
    }

    /// The same state with another burst.
    pub(super) fn with_burst(mut self, burst: u32) -> Self {
        self.numbers.burst = burst;
        self
    }

    pub(crate) fn numbers(&self) -> Numbers {
        self.numbers
    }

    /// Whether TATs fit into 64 bits, if not for ever, then for years.
    pub(crate) fn packs(&self) -> bool {
        self.numbers.ticks <= FINEST
    }

    /// The TAT in 64 bits, 0 for none; `None` if it does not fit.
    pub(crate) fn packed(&self) -> Option<u64> {
        match self.tat {
            None => Some(0),
            // Not even the first commit leaves a TAT of zero, but a refund may: nothing is owed then.
            Some(tat) => u64::try_from(tat).ok(),
        }
    }

    /// The same bucket with a TAT that was packed.
    pub(crate) fn unpacked(&self, tat: u64) -> Self {
        TokenBucket { numbers: self.numbers, tat: (tat > 0).then_some(u128::from(tat)) }
    }

    /// The TAT in whole units of time and ticks beyond them; `None` before the first commit.
    pub(super) fn tat(&self) -> Option<(u64, u64)> {
        let ticks = u128::from(self.numbers.ticks);
        self.tat.map(|tat| (low((tat / ticks).min(u128::from(u64::MAX))), low(tat % ticks)))
    }

    /// The same bucket with a TAT as [`tat`](Self::tat) gives it.
    pub(super) fn at_tat(mut self, tat: Option<(u64, u64)>) -> Self {
        let ticks = u128::from(self.numbers.ticks);
        self.tat = tat.map(|(whole, part)| u128::from(whole) * ticks + u128::from(part));
        self
    }

    /// All times as if it were so much earlier.
    pub(super) fn shift_back(&mut self, by: u64) {
        let by = u128::from(by) * u128::from(self.numbers.ticks);
        self.tat = self.tat.map(|tat| tat.saturating_sub(by)).filter(|tat| *tat > 0);
    }

    /// The same owed weight in a fresh bucket of other numbers, up to its burst.
    pub(super) fn owing_like(mut self, old: &TokenBucket, now: Timestamp) -> Self {
        let owed = old.tat.map_or(0, |tat| tat.saturating_sub(old.numbers.at(now)));
        if owed > 0 {
            // Split so that no product passes 2^128: `owed` may be near 2^97.
            let (per, spacing) = (u128::from(old.numbers.spacing), u128::from(self.numbers.spacing));
            let (whole, part) = (owed / per, owed % per);
            let owed = whole.min(u128::from(self.numbers.burst)) * spacing + (part * spacing).div_ceil(per);
            self.tat = Some(self.numbers.at(now) + owed.min(self.numbers.cost(self.numbers.burst)));
        } else if let Some(tat) = old.tat {
            // Nothing is owed, but the guard may still stand off from a recent TAT.
            self.tat = old.numbers.time(tat).map(|time| self.numbers.at(time));
        }
        self
    }

    /// A bucket that owes for `log`, starts in order of time, up to its burst.
    pub(super) fn owing(mut self, log: impl Iterator<Item = (Timestamp, u64)>, now: Timestamp) -> Self {
        for (start, weight) in log {
            let weight = u32::try_from(weight).unwrap_or(u32::MAX);
            self.tat = Some(self.tat.unwrap_or(0).max(self.numbers.at(start)) + self.numbers.cost(weight));
        }
        self.tat = self.tat.map(|tat| tat.min(self.numbers.at(now) + self.numbers.cost(self.numbers.burst)));
        self
    }

    /// The later of two states of the same rate.
    pub(super) fn or_later(mut self, other: &TokenBucket) -> Self {
        debug_assert_eq!(
            (self.numbers.ticks, self.numbers.spacing),
            (other.numbers.ticks, other.numbers.spacing)
        );
        self.tat = self.tat.max(other.tat);
        self
    }

    /// What it owes at `now` beyond what `other`, of the same numbers, owes; in ticks.
    pub(super) fn beyond(&self, other: &TokenBucket, now: Timestamp) -> u128 {
        let base = other.tat.unwrap_or(0).max(self.numbers.at(now));
        self.tat.unwrap_or(0).saturating_sub(base)
    }

    /// Owes so many ticks more, up to its burst.
    pub(super) fn owing_more(mut self, ticks: u128, now: Timestamp) -> Self {
        if ticks > 0 {
            let tat = self.tat.unwrap_or(0).max(self.numbers.at(now));
            let most = self.numbers.at(now) + self.numbers.cost(self.numbers.burst);
            self.tat = Some((tat + ticks).min(most));
        }
        self
    }

    /// The same, owing no more than its burst at `now`.
    pub(super) fn owing_up_to_burst(self, now: Timestamp) -> Self {
        let burst = self.numbers.burst;
        self.owing_at_most(u64::from(burst), now)
    }

    /// The same, owing no more than `weight` at `now`.
    pub(super) fn owing_at_most(mut self, weight: u64, now: Timestamp) -> Self {
        let most = self.numbers.at(now) + self.numbers.cost(u32::try_from(weight).unwrap_or(u32::MAX));
        self.tat = self.tat.map(|tat| tat.min(most));
        self
    }

    /// The weight that is owed at `now`, rounded up.
    pub(super) fn owed(&self, now: Timestamp) -> u64 {
        let owed = self.tat.map_or(0, |tat| tat.saturating_sub(self.numbers.at(now)));
        low(owed.div_ceil(u128::from(self.numbers.spacing)).min(u128::from(MOST_WEIGHT)))
    }

    /// What could start at `now`, before the guard and the burst's bound.
    fn free(&self, now: Timestamp) -> u32 {
        let Numbers { burst, spacing, .. } = self.numbers;
        let Some(tat) = self.tat else { return burst };
        let room =
            (self.numbers.at(now) + self.numbers.cost(burst)).saturating_sub(tat + self.numbers.guard());
        u32::try_from(room / u128::from(spacing)).unwrap_or(u32::MAX).min(burst)
    }
}

impl Policy for TokenBucket {
    /// `TAT + weight × T − burst × T + guard`, the TAT not raised to now: an idle bucket never waits.
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        let numbers = &self.numbers;
        if weight > numbers.burst {
            return Earliest::Never;
        }
        let Some(tat) = self.tat else { return Earliest::At(now) };
        let ticks =
            (tat + numbers.cost(weight) + numbers.guard()).saturating_sub(numbers.cost(numbers.burst));
        if ticks <= numbers.at(now) {
            return Earliest::At(now);
        }
        match numbers.time(ticks) {
            Some(time) => Earliest::At(time),
            None => Earliest::Never,
        }
    }

    fn commit(&mut self, now: Timestamp, weight: u32) {
        if weight > 0 {
            let tat = self.tat.unwrap_or(0).max(self.numbers.at(now));
            self.tat = Some(tat.saturating_add(self.numbers.cost(weight)));
        }
    }

    /// Gives back what time has not given back already: at most `weight × T` less the time since the start.
    ///
    /// One number cannot tell more, and this is sound whatever was started or refunded in between: the TAT is at
    /// least `start + weight × T + all that was taken later`, so that what remains is at least `now + all that was
    /// taken later`, the most that a bucket without this call could owe.
    fn settle(&mut self, start: Timestamp, now: Timestamp, weight: u32, outcome: &Outcome) {
        let Outcome::Refund(given) = *outcome else { return };
        let since = self.numbers.at(now).saturating_sub(self.numbers.at(start));
        let cost = self.numbers.cost(weight);
        let back = self.numbers.cost(given.min(weight)).min(cost.saturating_sub(since));
        // As it is packed: where nothing remains, the guard has nothing to stand off from.
        self.tat = self.tat.map(|tat| tat.saturating_sub(back)).filter(|tat| *tat > 0);
    }

    fn idle_at(&self) -> Option<Timestamp> {
        let Some(tat) = self.tat else { return Some(Timestamp::ZERO) };
        self.numbers.time(tat.saturating_add(self.numbers.guard()))
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

impl Gauge for TokenBucket {
    fn used(&self, now: Timestamp) -> u32 {
        u32::try_from(self.owed(now)).unwrap_or(u32::MAX)
    }

    fn remaining(&self, now: Timestamp) -> u32 {
        self.free(now)
    }
}

#[cfg(test)]
mod tests;
