//! Allowances of those who wait for a call to end: who is in time, and who is told at once that it cannot be.

mod common;

use std::time::Duration;

use common::{FOREVER, Task, ms, ns};
use ratelimit_core::clock::{ManualClock, Timestamp};
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
