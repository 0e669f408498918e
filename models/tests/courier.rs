//! Threads and futures of one bucket ask a store, carried by one of them or by the bucket's own thread.
//!
//! That thread ends with its bucket: one that did not would be found as a thread that nobody wakes.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{FOREVER, Waiter, explore, kind};
use ratelimit_core::clock::ManualClock;
use ratelimit_core::store::{Answer, Ask, Failure, MemoryStore, Store};
use ratelimit_core::{Bucket, ErrorKind, Rate};
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::thread;

/// Gives trips an hour: they have the machine's time, and a model takes as long as the machine has else to do.
#[derive(Debug)]
struct Patient(MemoryStore);

impl Store for Patient {
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>> {
        self.0.play(asks, timeout)
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(3600)
    }
}

/// A process's bucket over a store of its own, and another process's over the same.
fn processes(rate: Rate) -> (Bucket, Bucket, ManualClock) {
    let clock = ManualClock::new();
    clock.advance(Duration::from_secs(1000));
    let store = Arc::new(Patient(MemoryStore::new(clock.clone())));
    let process = || Bucket::named("modelled", rate).store(Arc::clone(&store)).clock(clock.clone());
    (process(), process(), clock)
}

fn used(bucket: &Bucket) -> u32 {
    bucket.peek().unwrap().rates()[0].used()
}

/// A future is dropped while what it asks for is carried, and a thread waits behind it: it starts as time goes on, and
/// nothing is left of the other.
#[test]
fn dropped_while_it_is_carried() {
    explore("dropped while it is carried", || {
        let (bucket, other, clock) = processes(Rate::per_second(1));
        let first = Waiter::on(&bucket);
        let is_done = Arc::new(AtomicBool::new(false));
        let second = thread::spawn({
            let (bucket, is_done) = (bucket.clone(), Arc::clone(&is_done));
            move || {
                let ended = bucket.request().max_delay(FOREVER).acquire();
                is_done.store(true, Ordering::SeqCst);
                ended
            }
        });
        let dropping = thread::spawn(move || drop(first));
        for _ in 0..40 {
            if is_done.load(Ordering::SeqCst) {
                break;
            }
            clock.advance(Duration::from_millis(510));
            // A trip, so that the others have a turn as well.
            let _ = bucket.peek();
            thread::yield_now();
        }
        dropping.join().unwrap();
        drop(second.join().unwrap().expect("a permit"));
        for _ in 0..2 {
            let _ = bucket.peek();
        }
        assert!(used(&other) <= 1);
        assert_eq!(bucket.peek().unwrap().waiting(), 0);
    });
}

/// A bucket is closed while one asks and another comes: both end, and nobody starts afterwards.
#[test]
fn closed_while_it_is_carried() {
    explore("closed while it is carried", || {
        let (bucket, other, _clock) = processes(Rate::per_second(5));
        let future = Waiter::on(&bucket);
        let future = thread::spawn(move || future.wait());
        let thread = thread::spawn({
            let bucket = bucket.clone();
            move || bucket.request().max_delay(FOREVER).acquire()
        });
        bucket.close();
        let mut started = 0;
        for ended in [future.join().unwrap(), thread.join().unwrap()] {
            match kind(ended) {
                None => started += 1,
                refused => assert_eq!(refused, Some(ErrorKind::Closed)),
            }
        }
        assert_eq!(kind(bucket.try_acquire()), Some(ErrorKind::Closed));
        assert!(used(&other) >= started, "what has started counts");
    });
}

/// A bucket gets other limits while it asks: whoever waits is asked for anew, and no more is counted than has started.
#[test]
fn replaced_while_it_is_carried() {
    explore("replaced while it is carried", || {
        let (bucket, other, clock) = processes(Rate::per_second(2));
        let registry = ratelimit_core::Registry::new();
        let bucket = registry.register(bucket).unwrap();
        let future = Waiter::on(&bucket);
        let future = thread::spawn(move || future.wait());
        let store = other.clone();
        let replacing = thread::spawn({
            let registry = registry.clone();
            let more = other.and(Rate::per_minute(100)).clock(clock.clone());
            move || drop(registry.register(more).unwrap())
        });
        let ended = future.join().unwrap();
        replacing.join().unwrap();
        assert!(ended.is_ok());
        for _ in 0..2 {
            let _ = bucket.peek();
        }
        assert_eq!(used(&store), 1);
    });
}
