use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use super::{LOOKS, Segment, Table};
use crate::dice::Dice;
use crate::key::Digest;
use crate::time::Timestamp;

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

fn digest(dice: &mut Dice) -> Digest {
    Digest::of(dice.next(), dice.next())
}

impl<S> Segment<S> {
    /// Everything stands at its home or behind it without a gap, and there is always an empty slot.
    fn is_sound(&self, idle: impl Fn(&Digest, &S) -> u64) {
        let taken: Vec<usize> = (0..self.slots.len()).filter(|slot| self.slots[*slot].is_some()).collect();
        assert_eq!(taken.len(), self.len, "so many are in it");
        assert!(
            6 * self.len < 5 * self.slots.len() + 6 && self.len <= self.slots.len() * 7 / 8,
            "{} of {}",
            self.len,
            self.slots.len()
        );
        assert_eq!(self.slots.len() % 8, 0);
        for slot in taken {
            let (key, state) = self.slots[slot].as_ref().expect("it is taken");
            assert!(
                self.probe(*key).take_while(|index| *index != slot).all(|index| self.slots[index].is_some())
            );
            assert!(self.idle_from <= at(idle(key, state)), "one is idle before it is looked for");
        }
    }
}

/// A table of times from which its entries are idle, and what it ought to hold.
struct Pair {
    table: Table<u64>,
    model: HashMap<Digest, u64>,
    needed: HashSet<Digest>,
    now: u64,
    forgotten: usize,
    refused: usize,
}

impl Pair {
    fn new(bound: usize) -> Self {
        let (table, model, needed) = (Table::new(bound), HashMap::new(), HashSet::new());
        Pair { table, model, needed, now: 0, forgotten: 0, refused: 0 }
    }

    fn insert(&mut self, key: Digest, idle_at: u64) {
        let needed = &self.needed;
        let idle = |key: &Digest, idle_at: &u64| (!needed.contains(key)).then(|| at(*idle_at));
        let is_in = self.table.insert(key, idle_at, at(self.now), idle);
        if is_in {
            self.model.insert(key, idle_at);
        } else {
            self.refused += 1;
            assert!(self.model.len() >= self.table.bound(), "refused though there was room");
            let may_go = |(key, idle_at): (&Digest, &u64)| *idle_at <= self.now && !needed.contains(key);
            assert!(!self.model.iter().any(may_go), "refused though one is idle");
        }
        self.settle();
        assert!(!is_in || self.table.len <= self.table.bound(), "beyond the bound");
    }

    /// Whatever is no longer there may have gone.
    fn settle(&mut self) {
        let gone: Vec<Digest> =
            self.model.keys().filter(|key| self.table.get(**key).is_none()).copied().collect();
        for key in gone {
            let idle_at = self.model.remove(&key).expect("it was there");
            assert!(idle_at <= self.now && !self.needed.contains(&key), "a live entry was forgotten");
            self.forgotten += 1;
        }
    }

    fn agrees(&self) {
        assert_eq!(self.table.len, self.model.len());
        assert_eq!(self.table.iter().copied().collect::<HashMap<_, _>>(), self.model);
        assert_eq!(self.table.iter().count(), self.model.len(), "each is there once");
        let idle = |key: &Digest, idle_at: &u64| if self.needed.contains(key) { u64::MAX } else { *idle_at };
        self.table.segments.iter().for_each(|segment| segment.is_sound(idle));
    }

