//! A store that fails, and what becomes of calls meanwhile and afterwards. How long that takes is what is tested, in real
//! time.
#![expect(clippy::disallowed_methods, clippy::expect_used, reason = "real time is what is tested")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod own;
mod refunds;
mod table;
mod told;
mod trips;

use std::error::Error as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ratelimit_core::clock::ManualClock;
use ratelimit_core::store::{Answer, Ask, Failure, MemoryStore, OnOutage, Store};
use ratelimit_core::{Bucket, ErrorKind, Rate, RateOutlook};

use crate::machine::in_real_time;

/// A store that can be switched off.
#[derive(Debug, Default)]
struct Switched {
    store: MemoryStore,
    is_off: AtomicBool,
    /// So many trips fail from now on; with the reply lost, if `loses`, after they were played.
    fails: AtomicUsize,
    /// So many before that do not.
    spares: AtomicUsize,
    loses: AtomicBool,
    /// How long each trip takes, and how long its answers take that are given.
    takes: Mutex<Duration>,
    answers_after: Mutex<Duration>,
    trips: AtomicUsize,
    /// How long each ask takes; those for which no time is left are not played.
    each: Mutex<Duration>,
    /// The most that was asked in one, and how much in all.
    most: AtomicUsize,
    asks: AtomicUsize,
    /// As long as somebody holds it nobody is answered.
    gate: Mutex<()>,
    timeout: Option<Duration>,
}

impl Store for Switched {
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>> {
        self.trips.fetch_add(1, Ordering::Relaxed);
        self.most.fetch_max(asks.len(), Ordering::Relaxed);
        self.asks.fetch_add(asks.len(), Ordering::Relaxed);
        drop(self.gate.lock().expect("nobody panics with it"));
        let takes = *self.takes.lock().expect("nobody panics with it");
        thread::sleep(takes.min(timeout));
        if takes > timeout {
            return vec![Err(Failure::new("too slow")); asks.len()];
        }
        let less = |fails: usize| fails.checked_sub(1);
        let next =
            |count: &AtomicUsize| count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        let fails = !next(&self.spares) && next(&self.fails);
        if fails && self.loses.load(Ordering::Relaxed) {
            self.store.play(asks, timeout);
        }
        if fails || self.is_off.load(Ordering::Relaxed) {
            return vec![Err(Failure::new("switched off")); asks.len()];
        }
        let each = *self.each.lock().expect("nobody panics with it");
        let answers = match u32::try_from(asks.len()).expect("a few") * each {
            took if took <= timeout => {
                thread::sleep(took);
                self.store.play(asks, timeout)
            }
            _ => {
                let in_time = (timeout.as_nanos() / each.as_nanos()) as usize;
                thread::sleep(timeout);
                let mut answers = self.store.play(&asks[..in_time], timeout);
                answers.resize_with(asks.len(), || Err(Failure::new("no time was left")));
                answers
            }
        };
        thread::sleep(*self.answers_after.lock().expect("nobody panics with it"));
        answers
    }

    fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(Duration::from_millis(250))
    }
}

impl Switched {
    fn switch(&self, is_off: bool) {
        self.is_off.store(is_off, Ordering::Relaxed);
    }

    /// The next trips fail: too few for the store to count as away.
    fn fail(&self, trips: usize) {
        self.fails.store(trips, Ordering::Relaxed);
    }
}

/// Goes on until `done`, for at most two seconds.
fn within_two_seconds(mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < Duration::from_secs(2), "not within two seconds");
        thread::sleep(Duration::from_millis(5));
    }
}

/// What time it is there.
fn time_of(store: &Arc<Switched>) -> u64 {
    let bucket = Bucket::named("of its own", Rate::per_second(1000)).store(Arc::clone(store));
    bucket.try_acquire().unwrap().counted().unwrap()
}

/// A process of its own that goes on with that share of so many an hour. By its clock all trips are short and no start is
/// late, however busy the machine is.
fn process(store: &Arc<Switched>, amount: u32, share: f64) -> Bucket {
    let bucket =
        Bucket::named("api", Rate::per_hour(amount)).store(Arc::clone(store)).clock(ManualClock::new());
    bucket.on_outage(OnOutage::Local { share })
}

fn used(bucket: &Bucket) -> u32 {
    bucket.peek().unwrap().rates()[0].used()
}

fn starts(bucket: &Bucket, tries: usize) -> usize {
    (0..tries).filter(|_| bucket.try_acquire().is_ok()).count()
}

fn used_of(bucket: &Bucket, key: u32) -> u32 {
    bucket.request().key(key).peek().unwrap().rates()[0].used()
}

