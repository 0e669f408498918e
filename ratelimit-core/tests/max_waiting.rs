//! At most so many wait at once on each key.

mod common;

use std::time::Duration;

use common::{FOREVER, Task, ms, ns};
use ratelimit_core::clock::ManualClock;
use ratelimit_core::{Bucket, ErrorKind, Rate, Registry};

fn bucket(most: usize) -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(1).burst(1)).max_waiting(most).guard(ns(0));
    (clock.clone(), bucket.clock(clock))
}

#[test]
fn the_next_is_refused_at_once_and_told_when_it_would_have_started() {
    let (clock, bucket) = bucket(2);
    drop(bucket.try_acquire().unwrap());
    let (mut first, _second) = (Task::waiting(&bucket), Task::waiting(&bucket));
    for allowed in [FOREVER, Duration::from_secs(60)] {
        let ask = || bucket.request().max_delay(allowed);
        let refused = Task::new(ask().acquire_async()).poll().unwrap().unwrap_err();
        assert_eq!((refused.kind(), refused.bucket()), (ErrorKind::TooManyWaiting, Some("b")));
        assert_eq!(refused.retry_after(), Some(ms(3000)));
        assert_eq!(refused.rate(), Some(Rate::per_second(1).burst(1)));
        assert_eq!(refused.max_delay(), Some(allowed));
        assert_eq!(refused.to_string(), "bucket `b` has as many waiting as may: retry after 3s");
        assert_eq!(ask().acquire().unwrap_err().kind(), ErrorKind::TooManyWaiting);
    }
    // Who may not wait, or not for so long, is told just that.
    assert_eq!(bucket.try_acquire().unwrap_err().kind(), ErrorKind::Limited);
    let short = bucket.request().max_delay(ms(2999)).acquire().unwrap_err();
    assert_eq!(short.kind(), ErrorKind::DelayTooLong);
    assert_eq!(bucket.peek().unwrap().waiting(), 2, "a refusal changes nothing");

    clock.advance(ms(1000));
    assert!(first.poll().unwrap().is_ok());
    let third = Task::waiting(&bucket);
    assert!(bucket.request().max_delay(FOREVER).acquire().is_err());
    drop(third);
    let _third = Task::waiting(&bucket);
}

#[test]
fn each_key_has_a_line_of_its_own() {
    let (_clock, bucket) = bucket(1);
    let ask = |key: u32| Task::new(bucket.request().key(key).max_delay(FOREVER).acquire_async());
    let mut waiting = Vec::new();
    for key in 0..3 {
        assert!(ask(key).poll().unwrap().is_ok());
        let mut waits = ask(key);
        assert!(waits.poll().is_none());
        waiting.push(waits);
        assert_eq!(ask(key).poll().unwrap().unwrap_err().kind(), ErrorKind::TooManyWaiting);
    }
}

#[test]
fn with_none_nobody_waits_whatever_it_waits_for() {
    let (clock, bucket) = bucket(0);
    let patient = || bucket.request().max_delay(FOREVER);
    let permit = patient().acquire().unwrap();
    let refused = patient().acquire().unwrap_err();
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::TooManyWaiting, Some(ms(1000))));
    permit.refund();
    bucket.pause(ms(5)).unwrap();
    let refused = patient().acquire().unwrap_err();
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::TooManyWaiting, Some(ms(5))));
    clock.advance(ms(5));
    assert!(patient().acquire().is_ok());
    assert!(patient().weight(0).acquire().is_ok() && bucket.charge().is_ok());

    let busy = Bucket::named("c", Rate::per_second(9)).in_flight(1).max_waiting(0).clock(clock);
    let _permit = busy.try_acquire().unwrap();
    let refused = busy.request().max_delay(FOREVER).acquire().unwrap_err();
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::TooManyWaiting, None));
    assert_eq!(refused.to_string(), "bucket `c` has as many waiting as may");
}

#[test]
fn those_who_wait_already_stay_under_a_lower_bound() {
    let registry = Registry::builder().clock(ManualClock::new()).guard(ns(0)).build();
    let declare = || Bucket::named("b", Rate::per_second(1));
    let bucket = registry.register(declare()).unwrap();
    drop(bucket.try_acquire().unwrap());
    let mut waits = [Task::waiting(&bucket), Task::waiting(&bucket)];
    registry.register(declare().max_waiting(1)).unwrap();
    assert!(waits.iter_mut().all(|task| !task.is_woken() && task.poll().is_none()));
    let refused = bucket.request().max_delay(FOREVER).acquire().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TooManyWaiting);
    assert!(format!("{bucket:?}").contains("1/s, max_waiting 1"), "{bucket:?}");
}
