//! What the oracle makes of changes to a bucket.

use ratelimit_core::Rate;

use crate::model::Start;
use crate::oracle::Oracle;
use crate::schedule::{KEYS, Limits};
use crate::shape::is_sliding;
use crate::tempo::Tempo;

impl Oracle {
    pub(crate) fn pause(&mut self, span: u64) {
        let until = self.shown.saturating_add(span);
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
        match key {
            None => {
                self.model.starts.clear();
                self.paused = 0;
                // Turns begin anew, the newest time seen is forgotten, and a slow time counts from here.
                self.turns = [None; KEYS];
                self.now = self.shown;
                self.tempo = Tempo::starting(self.tempo.slow, self.shown);
            }
            Some(key) if self.model.totals.is_empty() => {
                self.model.starts.retain(|start| start.key != Some(key));
            }
            // What it took from the total stays taken.
            Some(key) => self.of_key(key).for_each(|start| start.key = None),
        }
    }

    fn of_key(&mut self, key: usize) -> impl Iterator<Item = &mut Start> {
        self.model.starts.iter_mut().filter(move |start| start.key == Some(key))
    }

    /// A sliding window gives back all of it, at once; a token bucket and a fixed window may give back less.
    pub(crate) fn refund(&mut self, start: usize) {
        let now = self.tempo.policy(self.now);
        let Some(known) = self.model.starts.iter_mut().find(|known| known.id == start) else { return };
        if start < self.settled || known.key.is_none() {
            // What was taken under other limits, or before a reset of its key, stays taken.
            return;
        }
        (known.weight, known.back) = (0, now);
        self.exact &= self.model.rates.iter().chain(&self.model.totals).copied().all(is_sliding);
    }

    /// Foreseen exactly where sliding windows follow sliding windows that remember as much.
    pub(crate) fn register(&mut self, limits: &Limits) {
        let before = self.forecast();
        self.settled = self.starts;
        let all = |rates: &[Rate]| rates.iter().copied().all(is_sliding);
        let longest = |rates: &[Rate]| rates.iter().map(Rate::per).max();
        let (old, old_total) = (longest(&self.model.rates), longest(&self.model.totals));
        let sliding =
            all(&self.model.rates) && all(&self.model.totals) && all(&limits.rates) && all(&limits.totals);
        let remembers = longest(&limits.rates) <= old && longest(&limits.totals) <= old_total.or(old);
        if !(sliding && remembers && limits.guard <= self.model.guard) {
            self.exact = false;
            self.model.starts.clear();
        }
        self.model.rates.clone_from(&limits.rates);
        self.model.totals.clone_from(&limits.totals);
        self.model.guard = limits.guard;
        self.exact &= limits.are_exact();
        self.extreme |= limits.are_extreme();
        for place in 0..self.waiters.len() {
            self.waiters[place].failed |= !self.model.fits(self.waiters[place].weight);
        }
        self.judge_all(&before);
    }
}
