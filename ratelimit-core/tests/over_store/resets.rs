//! What is forgotten in a store on purpose.
#![allow(clippy::expect_used, reason = "a failure of the tests' own world")]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ratelimit_core::clock::ManualClock;
use ratelimit_core::feedback::Feedback;
use ratelimit_core::{Bucket, Rate};

use crate::faulty::Faulty;

/// All keys together, and no trip for each.
#[test]
fn a_reset_asks_for_many_keys_in_a_trip() {
    let clock = ManualClock::new();
    let store = Arc::new(Faulty::new(&clock));
    let process = || Bucket::named("api", Rate::per_hour(1)).store(Arc::clone(&store)).clock(clock.clone());
    let (one, other) = (process(), process());
    for key in 0..300 {
        drop(one.request().key(key).try_acquire().expect("the first of its key"));
    }
    // Learning, each of them has the bucket's window and one by the route.
    one.request().key(0).route("GET /").observe(&Feedback::default()).expect("a bucket that is open");
    one.peek().expect("a store that answers");
    let (asks, trips) = (store.asks(), store.trips.load(Ordering::SeqCst));
    one.reset().expect("a store that answers");
    assert_eq!(store.asks() - asks, 301 * 3);
    assert_eq!(store.trips.load(Ordering::SeqCst) - trips, 4, "256 asks each");
    assert!((0..300).all(|key| other.request().key(key).try_acquire().is_ok()));
    let trips = store.trips.load(Ordering::SeqCst);
    one.request().key(7).reset().expect("a store that answers");
    assert_eq!(store.trips.load(Ordering::SeqCst) - trips, 1);
    assert!(other.request().key(7).try_acquire().is_ok() && other.request().key(8).try_acquire().is_err());
}
