//! A panic of the policy is one caller's: nothing is half taken, and the others go on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ratelimit_core::clock::{ManualClock, Timestamp};
use ratelimit_core::policy::{Earliest, LeakyBucket, Outcome, Policy};
use ratelimit_core::{Bucket, ErrorKind, Rate};

use crate::common::{FOREVER, Task, ms, ns};
use crate::slots::{METHODS, Method, Probe, Slots, bucket, panics, slots, taken};

/// Each method in turn, while one call holds a permit and two wait: whoever meets the panic, the others start.
#[test]
fn a_panic_reaches_one_caller_and_the_others_go_on() {
    for method in METHODS {
        let (probe, clock, bucket) = slots(1);
        let permit = bucket.try_acquire().expect("room");
        let (mut first, mut second) = (Task::waiting(&bucket), Task::waiting(&bucket));
        probe.set(method, true);
        let at_end = panics(|| drop(permit));
        // Whoever comes, looks or rings meanwhile takes nothing, and brings nobody down.
        let _ = catch_unwind(AssertUnwindSafe(|| bucket.try_acquire().map(drop)));
        let _ = catch_unwind(AssertUnwindSafe(|| bucket.peek()));
        clock.advance(ms(50));
        let at_claim = panics(|| first.poll());
        drop(first);
        probe.set(method, false);
        assert_eq!(at_end, matches!(method, Method::Settle | Method::Fork), "{method:?}");
        assert_eq!(at_claim, matches!(method, Method::Earliest | Method::Commit), "{method:?}");
        if at_end {
            // It was never settled, so its place stays taken: the bucket as such goes on.
            bucket.reset().expect("it is open");
        }
        clock.advance(ms(50));
        assert!(second.is_woken(), "{method:?}: the one behind is told");
        assert!(matches!(second.poll(), Some(Ok(_))), "{method:?}");
        assert!(bucket.request().key("other").try_acquire().is_ok(), "{method:?}");
        assert!(bucket.try_acquire().is_ok(), "{method:?}: nothing is left taken");
    }
}

#[test]
fn a_panic_reaches_the_thread_whose_call_it_was() {
    for method in [Method::Earliest, Method::Commit, Method::Fork] {
        let (probe, clock, bucket) = slots(1);
        let permit = bucket.try_acquire().expect("room");
        let waiting = {
            let bucket = bucket.clone();
            thread::spawn(move || bucket.request().max_delay(FOREVER).acquire().map(drop))
        };
        clock.wait_for_sleepers(1);
        probe.set(method, true);
        if method == Method::Fork {
            assert!(panics(|| drop(permit)));
            probe.set(Method::Fork, false);
            bucket.reset().expect("it is open");
            assert!(waiting.join().expect("its turn came after all").is_ok());
        } else {
            drop(permit);
            assert!(waiting.join().is_err(), "{method:?}");
        }
        probe.set(method, false);
        assert!(bucket.try_acquire().is_ok(), "{method:?}");
    }
}

#[test]
fn a_newcomer_meets_its_own_panic_alone() {
    for method in METHODS {
        let (probe, _clock, bucket) = slots(2);
        probe.set(method, true);
        let meets = matches!(method, Method::Earliest | Method::Commit | Method::Fork);
        let mut polled = Task::new(bucket.request().max_delay(FOREVER).acquire_async());
        assert_eq!(panics(|| bucket.try_acquire().map(std::mem::forget)), meets, "{method:?}");
        assert_eq!(panics(|| bucket.request().key("k").acquire().map(std::mem::forget)), meets, "{method:?}");
        assert_eq!(panics(|| polled.poll().map(std::mem::forget)), meets, "{method:?}");
        probe.set(method, false);
        assert_eq!(bucket.peek().expect("it is open").waiting(), 0);
        assert_eq!(taken(&bucket), if meets { 0 } else { 2 }, "{method:?}");
    }
}

#[test]
fn a_refund_that_panics_reaches_who_refunds_and_is_not_made_twice() {
    let (probe, _clock, bucket) = slots(1);
    let permit = bucket.try_acquire().expect("room");
    probe.set(Method::Settle, true);
    assert!(panics(|| permit.refund()));
    probe.set(Method::Settle, false);
    assert_eq!((probe.ended(), taken(&bucket)), ((0, 1), 1), "nothing is half given back");
}

