//! The states of one bucket by key, and the state over all keys.
//!
//! A call without a key is an entry of its own. An entry is forgotten only once a fresh one in its place would
//! admit no more, so that forgetting never loosens a limit; when `max_keys` entries are all still needed, a new key is
//! refused instead.

use super::keyed::{Entry, Keyed};
use crate::error::ErrorScope;
use crate::key::Digest;
use crate::limits::Valid;
use crate::policy::all::Verdict;
use crate::policy::inherit::Before;
use crate::policy::own::{Kept, Own};
use crate::policy::{All, Earliest, Outcome};
use crate::rate::Rate;
use crate::time::Timestamp;

/// What every call reads is in front and together.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Memory {
    has_total: bool,
    unkeyed: Entry,
    keyed: Keyed,
    /// What a key that was never seen has.
    fresh: All,
    total: All,
    /// How many entries there have been: a refund for what an older one of the same key took is void.
    births: u64,
    /// The first entry since everything was reset or replaced.
    first: u64,
}

impl Memory {
    pub(crate) fn new(limits: &Valid) -> Self {
        Self::born(limits, 0)
    }

    fn born(limits: &Valid, born: u64) -> Self {
        let fresh = All::new(&limits.rates, limits.own.as_ref());
        Memory {
            unkeyed: Entry::fresh(&fresh, born),
            keyed: Keyed::new(&fresh, limits.max_keys, born),
            fresh,
            total: All::new(&limits.totals, None),
            has_total: !limits.totals.is_empty(),
            births: born,
            first: born,
        }
    }

    /// The states of these limits with nothing taken.
    pub(crate) fn anew(&self, limits: &Valid) -> Self {
        Self::born(limits, self.births + 1)
    }

    /// The states under new limits, counting all that these still remember at `now`.
    ///
    /// The total counts what the old total and what all the keys remember; rates per key that are new count, for each
    /// key that is known, what the total remembers. Where nothing is remembered any more only those have an entry who are
    /// `needed`.
    pub(crate) fn under(&self, limits: &Valid, now: Timestamp, needed: impl Fn(&Digest) -> bool) -> Self {
        let mut next = self.anew(limits);
        let keyed_before = self.fresh.states().next().is_some();
        let inherit = |entry: &Entry, born| {
            let old = if keyed_before { &entry.rates } else { &self.total };
            let mut rates = All::inheriting(&limits.rates, &[old], now);
            if let Some(prototype) = &limits.own {
                let old = Before { rates: old, own: entry.rates.own.as_ref() };
                rates.inherit_own(prototype, &old, born, now);
            }
            rates
        };
        next.unkeyed.rates = inherit(&self.unkeyed, next.unkeyed.born);
        let entries: Vec<(Digest, Entry)> = self.keyed.entries().collect();
        let remembers = next.remembers_keys();
        for (key, entry) in entries.iter().filter(|(key, _)| remembers || needed(key)) {
            next.births += 1;
            let rates = inherit(entry, next.births);
            // Also beyond a bound that is lower now: live limits stay.
            next.keyed.put(*key, Entry { rates, born: next.births });
        }
        let keys: Vec<&All> = std::iter::once(&self.unkeyed)
            .chain(entries.iter().map(|(_, entry)| entry))
            .map(|entry| &entry.rates)
            .collect();
        next.total = All::inheriting_over_keys(&limits.totals, &self.total, &keys, now);
        next
    }

    /// The same states of the same rates, under the guards of `limits`.
    pub(crate) fn set_guards(&mut self, limits: &Valid) {
        self.fresh.set_guards(&limits.rates);
        self.unkeyed.rates.set_guards(&limits.rates);
        self.keyed.set_guards(&limits.rates);
        self.total.set_guards(&limits.totals);
    }

    pub(crate) fn reset(&mut self) {
        self.births += 1;
        let born = self.births;
        self.first = born;
        self.unkeyed = Entry::fresh(&self.fresh, born);
        self.keyed = self.keyed.anew(born);
        self.total = self.total.fresh(born);
    }

    /// Whether what the entry `born` took is of the present time: not from before everything was reset or replaced.
    pub(crate) fn remembers(&self, born: u64) -> bool {
        born >= self.first
    }

    /// The number of the first entry since everything was reset or replaced.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// The number of the newest entry.
    pub(crate) fn newest(&self) -> u64 {
        self.births
    }

    /// A key as fresh, at `now`.
    pub(crate) fn reset_key(&mut self, key: Option<Digest>, now: Timestamp) {
        self.births += 1;
        match key {
            None => self.unkeyed = Entry::fresh(&self.fresh, self.births),
            Some(key) => self.keyed.reset(key, now, self.births),
        }
    }

    /// When the rates of `key` would let `weight` start, not before `now`.
    pub(crate) fn earliest(&self, key: Option<Digest>, now: Timestamp, weight: u32) -> Verdict {
        match key {
            None => self.unkeyed.rates.earliest(now, weight),
            Some(key) => {
                self.keyed.earliest(key, now, weight).unwrap_or_else(|| self.fresh.earliest(now, weight))
            }
        }
    }

