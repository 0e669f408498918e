//! Law 12: a panic reaches its own caller only; nothing is half taken, nobody else is poisoned, the bucket works on.

use std::fmt::{self, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use ratelimit_core::clock::{Clock, ManualClock, Sleep, Timestamp};
use ratelimit_core::{Bucket, Rate};

use crate::common::{FOREVER, Task, ms, ns};

/// A manual clock of a user who makes mistakes.
#[derive(Clone, Debug, Default)]
struct Faulty {
    clock: ManualClock,
    /// How many calls of `now` go well before one panics; negative = all do.
    now: Arc<AtomicI64>,
    sleep: Arc<AtomicI64>,
    /// By how much sleeps end too early.
    early: Arc<AtomicU64>,
}

impl Faulty {
    fn new() -> Self {
        let faulty = Faulty::default();
        faulty.now.store(-1, Ordering::SeqCst);
        faulty.sleep.store(-1, Ordering::SeqCst);
        faulty
    }

    fn bucket(&self, rate: Rate) -> Bucket {
        Bucket::named("faulty", rate).guard(ns(0)).max_delay(FOREVER).clock(self.clone())
    }
}

fn count_down(counter: &AtomicI64) -> bool {
    counter.load(Ordering::SeqCst) >= 0 && counter.fetch_sub(1, Ordering::SeqCst) == 0
}

impl Clock for Faulty {
    fn now(&self) -> Timestamp {
        assert!(!count_down(&self.now), "the clock stopped");
        self.clock.now()
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        assert!(!count_down(&self.sleep), "no timer left");
        let early = self.early.load(Ordering::SeqCst);
        self.clock.sleep_until(Timestamp::from_nanos(at.as_nanos().saturating_sub(early)))
    }
}

fn panics<R>(call: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(call)).is_err()
}

struct Unspeakable;

impl Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no name for it")
    }
}

#[test]
fn a_key_that_panics_takes_nothing() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("keys", Rate::per_second(1)).guard(ns(0)).clock(clock.clone());
    assert!(panics(|| bucket.request().key(Unspeakable).try_acquire()));
    assert!(panics(|| bucket.request().key(Unspeakable).acquire_async()));
    assert_eq!(bucket.peek().unwrap().rates()[0].remaining(), 1);
    assert!(bucket.try_acquire().is_ok());
}

#[test]
fn a_clock_that_panics_when_read_takes_nothing_and_poisons_nothing() {
    for good_reads in 0..4 {
        let clock = Faulty::new();
        let bucket = clock.bucket(Rate::per_second(2));
        let mut taken = u32::from(bucket.try_acquire().is_ok());
        clock.now.store(good_reads, Ordering::SeqCst);
        let mut left = 100;
        while clock.now.load(Ordering::SeqCst) >= 0 {
            left -= 1;
            let tried = catch_unwind(AssertUnwindSafe(|| bucket.try_acquire()));
            taken += u32::from(matches!(tried, Ok(Ok(_))));
            assert!(left > 0);
        }
        while bucket.try_acquire().is_ok() {
            taken += 1;
        }
        assert_eq!(taken, 2, "a read that panicked took something: {good_reads}");
    }
}

#[test]
fn a_clock_that_panics_as_it_is_read_for_one_waiter_leaves_the_others_as_planned() {
    for good_reads in 0..6 {
        let clock = Faulty::new();
        let bucket = clock.bucket(Rate::per_second(1));
        drop(bucket.try_acquire().unwrap());
        let (mut first, mut second) = (Task::waiting(&bucket), Task::waiting(&bucket));
        clock.clock.advance(ms(500));
        clock.now.store(good_reads, Ordering::SeqCst);
        let _ = catch_unwind(AssertUnwindSafe(|| first.poll()));
        drop(first);
        clock.now.store(-1, Ordering::SeqCst);
        clock.clock.advance(ms(500) + ns(1));
        assert!(second.is_woken(), "{good_reads}: the one behind is told");
        assert!(matches!(second.poll(), Some(Ok(_))), "{good_reads}");
    }
}

