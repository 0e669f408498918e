//! What changes a bucket while others wait on it, and what a newcomer is told behind them from then on.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::time::Duration;

use common::{FOREVER, Task, ms, ns};
use ratelimit_core::clock::{ManualClock, Timestamp};
use ratelimit_core::{Bucket, ErrorKind, Pace, Rate, Registry};

const TEN: Duration = Duration::from_secs(10);

fn world(bucket: Bucket) -> (ManualClock, Registry, Bucket) {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).guard(ns(0)).build();
    let bucket = registry.register(bucket).expect("it can be");
    (clock, registry, bucket)
}

fn in_ten(amount: u32) -> Rate {
    Rate::new(amount, TEN)
}

/// What a newcomer is told on `key`.
fn told(bucket: &Bucket, key: u32) -> Duration {
    let refused = bucket.request().key(key).try_acquire().expect_err("somebody waits");
    refused.retry_after().expect("it is known")
}

/// Law 5: a newcomer is told when it would start behind those who wait, under what is in force by then.
#[test]
fn after_any_change_a_newcomer_is_told_of_the_new_plan() {
    type Change = fn(&Registry, &Bucket);
    let behind_one = TEN + ns(1);
    let changes: [(&str, Change, Duration); 9] = [
        ("none", |_, _| (), 2 * behind_one),
        ("one key reset", |_, bucket| bucket.request().key(1).reset().expect("open"), behind_one),
        ("the bucket reset", |_, bucket| bucket.reset().expect("open"), behind_one),
        ("all reset", |registry, _| registry.reset(), behind_one),
        ("another clock", |registry, _| registry.set_clock(ManualClock::new()), behind_one),
        ("slow", |registry, _| registry.set_pace(Pace::Slow), 4 * behind_one),
        ("paused", |_, bucket| bucket.pause(ms(12_000)).expect("open"), ms(12_000) + behind_one),
        (
            "other limits",
            |registry, _| drop(registry.register(Bucket::named("b", Rate::new(1, ms(7000)))).expect("fine")),
            2 * (ms(7000) + ns(1)),
        ),
        (
            "paused, then slow, then paused for longer",
            |registry, bucket| {
                bucket.pause(ms(11_000)).expect("open");
                assert_eq!(told(bucket, 1), ms(11_000) + TEN + ns(1));
                registry.set_pace(Pace::Slow);
                bucket.pause(ms(30_000)).expect("open");
            },
            ms(30_000) + 2 * behind_one,
        ),
    ];
    for (what, change, expected) in changes {
        let (_clock, registry, bucket) = world(Bucket::named("b", in_ten(1)));
        drop(bucket.request().key(1).try_acquire().expect("it is fresh"));
        let mut waits = Task::new(bucket.request().key(1).max_delay(FOREVER).acquire_async());
        assert!(waits.poll().is_none());
        assert_eq!(told(&bucket, 1), 2 * behind_one);
        change(&registry, &bucket);
        assert_eq!(told(&bucket, 1), expected, "{what}");
    }
}

/// Law 6: but for a total, keys never delay each other.
#[test]
fn once_there_is_no_total_no_key_waits_for_another() {
    let (_clock, registry, bucket) = world(Bucket::named("b", in_ten(5)).total(in_ten(1)));
    let ask = |key: u32| bucket.request().key(key);
    drop(ask(1).try_acquire().expect("it is fresh"));
    let mut waits = Task::new(ask(2).max_delay(FOREVER).acquire_async());
    assert!(waits.poll().is_none());
    assert_eq!(ask(3).try_acquire().unwrap_err().kind(), ErrorKind::Limited);
    registry.register(Bucket::named("b", in_ten(5))).expect("fine");
    assert!(waits.is_woken());
    assert!(ask(3).try_acquire().is_ok(), "nobody on its own key waits");
    assert!(waits.poll().unwrap().is_ok());
}

#[test]
fn who_is_too_heavy_for_new_limits_is_told_for_which() {
    let (_clock, registry, bucket) = world(Bucket::named("b", in_ten(5)));
    drop(bucket.try_acquire().expect("it is fresh"));
    let mut heavy = Task::new(bucket.request().weight(5).max_delay(FOREVER).acquire_async());
    assert!(heavy.poll().is_none());
    registry.register(Bucket::named("b", Rate::per_day(90)).and(in_ten(4))).expect("fine");
    assert!(heavy.is_woken());
    let refused = heavy.poll().unwrap().unwrap_err();
    assert_eq!((refused.kind(), refused.rate()), (ErrorKind::TooHeavy, Some(in_ten(4))));
}

/// What was left of for ever is for ever, also where the new clock shows less than the old one.
#[test]
fn who_waits_however_long_does_so_on_another_clock() {
    let (old, registry, bucket) = world(Bucket::named("b", in_ten(1)));
    old.set(Timestamp::from_nanos(u64::MAX - 1_000_000_000));
    drop(bucket.try_acquire().expect("it is fresh"));
    let (mut first, mut second) = (Task::waiting(&bucket), Task::waiting(&bucket));
    let new = ManualClock::new();
    registry.set_clock(new.clone());
    assert!(first.poll().unwrap().is_ok() && second.poll().is_none());
    // Longer than the old clock could ever have shown more.
    bucket.pause(ms(5000)).expect("open");
    new.advance(ms(9999));
    assert!(second.poll().is_none());
    new.advance(ms(1) + ns(1));
    assert!(second.poll().unwrap().is_ok());
}

/// What was left of an allowance ends, also where that is beyond what the new clock can show.
#[test]
fn an_allowance_that_ends_goes_on_ending_on_another_clock() {
    let (_old, registry, bucket) = world(Bucket::named("b", in_ten(1)));
    drop(bucket.try_acquire().expect("it is fresh"));
    let mut first = Task::waiting(&bucket);
    let mut second = Task::new(bucket.request().max_delay(ms(60_000)).acquire_async());
    assert!(second.poll().is_none());
    let new = ManualClock::new();
    new.set(Timestamp::from_nanos(u64::MAX - 15_000_000_000));
    registry.set_clock(new.clone());
    assert!(first.poll().unwrap().is_ok() && second.poll().is_none());
    bucket.pause(FOREVER).expect("open");
    assert!(second.is_woken(), "its turn never comes");
    assert_eq!(second.poll().unwrap().unwrap_err().kind(), ErrorKind::DelayTooLong);
}