    /// The states of `key` as they are, for planning and looking.
    pub(crate) fn fork(&self, key: Option<Digest>) -> All {
        match key {
            None => self.unkeyed.rates.clone(),
            Some(key) => self.keyed.get(key).map_or_else(|| self.fresh.clone(), |entry| entry.rates),
        }
    }

    pub(crate) fn total(&self) -> &All {
        &self.total
    }

    pub(crate) fn has_total(&self) -> bool {
        self.has_total
    }

    /// Whether anything is remembered of a key: all that a total has let start is, though it is idle at once, as rates
    /// may come that count it.
    pub(crate) fn remembers_keys(&self) -> bool {
        self.has_total || self.has_own() || self.fresh.states().next().is_some()
    }

    /// Whether a user's own policy has to be asked.
    pub(crate) fn has_own(&self) -> bool {
        self.fresh.own.is_some()
    }

    /// The state of the user's policy for `key`.
    pub(crate) fn own(&self, key: Option<Digest>) -> Option<Own> {
        self.fork(key).own
    }

    /// Puts another state of the user's policy in place, for a key that has an entry.
    pub(crate) fn put_own(&mut self, key: Option<Digest>, state: Kept) {
        match (key, &mut self.unkeyed.rates.own) {
            (None, Some(own)) => own.put(state),
            (None, None) => {}
            (Some(key), _) => self.keyed.put_own(key, state),
        }
    }

    /// A rate that `weight` can never fit into, and whose it is.
    pub(crate) fn too_heavy(&self, weight: u32) -> Option<(ErrorScope, Rate)> {
        let by_total = || Some((ErrorScope::Bucket, self.total.too_heavy(weight)?));
        self.fresh.too_heavy(weight).map(|rate| (ErrorScope::Key, rate)).or_else(by_total)
    }

    /// The one token bucket behind calls without a key, and its entry's number; `None` if there is more to ask.
    pub(crate) fn only_token_bucket(&mut self) -> Option<(&mut All, u64)> {
        let only = !self.has_total && self.unkeyed.rates.only_token_bucket().is_some();
        only.then_some((&mut self.unkeyed.rates, self.unkeyed.born))
    }

    /// How many keys have an entry.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> usize {
        self.keyed.entries().count()
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
        self.keyed.contains(key) || self.insert(key, now, needed)
    }

    /// Something was given back to `key`, or nothing needs it any more: from when on it is idle is to be found out again.
    pub(crate) fn may_be_idle(&mut self, key: Option<Digest>) {
        match key {
            None => {}
            Some(key) if self.remembers_keys() => self.keyed.may_be_idle(key),
            Some(key) => self.keyed.forget(key),
        }
    }

    fn insert(&mut self, key: Digest, now: Timestamp, needed: impl Fn(&Digest) -> bool) -> bool {
        self.births += 1;
        self.keyed.insert(key, Entry::fresh(&self.fresh, self.births), now, needed)
    }

    /// Takes `weight` from the key's rates and from the total, as at `stamp`, if all of them let it start at `now` and a
    /// new key finds room without forgetting anything that is `needed`: from which entry.
    #[inline]
    pub(crate) fn take(
        &mut self,
        key: Option<Digest>,
        times: (Timestamp, Timestamp),
        weight: u32,
        needed: impl Fn(&Digest) -> bool,
    ) -> Option<u64> {
        let (now, stamp) = times;
        if self.has_total && self.total.earliest(now, weight).earliest != Earliest::At(now) {
            return None;
        }
        let born = match key {
            None => self.unkeyed.take(times, weight)?,
            Some(known) => {
                if let Ok(taken) = self.keyed.take(known, times, weight) {
                    taken?
                } else if !self.remembers_keys() {
                    self.first
                } else {
                    let may = self.fresh.earliest(now, weight).earliest == Earliest::At(now);
                    if !may || !self.insert(known, now, needed) {
                        return None;
                    }
                    return self.commit(key, stamp, weight);
                }
            }
        };
        if self.has_total {
            self.total.commit(stamp, weight);
        }
        Some(born)
    }

    /// Takes `weight` from the key's rates and from the total, whatever they say, at `now`; from which entry, `None` if
    /// nothing was taken, as the user's policy panicked.
    ///
    /// The key has an entry: [`make_room`](Self::make_room) came before, but where nothing is remembered.
    pub(crate) fn commit(&mut self, key: Option<Digest>, now: Timestamp, weight: u32) -> Option<u64> {
        let born = match key {
            None => self.unkeyed.rates.commit(now, weight).then_some(self.unkeyed.born),
            Some(_) if !self.remembers_keys() => Some(self.first),
            Some(key) => self.keyed.commit(key, now, weight),
        };
        debug_assert!(born.is_some() || self.has_own(), "room was made");
        if born.is_some() {
            self.total.commit(now, weight);
        }
        born
    }

    /// Settles what was taken from the entry `born` of `key`, unless it is gone.
    pub(crate) fn settle(
        &mut self,
        key: Option<Digest>,
        born: u64,
        (start, now): (Timestamp, Timestamp),
        weight: u32,
        outcome: &Outcome,
    ) {
        let settled = match key {
            None => self.unkeyed.settle(born, (start, now), weight, outcome),
            Some(key) => self.keyed.settle(key, born, (start, now), weight, outcome),
        };
        if settled {
            self.total.settle(start, now, weight, outcome);
        }
    }
}