#[test]
fn a_clock_that_panics_as_the_alarm_rings_leaves_nobody_asleep() {
    let clock = Faulty::new();
    let bucket = clock.bucket(Rate::per_second(1));
    drop(bucket.request().key("a").try_acquire().unwrap());
    drop(bucket.request().key("b").try_acquire().unwrap());
    let ask = |key: &str| Task::new(bucket.request().key(key).acquire_async());
    // Never polled again: only the alarm looks after its line.
    let mut dead = ask("a");
    assert!(dead.poll().is_none());
    clock.clock.advance(ms(100));
    let mut alive = ask("b");
    assert!(alive.poll().is_none());
    bucket.request().key("b").reset().unwrap();
    drop(alive);
    drop(bucket.request().key("b").try_acquire().unwrap());
    let mut alive = ask("b");
    assert!(alive.poll().is_none());
    clock.now.store(0, Ordering::SeqCst);
    let _ = catch_unwind(AssertUnwindSafe(|| clock.clock.set(Timestamp::from_nanos(1_000_000_001))));
    assert!(clock.now.load(Ordering::SeqCst) < 0, "the alarm met the panic");
    if alive.is_woken() {
        assert!(alive.poll().is_none(), "its time has not come");
    }
    clock.clock.set(Timestamp::from_nanos(1_100_000_001));
    assert!(alive.is_woken(), "the bucket's alarm was lost");
    assert!(matches!(alive.poll(), Some(Ok(_))));
}

/// `first` starts; the sleep that its start asks for, on behalf of `second`, panics.
#[test]
fn a_sleep_that_panics_in_one_call_still_wakes_those_behind() {
    let clock = Faulty::new();
    let bucket = clock.bucket(Rate::per_second(1));
    drop(bucket.try_acquire().unwrap());
    let (mut first, mut second) = (Task::waiting(&bucket), Task::waiting(&bucket));
    clock.clock.advance(ms(1000) + ns(1));
    assert!(first.is_woken());
    clock.sleep.store(0, Ordering::SeqCst);
    let _ = catch_unwind(AssertUnwindSafe(|| first.poll()));
    drop(first);
    assert!(clock.sleep.load(Ordering::SeqCst) < 0, "the sleep panicked");
    for _ in 0..4 {
        clock.clock.advance(ms(1000) + ns(1));
        if second.is_woken()
            && let Some(started) = second.poll()
        {
            assert!(started.is_ok());
            return;
        }
    }
    panic!("the one behind is asleep for good");
}

/// A stranger's call finds that the head's turn has come, and its sleep panics before the head is woken.
#[test]
fn a_sleep_that_panics_in_one_call_does_not_swallow_the_wake_of_another() {
    let clock = Faulty::new();
    let bucket = clock.bucket(Rate::per_second(1));
    drop(bucket.try_acquire().unwrap());
    let mut head = Task::waiting(&bucket);
    clock.clock.advance(ms(400));
    clock.sleep.store(0, Ordering::SeqCst);
    // As fresh: the turn of the head comes now, and with it another alarm.
    let _ = catch_unwind(AssertUnwindSafe(|| bucket.reset()));
    assert!(clock.sleep.load(Ordering::SeqCst) < 0, "the sleep panicked");
    clock.clock.advance(ms(2000));
    assert!(head.is_woken(), "its wake was swallowed");
    assert!(matches!(head.poll(), Some(Ok(_))));
}

#[test]
fn a_sleep_that_panics_takes_nothing_from_the_caller_who_joins() {
    let clock = Faulty::new();
    let bucket = clock.bucket(Rate::per_second(1));
    drop(bucket.try_acquire().unwrap());
    clock.sleep.store(0, Ordering::SeqCst);
    let mut joins = Task::new(bucket.acquire_async());
    assert!(panics(|| joins.poll()));
    assert_eq!(bucket.peek().unwrap().waiting(), 0, "it is not in line");
    let mut next = Task::waiting(&bucket);
    clock.clock.advance(ms(1000) + ns(1));
    assert!(next.is_woken() && matches!(next.poll(), Some(Ok(_))));
}

/// "Late is fine, early is asked again": without end and without depth.
#[test]
fn a_sleep_that_ends_early_is_asked_again() {
    for early in [1, 1000, 1_000_000, 300_000_000] {
        let clock = Faulty::new();
        let bucket = clock.bucket(Rate::per_second(1));
        drop(bucket.try_acquire().unwrap());
        clock.early.store(early, Ordering::SeqCst);
        let mut waits = Task::waiting(&bucket);
        for _ in 0..2000 {
            clock.clock.advance(ms(1));
            if waits.is_woken() {
                break;
            }
        }
        assert!(waits.is_woken() && matches!(waits.poll(), Some(Ok(_))), "{early} ns too early");
    }
}

/// A waker that panics, or one whose end panics.
struct Bomb {
    on_wake: bool,
    on_drop: bool,
}

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {
        assert!(!self.on_wake, "woken");
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.on_drop || std::thread::panicking(), "dropped");
    }
}