#[test]
fn calls_fail_unless_said_otherwise_and_go_on_by_themselves() {
    let store = Arc::new(Switched::default());
    let bucket = Bucket::named("api", Rate::per_second(1000)).store(Arc::clone(&store));
    store.switch(true);
    for _ in 0..20 {
        let error = bucket.try_acquire().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store);
        assert_eq!(error.source().unwrap().to_string(), "switched off");
        let said = "bucket `api` is kept in a store that does not answer";
        assert_eq!((error.to_string(), format!("{error:#}")), (said.into(), format!("{said}: switched off")));
    }
    let trips = store.trips.load(Ordering::Relaxed);
    assert!(trips < 8, "while it is away it is left alone: {trips}");
    store.switch(false);
    within_two_seconds(|| bucket.try_acquire().is_ok());
}

#[test]
fn by_itself_a_process_keeps_to_its_share_and_tells_it_afterwards() {
    let store = Arc::new(Switched::default());
    let declared = || {
        let bucket = Bucket::named("api", Rate::per_hour(20)).store(Arc::clone(&store));
        bucket.on_outage(OnOutage::Local { share: 0.5 })
    };
    let (one, other) = (declared(), declared());
    for _ in 0..4 {
        drop(one.try_acquire().unwrap());
    }
    store.switch(true);
    let granted = (0..30).filter(|_| one.try_acquire().is_ok()).count();
    assert_eq!(granted, 6, "its half, less what it has started before");
    store.switch(false);
    within_two_seconds(|| {
        let _ = one.try_acquire();
        other.peek().is_ok_and(|outlook| outlook.rates()[0].used() >= 10)
    });
    let granted = (0..30).filter(|_| other.try_acquire().is_ok()).count();
    let used = other.peek().unwrap().rates()[0].used();
    assert_eq!(used, 20, "{granted} granted after ten");
}

#[test]
fn everything_may_be_allowed() {
    let store = Arc::new(Switched::default());
    let bucket = Bucket::named("api", Rate::per_hour(2)).store(Arc::clone(&store));
    let bucket = bucket.on_outage(OnOutage::Allow);
    store.switch(true);
    let mut started = 0;
    let mut start = || {
        let granted = bucket.try_acquire().is_ok();
        started += u32::from(granted);
        granted
    };
    assert!((0..50).all(|_| start()));
    store.switch(false);
    within_two_seconds(|| !start());
    assert_eq!(bucket.peek().unwrap().rates()[0].used(), started);
}

#[test]
fn what_the_store_has_lost_is_put_back() {
    let store = Arc::new(Switched::default());
    let declared =
        || Bucket::named("api", Rate::per_hour(10)).total(Rate::per_hour(15)).store(Arc::clone(&store));
    let (one, other) = (declared(), declared());
    for _ in 0..4 {
        drop(one.try_acquire().unwrap());
        drop(other.try_acquire().unwrap());
    }
    store.store.clear();
    drop(one.try_acquire().unwrap());
    assert_eq!(one.peek().unwrap().rates()[0].used(), 5, "what the other started is not known yet");
    drop(other.try_acquire().unwrap());
    let outlook = other.peek().unwrap();
    assert_eq!(outlook.rates().iter().map(RateOutlook::used).collect::<Vec<_>>(), [10, 10]);
    assert!(one.try_acquire().is_err());
}

#[test]
fn no_call_takes_longer_than_one_trip_may() {
    in_real_time(|| {
        let store = Arc::new(Switched::default());
        let bucket = Bucket::named("api", Rate::per_second(1000)).store(Arc::clone(&store));
        *store.takes.lock().unwrap() = Duration::from_secs(10);
        for _ in 0..5 {
            let begin = Instant::now();
            assert_eq!(bucket.try_acquire().unwrap_err().kind(), ErrorKind::Store);
            assert!(begin.elapsed() < Duration::from_millis(550), "{:?}", begin.elapsed());
        }
    });
}

/// Each start is within the guard of how it is counted, although the answer takes longer than that.
#[test]
fn a_slow_store_serves_in_time() {
    in_real_time(|| {
        let store = Arc::new(Switched::default());
        let bucket = Bucket::named("api", Rate::per_second(5)).store(Arc::clone(&store));
        *store.takes.lock().unwrap() = Duration::from_millis(60);
        let begin = Instant::now();
        let starts: Vec<Duration> = (0..11)
            .map(|_| {
                drop(bucket.request().max_delay(Duration::from_secs(5)).acquire().unwrap());
                begin.elapsed()
            })
            .collect();
        for (first, sixth) in starts.iter().zip(&starts[5..]) {
            assert!(*sixth > *first + Duration::from_secs(1), "{starts:?}");
        }
        assert!(starts[10] < Duration::from_secs(4), "{starts:?}");
    });
}