#[test]
fn a_permit_that_ends_while_its_thread_unwinds_ends_the_panic_of_its_policy() {
    let (probe, _clock, bucket) = slots(1);
    let permit = bucket.try_acquire().expect("room");
    probe.set(Method::Settle, true);
    let met = catch_unwind(AssertUnwindSafe(|| {
        let _permit = permit;
        panic!("the body");
    }));
    assert_eq!(met.expect_err("a panic").downcast_ref::<&str>(), Some(&"the body"));
}

#[test]
fn what_panics_when_asked_whether_it_is_idle_is_kept() {
    let clock = ManualClock::new();
    let (probe, policy) = Slots::new(1);
    let bucket = Bucket::with_policy("idle", policy).max_keys(1).clock(clock);
    drop(bucket.request().key("a").try_acquire().expect("room"));
    probe.set(Method::IdleAt, true);
    let refused = bucket.request().key("b").try_acquire().expect_err("no room");
    assert_eq!(refused.kind(), ErrorKind::TooManyKeys);
    probe.set(Method::IdleAt, false);
    drop(bucket.request().key("a").try_acquire().expect("it is still there"));
    let held = bucket.request().key("b").try_acquire().expect("`a` is idle");
    assert_eq!(bucket.request().key("a").try_acquire().expect_err("b").kind(), ErrorKind::TooManyKeys);
    drop(held);
}

/// A leaky bucket that panics as it is asked.
#[derive(Debug)]
struct Moody {
    leaky: Box<dyn Policy>,
    probe: Arc<Probe>,
}

impl Policy for Moody {
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        self.probe.meet(Method::Earliest);
        self.leaky.earliest(now, weight)
    }

    fn commit(&mut self, now: Timestamp, weight: u32) {
        self.leaky.commit(now, weight);
    }

    fn settle(&mut self, start: Timestamp, now: Timestamp, weight: u32, outcome: &Outcome) {
        self.leaky.settle(start, now, weight, outcome);
    }

    fn idle_at(&self) -> Option<Timestamp> {
        self.leaky.idle_at()
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(Moody { leaky: self.leaky.fork(), probe: Arc::clone(&self.probe) })
    }
}

#[test]
fn a_panic_as_the_alarm_rings_is_met_by_the_one_whose_turn_it_is() {
    for meets in [true, false] {
        let probe = Arc::new(Probe::default());
        let leaky = Box::new(LeakyBucket::new(1.0, 1.0).fixed_factor());
        let (clock, bucket) = bucket(Moody { leaky, probe: Arc::clone(&probe) });
        drop(bucket.try_acquire().expect("room"));
        drop(bucket.request().key("k").try_acquire().expect("room"));
        let (mut first, mut second) = (Task::waiting(&bucket), Task::waiting(&bucket));
        let mut other = Task::new(bucket.request().key("k").max_delay(FOREVER).acquire_async());
        assert!(other.poll().is_none());
        probe.set(Method::Earliest, true);
        clock.advance(ms(1000));
        assert!(first.is_woken() && other.is_woken() && !second.is_woken(), "to ask by themselves");
        probe.set(Method::Earliest, meets);
        assert_eq!(panics(|| first.poll().map(drop)), meets);
        drop(first);
        probe.set(Method::Earliest, false);
        assert!(matches!(other.poll(), Some(Ok(_))), "another key");
        clock.advance(ms(1000));
        // The place of who met the panic was given up, and nothing was taken.
        let _ = bucket.peek();
        assert!(second.is_woken() && matches!(second.poll(), Some(Ok(_))), "{meets}");
    }
}

/// One call in ten nanoseconds.
#[derive(Clone, Debug)]
struct Spaced(u64, Arc<Probe>);

impl Policy for Spaced {
    fn earliest(&self, now: Timestamp, _weight: u32) -> Earliest {
        Earliest::At(now.max(Timestamp::from_nanos(self.0)))
    }

