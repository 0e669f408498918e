//! Foreign code at the edges of a call: what it drops, asks or panics with costs nobody a place and locks nobody up.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests, and a waker that fails")]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

use common::{Task, ms, ns};
use ratelimit_core::clock::{Clock, ManualClock, Sleep, Timestamp};
use ratelimit_core::policy::{Earliest, Outcome, Policy};
use ratelimit_core::{Bucket, ErrorKind, Rate, Registry};

/// A waker that panics.
struct Bomb;

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {
        panic!("woken");
    }
}

#[test]
fn a_charge_that_meets_a_panic_ends_its_time_in_flight() {
    let clock = ManualClock::new();
    let rate = Rate::per_second(1).burst(1);
    let bucket = Bucket::named("b", rate).guard(ns(0)).in_flight(2).clock(clock.clone());
    drop(bucket.try_acquire().expect("it is free"));
    let mut waits = Task::new(bucket.request().max_delay(ms(1000)).acquire_async());
    assert!(waits.poll_with(&Waker::from(Arc::new(Bomb))), "it waits");
    // It moves the turn of the one who waits past its allowance.
    let charged = catch_unwind(AssertUnwindSafe(|| bucket.charge()));
    assert!(charged.is_err(), "the one who waits was told");
    drop(waits);
    clock.advance(ms(3000));
    let _one = bucket.try_acquire().expect("nothing is in flight");
    clock.advance(ms(1000));
    assert!(bucket.try_acquire().is_ok(), "one is");
}

#[test]
fn a_pause_holds_under_a_clock_that_went_back() {
    let clock = ManualClock::new();
    clock.set(Timestamp::from_nanos(100_000_000_000));
    let bucket = Bucket::named("b", Rate::per_second(10)).guard(ns(0)).clock(clock.clone());
    let _first = bucket.try_acquire().expect("it is free");
    clock.set(Timestamp::from_nanos(10_000_000_000));
    bucket.pause(Duration::from_secs(5)).expect("it is open");
    let refused = bucket.try_acquire().expect_err("it is paused");
    assert_eq!(refused.kind(), ErrorKind::Limited);
}

/// A clock and a policy that ask a registry whenever they can.
#[derive(Clone, Debug)]
struct Asks(Arc<Mutex<Option<Registry>>>);

impl Asks {
    fn ask(&self) {
        let registry = self.0.lock().expect("no panic").clone();
        drop(registry.map(|registry| registry.names()));
    }
}

impl Clock for Asks {
    fn now(&self) -> Timestamp {
        Timestamp::ZERO
    }

    fn sleep_until(&self, _: Timestamp) -> Sleep {
        Box::pin(std::future::pending())
    }

    fn identity(&self) -> Option<usize> {
        self.ask();
        Some(Arc::as_ptr(&self.0).addr())
    }
}

impl Policy for Asks {
    fn earliest(&self, now: Timestamp, _: u32) -> Earliest {
        Earliest::At(now)
    }

    fn commit(&mut self, _: Timestamp, _: u32) {}

    fn settle(&mut self, _: Timestamp, _: Timestamp, _: u32, _: &Outcome) {}

    fn idle_at(&self) -> Option<Timestamp> {
        Some(Timestamp::ZERO)
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

impl Drop for Asks {
    fn drop(&mut self) {
        self.ask();
    }
}

/// Runs it on a thread of its own: whether it came to an end.
fn ends(run: impl FnOnce() + Send + 'static) -> bool {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        run();
        done.send(()).expect("somebody waits");
    });
    #[expect(clippy::disallowed_methods, reason = "a deadlock has to be noticed in real time")]
    is_done.recv_timeout(Duration::from_secs(20)).is_ok()
}

#[test]
fn no_table_is_locked_while_what_a_closed_bucket_held_is_dropped() {
    assert!(ends(|| {
        let registry = Registry::new();
        let asks = Asks(Arc::new(Mutex::new(Some(registry.clone()))));
        let bucket = Bucket::with_policy("b", asks.clone()).clock(asks);
        let bucket = registry.register(bucket).expect("it can be");
        bucket.close();
        drop(bucket);
        drop(registry.register(Bucket::named("b", Rate::per_second(1))).expect("the name is free"));
    }));
}

