//! Who is not asked for, and trips that end in a panic.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ratelimit_core::clock::{Clock, ManualClock, SystemClock};
use ratelimit_core::store::{Answer, Ask, Failure, MemoryStore, OnOutage, Store};
use ratelimit_core::{Bucket, ErrorKind, Rate};

use super::{Switched, process, starts, used, used_of, within_two_seconds};
use crate::common::Task;
use crate::machine::{in_real_time, must};

/// Far more than one trip takes along, and all of them too late when the first is back: nothing was sent for them, which
/// says nothing of the store and spends nothing, and what is given back meanwhile is not lost with them.
#[test]
fn who_comes_too_late_for_a_trip_is_no_failure_of_the_store() {
    in_real_time(|| {
        let store = Arc::new(Switched { timeout: Some(Duration::from_millis(50)), ..Switched::default() });
        let bucket = process(&store, 10_000, 1.0).on_outage(OnOutage::Deny);
        let permit = bucket.try_acquire().unwrap();
        let gate = store.gate.lock().unwrap();
        let asking = || Task::new(bucket.request().acquire_async());
        let mut tasks: Vec<Task> = vec![asking()];
        assert!(tasks[0].poll().is_none());
        within_two_seconds(|| store.trips.load(Ordering::Relaxed) == 2);
        for _ in 0..1000 {
            let mut task = asking();
            assert!(task.poll().is_none());
            tasks.push(task);
        }
        permit.refund();
        thread::sleep(Duration::from_millis(60));
        drop(gate);
        let mut granted = 0;
        for task in &mut tasks {
            let mut ended = None;
            within_two_seconds(|| {
                ended = task.poll();
                ended.is_some()
            });
            granted += u32::from(ended.unwrap().is_ok());
        }
        assert!(bucket.try_acquire().is_ok(), "it is there");
        // The first may have been too late as well, and given back what it got.
        let used = used(&bucket);
        must(used > granted, || format!("{used}, and {granted} were granted"));
        assert_eq!(used, granted + 1);
    });
}

/// Answers late, and remembers how much time it was given.
#[derive(Debug, Default)]
struct Late {
    store: MemoryStore,
    given: Mutex<Vec<Duration>>,
}

const LATE: Duration = Duration::from_millis(100);

impl Store for Late {
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>> {
        self.given.lock().unwrap().push(timeout);
        thread::sleep(LATE);
        self.store.play(asks, timeout)
    }
}

/// What was granted later than the guard is asked for again, in what is left of the time of one trip.
#[test]
fn whoever_has_to_ask_twice_takes_no_longer_than_a_trip_may() {
    in_real_time(|| {
        for max_delay in [Duration::ZERO, Duration::from_millis(30)] {
            let store = Arc::new(Late::default());
            let bucket = Bucket::named("api", Rate::per_hour(1_000)).store(Arc::clone(&store));
            assert!(bucket.request().max_delay(max_delay).acquire().is_ok());
            let given = store.given.lock().unwrap();
            assert!(given.len() >= 2, "{given:?}");
            assert!(given[0] + LATE > store.timeout() && given[0] <= store.timeout(), "{given:?}");
            // Beside it the start that is void is given back.
            let least = given.iter().skip(1).min().unwrap();
            assert!(*least + LATE <= store.timeout() + max_delay, "{given:?}");
        }
    });
}

/// Answers nothing for as long as it is given.
#[derive(Debug)]
struct Hung;

impl Store for Hung {
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>> {
        thread::sleep(timeout);
        vec![Err(Failure::new("it hangs")); asks.len()]
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(1)
    }
}

#[test]
fn whoever_starts_without_a_store_that_hangs_waits_for_one_trip() {
    in_real_time(|| {
        for on_outage in [OnOutage::Allow, OnOutage::Local { share: 1.0 }] {
            for max_delay in [Duration::ZERO, Duration::from_millis(40)] {
                let bucket = Bucket::named("api", Rate::per_hour(1_000)).store(Hung).on_outage(on_outage);
                let clock = SystemClock;
                let begin = clock.now();
                assert!(bucket.request().max_delay(max_delay).acquire().is_ok());
                let took = clock.now().saturating_since(begin);
                assert!(took < 2 * Hung.timeout(), "{took:?} with {on_outage:?}");
            }
        }
    });
}

