//! What the oracle makes of changes to a bucket.

use ratelimit_core::Rate;

use crate::model::Start;
use crate::oracle::Oracle;
use crate::schedule::{KEYS, Limits};
use crate::shape::{is_fixed, is_sliding};
use crate::tempo::Tempo;

impl Oracle {
    pub(crate) fn pause(&mut self, span: u64) {
        let until = self.now.saturating_add(span);
        if until > self.paused {
            let before = self.forecast();
            self.paused = until;
            // Whether what begins with the end of time ever begins is left open.
            self.exact &= until < u64::MAX;
            self.extreme |= until > 1 << 60;
            self.judge_all(&before);
        }
    }

    pub(crate) fn pace(&mut self, slow: bool) {
        if slow != self.tempo.slow {
            let before = self.forecast();
            self.tempo.set(slow, self.now);
            self.judge_all(&before);
        }
    }

    pub(crate) fn reset(&mut self, key: Option<usize>) {
        let before = self.forecast_unknown();
        match key {
            None => {
                self.model.starts.clear();
                self.model.unknown = None;
                self.settled = self.parts.len();
                (0..KEYS).for_each(|key| self.reset_own(key));
                self.paused = 0;
                // Turns begin anew, the newest time seen is forgotten, and a slow time counts from here.
                self.turns = [None; KEYS];
                self.now = self.shown;
                self.tempo = Tempo::starting(self.tempo.slow, self.shown);
            }
            Some(key) => {
                self.reset_own(key);
                if self.model.totals.is_empty() {
                    self.model.starts.retain(|start| start.key != Some(key));
                } else {
                    // What it took from the total stays taken.
                    self.of_key(key).for_each(|start| start.key = None);
                }
            }
        }
        (0..KEYS)
            .filter(|of| key.is_none_or(|key| key == *of))
            .for_each(|key| self.judge_unknown(key, &before));
    }

    fn reset_own(&mut self, key: usize) {
        if let Some(own) = &mut self.model.own {
            own.reset(key, self.parts.len());
        }
    }

    fn of_key(&mut self, key: usize) -> impl Iterator<Item = &mut Start> {
        self.model.starts.iter_mut().filter(move |start| start.key == Some(key))
    }

    /// Foreseen exactly where sliding windows follow sliding windows that remember as much, and where windows that stay
    /// hold another amount.
    pub(crate) fn register(&mut self, limits: &Limits) {
        let before = self.forecast();
        self.settled = self.parts.len();
        if !(self.remembers_enough(limits) || self.keeps_windows(limits)) {
            self.exact = false;
            self.model.starts.clear();
            self.model.unknown = Some(self.tempo.policy(self.now));
        }
        // They were within what was in force then.
        self.model.starts.iter_mut().for_each(|start| start.judged = false);
        self.model.rates.clone_from(&limits.rates);
        self.model.totals.clone_from(&limits.totals);
        self.model.guard = limits.guard;
        self.in_flight = limits.in_flight;
        if limits.own.is_none() {
            self.model.own = None;
        }
        self.exact &= limits.are_exact();
        self.extreme |= limits.are_extreme();
        for place in 0..self.waiters.len() {
            self.waiters[place].failed |= !self.model.fits(self.waiters[place].weight);
        }
        self.judge_all(&before);
    }

    fn remembers_enough(&self, limits: &Limits) -> bool {
        let all = |rates: &[Rate]| rates.iter().copied().all(is_sliding);
        let longest = |rates: &[Rate]| rates.iter().map(Rate::per).max();
        let (old, old_total) = (longest(&self.model.rates), longest(&self.model.totals));
        let sliding =
            all(&self.model.rates) && all(&self.model.totals) && all(&limits.rates) && all(&limits.totals);
        let remembers = longest(&limits.rates) <= old && longest(&limits.totals) <= old_total.or(old);
        sliding && remembers && limits.guard <= self.model.guard
    }

    /// Whether each window was there before: fixed ones of whatever amount, all others as they were.
    fn keeps_windows(&self, limits: &Limits) -> bool {
        let same = |old: &Rate, new: &Rate| old == new && old.burst_amount().is_none();
        let fixed = |old: &Rate, new: &Rate| is_fixed(*old) && is_fixed(*new) && old.per() == new.per();
        let stays = |new: &Rate| self.model.rates.iter().any(|old| same(old, new) || fixed(old, new));
        limits.guard == self.model.guard
            && limits.rates.iter().all(stays)
            && limits.totals.iter().all(|new| self.model.totals.iter().any(|old| same(old, new)))
    }
}
