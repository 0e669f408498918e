//! What a call really cost, told while it runs or as it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::KeyId;
use super::effects::Effects;
use super::shared::{Shared, lock};
use super::state::{Grant, Reading, State};
use crate::policy::Outcome;
use crate::time::Timestamp;

/// A part of what a call counts: what was taken at its start, or added by a correction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// In the policies' time.
    start: Timestamp,
    /// The entry it was taken from.
    born: u64,
    /// What is left of it.
    weight: u32,
}

impl Part {
    fn of(grant: Grant) -> Self {
        Part { start: grant.start, born: grant.born, weight: grant.weight }
    }
}

impl Shared {
    /// Makes the call of `grant` count `cost`; `account` is where its permit keeps the number of its parts.
    pub(crate) fn correct(self: &Arc<Self>, key: KeyId, grant: Grant, account: &AtomicU64, cost: u32) {
        self.change_and_finish(|state, reading, effects| {
            // Written under the lock only.
            let mut number = account.load(Ordering::Relaxed);
            let parts = state.settle_up(key, grant, number, cost, reading, effects);
            if number == 0 {
                state.numbered += 1;
                number = state.numbered;
                account.store(number, Ordering::Relaxed);
            }
            state.accounts.insert(number, parts);
        });
    }

    /// Gives back all that the call of `grant` still counts, once and for all.
    pub(crate) fn refund(self: &Arc<Self>, key: KeyId, grant: Grant, account: u64) {
        self.change_and_finish(|state, reading, effects| {
            state.settle_up(key, grant, account, 0, reading, effects);
        });
    }

    /// Forgets the parts of a call whose permit goes.
    pub(crate) fn forget_account(&self, number: u64) {
        // The gate is left as it is: there are no accounts in it.
        lock(&self.state).accounts.remove(&number);
    }
}

impl State {
    /// Makes a call count `cost` from now on, and no longer holds its account.
    fn settle_up(
        &mut self,
        key: KeyId,
        grant: Grant,
        account: u64,
        cost: u32,
        reading: Reading,
        effects: &mut Effects,
    ) -> Vec<Part> {
        let mut parts = self.accounts.remove(&account).unwrap_or_else(|| vec![Part::of(grant)]);
        let counted = parts.iter().fold(0_u32, |sum, part| sum.saturating_add(part.weight));
        if cost > counted {
            parts.extend(self.add(key, grant, cost - counted, reading, effects));
        } else if cost < counted {
            self.give_back(key, &mut parts, counted - cost, reading, effects);
        }
        parts
    }

    /// Charges what a call cost more than it counts, unless it is of a time before everything was reset or replaced.
    fn add(
        &mut self,
        key: KeyId,
        grant: Grant,
        more: u32,
        reading: Reading,
        effects: &mut Effects,
    ) -> Option<Part> {
        if !self.memory.remembers(grant.born) {
            return None;
        }
        self.catch_up(key, reading, effects);
        // Its entry may be forgotten by now, and all the room be taken by others: there is nowhere to count then.
        if !self.make_room(key, reading) {
            return None;
        }
        let before = self.forecast_sharers(key, reading);
        let (start, born) = self.count(key, reading, more);
        self.judge_sharers(key, &before, reading, effects);
        Some(Part { start, born, weight: more })
    }

    /// Gives `given` back, of what was taken last first, as far as the policies can.
    ///
    /// What is given back is taken off the parts, so that it never adds up to more than was taken.
    fn give_back(
        &mut self,
        key: KeyId,
        parts: &mut [Part],
        mut given: u32,
        reading: Reading,
        effects: &mut Effects,
    ) {
        let now = self.tempo.policy_time(reading.now);
        for part in parts.iter_mut().rev() {
            let of_it = given.min(part.weight);
            if of_it > 0 {
                let outcome = Outcome::Refund(of_it);
                self.memory.settle(key, part.born, (part.start, now), part.weight, outcome);
                part.weight -= of_it;
                given -= of_it;
            }
        }
        self.outdate(key);
        self.served = None;
        self.settle(key, reading, effects);
    }
}
