//! Calls of a bucket over a store, how long they took and what they came to.

use std::error::Error as _;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ratelimit_core::store::{OnOutage, RedisStore};
use ratelimit_core::{Bucket, Error, ErrorKind, Rate};

use crate::counted::{Counted, Counts};
use crate::machine;

/// What a call may take beyond its allowance: a trip, and what a machine adds that does not stand still.
pub(crate) const TRIP: Duration = Duration::from_millis(250 + 300);

pub(crate) const AMOUNT: u32 = 100_000;

/// A bucket whose calls are counted.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) bucket: Bucket,
    /// Calls that started, and calls that failed and may have been counted all the same.
    pub(crate) granted: u32,
    pub(crate) failed: u32,
    /// When the calls that started are counted.
    starts: Vec<u64>,
    counts: Arc<Counts>,
}

impl Watched {
    pub(crate) fn over(url: &str) -> Self {
        Self::by(Rate::per_hour(AMOUNT), url)
    }

    pub(crate) fn by(rate: Rate, url: &str) -> Self {
        Self::of_bucket(rate, RedisStore::connect(url).expect("a URL"), OnOutage::Deny)
    }

    pub(crate) fn of(store: RedisStore, on_outage: OnOutage) -> Self {
        Self::of_bucket(Rate::per_hour(AMOUNT), store, on_outage)
    }

    fn of_bucket(rate: Rate, store: RedisStore, on_outage: OnOutage) -> Self {
        let (store, counts) = Counted::of(store);
        let bucket = Bucket::named("api", rate).store(store).on_outage(on_outage);
        machine::watch();
        Watched { bucket, granted: 0, failed: 0, starts: Vec::new(), counts }
    }

    /// One call, in time.
    ///
    /// What failed as it was slow may be played late, and its start lies ahead then: who may not wait is refused until
    /// that, and comes again.
    pub(crate) fn call(&mut self) -> Result<(), Error> {
        loop {
            match machine::in_time(TRIP, || self.bucket.try_acquire()) {
                Ok(permit) => {
                    self.granted += 1;
                    self.starts.push(permit.counted().expect("a store"));
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Limited => {
                    let wait = error.retry_after().expect("a time to come again");
                    assert!(wait < Duration::from_secs(1) && error.rate().is_none(), "{error}");
                    thread::sleep(wait);
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Store, "{error}");
                    assert!(error.source().is_some(), "{error}");
                    self.failed += 1;
                    return Err(error);
                }
            }
        }
    }

    pub(crate) fn goes_well(&mut self, times: usize) {
        for _ in 0..times {
            self.call().unwrap_or_else(|error| panic!("{error}"));
        }
    }

    /// Every call fails for that reason, whatever it is called.
    pub(crate) fn fails(&mut self, times: usize, reasons: &[&str]) {
        for _ in 0..times {
            let error = self.call().expect_err("a store that is away");
            let text = format!("{error:#}");
            assert!(reasons.iter().any(|reason| text.contains(reason)), "{text}");
        }
    }

    /// All is well again within two seconds.
    pub(crate) fn recovers(&mut self) {
        let begin = Instant::now();
        while self.call().is_err() {
            assert!(begin.elapsed() < Duration::from_secs(2), "not within two seconds");
            thread::sleep(Duration::from_millis(10));
        }
        self.goes_well(20);
    }

    /// What the store counts.
    pub(crate) fn used(&self) -> u32 {
        self.bucket.peek().expect("a store that answers").rates()[0].used()
    }

    /// How many more may be counted than started: what the store granted and was too late for anybody, where it could not be
    /// given back, and what it did not answer.
    pub(crate) fn doubtful(&self) -> u32 {
        self.counts.void_and_alone(self.starts.iter().copied()).0 + self.counts.lost()
    }

    /// The same, where nothing that failed was counted.
    pub(crate) fn counts_none_that_failed(&self) {
        let (used, granted) = (self.used(), self.granted);
        let late = self.counts.late_beside(self.starts.iter().copied());
        let holds = (granted..=granted + late).contains(&used);
        machine::must(holds, || format!("{used} of {granted}, {late} late, {} failed", self.failed));
    }

    /// Each call that started is counted, and none twice.
    pub(crate) fn counts(&self) {
        let (used, granted, doubtful) = (self.used(), self.granted, self.doubtful());
        let holds = (granted..=granted + doubtful).contains(&used);
        machine::must(holds, || format!("{used} of {granted} and {doubtful} that are in doubt"));
    }
}