#[test]
fn a_waker_that_panics_keeps_nobody_else_asleep() {
    let clock = ManualClock::new();
    let bucket =
        Bucket::named("wakers", Rate::per_second(1)).guard(ns(0)).max_delay(FOREVER).clock(clock.clone());
    let other =
        Bucket::named("other", Rate::per_second(1)).guard(ns(0)).max_delay(FOREVER).clock(clock.clone());
    for bucket in [&bucket, &other] {
        drop(bucket.try_acquire().unwrap());
    }
    let mut bombed = Box::pin(bucket.acquire_async());
    let bomb = Waker::from(Arc::new(Bomb { on_wake: true, on_drop: false }));
    assert!(poll_with(bombed.as_mut(), &bomb));
    let mut elsewhere = Task::waiting(&other);
    let mut behind = Task::waiting(&bucket);
    // Whoever advances the clock meets the panic; the others are woken all the same.
    let _ = catch_unwind(AssertUnwindSafe(|| clock.advance(ms(1000) + ns(1))));
    clock.advance(ns(0));
    assert!(elsewhere.is_woken(), "another bucket's waiter is still asleep");
    assert!(matches!(elsewhere.poll(), Some(Ok(_))));
    clock.advance(ms(10));
    assert!(behind.is_woken(), "the one behind is still asleep");
    assert!(matches!(behind.poll(), Some(Ok(_))));
    drop(bombed);
}

#[test]
fn a_waker_that_panics_costs_the_caller_who_meets_it_nothing_silently() {
    // The head's waker panics as `reset` wakes it: the state is as fresh all the same, and the head may start.
    let clock = ManualClock::new();
    let bucket =
        Bucket::named("wakers", Rate::per_second(1)).guard(ns(0)).max_delay(FOREVER).clock(clock.clone());
    drop(bucket.try_acquire().unwrap());
    let mut head = Box::pin(bucket.acquire_async());
    assert!(poll_with(head.as_mut(), &Waker::from(Arc::new(Bomb { on_wake: true, on_drop: false }))));
    let _ = catch_unwind(AssertUnwindSafe(|| bucket.reset()));
    assert!(!poll_with(head.as_mut(), Waker::noop()), "its turn has come");
    assert_eq!(bucket.peek().unwrap().rates()[0].used(), 1);
}

#[test]
fn a_waker_whose_end_panics_keeps_nobody_else_asleep() {
    let clock = ManualClock::new();
    let bucket =
        Bucket::named("wakers", Rate::per_second(2)).guard(ns(0)).max_delay(FOREVER).clock(clock.clone());
    drop(bucket.request().weight(2).try_acquire().unwrap());
    let mut head = Box::pin(bucket.acquire_async());
    assert!(poll_with(head.as_mut(), &Waker::from(Arc::new(Bomb { on_wake: false, on_drop: true }))));
    let mut behind = Task::waiting(&bucket);
    // The head's start drops its waker and tells the one behind, in one go.
    let _ = catch_unwind(AssertUnwindSafe(|| clock.advance(ms(1000) + ns(1))));
    let _ = catch_unwind(AssertUnwindSafe(|| poll_with(head.as_mut(), Waker::noop())));
    drop(head);
    clock.advance(ms(10));
    assert!(behind.is_woken(), "the one behind is still asleep");
    assert!(matches!(behind.poll(), Some(Ok(_))));
}

/// Whether it is still pending.
fn poll_with<F: Future + ?Sized>(future: Pin<&mut F>, waker: &Waker) -> bool {
    matches!(future.poll(&mut Context::from_waker(waker)), Poll::Pending)
}

#[test]
fn a_permit_that_goes_under_a_broken_clock_panics_not_and_frees_its_place() {
    for corrected in [false, true] {
        let clock = Faulty::new();
        let bucket = clock.bucket(Rate::per_second(9)).in_flight(1);
        let permit = bucket.try_acquire().unwrap();
        if corrected {
            permit.correct(2);
        }
        let mut waits = Task::waiting(&bucket);
        clock.now.store(0, Ordering::SeqCst);
        assert!(!panics(|| drop(permit)));
        assert!(clock.now.load(Ordering::SeqCst) < 0, "the clock was asked and panicked");
        assert!(waits.is_woken());
        let permit = waits.poll().unwrap().unwrap();
        assert!(bucket.try_acquire().is_err());
        drop(permit);
        assert!(bucket.try_acquire().is_ok(), "one place, not two and not none");
    }
}
