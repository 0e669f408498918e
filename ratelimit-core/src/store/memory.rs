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
    unkeyed: All,
    keyed: HashMap<Digest, All>,
    total: All,
    has_total: bool,
    max_keys: usize,
    /// At how many entries to look for some to forget: twice what was left last time, so that looking costs a
    /// constant share of each insertion.
    sweep_at: usize,
}

impl Memory {
    pub(crate) fn new(limits: &Valid) -> Self {
        let fresh = All::new(&limits.rates);
        Memory {
            unkeyed: fresh.clone(),
            fresh,
            keyed: HashMap::new(),
            total: All::new(&limits.totals),
            has_total: !limits.totals.is_empty(),
            max_keys: limits.max_keys,
            sweep_at: SMALL,
        }
    }

    /// The states under new limits, counting all that these still remember at `now`.
    ///
    /// A total that is new counts what all the keys remember; rates per key that are new count, for each key that is
    /// known, what the total remembers.
    pub(crate) fn under(&self, limits: &Valid, now: Timestamp) -> Self {
        let mut next = Memory::new(limits);
        let keyed_before = self.fresh.states().next().is_some();
        let inherit = |all: &All| {
            let old = if keyed_before { all } else { &self.total };
            All::inheriting(&limits.rates, &[old], now)
        };
        next.unkeyed = inherit(&self.unkeyed);
        next.keyed = self.keyed.iter().map(|(key, all)| (*key, inherit(all))).collect();
        next.total = if self.has_total {
            All::inheriting(&limits.totals, &[&self.total], now)
        } else {
            let all: Vec<&All> = std::iter::once(&self.unkeyed).chain(self.keyed.values()).collect();
            All::inheriting(&limits.totals, &all, now)
        };
        next.sweep_at = self.sweep_at;
        next
    }

    pub(crate) fn reset(&mut self) {
        self.unkeyed = self.fresh.clone();
        self.keyed.clear();
        self.total = self.total.fresh();
        self.sweep_at = SMALL;
    }

    pub(crate) fn reset_key(&mut self, key: Option<Digest>) {
        match key {
            None => self.unkeyed = self.fresh.clone(),
            Some(key) => drop(self.keyed.remove(&key)),
        }
    }

    pub(crate) fn rates(&self, key: Option<Digest>) -> &All {
        match key {
            None => &self.unkeyed,
            Some(key) => self.keyed.get(&key).unwrap_or(&self.fresh),
        }
    }

    pub(crate) fn total(&self) -> &All {
        &self.total
    }

    pub(crate) fn has_total(&self) -> bool {
        self.has_total
    }

    /// A rate that `weight` can never fit into.
    pub(crate) fn too_heavy(&self, weight: u32) -> Option<Rate> {
        self.fresh.too_heavy(weight).or_else(|| self.total.too_heavy(weight))
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
        if self.keyed.len() >= self.sweep_at.min(self.max_keys) {
            self.keyed.retain(|key, all| needed(key) || all.idle_at().is_none_or(|idle| idle > now));
            self.sweep_at = (2 * self.keyed.len()).max(SMALL);
        }
        if self.keyed.len() >= self.max_keys {
            return false;
        }
        self.keyed.insert(key, self.fresh.clone());
        true
    }

    /// Takes `weight` from the key's rates and from the total, at `now` in the policies' time.
    ///
    /// The key has an entry: [`make_room`](Self::make_room) came before.
    pub(crate) fn commit(&mut self, key: Option<Digest>, now: Timestamp, weight: u32) {
        debug_assert!(key.is_none_or(|key| self.keyed.contains_key(&key)), "room was made");
        if let Some(rates) = self.entry(key) {
            rates.commit(now, weight);
        }
        self.total.commit(now, weight);
    }

    pub(crate) fn settle(
        &mut self,
        key: Option<Digest>,
        (start, now): (Timestamp, Timestamp),
        weight: u32,
        outcome: Outcome,
    ) {
        if let Some(rates) = self.entry(key) {
            rates.settle(start, now, weight, outcome);
        }
        self.total.settle(start, now, weight, outcome);
    }

    fn entry(&mut self, key: Option<Digest>) -> Option<&mut All> {
        match key {
            None => Some(&mut self.unkeyed),
            Some(key) => self.keyed.get_mut(&key),
        }
    }
}
