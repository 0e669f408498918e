//! A turn that becomes known as an allowance ends, where a call has to end first.

mod common;

use common::{Task, ms, ns};
use ratelimit_core::clock::ManualClock;
use ratelimit_core::{Bucket, ErrorKind, Rate};

/// One hundred in a second, one at once.
fn bucket() -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(100)).in_flight(1).guard(ns(0));
    (clock.clone(), bucket.clock(clock))
}

fn asks(bucket: &Bucket) -> Task {
    let mut task = Task::new(bucket.request().max_delay(ms(300)).acquire_async());
    assert!(task.poll().is_none(), "it has to wait");
    task
}

/// A wait equal to the allowance is accepted, and so is one that turns out to be.
#[test]
fn a_body_that_ends_with_the_allowance_ends_in_time() {
    for refunds in [false, true] {
        let (clock, bucket) = bucket();
        let permit = bucket.try_acquire().unwrap();
        let (mut first, mut second) = (asks(&bucket), asks(&bucket));
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