#[test]
fn no_table_is_locked_while_clocks_are_told_apart() {
    static FIRST: std::sync::LazyLock<Bucket> = std::sync::LazyLock::new(|| declared("foreign.identity"));
    static SECOND: std::sync::LazyLock<Bucket> = std::sync::LazyLock::new(|| declared("foreign.identity"));
    fn declared(name: &'static str) -> Bucket {
        let asks = Asks(Arc::new(Mutex::new(Some(Registry::global().clone()))));
        Bucket::new(name, Rate::per_second(1)).clock(asks)
    }
    assert!(ends(|| {
        drop(FIRST.try_acquire());
        let conflict = SECOND.try_acquire().expect_err("its clock is another");
        assert_eq!(conflict.kind(), ErrorKind::Config);
    }));
}

/// Panics in debug builds where it is asked about a time before its last start.
#[derive(Clone, Debug, Default)]
struct Forward(Timestamp);

impl Policy for Forward {
    fn earliest(&self, now: Timestamp, _: u32) -> Earliest {
        assert!(now >= self.0, "asked about a time before its last start");
        Earliest::At(now)
    }

    fn commit(&mut self, now: Timestamp, _: u32) {
        assert!(now >= self.0, "told of a start before its last");
        self.0 = now;
    }

    fn settle(&mut self, start: Timestamp, now: Timestamp, _: u32, _: &Outcome) {
        assert!(now >= start, "a call ended before it started");
    }

    fn idle_at(&self) -> Option<Timestamp> {
        Some(self.0)
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

#[test]
fn a_policy_that_takes_over_is_asked_about_no_time_before_what_it_was_told() {
    let registry = Registry::new();
    // On the system's clock, whose coarse readings stamp starts ahead.
    let bucket = registry.register(Bucket::named("b", Rate::per_hour(100))).expect("it can be");
    let earlier: Vec<_> = (0..3).map(|_| bucket.try_acquire().expect("it is free")).collect();
    let bucket = registry.register(Bucket::with_policy("b", Forward::default())).expect("it can be");
    let permit = bucket.try_acquire().expect("it grants all");
    permit.refund();
    drop(earlier);
    assert!(bucket.peek().is_ok());
}

/// Grants all, is always idle, and panics when it is asked so once too often: after so many times.
#[derive(Clone, Debug)]
struct Stumbles(Arc<AtomicI32>);

impl Policy for Stumbles {
    fn earliest(&self, now: Timestamp, _: u32) -> Earliest {
        Earliest::At(now)
    }

    fn commit(&mut self, _: Timestamp, _: u32) {}

    fn settle(&mut self, _: Timestamp, _: Timestamp, _: u32, _: &Outcome) {}

    fn idle_at(&self) -> Option<Timestamp> {
        assert_ne!(self.0.fetch_sub(1, Ordering::Relaxed), 0, "it stumbles");
        Some(Timestamp::ZERO)
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

#[test]
fn a_key_whose_policy_panicked_once_makes_room_later() {
    for times in 0..6 {
        let clock = ManualClock::new();
        let policy = Stumbles(Arc::new(AtomicI32::new(times)));
        let bucket = Bucket::with_policy("stumbles", policy).max_keys(1).clock(clock.clone());
        let asks =
            |key: &str| catch_unwind(AssertUnwindSafe(|| bucket.request().key(key).try_acquire().map(drop)));
        let mut ended = Vec::new();
        for key in ["a", "b", "c", "d", "e", "f"] {
            ended.push(asks(key));
            clock.advance(Duration::from_millis(1));
        }
        let well = ended.iter().filter(|ended| matches!(ended, Ok(Ok(())))).count();
        assert!(well >= 5, "{times}: {ended:?}");
    }
}
