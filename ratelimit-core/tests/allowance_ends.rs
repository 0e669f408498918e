//! Allowances of those who wait for a call to end: who is in time, and who is told at once that it cannot be.

mod common;

use std::future::{pending, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::{FOREVER, Task, ms, ns};
use ratelimit_core::clock::{Clock, ManualClock, Sleep, Timestamp};
use ratelimit_core::{Bucket, ErrorKind, Rate};

/// One hundred in a second, one at once.
fn bucket() -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(100)).in_flight(1).guard(ns(0));
    (clock.clone(), bucket.clock(clock))
}

fn asks(bucket: &Bucket, allowed: Duration) -> Task {
    let mut task = Task::new(bucket.request().max_delay(allowed).acquire_async());
    assert!(task.poll().is_none(), "it has to wait");
    task
}

/// A wait equal to the allowance is accepted, and so is one that turns out to be.
#[test]
fn a_body_that_ends_with_the_allowance_ends_in_time() {
    for refunds in [false, true] {
        let (clock, bucket) = bucket();
        let permit = bucket.try_acquire().unwrap();
        let (mut first, mut second) = (asks(&bucket, ms(300)), asks(&bucket, ms(300)));
        clock.advance(ms(300));
        if refunds {
            permit.refund();
        } else {
            drop(permit);
        }
        assert!(first.is_woken() && !second.is_woken());
        let started = first.poll().unwrap().unwrap();
        assert_eq!(started.waited(), ms(300));
        assert!(second.poll().is_none(), "the first may end in this very moment");
        clock.advance(ns(1));
        assert!(second.is_woken());
        let refused = second.poll().unwrap().unwrap_err();
        assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::DelayTooLong, None));
        drop(started);
    }
}

#[test]
fn a_thread_whose_turn_comes_with_the_end_of_its_allowance_starts() {
    let (clock, bucket) = bucket();
    let permit = bucket.try_acquire().unwrap();
    std::thread::scope(|scope| {
        let waits =
            scope.spawn(|| bucket.request().max_delay(ms(300)).acquire().map(|permit| permit.waited()));
        clock.wait_for_sleepers(1);
        clock.advance(ms(300));
        drop(permit);
        assert_eq!(waits.join().expect("no panic").unwrap(), ms(300));
    });
}

#[test]
fn who_learns_that_it_is_late_from_one_that_goes_fails_at_once() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(2)).in_flight(2).guard(ns(0)).clock(clock.clone());
    let permit = bucket.request().weight(2).try_acquire().unwrap();
    // The first has the last place, and is due at one second: when the others are due nobody knows.
    let (first, mut short, mut long) =
        (asks(&bucket, FOREVER), asks(&bucket, ms(500)), asks(&bucket, ms(1500)));
    clock.advance(ms(100));
    drop(first);
    assert!(short.is_woken() && !long.is_woken());
    let refused = short.poll().unwrap().unwrap_err();
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::DelayTooLong, Some(ms(900) + ns(1))));
    clock.advance(ms(900) + ns(1));
    assert!(long.is_woken() && long.poll().unwrap().is_ok());
    drop(permit);
}

/// One that was passed over has its allowance over, and no turn to come once its place is taken.
#[test]
fn who_is_gone_by_fails_as_its_place_is_taken() {
    let (clock, bucket) = bucket();
    let permit = bucket.try_acquire().unwrap();
    let mut asleep = asks(&bucket, ms(5));
    clock.advance(ms(1));
    drop(permit);
    clock.advance(ms(10));
    let newcomer = bucket.try_acquire().unwrap();
    // What the clock shows later does not matter any more.
    clock.set(Timestamp::from_nanos(2_000_000));
    drop(newcomer);
    let refused = asleep.poll().unwrap().unwrap_err();
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::DelayTooLong, None));
}

