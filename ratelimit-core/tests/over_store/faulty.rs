//! A store of which tests say when it fails, and what it loses.
#![allow(clippy::unwrap_used, reason = "helpers of tests: nobody panics with a lock")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ratelimit_core::clock::ManualClock;
use ratelimit_core::store::{Answer, Ask, Failure, MemoryStore, Store};

/// A store on a manual clock.
#[derive(Debug)]
pub(crate) struct Faulty {
    pub(crate) store: MemoryStore,
    /// The next trip fails: before anything is played, or after that.
    fails: Mutex<Option<Fault>>,
    /// As long as somebody holds it nobody is answered.
    pub(crate) gate: Mutex<()>,
    /// Counts trips, and what was asked in them.
    pub(crate) trips: AtomicU64,
    pub(crate) asks: AtomicU64,
    has_failed: AtomicBool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Before,
    After,
}

impl Faulty {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        Faulty {
            store: MemoryStore::new(clock.clone()),
            fails: Mutex::new(None),
            gate: Mutex::new(()),
            trips: AtomicU64::new(0),
            asks: AtomicU64::new(0),
            has_failed: AtomicBool::new(false),
        }
    }

    pub(crate) fn fail_next(&self, fault: Fault) {
        *self.fails.lock().unwrap() = Some(fault);
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::SeqCst)
    }

    pub(crate) fn asks(&self) -> u64 {
        self.asks.load(Ordering::SeqCst)
    }
}

impl Store for Faulty {
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>> {
        self.trips.fetch_add(1, Ordering::SeqCst);
        self.asks.fetch_add(asks.len() as u64, Ordering::SeqCst);
        drop(self.gate.lock().unwrap());
        let fault = self.fails.lock().unwrap().take();
        if fault.is_some() {
            self.has_failed.store(true, Ordering::SeqCst);
        }
        let failed = || vec![Err(Failure::new("it failed")); asks.len()];
        if fault == Some(Fault::Before) {
            return failed();
        }
        let answers = self.store.play(asks, timeout);
        if fault == Some(Fault::After) { failed() } else { answers }
    }

    /// Long, as tests may be slow.
    fn timeout(&self) -> Duration {
        Duration::from_secs(60)
    }
}