    fn step(&mut self, dice: &mut Dice, keys: &[Digest]) {
        let key = dice.pick(keys);
        let later = self.now + dice.below(60);
        let known = self.model.contains_key(&key);
        match dice.below(12) {
            0..=5 if !known => self.insert(key, later),
            0..=4 => {
                let idle_at = self.table.get_mut(key).expect("it is known");
                *idle_at = later.max(*idle_at);
                self.model.insert(key, *idle_at);
            }
            5 | 6 if known => {
                // Something is given back.
                let idle_at = self.table.get_mut(key).expect("it is known");
                *idle_at -= dice.below(*idle_at + 1);
                self.model.insert(key, *idle_at);
                let idle_at = *idle_at;
                self.table.is_idle_sooner(key, at(idle_at));
            }
            7 => assert_eq!(self.table.remove(key), self.model.remove(&key)),
            8 if known => drop(self.needed.insert(key)),
            9 => {
                self.needed.remove(&key);
                if let Some(idle_at) = self.table.get(key).copied() {
                    self.table.is_idle_sooner(key, at(idle_at));
                }
            }
            10 => self.now += dice.below(20),
            _ => assert_eq!(self.table.get(key), self.model.get(&key)),
        }
    }
}

fn play(seed: u64, bound: usize, keys: &[Digest], steps: u64) -> (usize, usize) {
    let mut dice = Dice::new(seed);
    let mut pair = Pair::new(bound);
    for step in 0..steps {
        pair.step(&mut dice, keys);
        if step % 16 == 0 {
            pair.agrees();
        }
    }
    pair.agrees();
    (pair.forgotten, pair.refused)
}

#[test]
fn it_holds_what_a_map_holds_but_for_what_is_idle() {
    let (mut forgotten, mut refused) = (0, 0);
    for seed in 0..if cfg!(miri) { 2 } else { 600 } {
        let mut dice = Dice::new(seed);
        let bound = usize::try_from(dice.pick(&[1, 2, 3, 5, 8, 20, 60])).expect("small");
        // Keys that stand close to each other, around the end of a segment above all.
        let crowd = dice.pick(&[1, 1 << 32, 1 << 59, u64::MAX]);
        let keys: Vec<Digest> = (0..=bound + bound / 2)
            .map(|_| Digest::of(dice.next(), dice.below(crowd).wrapping_sub(crowd / 2)))
            .collect();
        let (gone, not_in) = play(seed, bound, &keys, 600);
        (forgotten, refused) = (forgotten + gone, refused + not_in);
    }
    println!("{forgotten} forgotten, {refused} refused");
    assert!(cfg!(miri) || forgotten > 10_000 && refused > 10_000);
}

#[test]
#[cfg_attr(miri, ignore = "too much to be interpreted")]
fn many_segments_hold_what_a_map_holds() {
    for (seed, bound) in [(1, 1024), (2, 2048), (3, 3000), (4, 5000)] {
        let mut dice = Dice::new(seed);
        let keys: Vec<Digest> = (0..2 * bound).map(|_| digest(&mut dice)).collect();
        let mut pair = Pair::new(bound);
        for key in &keys[..bound] {
            pair.insert(*key, 1 + dice.below(1000));
        }
        pair.agrees();
        for _ in 0..3000 {
            pair.step(&mut dice, &keys);
        }
        pair.agrees();
        assert!(pair.forgotten > 100, "{} forgotten, {} refused", pair.forgotten, pair.refused);
    }
}

#[test]
#[cfg_attr(miri, ignore = "too much to be interpreted")]
fn what_is_put_in_stays_beyond_the_bound_until_it_is_idle() {
    let mut dice = Dice::new(1);
    for bound in [1, 7, 1500] {
        let mut pair = Pair::new(bound);
        for place in 0..3 * bound as u64 {
            let key = digest(&mut dice);
            pair.table.put(key, 10 + place);
            pair.model.insert(key, 10 + place);
        }
        pair.agrees();
        pair.insert(digest(&mut dice), 99);
        assert_eq!((pair.refused, pair.table.len), (1, 3 * bound), "nothing is idle yet");
        pair.now = 10 * bound as u64 + 10;
        pair.insert(digest(&mut dice), u64::MAX);
        assert!(pair.table.len <= bound && pair.table.len > 0);
        pair.agrees();
    }
}