    fn commit(&mut self, now: Timestamp, _weight: u32) {
        self.1.meet(Method::Commit);
        self.0 = self.0.max(now.as_nanos()) + 10;
    }

    fn settle(&mut self, _start: Timestamp, _now: Timestamp, _weight: u32, _outcome: &Outcome) {}

    fn idle_at(&self) -> Option<Timestamp> {
        Some(Timestamp::from_nanos(self.0))
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

/// Law 5: a newcomer is told when it would start, whatever panicked while those before it were planned.
#[test]
fn a_panic_while_somebody_is_planned_leaves_no_plan_without_it() {
    let probe = Arc::new(Probe::default());
    let (_clock, bucket) = bucket(Spaced(0, Arc::clone(&probe)));
    let told = || bucket.try_acquire().expect_err("somebody waits").retry_after();
    drop(bucket.try_acquire().expect("it is fresh"));
    let _first = Task::waiting(&bucket);
    assert_eq!(told(), Some(ns(20)));
    probe.set(Method::Commit, true);
    let _second = Task::waiting(&bucket);
    probe.set(Method::Commit, false);
    assert_eq!(told(), Some(ns(30)));
}

/// What a policy panics with is foreign code, too, as it ends.
#[test]
fn what_it_panicked_with_brings_nobody_down() {
    let probe = Arc::new(Probe::default());
    let (_clock, bucket) = bucket(Spaced(0, Arc::clone(&probe)));
    drop(bucket.try_acquire().expect("it is fresh"));
    probe.panic_twice();
    probe.set(Method::Commit, true);
    let waits = Task::waiting(&bucket);
    assert!(bucket.try_acquire().is_err(), "it is planned behind somebody whose plan panics");
    drop(waits);
    probe.set(Method::Commit, false);
}

/// Panics as it ends, where it is told to.
#[derive(Debug)]
struct BadEnd(Slots, Arc<AtomicBool>);

impl Policy for BadEnd {
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        self.0.earliest(now, weight)
    }

    fn commit(&mut self, now: Timestamp, weight: u32) {
        self.0.commit(now, weight);
    }

    fn settle(&mut self, start: Timestamp, now: Timestamp, weight: u32, outcome: &Outcome) {
        self.0.settle(start, now, weight, outcome);
    }

    fn idle_at(&self) -> Option<Timestamp> {
        self.0.idle_at()
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(BadEnd(self.0.clone(), Arc::clone(&self.1)))
    }
}

impl Drop for BadEnd {
    fn drop(&mut self) {
        assert!(!self.1.load(Ordering::SeqCst), "a bad end");
    }
}

/// A state is replaced by each call, and ends then.
#[test]
fn a_state_that_panics_as_it_ends_brings_nobody_down() {
    let (_probe, policy) = Slots::new(2);
    let is_bad = Arc::new(AtomicBool::new(false));
    let (_clock, bucket) = bucket(BadEnd(policy, Arc::clone(&is_bad)));
    let first = bucket.try_acquire().expect("room");
    is_bad.store(true, Ordering::SeqCst);
    let second = bucket.try_acquire().expect("room");
    assert!(bucket.try_acquire().is_err());
    drop(first);
    let third = bucket.try_acquire().expect("room again");
    bucket.reset().expect("it is open");
    assert!(bucket.try_acquire().is_ok());
    is_bad.store(false, Ordering::SeqCst);
    drop((second, third));
}

/// As far as it is known: that of those before.
#[test]
fn behind_a_plan_that_panicked_the_rate_is_named_that_holds_it_up() {
    let probe = Arc::new(Probe::default());
    let clock = ManualClock::new();
    let own = Bucket::with_policy("own", Spaced(0, Arc::clone(&probe)));
    let bucket = own.and(Rate::per_second(1)).guard(ns(0)).clock(clock);
    drop(bucket.try_acquire().expect("it is fresh"));
    probe.set(Method::Commit, true);
    let _waits = Task::waiting(&bucket);
    let refused = bucket.try_acquire().expect_err("somebody waits");
    assert_eq!((refused.retry_after(), refused.rate()), (None, Some(Rate::per_second(1))));
    probe.set(Method::Commit, false);
}
