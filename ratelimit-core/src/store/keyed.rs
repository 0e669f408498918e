//! The states of all keys: eight bytes each where a key has one token bucket, on the heap where it has more.

use std::collections::BTreeMap;

use super::table::Table;
use crate::key::Digest;
use crate::policy::all::Verdict;
use crate::policy::own::Kept;
use crate::policy::token_bucket::TokenBucket;
use crate::policy::{All, Earliest, Guarded, Outcome, Policy};
use crate::time::Timestamp;

/// The states of the keys that were seen and are not forgotten.
#[derive(Clone, Debug)]
pub(super) enum Keyed {
    Packed(Packed),
    Whole(Table<Box<Entry>>),
}

/// The states of one key.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) rates: All,
    /// Which entry it is: what an older one of its key took is not given back to it.
    pub(super) born: u64,
}

/// No state is known of a key.
pub(super) struct Unknown;

impl Entry {
    /// As `fresh`, under a number of its own.
    pub(super) fn fresh(fresh: &All, born: u64) -> Self {
        let mut rates = fresh.clone();
        rates.own = rates.own.map(|own| own.fresh(born));
        Entry { rates, born }
    }

    /// Takes `weight` as at `stamp`, if it may start at `now`: from this entry.
    #[inline]
    pub(super) fn take(&mut self, times: (Timestamp, Timestamp), weight: u32) -> Option<u64> {
        self.rates.take(times, weight).then_some(self.born)
    }

    /// Settles what the entry `born` of this key took; `false` if it is gone, whatever the user's policy still heard.
    pub(super) fn settle(
        &mut self,
        born: u64,
        (start, now): (Timestamp, Timestamp),
        weight: u32,
        outcome: &Outcome,
    ) -> bool {
        if let Some(own) = &mut self.rates.own
            && (own.since()..=self.born).contains(&born)
        {
            own.settle(start, now, weight, outcome);
        }
        let same = self.born == born;
        if same {
            self.rates.settle(start, now, weight, outcome);
        }
        same
    }

    /// The TAT, if there is one token bucket and it fits.
    fn packed(&self) -> Option<u64> {
        self.rates.only_token_bucket().and_then(|(_, bucket)| bucket.packed())
    }
}

/// Token buckets of one rate, by their TAT.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    table: Table<u64>,
    rate: Guarded,
    fresh: TokenBucket,
    /// Which entries these are, but for those of keys that were reset.
    born: u64,
    /// Keys that were reset: which entries they have since, and until when a start before the reset could still give
    /// something back. What a bucket could be forgotten by gives back nothing, so a key that is forgotten and comes
    /// again may have the same number.
    reset: BTreeMap<Digest, (u64, Timestamp)>,
    /// At how many of them to look which are over.
    look_at: usize,
}

/// So few resets may be remembered for longer than they need.
const FEW: usize = 64;

impl Keyed {
    pub(super) fn new(fresh: &All, max_keys: usize, born: u64) -> Self {
        match fresh.only_token_bucket() {
            Some((rate, fresh)) if fresh.packs() => Keyed::Packed(Packed {
                table: Table::new(max_keys),
                rate: *rate,
                fresh: fresh.clone(),
                born,
                reset: BTreeMap::new(),
                look_at: FEW,
            }),
            _ => Keyed::Whole(Table::new(max_keys)),
        }
    }

    /// The states of a key, if it is known.
    pub(super) fn get(&self, key: Digest) -> Option<Entry> {
        match self {
            Keyed::Packed(packed) => packed.table.get(key).map(|tat| packed.entry(key, *tat)),
            Keyed::Whole(table) => table.get(key).map(|entry| Entry::clone(entry)),
        }
    }

    pub(super) fn contains(&self, key: Digest) -> bool {
        match self {
            Keyed::Packed(packed) => packed.table.get(key).is_some(),
            Keyed::Whole(table) => table.get(key).is_some(),
        }
    }

