//! What the test targets beside this file share: buckets under a clock that is moved by hand, and the table of behaviour
//! that every form of function goes through.

pub mod table;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rate_limited::clock::ManualClock;
use rate_limited::{Bucket, Error, Outlook, Rate, Registry};

/// A registry of its own, and the clock that its buckets follow.
#[derive(Debug)]
pub struct Bench {
    /// Moves the time.
    pub clock: ManualClock,
    /// Guard zero, no allowance.
    pub registry: Registry,
}

impl Bench {
    /// One bucket of that name and rate.
    ///
    /// # Errors
    ///
    /// If the rate cannot be read.
    pub fn new(name: &str, rate: &str) -> Result<Self, Error> {
        let clock = ManualClock::new();
        let registry = Registry::builder().clock(clock.clone()).guard(Duration::ZERO).build();
        let bench = Bench { clock, registry };
        bench.add(name, rate)?;
        Ok(bench)
    }

    /// One more bucket.
    ///
    /// # Errors
    ///
    /// If the rate cannot be read.
    pub fn add(&self, name: &str, rate: &str) -> Result<Bucket, Error> {
        self.registry.register(Bucket::named(name, rate.parse::<Rate>()?))
    }

    /// How much weight the bucket's one rate counts at the moment.
    ///
    /// # Errors
    ///
    /// If there is no such bucket.
    pub fn used(&self, name: &str, key: &str) -> Result<u32, Error> {
        self.registry.get(name)?.request().key(key).peek().map(|outlook| used(&outlook))
    }

    /// The same of the calls without a key.
    ///
    /// # Errors
    ///
    /// If there is no such bucket.
    pub fn used_unkeyed(&self, name: &str) -> Result<u32, Error> {
        self.registry.get(name)?.peek().map(|outlook| used(&outlook))
    }
}

fn used(outlook: &Outlook) -> u32 {
    let mut used = 0;
    for rate in outlook.rates() {
        used += rate.used();
    }
    used
}

/// What happened, in order.
#[derive(Debug, Default)]
pub struct Log(Mutex<Vec<&'static str>>);

impl Log {
    /// Notes `event` and gives `value` back, so that an expression can be watched.
    pub fn note<T>(&self, event: &'static str, value: T) -> T {
        self.lock().push(event);
        value
    }

    /// What was noted since the last time.
    pub fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<&'static str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
