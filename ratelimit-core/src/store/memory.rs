//! The states of one bucket by key, and the state over all keys.
//!
//! A call without a key is an entry of its own. An entry is forgotten only once a fresh one in its place would
//! admit no more, so that forgetting never loosens a limit; when `max_keys` entries are all still needed, a new key is
//! refused instead.

use std::collections::HashMap;

use crate::key::Digest;
use crate::limits::Valid;
use crate::policy::{All, Outcome};
use crate::rate::Rate;
use crate::time::Timestamp;

/// Below this many entries it is not worth looking for some to forget.
const SMALL: usize = 64;

#[derive(Debug)]
pub(crate) struct Memory {
    /// What a key that was never seen has.
    fresh: All,
    unkeyed: Entry,
    keyed: HashMap<Digest, Entry>,
    total: Entry,
    has_total: bool,
    max_keys: usize,
    /// Counts what makes entries new: a refund for what an older one took is void.
    generation: u64,
    /// At how many entries to look for some to forget: twice what was left last time, so that looking costs a
    /// constant share of each insertion.
    sweep_at: usize,
    /// Until when no entry can be forgotten, after a look that found none.
    full_until: Timestamp,
}

/// The states of one key.
#[derive(Clone, Debug)]
struct Entry {
    rates: All,
    /// The generation in which it was made.
    born: u64,
}

impl Memory {
    pub(crate) fn new(limits: &Valid) -> Self {
        Self::of_generation(limits, 0)
    }

    fn of_generation(limits: &Valid, generation: u64) -> Self {
        let fresh = All::new(&limits.rates);
        Memory {
            unkeyed: Entry { rates: fresh.clone(), born: generation },
            fresh,
            keyed: HashMap::new(),
            total: Entry { rates: All::new(&limits.totals), born: generation },
            has_total: !limits.totals.is_empty(),
            max_keys: limits.max_keys,
            generation,
            sweep_at: SMALL,
            full_until: Timestamp::ZERO,
        }
    }

    /// The states of these limits with nothing taken.
    pub(crate) fn anew(&self, limits: &Valid) -> Self {
        Self::of_generation(limits, self.generation + 1)
    }

    /// The states under new limits, counting all that these still remember at `now`.
    ///
    /// The total counts what the old total and what all the keys remember; rates per key that are new count, for each
    /// key that is known, what the total remembers.
    pub(crate) fn under(&self, limits: &Valid, now: Timestamp) -> Self {
        let mut next = self.anew(limits);
        let born = next.generation;
        let keyed_before = self.fresh.states().next().is_some();
        let inherit = |entry: &Entry| {
            let old = if keyed_before { &entry.rates } else { &self.total.rates };
            Entry { rates: All::inheriting(&limits.rates, &[old], now), born }
        };
        next.unkeyed = inherit(&self.unkeyed);
        next.keyed = self.keyed.iter().map(|(key, entry)| (*key, inherit(entry))).collect();
        let keys: Vec<&All> =
            std::iter::once(&self.unkeyed).chain(self.keyed.values()).map(|entry| &entry.rates).collect();
        next.total.rates = All::inheriting_over_keys(&limits.totals, &self.total.rates, &keys, now);
        next.sweep_at = self.sweep_at;
        next
    }

    pub(crate) fn reset(&mut self) {
        self.generation += 1;
        let born = self.generation;
        self.unkeyed = Entry { rates: self.fresh.clone(), born };
        self.keyed.clear();
        self.total = Entry { rates: self.total.rates.fresh(), born };
        self.sweep_at = SMALL;
        self.full_until = Timestamp::ZERO;
    }

    pub(crate) fn reset_key(&mut self, key: Option<Digest>) {
        self.generation += 1;
        match key {
            None => self.unkeyed = Entry { rates: self.fresh.clone(), born: self.generation },
            Some(key) => drop(self.keyed.remove(&key)),
        }
        self.full_until = Timestamp::ZERO;
    }

    /// Which generation a commit made now belongs to.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn rates(&self, key: Option<Digest>) -> &All {
        match key {
            None => &self.unkeyed.rates,
            Some(key) => self.keyed.get(&key).map_or(&self.fresh, |entry| &entry.rates),
        }
    }

    pub(crate) fn total(&self) -> &All {
        &self.total.rates
    }

    pub(crate) fn has_total(&self) -> bool {
        self.has_total
    }

    /// A rate that `weight` can never fit into.
    pub(crate) fn too_heavy(&self, weight: u32) -> Option<Rate> {
        self.fresh.too_heavy(weight).or_else(|| self.total.rates.too_heavy(weight))
    }

    /// Sees to it that `key` has an entry, if need be by forgetting entries that are idle at `now` and not `needed`;
    /// `false` if there is no room.
    pub(crate) fn make_room(
        &mut self,
        key: Option<Digest>,
        now: Timestamp,
        needed: impl Fn(&Digest) -> bool,
    ) -> bool {
        let Some(key) = key else { return true };
        if self.keyed.contains_key(&key) {
            return true;
        }
        if self.keyed.len() >= self.sweep_at.min(self.max_keys) && now >= self.full_until {
            self.forget_idle(now, needed);
        }
        if self.keyed.len() >= self.max_keys {
            return false;
        }
        self.keyed.insert(key, Entry { rates: self.fresh.clone(), born: self.generation });
        true
    }

    fn forget_idle(&mut self, now: Timestamp, needed: impl Fn(&Digest) -> bool) {
        let mut next = Timestamp::MAX;
        self.keyed.retain(|key, entry| {
            let idle = entry.rates.idle_at().unwrap_or(Timestamp::MAX);
            // Whether somebody still waits is asked again at the next look.
            let kept = idle > now || needed(key);
            next = if kept { next.min(idle) } else { next };
            kept
        });
        self.sweep_at = (2 * self.keyed.len()).max(SMALL);
        self.full_until = if self.keyed.len() >= self.max_keys { next } else { Timestamp::ZERO };
    }

    /// Takes `weight` from the key's rates and from the total, at `now` in the policies' time.
    ///
    /// The key has an entry: [`make_room`](Self::make_room) came before.
    pub(crate) fn commit(&mut self, key: Option<Digest>, now: Timestamp, weight: u32) {
        debug_assert!(key.is_none_or(|key| self.keyed.contains_key(&key)), "room was made");
        if let Some(entry) = self.entry(key) {
            entry.rates.commit(now, weight);
        }
        self.total.rates.commit(now, weight);
    }

    /// Settles what was taken in `generation`, unless the entry it was taken from is gone.
    pub(crate) fn settle(
        &mut self,
        key: Option<Digest>,
        generation: u64,
        (start, now): (Timestamp, Timestamp),
        weight: u32,
        outcome: Outcome,
    ) {
        let Some(entry) = self.entry(key).filter(|entry| entry.born <= generation) else { return };
        entry.rates.settle(start, now, weight, outcome);
        if self.total.born <= generation {
            self.total.rates.settle(start, now, weight, outcome);
        }
        self.full_until = Timestamp::ZERO;
    }

    fn entry(&mut self, key: Option<Digest>) -> Option<&mut Entry> {
        match key {
            None => Some(&mut self.unkeyed),
            Some(key) => self.keyed.get_mut(&key),
        }
    }
}