    pub(super) fn entries(&self) -> Box<dyn Iterator<Item = (Digest, Entry)> + '_> {
        match self {
            Keyed::Packed(packed) => {
                Box::new(packed.table.iter().map(|(key, tat)| (*key, packed.entry(*key, *tat))))
            }
            Keyed::Whole(table) => Box::new(table.iter().map(|(key, entry)| (*key, Entry::clone(entry)))),
        }
    }

    /// When a key that is known could start `weight`; `None` if it is not known.
    pub(super) fn earliest(&self, key: Digest, now: Timestamp, weight: u32) -> Option<Verdict> {
        match self {
            Keyed::Packed(packed) => packed.table.get(key).map(|tat| packed.earliest(*tat, now, weight)),
            Keyed::Whole(table) => table.get(key).map(|entry| entry.rates.earliest(now, weight)),
        }
    }

    /// Takes `weight` from a key that is known, as at `stamp`, if it may start at `now`: from which entry, `None` if it
    /// may not. `Err` if the key is not known.
    #[inline]
    pub(super) fn take(
        &mut self,
        key: Digest,
        (now, stamp): (Timestamp, Timestamp),
        weight: u32,
    ) -> Result<Option<u64>, Unknown> {
        match self {
            Keyed::Packed(packed) => {
                let tat = packed.table.get_mut(key).ok_or(Unknown)?;
                let mut bucket = packed.fresh.unpacked(*tat);
                if bucket.earliest(now, weight) != Earliest::At(now) {
                    return Ok(None);
                }
                bucket.commit(stamp, weight);
                let Some(packed_tat) = bucket.packed() else {
                    self.unpack();
                    return self.take(key, (now, stamp), weight);
                };
                *tat = packed_tat;
                Ok(Some(packed.born(key)))
            }
            Keyed::Whole(table) => Ok(table.get_mut(key).ok_or(Unknown)?.take((now, stamp), weight)),
        }
    }

    /// Takes `weight` from a key that is known, whatever it says; from which entry, `None` if nothing was taken.
    pub(super) fn commit(&mut self, key: Digest, now: Timestamp, weight: u32) -> Option<u64> {
        match self {
            Keyed::Packed(packed) => {
                let tat = packed.table.get_mut(key)?;
                let mut bucket = packed.fresh.unpacked(*tat);
                bucket.commit(now, weight);
                let Some(packed_tat) = bucket.packed() else {
                    self.unpack();
                    return self.commit(key, now, weight);
                };
                *tat = packed_tat;
                Some(packed.born(key))
            }
            Keyed::Whole(table) => {
                let entry = table.get_mut(key)?;
                entry.rates.commit(now, weight).then_some(entry.born)
            }
        }
    }

    /// Settles what the entry `born` of `key` took; `false` if it is gone.
    pub(super) fn settle(
        &mut self,
        key: Digest,
        born: u64,
        (start, now): (Timestamp, Timestamp),
        weight: u32,
        outcome: &Outcome,
    ) -> bool {
        match self {
            Keyed::Packed(packed) => {
                if packed.born(key) != born {
                    return false;
                }
                let Some(tat) = packed.table.get_mut(key) else { return false };
                let mut bucket = packed.fresh.unpacked(*tat);
                bucket.settle(start, now, weight, outcome);
                // It only ever becomes less.
                *tat = bucket.packed().unwrap_or(*tat);
                true
            }
            Keyed::Whole(table) => {
                table.get_mut(key).is_some_and(|entry| entry.settle(born, (start, now), weight, outcome))
            }
        }
    }

    /// Forgets a key of which nothing is remembered: it has no packed state.
    pub(super) fn forget(&mut self, key: Digest) {
        if let Keyed::Whole(table) = self {
            table.remove(key);
        }
    }

    /// A key that is not needed may be idle earlier than it was.
    pub(super) fn may_be_idle(&mut self, key: Digest) {
        match self {
            Keyed::Packed(packed) => {
                let tat = packed.table.get(key);
                if let Some(at) = tat.and_then(|tat| packed.fresh.unpacked(*tat).idle_at()) {
                    packed.table.is_idle_sooner(key, at);
                }
            }
            Keyed::Whole(table) => {
                if let Some(at) = table.get(key).and_then(|entry| entry.rates.idle_at(Timestamp::ZERO)) {
                    table.is_idle_sooner(key, at);
                }
            }
        }
    }

    /// Puts another state of the user's policy in place, if the key is known.
    pub(super) fn put_own(&mut self, key: Digest, state: Kept) {
        if let Keyed::Whole(table) = self
            && let Some(own) = table.get_mut(key).and_then(|entry| entry.rates.own.as_mut())
        {
            own.put(state);
        }
    }

    /// Puts in a key that is not known; `false` if there is no room, even after forgetting who is idle at `now` and not
    /// `needed`.
    pub(super) fn insert(
        &mut self,
        key: Digest,
        entry: Entry,
        now: Timestamp,
        needed: impl Fn(&Digest) -> bool,
    ) -> bool {
        match self {
            Keyed::Packed(packed) => {
                let Some(tat) = entry.packed() else {
                    self.unpack();
                    return self.insert(key, entry, now, needed);
                };
                let fresh = &packed.fresh;
                packed.table.insert(key, tat, now, |key, tat| {
                    if needed(key) { None } else { fresh.unpacked(*tat).idle_at() }
                })
            }
            Keyed::Whole(table) => table.insert(key, Box::new(entry), now, |key, entry| {
                if needed(key) { None } else { entry.rates.idle_at(now) }
            }),
        }
    }

    /// Puts in a key that is not known, whether or not there is room.
    pub(super) fn put(&mut self, key: Digest, entry: Entry) {
        match self {
            Keyed::Packed(packed) => {
                let Some(tat) = entry.packed() else {
                    self.unpack();
                    return self.put(key, entry);
                };
                packed.table.put(key, tat);
            }
            Keyed::Whole(table) => table.put(key, Box::new(entry)),
        }
    }

    /// The same states under these guards.
    pub(super) fn set_guards(&mut self, rates: &[Guarded]) {
        match self {
            Keyed::Packed(packed) => {
                packed.table.may_all_be_idle();
                let mut all = All::of(packed.rate, packed.fresh.clone());
                all.set_guards(rates);
                if let Some((rate, fresh)) = all.only_token_bucket() {
                    (packed.rate, packed.fresh) = (*rate, fresh.clone());
                }
            }
            Keyed::Whole(table) => {
                table.states_mut().for_each(|entry| entry.rates.set_guards(rates));
            }
        }
    }

    /// The same with nothing taken, entries of another number.
    pub(super) fn anew(&self, born: u64) -> Self {
        match self {
            Keyed::Packed(packed) => {
                let fresh = All::of(packed.rate, packed.fresh.clone());
                Keyed::new(&fresh, packed.table.bound(), born)
            }
            Keyed::Whole(table) => Keyed::Whole(Table::new(table.bound())),
        }
    }

    /// A key as fresh, at `now`; its next entry is another one.
    pub(super) fn reset(&mut self, key: Digest, now: Timestamp, born: u64) {
        match self {
            Keyed::Packed(packed) => {
                if let Some(tat) = packed.table.remove(key) {
                    let until = packed.fresh.unpacked(tat).idle_at().unwrap_or(Timestamp::MAX);
                    packed.remember(key, (born, until), now);
                }
            }
            Keyed::Whole(table) => drop(table.remove(key)),
        }
    }

    /// States that have outgrown 64 bits, as after years of a fine rate: each on the heap from now on.
    fn unpack(&mut self) {
        let Keyed::Packed(packed) = self else { return };
        let mut table = Table::new(packed.table.bound());
        for (key, tat) in packed.table.iter() {
            table.put(*key, Box::new(packed.entry(*key, *tat)));
        }
        *self = Keyed::Whole(table);
    }
}

impl Packed {
    fn entry(&self, key: Digest, tat: u64) -> Entry {
        Entry { rates: All::of(self.rate, self.fresh.unpacked(tat)), born: self.born(key) }
    }

    fn earliest(&self, tat: u64, now: Timestamp, weight: u32) -> Verdict {
        Verdict { earliest: self.fresh.unpacked(tat).earliest(now, weight), rate: Some(self.rate.rate) }
    }

    #[inline]
    fn born(&self, key: Digest) -> u64 {
        if self.reset.is_empty() {
            return self.born;
        }
        self.reset.get(&key).map_or(self.born, |(born, _)| *born)
    }

    fn remember(&mut self, key: Digest, reset: (u64, Timestamp), now: Timestamp) {
        if self.reset.len() >= self.look_at {
            self.reset.retain(|_, (_, until)| *until > now);
            self.look_at = FEW.max(2 * self.reset.len());
        }
        self.reset.insert(key, reset);
    }
}
