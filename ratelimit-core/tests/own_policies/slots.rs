//! A policy that panics where it is told to.

#![expect(clippy::panic, reason = "that is what it is for")]

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use ratelimit_core::Bucket;
use ratelimit_core::clock::{ManualClock, Timestamp};
use ratelimit_core::feedback::Feedback;
use ratelimit_core::policy::{Earliest, Outcome, Policy};

use crate::common::ns;

/// What a [`Slots`] can be made to panic at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Earliest,
    Commit,
    Settle,
    IdleAt,
    Fork,
}

pub(crate) const METHODS: [Method; 5] =
    [Method::Earliest, Method::Commit, Method::Settle, Method::IdleAt, Method::Fork];

/// What a test knows of, and does to, all the states of one prototype.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    faulty: [AtomicBool; 5],
    /// What it panics with panics again as it is dropped.
    twice: AtomicBool,
    settled: AtomicU32,
    refunded: AtomicU32,
    /// What servers answered, and what of the call counted then.
    answers: Mutex<Vec<(u32, Feedback)>>,
    forked: AtomicU32,
}

impl Probe {
    pub(crate) fn set(&self, method: Method, is_faulty: bool) {
        self.faulty[method as usize].store(is_faulty, Ordering::SeqCst);
    }

    pub(crate) fn meet(&self, method: Method) {
        if self.faulty[method as usize].load(Ordering::SeqCst) {
            if self.twice.load(Ordering::SeqCst) {
                panic_any(Bomb);
            }
            panic!("{method:?} is faulty");
        }
    }

    pub(crate) fn panic_twice(&self) {
        self.twice.store(true, Ordering::SeqCst);
    }

    pub(crate) fn forked(&self) -> u32 {
        self.forked.load(Ordering::SeqCst)
    }

    pub(crate) fn answers(&self) -> Vec<(u32, Feedback)> {
        self.answers.lock().expect("no test panics under it").clone()
    }

    pub(crate) fn ended(&self) -> (u32, u32) {
        (self.settled.load(Ordering::SeqCst), self.refunded.load(Ordering::SeqCst))
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a panic's end");
    }
}

/// So much weight at once, free again as calls end; the server may say how much.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    pub(crate) amount: u32,
    /// What a fresh one has.
    first: u32,
    pub(crate) taken: u32,
    probe: Arc<Probe>,
}

impl Slots {
    pub(crate) fn new(amount: u32) -> (Arc<Probe>, Self) {
        let probe = Arc::new(Probe::default());
        (Arc::clone(&probe), Slots { amount, first: amount, taken: 0, probe })
    }
}

impl Policy for Slots {
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        self.probe.meet(Method::Earliest);
        if weight > self.amount {
            Earliest::Never
        } else if self.taken.saturating_add(weight) <= self.amount {
            Earliest::At(now)
        } else {
            Earliest::WhenSettled
        }
    }

    fn commit(&mut self, _now: Timestamp, weight: u32) {
        self.taken += weight;
        // Half done by now: that is what the fork is for.
        self.probe.meet(Method::Commit);
    }

    fn settle(&mut self, _start: Timestamp, _now: Timestamp, weight: u32, outcome: &Outcome) {
        let free = match outcome {
            // It may come in parts.
            Outcome::Refund(given) => {
                self.probe.refunded.fetch_add(1, Ordering::SeqCst);
                weight.min(*given)
            }
            Outcome::NoNews => {
                self.probe.settled.fetch_add(1, Ordering::SeqCst);
                weight
            }
            Outcome::Feedback(said) => {
                self.amount = said.limit.and_then(|limit| limit.try_into().ok()).unwrap_or(self.amount);
                self.probe.answers.lock().expect("no test panics under it").push((weight, said.clone()));
                0
            }
            other => panic!("{other:?} is news to it"),
        };
        self.taken = self.taken.checked_sub(free).expect("settled once for each commit");
        self.probe.meet(Method::Settle);
    }

    fn idle_at(&self) -> Option<Timestamp> {
        self.probe.meet(Method::IdleAt);
        (self.taken == 0 && self.amount >= self.first).then_some(Timestamp::ZERO)
    }

    fn fork(&self) -> Box<dyn Policy> {
        self.probe.meet(Method::Fork);
        self.probe.forked.fetch_add(1, Ordering::SeqCst);
        Box::new(self.clone())
    }
}

pub(crate) fn bucket(policy: impl Policy) -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    let bucket = Bucket::with_policy("own", policy).guard(ns(0)).clock(clock.clone());
    (clock, bucket)
}

pub(crate) fn slots(amount: u32) -> (Arc<Probe>, ManualClock, Bucket) {
    let (probe, policy) = Slots::new(amount);
    let (clock, bucket) = bucket(policy);
    (probe, clock, bucket)
}

pub(crate) fn taken(bucket: &Bucket) -> u32 {
    bucket.request().with_policy(|slots: &mut Slots, _| slots.taken).expect("it is open")
}

pub(crate) fn panics<R>(call: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(call)).is_err()
}
