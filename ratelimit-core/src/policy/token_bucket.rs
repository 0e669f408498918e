//! Token bucket, as the generic cell rate algorithm keeps it: one number, the theoretical arrival time (TAT).
//!
//! Source: ITU-T I.371, "virtual scheduling". Law 2: the weight started in any span `d` is at most `burst + rate × d`.
//!
//! Time is counted in units of 1/amount nanosecond, so that the spacing of one weight is the whole number `per`: no
//! division, hence nothing to round and never faster or slower than asked. The largest TAT is about 2^97, well within
//! `u128`.

use super::{Earliest, Outcome, Policy};
use crate::time::{Timestamp, low};

#[derive(Clone, Debug)]
pub(crate) struct TokenBucket {
    amount: u32,
    per: u64,
    burst: u32,
    /// Nanoseconds.
    guard: u64,
    /// In units; `None` = nothing was ever taken, so that the guard has nothing to stand off from.
    tat: Option<u128>,
}

impl TokenBucket {
    pub(crate) fn new(amount: u32, per: u64, burst: u32, guard: u64) -> Self {
        TokenBucket { amount, per, burst, guard, tat: None }
    }

    fn units(&self, time: Timestamp) -> u128 {
        u128::from(time.as_nanos()) * u128::from(self.amount)
    }

    fn cost(&self, weight: u32) -> u128 {
        u128::from(weight) * u128::from(self.per)
    }

    /// The first whole nanosecond at or after `units`; `None` beyond the end of time.
    fn time(&self, units: u128) -> Option<Timestamp> {
        let nanos = units.div_ceil(u128::from(self.amount));
        (nanos <= u128::from(u64::MAX)).then(|| Timestamp::from_nanos(low(nanos)))
    }

    /// The same owed weight in a fresh bucket of other numbers, up to its burst.
    pub(super) fn owing_like(mut self, old: &TokenBucket, now: Timestamp) -> Self {
        let owed = old.tat.map_or(0, |tat| tat.saturating_sub(old.units(now)));
        if owed > 0 {
            // Split so that no product passes 2^128: `owed` may be near 2^97.
            let (whole, part) = (owed / u128::from(old.per), owed % u128::from(old.per));
            let part = (part * u128::from(self.per)).div_ceil(u128::from(old.per));
            let owed = whole.min(u128::from(self.burst)) * u128::from(self.per) + part;
            self.tat = Some(self.units(now) + owed.min(self.cost(self.burst)));
        } else if let Some(tat) = old.tat {
            // Nothing is owed, but the guard may still stand off from a recent TAT.
            self.tat = old.time(tat).map(|time| self.units(time));
        }
        self
    }

    /// A bucket that owes for `log`, starts in order of time, up to its burst.
    pub(super) fn owing(mut self, log: impl Iterator<Item = (Timestamp, u64)>, now: Timestamp) -> Self {
        for (start, weight) in log {
            let weight = u128::from(weight).min(u128::from(u32::MAX));
            self.tat = Some(self.tat.unwrap_or(0).max(self.units(start)) + weight * u128::from(self.per));
        }
        self.tat = self.tat.map(|tat| tat.min(self.units(now) + self.cost(self.burst)));
        self
    }

    /// The later of two states of the same rate.
    pub(super) fn or_later(mut self, other: &TokenBucket) -> Self {
        debug_assert_eq!((self.amount, self.per), (other.amount, other.per));
        self.tat = self.tat.max(other.tat);
        self
    }

    /// What it owes at `now` beyond what `other`, of the same numbers, owes; in units.
    pub(super) fn beyond(&self, other: &TokenBucket, now: Timestamp) -> u128 {
        let base = other.tat.unwrap_or(0).max(self.units(now));
        self.tat.unwrap_or(0).saturating_sub(base)
    }

    /// Owes so many units more, up to its burst.
    pub(super) fn owing_more(mut self, units: u128, now: Timestamp) -> Self {
        if units > 0 {
            let tat = self.tat.unwrap_or(0).max(self.units(now));
            self.tat = Some((tat + units).min(self.units(now) + self.cost(self.burst)));
        }
        self
    }

    /// The weight that is owed at `now`, rounded up.
    pub(super) fn owed(&self, now: Timestamp) -> u64 {
        let owed = self.tat.map_or(0, |tat| tat.saturating_sub(self.units(now)));
        low(owed.div_ceil(u128::from(self.per)).min(u128::from(u64::MAX)))
    }

    /// What could start at `now`, before the guard and the burst's bound.
    fn free(&self, now: Timestamp) -> u32 {
        let Some(tat) = self.tat else { return self.burst };
        let tat = tat + u128::from(self.guard) * u128::from(self.amount);
        let room = (self.units(now) + self.cost(self.burst)).saturating_sub(tat);
        u32::try_from(room / u128::from(self.per)).unwrap_or(u32::MAX).min(self.burst)
    }
}

impl Policy for TokenBucket {
    /// `TAT + weight × T − burst × T + guard`, the TAT not raised to now: an idle bucket never waits.
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        if weight > self.burst {
            return Earliest::Never;
        }
        let Some(tat) = self.tat else { return Earliest::At(now) };
        let guard = u128::from(self.guard) * u128::from(self.amount);
        let units = (tat + self.cost(weight) + guard).saturating_sub(self.cost(self.burst));
        match self.time(units) {
            Some(time) => Earliest::At(time.max(now)),
            None => Earliest::Never,
        }
    }

    fn commit(&mut self, now: Timestamp, weight: u32) {
        if weight > 0 {
            let tat = self.tat.unwrap_or(0).max(self.units(now));
            self.tat = Some(tat.saturating_add(self.cost(weight)));
        }
    }

    /// Gives back what time has not given back already: at most `weight × T` less the time since the start.
    ///
    /// One number cannot tell more, and this is sound whatever was started or refunded in between: the TAT is at
    /// least `start + weight × T + all that was taken later`, so that what remains is at least `now + all that was
    /// taken later`, the most that a bucket without this call could owe.
    fn settle(&mut self, start: Timestamp, now: Timestamp, weight: u32, outcome: Outcome) {
        let Outcome::Refund(given) = outcome;
        let since = self.units(now).saturating_sub(self.units(start));
        let back = self.cost(given.min(weight)).min(self.cost(weight).saturating_sub(since));
        self.tat = self.tat.map(|tat| tat.saturating_sub(back));
    }

    fn idle_at(&self) -> Option<Timestamp> {
        let Some(tat) = self.tat else { return Some(Timestamp::ZERO) };
        self.time(tat.saturating_add(u128::from(self.guard) * u128::from(self.amount)))
    }

    fn used(&self, now: Timestamp) -> u32 {
        u32::try_from(self.owed(now)).unwrap_or(u32::MAX)
    }

    fn remaining(&self, now: Timestamp) -> u32 {
        self.free(now)
    }
}