/// One call looks at so many segments at most; the next one goes on from there.
#[test]
#[cfg_attr(miri, ignore = "too much to be interpreted")]
fn at_the_bound_what_is_idle_is_found_by_the_next_calls() {
    let mut dice = Dice::new(1);
    let segments = 2 * LOOKS + 10;
    let bound = segments * 1024;
    let mut table = Table::new(bound);
    let idle = |_: &Digest, idle_at: &u64| Some(at(*idle_at));
    let keys: Vec<Digest> = (0..bound).map(|_| digest(&mut dice)).collect();
    for key in &keys {
        assert!(table.insert(*key, 10, at(0), idle));
    }
    assert_eq!((table.len, table.segments.len()), (bound, segments));
    let last = *keys.iter().max_by_key(|key| key.high()).expect("keys");
    for key in keys.iter().filter(|key| **key != last) {
        *table.get_mut(*key).expect("it is there") = 1000;
    }
    let tries: Vec<bool> = (0..4).map(|_| table.insert(digest(&mut dice), 1000, at(20), idle)).collect();
    assert_eq!(tries, [false, false, true, false]);
    assert!(table.get(last).is_none() && table.len == bound);
    assert!(keys.iter().all(|key| *key == last || table.get(*key).is_some()));
}

#[test]
#[cfg_attr(miri, ignore = "too much to be interpreted")]
fn an_entry_costs_a_slot_and_a_bounded_part_of_another() {
    assert_eq!(size_of::<Option<(Digest, u64)>>(), 24);
    let mut dice = Dice::new(1);
    let bound = 1_000_000;
    let mut table = Table::new(bound);
    for entries in 1..=bound {
        assert!(table.insert(digest(&mut dice), u64::MAX, at(0), |_, idle_at| Some(at(*idle_at))));
        if [100_000, 200_000, 300_000, 500_000, 700_000, bound].contains(&entries) {
            let slots: usize = table.segments.iter().map(|segment| segment.slots.len()).sum();
            let per_entry = 100 * slots / entries;
            println!("{entries} entries: {per_entry} slots for a hundred");
            assert!((120..180).contains(&per_entry), "{slots} slots for {entries} entries");
        }
    }
    assert!(!table.insert(digest(&mut dice), u64::MAX, at(1), |_, idle_at| Some(at(*idle_at))));
}

/// What is needed is looked at once, and again only once that it is needed no more was told: at the bound a new key
/// does not walk over all the others.
#[test]
#[cfg_attr(miri, ignore = "too much to be interpreted")]
fn a_new_key_looks_at_what_is_needed_no_second_time() {
    let mut dice = Dice::new(1);
    let bound = 8 * 1024;
    let (looks, needed) = (Cell::new(0_usize), RefCell::new(HashSet::new()));
    let idle = |key: &Digest, idle_at: &u64| {
        looks.set(looks.get() + 1);
        (!needed.borrow().contains(key)).then(|| at(*idle_at))
    };
    let mut table = Table::new(bound);
    let keys: Vec<Digest> = (0..bound).map(|_| digest(&mut dice)).collect();
    for key in &keys {
        needed.borrow_mut().insert(*key);
        assert!(table.insert(*key, 0, at(0), idle));
    }
    let mut tries = |now: u64, table: &mut Table<u64>| {
        looks.set(0);
        (0..200).for_each(|later| assert!(!table.insert(digest(&mut dice), 0, at(now + later), idle)));
        looks.get()
    };
    assert!(tries(1000, &mut table) <= bound + 200, "each of those there once");
    assert!(tries(2000, &mut table) <= 200, "{} for nothing", looks.get());
    // One is needed no more, and idle only later.
    needed.borrow_mut().remove(&keys[7]);
    *table.get_mut(keys[7]).expect("it is there") = 4000;
    table.is_idle_sooner(keys[7], at(4000));
    assert!(tries(3000, &mut table) <= 200, "{} for nothing", looks.get());
    looks.set(0);
    let new = Digest::of(1, 1);
    assert!(table.insert(new, u64::MAX, at(4000), idle) && table.get(keys[7]).is_none());
    assert!(looks.get() <= 2 * 1024, "{} in one segment", looks.get());
}
