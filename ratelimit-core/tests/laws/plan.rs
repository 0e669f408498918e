//! When the oracle expects those in line to start.

use crate::model::{Model, Start};
use crate::oracle::{GRACE, Oracle, Waiter};
use crate::schedule::KEYS;

impl Oracle {
    /// When `waiter` starts, if those before start when due.
    pub(crate) fn due_of(&self, waiter: &Waiter) -> Option<u64> {
        self.plan_while(waiter.key, waiter.weight, |other| other.id < waiter.id).1
    }

    /// When `weight` could start after the starts of `model`, at the earliest `from`.
    fn due(&self, model: &Model, key: usize, from: u64, weight: u64) -> Option<u64> {
        let asked = self.tempo.policy(from);
        let start = model.due(key, asked, weight)?;
        Some(if start > asked { self.tempo.clock(start) } else { from })
    }

    /// When each of those in line on `key` starts, if those before start when due; then a newcomer of `weight`.
    pub(crate) fn plan(&self, key: usize, newcomer: u64) -> (Vec<(usize, Option<u64>)>, Option<u64>) {
        self.plan_while(key, newcomer, |_| true)
    }

    fn plan_while(
        &self,
        key: usize,
        newcomer: u64,
        counts: impl Fn(&Waiter) -> bool,
    ) -> (Vec<(usize, Option<u64>)>, Option<u64>) {
        let mut model: Option<Model> = None;
        let mut room = self.room(key);
        let mut last = Some(self.now.max(self.paused));
        let mut dues = Vec::new();
        let due_after = |model: &Option<Model>, room: usize, last: Option<u64>, weight: u64| {
            let model = model.as_ref().unwrap_or(&self.model);
            last.filter(|_| room > 0).and_then(|last| self.due(model, key, last, weight))
        };
        for waiter in self.active(key).take_while(|waiter| counts(waiter)) {
            let due = due_after(&model, room, last, waiter.weight);
            dues.push((waiter.id, due));
            let (Some(due), Some(from)) = (due, last) else {
                // And so are the turns of all behind it.
                last = None;
                continue;
            };
            if due > waiter.deadline.saturating_add(GRACE).max(self.now) {
                // It will have failed by then, and holds those behind it up until it has.
                last = Some(from.max(waiter.deadline.saturating_add(GRACE + 1)));
                continue;
            }
            (last, room) = (Some(due), room.saturating_sub(1));
            let at = self.tempo.policy(due);
            let model = model.get_or_insert_with(|| self.model.clone());
            model.take(Start::new(usize::MAX, at, key, waiter.weight));
        }
        (dues, due_after(&model, room, last, newcomer))
    }

    /// When the first of those in line on `key` starts.
    pub(crate) fn first_due(&self, key: usize) -> Option<u64> {
        let first = self.active(key).next()?;
        let now = self.now.max(self.paused);
        (self.room(key) > 0).then(|| self.due(&self.model, key, now, first.weight))?
    }

    /// When each in line would start; taken before a change that is judged.
    pub(crate) fn forecast(&self) -> Vec<(usize, Option<u64>)> {
        // Nobody else is judged.
        let ends = |key: &usize| self.active(*key).any(|waiter| waiter.deadline < u64::MAX);
        (0..KEYS).filter(ends).flat_map(|key| self.plan(key, 1).0).collect()
    }

    /// A forecast before something that moves no turn further away, but may make one known.
    pub(crate) fn forecast_unknown(&self) -> Vec<(usize, Option<u64>)> {
        if self.has_unknown_turns() { self.forecast() } else { Vec::new() }
    }
}