/// Law 7: lateness alone is no reason, whoever else leaves or is told meanwhile.
#[test]
fn who_is_only_late_is_not_refused_when_another_leaves_or_fails() {
    for leaves in [true, false] {
        let clock = ManualClock::new();
        let bucket = Bucket::named("b", Rate::per_second(1).burst(1)).guard(ns(0)).clock(clock.clone());
        drop(bucket.try_acquire().unwrap());
        let (mut first, mut second) = (Task::waiting(&bucket), asks(&bucket, ms(2000)));
        let third = Task::waiting(&bucket);
        // The first is told and comes late: so the second is due 5 ms past its allowance.
        clock.advance(ms(1005));
        if leaves {
            drop(third);
        } else {
            assert!(Task::new(bucket.request().max_delay(ms(1)).acquire_async()).poll().unwrap().is_err());
        }
        assert!(!second.is_woken());
        assert!(first.poll().unwrap().is_ok());
        clock.advance(ms(1000));
        assert!(second.poll().unwrap().is_ok());
    }
}

/// A clock that shows twice as much each time it is read, and remembers what it showed; no sleep of it lasts.
#[derive(Clone, Debug, Default)]
struct Hurried(Arc<Mutex<Vec<u64>>>);

impl Hurried {
    fn shown(&self) -> MutexGuard<'_, Vec<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for Hurried {
    fn now(&self) -> Timestamp {
        let mut shown = self.shown();
        let now = shown.last().map_or(1, |last| last * 2);
        shown.push(now);
        Timestamp::from_nanos(now)
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        self.shown().push(at.as_nanos());
        Box::pin(ready(()))
    }
}

/// Law 7: the allowance, and so the wait, runs from the call, however often a thread looks before it waits.
#[test]
fn a_thread_that_waits_counts_from_the_first_look_of_its_call() {
    let clock = Hurried::default();
    let bucket = Bucket::named("b", Rate::new(1, ms(1))).guard(ns(0)).clock(clock.clone());
    drop(bucket.try_acquire().unwrap());
    let before = clock.shown().len();
    let permit = bucket.request().max_delay(FOREVER).acquire().unwrap();
    let shown = clock.shown().split_off(before);
    let first = shown.first().copied().expect("it was read");
    assert!(shown.len() > 2, "{shown:?}");
    assert!(shown.iter().any(|now| ns(now - first) == permit.waited()), "{:?}: {shown:?}", permit.waited());
}

/// A clock that shows another time from its second reading on after it was told so; no sleep of it ends.
#[derive(Clone, Debug, Default)]
struct Jumping(Arc<Mutex<Jump>>);

#[derive(Debug, Default)]
struct Jump {
    now: u64,
    next: Option<u64>,
    readings: usize,
}

impl Jumping {
    fn state(&self) -> MutexGuard<'_, Jump> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        let mut state = self.state();
        let now = state.now;
        state.now = state.next.take().unwrap_or(now);
        state.readings += 1;
        Timestamp::from_nanos(now)
    }

    fn sleep_until(&self, _at: Timestamp) -> Sleep {
        Box::pin(pending())
    }
}

/// Law 7: who comes into the line just as its allowance ends is still in time for an end at that moment.
#[test]
fn a_thread_whose_second_look_is_as_its_allowance_ends_waits_for_an_end() {
    let clock = Jumping::default();
    let bucket = Bucket::named("b", Rate::per_second(100)).in_flight(1).guard(ns(0)).clock(clock.clone());
    let permit = bucket.try_acquire().unwrap();
    let looked = clock.state().readings + 2;
    clock.state().next = Some(20_000_000);
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| bucket.request().max_delay(ms(20)).acquire().map(drop));
        while clock.state().readings < looked && !waits.is_finished() {
            std::thread::yield_now();
        }
        while bucket.peek().unwrap().waiting() == 0 && !waits.is_finished() {
            std::thread::yield_now();
        }
        drop(permit);
        assert!(waits.join().expect("no panic").is_ok());
    });
}

/// Who is passed over is not counted on: what is told to one who is late is when it would start without that one.
#[test]
fn who_is_late_is_told_of_a_start_before_those_who_let_theirs_go_by() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(10).burst(1)).guard(ns(0)).clock(clock.clone());
    drop(bucket.try_acquire().unwrap());
    let (first, mut second) = (asks(&bucket, FOREVER), asks(&bucket, ms(200)));
    clock.set(Timestamp::ZERO.saturating_add(ms(100)));
    assert!(first.is_woken() && !second.is_woken());
    clock.advance(ms(10));
    assert!(second.is_woken(), "the first is passed over");
    clock.advance(ms(101));
    let refused = second.poll().unwrap().unwrap_err();
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::DelayTooLong, Some(ms(0))));
    drop(first);
}
