//! Threads meet an entry of the keyed table at the moment it may be forgotten.

mod common;

use std::time::Duration;

use common::{FOREVER, ONE_BY_ONE, SECOND, Waiter, bucket, explore, kind, wait};
use ratelimit_core::clock::ManualClock;
use ratelimit_core::{Bucket, Error, ErrorKind, Permit, Rate};
use shuttle::thread::{self, JoinHandle};

/// A bucket with room for so many keys, and how long a start counts in it.
fn keyed(rate: Rate, most: usize) -> (Bucket, ManualClock, Duration) {
    let (bucket, clock) = bucket(rate);
    let bucket = bucket.max_keys(most);
    let _running = bucket.request().key("x").try_acquire().expect("the first");
    let step = bucket.request().key("x").peek().unwrap().wait().unwrap();
    clock.advance(2 * SECOND);
    (bucket, clock, step)
}

fn trying(bucket: &Bucket, key: &'static str) -> JoinHandle<Result<Permit, Error>> {
    let bucket = bucket.clone();
    thread::spawn(move || bucket.request().key(key).try_acquire())
}

/// Its time is just over: exactly one of two starts, whatever becomes of the entry.
#[test]
fn two_threads_of_one_expired_key() {
    explore("two threads of one expired key", || {
        for rate in ONE_BY_ONE {
            let (bucket, clock, step) = keyed(rate, 1);
            drop(bucket.request().key("a").try_acquire().expect("x is idle"));
            clock.advance(step);
            let (one, other) = (trying(&bucket, "a"), trying(&bucket, "a"));
            let ended = [one.join().unwrap(), other.join().unwrap()].map(kind);
            assert!(ended.contains(&None) && ended.contains(&Some(ErrorKind::Limited)), "{ended:?}");
        }
    });
}

/// There is room for one key: who comes back to the expired one and who needs its place exclude each other.
#[test]
fn an_expired_key_and_one_that_needs_its_place() {
    explore("an expired key and one that needs its place", || {
        for rate in ONE_BY_ONE {
            let (bucket, clock, step) = keyed(rate, 1);
            drop(bucket.request().key("a").try_acquire().expect("x is idle"));
            clock.advance(step);
            let (back, new) = (trying(&bucket, "a"), trying(&bucket, "b"));
            let ended = [back.join().unwrap(), new.join().unwrap()].map(kind);
            assert!(ended.contains(&None) && ended.contains(&Some(ErrorKind::TooManyKeys)), "{ended:?}");
        }
    });
}

/// The time passes meanwhile: at most one of three starts, and a key that is live keeps its place.
#[test]
fn an_entry_that_expires_meanwhile() {
    explore("an entry that expires meanwhile", || {
        for rate in ONE_BY_ONE {
            let (bucket, clock, step) = keyed(rate, 1);
            drop(bucket.request().key("a").try_acquire().expect("x is idle"));
            let threads = ["a", "b", "b"].map(|key| trying(&bucket, key));
            clock.advance(step);
            let ended = threads.map(|thread| kind(thread.join().unwrap()));
            assert!(ended.iter().filter(|ended| ended.is_none()).count() <= 1, "{ended:?}");
            // Nobody else came: now or then somebody starts.
            let now = ["a", "b"].map(|key| kind(bucket.request().key(key).try_acquire()));
            let started = ended.iter().chain(&now).filter(|ended| ended.is_none()).count();
            assert_eq!(started, 1, "{ended:?} {now:?}");
        }
    });
}

/// What an old call gives back is not given to the entry that stands in the place of its own.
#[test]
fn a_refund_of_an_entry_that_expired() {
    explore("a refund of an entry that expired", || {
        for rate in ONE_BY_ONE {
            let (bucket, clock, step) = keyed(rate, 1);
            let old = bucket.request().key("a").try_acquire().expect("x is idle");
            clock.advance(step);
            let refunding = thread::spawn(move || old.refund());
            let (one, other) = (trying(&bucket, "a"), trying(&bucket, "a"));
            let new = trying(&bucket, "b");
            refunding.join().unwrap();
            let ended = [one, other, new].map(|thread| kind(thread.join().unwrap()));
            assert_eq!(ended.iter().filter(|ended| ended.is_none()).count(), 1, "{ended:?}");
            let more = kind(bucket.request().key("a").try_acquire());
            assert!(more.is_some(), "{ended:?}");
        }
    });
}

/// An expired entry on which somebody waits keeps its place, though it is forgotten otherwise.
#[test]
fn an_expired_entry_on_which_somebody_waits() {
    explore("an expired entry on which somebody waits", || {
        for rate in ONE_BY_ONE {
            let (bucket, clock, step) = keyed(rate, 1);
            drop(bucket.request().key("a").try_acquire().expect("x is idle"));
            let waiter = Waiter::of(bucket.request().key("a").max_delay(FOREVER).acquire_async());
            let waiter = thread::spawn(move || waiter.wait());
            let new = trying(&bucket, "b");
            clock.advance(step);
            drop(waiter.join().unwrap().expect("a permit"));
            assert_eq!(kind(new.join().unwrap()), Some(ErrorKind::TooManyKeys));
        }
    });
}

/// What an old call gives back after its key was reset is not taken from those who came since, and nobody else is
/// touched.
#[test]
fn a_refund_of_a_key_that_was_reset() {
    explore("a refund of a key that was reset", || {
        for rate in ONE_BY_ONE {
            let (bucket, _, step) = keyed(rate, 2);
            let old = bucket.request().key("a").try_acquire().expect("x is idle");
            bucket.request().key("a").reset().unwrap();
            let refunding = thread::spawn(move || old.refund());
            let threads = ["a", "a", "b"].map(|key| trying(&bucket, key));
            refunding.join().unwrap();
            let [one, other, beside] = threads.map(|thread| kind(thread.join().unwrap()));
            assert_eq!(beside, None, "nothing was done to it");
            assert!([one, other].contains(&None) && [one, other].contains(&Some(ErrorKind::Limited)));
            assert_eq!(bucket.request().key("a").peek().unwrap().wait(), Some(step));
            assert_eq!(wait(&bucket), Duration::ZERO, "a call without key is of an entry of its own");
        }
    });
}

/// As it is reset while they come: of two one may start for each state that there was, not more.
#[test]
fn a_reset_while_keys_come() {
    explore("a reset while keys come", || {
        for rate in ONE_BY_ONE {
            let (bucket, _, step) = keyed(rate, 2);
            let resetting = thread::spawn({
                let bucket = bucket.clone();
                move || bucket.request().key("a").reset().unwrap()
            });
            let threads = ["a", "a", "a"].map(|key| trying(&bucket, key));
            resetting.join().unwrap();
            let ended = threads.map(|thread| kind(thread.join().unwrap()));
            let started = ended.iter().filter(|ended| ended.is_none()).count();
            assert!((1..=2).contains(&started), "{ended:?}");
            let waits = bucket.request().key("a").peek().unwrap().wait().unwrap();
            assert!(waits == step || waits.is_zero() && started == 1, "{ended:?}, then {waits:?}");
        }
    });
}
