//! A policy as a user may write one, and what the oracle knows of it.

use ratelimit_core::clock::Timestamp;
use ratelimit_core::policy::{Earliest, Outcome, Policy};

use crate::schedule::KEYS;

/// So much weight at once; what a call has held rests for so many nanoseconds after it ended, unless it was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    pub amount: u32,
    pub rest: u64,
}

/// What is held and what rests, of one key.
#[derive(Clone, Debug, Default)]
struct Held {
    taken: u64,
    /// Until when so much rests; what ended first comes first.
    resting: Vec<(u64, u64)>,
}

impl Held {
    /// When `weight` more may be taken, not before `now`: `None` while only an end tells.
    fn earliest(&self, places: Places, now: u64, weight: u64) -> Option<u64> {
        let mut over = self.taken + weight;
        if over > u64::from(places.amount) {
            return None;
        }
        let mut earliest = now;
        for (until, weight) in self.resting.iter().rev().filter(|(until, _)| *until > now) {
            over += weight;
            if over > u64::from(places.amount) {
                earliest = *until;
                break;
            }
        }
        Some(earliest)
    }

    fn end(&mut self, until: u64, weight: u64) {
        self.taken -= weight;
        self.resting.push((until, weight));
    }
}

/// One key's state of [`Places`].
#[derive(Clone, Debug)]
pub(crate) struct Resting {
    places: Places,
    held: Held,
}

impl Resting {
    pub(crate) fn new(places: Places) -> Self {
        Resting { places, held: Held::default() }
    }
}

impl Policy for Resting {
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        if weight > self.places.amount {
            return Earliest::Never;
        }
        let earliest = self.held.earliest(self.places, now.as_nanos(), u64::from(weight));
        earliest.map_or(Earliest::WhenSettled, |at| Earliest::At(Timestamp::from_nanos(at)))
    }

    fn commit(&mut self, now: Timestamp, weight: u32) {
        self.held.resting.retain(|(until, _)| *until > now.as_nanos());
        self.held.taken += u64::from(weight);
    }

    fn settle(&mut self, _start: Timestamp, now: Timestamp, weight: u32, outcome: &Outcome) {
        match outcome {
            Outcome::Refund(given) => self.held.taken -= u64::from(weight.min(*given)),
            Outcome::NoNews => {
                self.held.end(now.as_nanos().saturating_add(self.places.rest), u64::from(weight));
            }
            _ => {}
        }
    }

    fn idle_at(&self) -> Option<Timestamp> {
        let last = self.held.resting.iter().map(|(until, _)| *until).max();
        (self.held.taken == 0).then(|| Timestamp::from_nanos(last.unwrap_or(0)))
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

/// All keys' states, followed from outside.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    pub places: Places,
    held: [Held; KEYS],
    /// The first part that the present state of each key was told of.
    since: [usize; KEYS],
}

impl Own {
    pub(crate) fn new(places: Places) -> Self {
        Own { places, held: Default::default(), since: [0; KEYS] }
    }

    pub(crate) fn earliest(&self, key: usize, now: u64, weight: u64) -> Option<u64> {
        self.held[key].earliest(self.places, now, weight)
    }

    pub(crate) fn take(&mut self, key: usize, weight: u64) {
        self.held[key].taken += weight;
    }

    /// So much of a part is given back.
    pub(crate) fn give_back(&mut self, key: usize, part: usize, weight: u64) {
        if part >= self.since[key] {
            self.held[key].taken -= weight;
        }
    }

    /// A part ends at `now`.
    pub(crate) fn end(&mut self, key: usize, part: usize, weight: u64, now: u64) {
        if part >= self.since[key] {
            self.held[key].end(now.saturating_add(self.places.rest), weight);
        }
    }

    /// The state of `key` is as fresh, and will be told of parts from `part` on.
    pub(crate) fn reset(&mut self, key: usize, part: usize) {
        (self.held[key], self.since[key]) = (Held::default(), part);
    }
}