/// A bucket that is gone while the store is asked for it starts nothing any more.
#[test]
fn what_is_asked_for_a_bucket_that_is_gone_is_not_spent() {
    in_real_time(|| {
        let store = Arc::new(Switched::default());
        let other = process(&store, 20, 1.0);
        let bucket = process(&store, 20, 1.0);
        assert_eq!(used(&other), 0);
        let gate = store.gate.lock().unwrap();
        let mut tasks = [0, 1].map(|_| Task::new(bucket.request().acquire_async()));
        assert!(tasks[0].poll().is_none());
        within_two_seconds(|| store.trips.load(Ordering::Relaxed) == 2);
        assert!(tasks[1].poll().is_none());
        drop((tasks, bucket));
        drop(gate);
        within_two_seconds(|| used(&other) == 0 && store.asks.load(Ordering::Relaxed) >= 3);
        thread::sleep(Duration::from_millis(50));
        assert_eq!(used(&other), 0);
    });
}

/// The cause of a failure, which panics as it is dropped.
#[derive(Debug)]
struct Grim;

impl std::fmt::Display for Grim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("grim")
    }
}

impl std::error::Error for Grim {}

impl Drop for Grim {
    fn drop(&mut self) {
        assert!(thread::panicking(), "dropped");
    }
}

#[derive(Debug)]
struct GrimStore;

impl Store for GrimStore {
    fn play(&self, asks: &[Ask], _: Duration) -> Vec<Result<Answer, Failure>> {
        asks.iter().map(|_| Err(Failure::new(Grim))).collect()
    }
}

#[test]
fn whoever_panics_on_the_way_the_next_are_answered() {
    in_real_time(|| {
        let bucket = Bucket::named("api", Rate::per_hour(20)).store(GrimStore);
        let mut tasks: Vec<Task> = (0..20).map(|_| Task::new(bucket.request().acquire_async())).collect();
        let mut ended = 0;
        for task in &mut tasks {
            let mut error = None;
            within_two_seconds(|| {
                error = task.poll();
                error.is_some()
            });
            ended += 1;
            let error = error.unwrap().unwrap_err();
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(error)));
        }
        assert_eq!(ended, 20);
        std::mem::forget(bucket);
    });
}

/// Whether the store is away or not: what counts is never forgotten, and what does not is.
#[test]
fn no_more_keys_are_known_than_there_may_be() {
    in_real_time(|| {
        for is_off in [false, true] {
            let clock = ManualClock::new();
            let store = Arc::new(Switched { store: MemoryStore::new(clock.clone()), ..Switched::default() });
            let bucket = process(&store, 2, 1.0).max_keys(3);
            store.switch(is_off);
            let start =
                |key: u32| bucket.request().key(key).try_acquire().map(drop).map_err(|error| error.kind());
            assert_eq!(starts(&bucket, 1), 1, "no key");
            assert_eq!([1, 2, 3].map(start), [Ok(()); 3]);
            assert_eq!(
                [4, 5, 3, 1].map(start),
                [Err(ErrorKind::TooManyKeys), Err(ErrorKind::TooManyKeys), Ok(()), Ok(())]
            );
            assert_eq!(bucket.request().key(4).charge().unwrap_err().kind(), ErrorKind::TooManyKeys);
            assert!(bucket.request().key(4).peek().is_ok());
            store.switch(false);
            let other = process(&store, 2, 1.0);
            within_two_seconds(|| start(3).is_err() && used_of(&other, 1) == 2 && used_of(&other, 3) == 2);
            // What time it is the store says with its next answer.
            clock.advance(Duration::from_secs(3700));
            assert_eq!([3, 4, 5].map(start), [Ok(()); 3]);
        }
    });
}
