//! What is told of a store that does not answer.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ratelimit_core::store::{Answer, Ask, Failure, MemoryStore, Store};
use ratelimit_core::{Bucket, ErrorKind, Rate};

use super::listener::told;

/// Fails while it is off.
#[derive(Debug, Default)]
struct Switched {
    store: MemoryStore,
    is_off: AtomicBool,
    /// What it fails with looks at that bucket as it is told.
    bucket: Arc<OnceLock<Bucket>>,
}

/// Foreign code runs where it is shown: it finds no lock held.
#[derive(Debug)]
struct Cause(Arc<OnceLock<Bucket>>);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bucket = self.0.get().expect("the bucket");
        bucket.pause(Duration::ZERO).expect("nobody holds its lock");
        f.write_str("the cable is out")
    }
}

impl std::error::Error for Cause {}

impl Store for Switched {
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>> {
        if self.is_off.load(Ordering::SeqCst) {
            return vec![Err(Failure::new(Cause(Arc::clone(&self.bucket)))); asks.len()];
        }
        self.store.play(asks, timeout)
    }
}

#[test]
fn an_outage_is_told_once_with_its_cause_and_so_is_its_end() {
    let store = Arc::new(Switched::default());
    let bucket = Bucket::named("b", Rate::per_second(1000)).store(Arc::clone(&store));
    store.bucket.set(bucket.clone()).expect("the first");
    let call = || bucket.request().key("ann").try_acquire();
    let (_, events) = told(call);
    assert_eq!(events, <[&str; 0]>::default());
    store.is_off.store(true, Ordering::SeqCst);
    let of_stores = |events: Vec<String>| -> Vec<String> {
        events.into_iter().filter(|event| event.contains(" store_")).collect()
    };
    let ((), events) = told(|| (0..8).for_each(|_| assert_eq!(call().unwrap_err().kind(), ErrorKind::Store)));
    let refused = "DEBUG refused allowed_ms=0 bucket=b kind=store scope=bucket weight=1";
    assert_eq!(events.iter().filter(|event| *event == refused).count(), 8, "{events:?}");
    assert_eq!(of_stores(events), ["WARN store_away bucket=b failure=the cable is out"]);
    store.is_off.store(false, Ordering::SeqCst);
    // A store that is away is asked again after a tenth of a second of real time.
    let ((), events) = told(|| {
        while call().is_err() {
            std::thread::yield_now();
        }
    });
    assert_eq!(of_stores(events), ["INFO store_back bucket=b"]);
}

#[test]
fn other_limits_of_one_generation_are_told_once() {
    let store = Arc::new(MemoryStore::default());
    let bucket = |rate, generation| Bucket::named("b", rate).store(Arc::clone(&store)).generation(generation);
    let (one, other) = (bucket(Rate::per_hour(1000), 0), bucket(Rate::per_hour(999), 0));
    let call = |bucket: &Bucket| drop(bucket.try_acquire().expect("there is room"));
    let ((), events) = told(|| call(&one));
    assert_eq!(events, <[&str; 0]>::default());
    let ((), events) = told(|| (0..3).for_each(|_| [&other, &one].into_iter().for_each(call)));
    assert_eq!(events, ["WARN limits_differ bucket=b"; 2], "once for each of them");
    let newer = bucket(Rate::per_hour(998), 1);
    let ((), events) = told(|| [&newer, &one, &newer].into_iter().for_each(call));
    assert_eq!(events, <[&str; 0]>::default(), "that is how limits are changed");
}
