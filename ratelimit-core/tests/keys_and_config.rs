//! Law 13, and the bad input that is refused.

#![expect(clippy::unchecked_time_subtraction, reason = "a test that panics fails")]

mod common;

use std::time::Duration;

use common::{Dice, FOREVER, Task, ms, ns};
use ratelimit_core::clock::ManualClock;
use ratelimit_core::{Bucket, ErrorKind, Rate, Registry};

fn bucket(rate: Rate, keys: usize) -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    let bucket = Bucket::named("keys", rate).guard(ns(0)).max_keys(keys).clock(clock.clone());
    (clock, bucket)
}

#[test]
fn at_the_bound_a_new_key_is_refused_until_an_old_one_is_idle() {
    for (rate, idle) in [(Rate::per_second(2), ms(1000) + ns(1)), (Rate::per_second(2).burst(2), ms(500))] {
        let (clock, bucket) = bucket(rate, 3);
        let ask = |key: u32| bucket.request().key(key).try_acquire().map(drop).map_err(|error| error.kind());
        for key in 0..3 {
            assert_eq!(ask(key), Ok(()));
            clock.advance(ms(10));
        }
        assert_eq!((ask(3), ask(0)), (Err(ErrorKind::TooManyKeys), Ok(())), "known keys go on");
        assert!(bucket.try_acquire().is_ok(), "and so does the call without a key");
        clock.advance(idle - ms(20) - ns(1));
        assert_eq!(ask(3), Err(ErrorKind::TooManyKeys), "{rate}: 1 ns too early for key 1");
        clock.advance(ns(1));
        assert_eq!(ask(3), Ok(()), "{rate}: key 1 is as a fresh one");
        assert_eq!(ask(1), Err(ErrorKind::TooManyKeys));
    }
}

#[test]
fn a_key_on_which_somebody_waits_is_not_forgotten() {
    let (clock, bucket) = bucket(Rate::per_second(1), 1);
    drop(bucket.request().key("a").try_acquire().unwrap());
    let mut waits = Task::new(bucket.request().key("a").max_delay(FOREVER).acquire_async());
    assert!(waits.poll().is_none());
    clock.advance(ms(1000) + ns(1));
    assert_eq!(bucket.request().key("b").try_acquire().unwrap_err().kind(), ErrorKind::TooManyKeys);
    assert!(waits.poll().unwrap().is_ok());
}

/// However small the bound, no key gets more than it would with room for all.
#[test]
fn forgetting_never_loosens_a_limit() {
    for seed in 0..500 {
        let mut dice = Dice::new(seed);
        let rate = Rate::new(u32::try_from(dice.between(1, 3)).unwrap(), ms(dice.between(1, 50)));
        let rate = if dice.one_in(2) { rate.burst(u32::try_from(dice.between(1, 4)).unwrap()) } else { rate };
        let keys = usize::try_from(dice.between(1, 5)).unwrap();
        let ((small_clock, small), (large_clock, large)) = (bucket(rate, keys), bucket(rate, 1000));
        for _ in 0..200 {
            let key = dice.below(8);
            let started = small.request().key(key).try_acquire().map(drop).map_err(|error| error.kind());
            if started != Err(ErrorKind::TooManyKeys) {
                let large = large.request().key(key).try_acquire();
                assert_eq!(started.is_ok(), large.is_ok(), "seed {seed}");
            }
            let span = ns(dice.below(20_000_000));
            small_clock.advance(span);
            large_clock.advance(span);
        }
    }
}

#[test]
fn many_keys_come_and_go_within_the_bound() {
    let (clock, bucket) = bucket(Rate::per_second(1), 1000);
    let mut refused = 0;
    for key in 0..50_000_u32 {
        refused += u32::from(bucket.request().key(key).try_acquire().is_err());
        clock.advance(ms(2));
    }
    assert_eq!(refused, 0, "never more than 501 of them are needed");
    for key in 0..2000_u32 {
        refused += u32::from(bucket.request().key(key).try_acquire().is_err());
    }
    assert!(refused >= 1000, "{refused}: at the bound live limits are kept");
}

#[test]
fn a_rate_that_cannot_be_read_says_which_part_is_wrong_and_what_is_right() {
    for (text, parts) in [
        ("10", ["no time", "10/s"]),
        ("0/s", ["amount", "at least 1"]),
        ("10/0s", ["`0s`", "zero"]),
        ("-1/s", ["`-1`", "whole number"]),
        ("1e9/s", ["`1e9`", "digits"]),
        ("5/month", ["months", "30d"]),
        ("4294967296/s", ["amount", "4294967295"]),
        ("1/18446744073709551616ns", ["time", "584 years"]),
        ("1/40000w", ["time", "584 years"]),
        ("", ["empty", "10/s"]),
        ("  ", ["empty", "10/s"]),
        ("1/s burst 0", ["burst", "at least 1"]),
        ("1/s burst -1", ["burst", "whole number"]),
        ("1/s burst 4294967296", ["burst", "4294967295"]),
        ("10/s fixed fixed", ["fixed", "remove"]),
        ("1.5/s", ["`1.5`", "whole number"]),
        ("10/1.5s", ["`1.5s`", "1500ms"]),
        ("١/s", ["`١`", "whole number"]),
        ("1/s/s", ["s/s", "ns us ms s"]),
    ] {
        let error = text.parse::<Rate>().unwrap_err();
        let message = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(parts.iter().all(|part| message.contains(part)), "{text}: {message}");
    }
}

#[test]
fn a_rate_of_nothing_is_refused_at_run_time() {
    let zero = Rate::try_new(0, ms(1)).unwrap_err();
    assert!(zero.kind() == ErrorKind::Config && zero.to_string().contains("amount"), "{zero}");
    let zero = Rate::try_new(1, Duration::ZERO).unwrap_err();
    assert!(zero.kind() == ErrorKind::Config && zero.to_string().contains("span"), "{zero}");
    assert!(Rate::try_new(1, Duration::MAX).unwrap_err().to_string().contains("584 years"));
    for make in [|| Rate::per_second(0), || Rate::new(1, Duration::ZERO), || Rate::per_second(1).burst(0)] {
        assert!(std::panic::catch_unwind(make).is_err());
    }
}

#[test]
fn buckets_that_cannot_be_are_config_at_first_use_for_every_verb() {
    let rate = Rate::per_second(1);
    let nine = (2..=9).fold(Bucket::named("b", rate), |bucket, hours| bucket.and(Rate::new(9, ms(hours))));
    for (bucket, part) in [
        (Bucket::named("b", rate).max_keys(0), "max_keys(0)"),
        (Bucket::named("b", rate).in_flight(0), "in_flight(0)"),
        (Bucket::named("b", rate).guard(ms(1000)), "guard"),
        (Bucket::named("b", rate).and(Rate::new(1, ms(10))).guard(ms(10)), "guard"),
        (Bucket::named("b", Rate::per_second(10).burst(2)).guard(ms(200)), "guard"),
        (Bucket::named("b", rate).total(Rate::new(1, ms(5))).guard(ms(7)), "guard"),
        (Bucket::named("b", rate.fixed()).guard(ms(1000)), "1/s fixed"),
        (nine, "more than 8 rates"),
    ] {
        let errors = [
            bucket.try_acquire().unwrap_err(),
            bucket.acquire().unwrap_err(),
            Task::new(bucket.acquire_async()).poll().unwrap().unwrap_err(),
            bucket.peek().unwrap_err(),
            bucket.charge().unwrap_err(),
            bucket.pause(ms(1)).unwrap_err(),
            bucket.reset().unwrap_err(),
            bucket.request().key(1).reset().unwrap_err(),
            Registry::new().register(bucket).unwrap_err(),
        ];
        for error in errors {
            let message = error.to_string();
            assert_eq!((error.kind(), error.bucket()), (ErrorKind::Config, Some("b")), "{message}");
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn eight_rates_and_a_guard_just_shorter_than_the_window_are_fine() {
    let rate = Rate::per_second(1);
    let eight = (2..=8).fold(Bucket::named("b", rate), |bucket, span| bucket.and(Rate::new(9, ms(span))));
    let eight = (1..=8).fold(eight, |bucket, span| bucket.total(Rate::new(9, ms(span))));
    assert!(eight.try_acquire().is_ok());
    assert!(Bucket::named("b", rate).guard(ms(1000) - ns(1)).try_acquire().is_ok());
    assert!(Bucket::unlimited("registry-unlimited").guard(ms(1000)).try_acquire().is_ok());
}

#[test]
fn rates_need_no_order_and_may_imply_each_other() {
    let second = Rate::per_second(2);
    for (rates, wait) in [
        // In whatever order; of one span in one kind, the same twice.
        (vec![Rate::per_day(9), second, Rate::per_hour(5)], ms(1000)),
        (vec![second, second, Rate::new(2, ms(1000))], ms(1000)),
        // One implies another: it never refuses, or always as well.
        (vec![second, Rate::new(2, ms(10_000))], ms(10_000)),
        (vec![Rate::per_second(2), Rate::per_minute(600)], ms(1000)),
        // One span, but windows of two kinds, or a token bucket.
        (vec![second, Rate::per_second(3).fixed()], ms(1000)),
        (vec![Rate::per_second(3).burst(2), second], ms(1000)),
        // Two token buckets, one quick and small, one slow and large.
        (vec![Rate::per_second(10).burst(2), Rate::per_second(1).burst(30)], ms(100)),
        (vec![Rate::per_minute(60).burst(2), Rate::per_second(1).burst(2)], ms(1000)),
    ] {
        let (first, more) = rates.split_first().unwrap();
        let bucket = more.iter().fold(Bucket::named("b", *first), |bucket, rate| bucket.and(*rate));
        let bucket = bucket.guard(Duration::ZERO).clock(ManualClock::new());
        let started = [(); 2].map(|()| bucket.try_acquire().is_ok());
        let refused = bucket.try_acquire().unwrap_err().retry_after().unwrap();
        assert_eq!((started, refused.as_millis()), ([true; 2], wait.as_millis()), "{rates:?}");
    }
}

#[test]
fn rates_of_which_only_one_can_be_meant_are_config_and_named() {
    for (a, b, what) in [
        ("10/s", "5/s", "two amounts for one span"),
        ("500/h", "400/60m", "two amounts for one span"),
        ("10/s fixed", "5/s fixed", "two amounts for one span"),
        ("1/s burst 5", "1/s burst 9", "two bursts of one rate"),
        ("1/s burst 5", "60/m burst 9", "two bursts of one rate"),
    ] {
        let [first, second]: [Rate; 2] = [a, b].map(|rate| rate.parse().unwrap());
        let between = Rate::per_day(1_000_000);
        let buckets = [
            Bucket::named("b", first).and(between).and(second),
            Bucket::named("b", between).and(first).and(second),
            Bucket::named("b", between).total(first).total(second),
        ];
        for bucket in buckets {
            let error = bucket.try_acquire().unwrap_err();
            let (first, second) = (first.to_string(), second.to_string());
            let expected = format!(
                "bucket `b` cannot be: `{first}` and `{second}` are {what}; remove the one that is not meant"
            );
            assert_eq!((error.kind(), error.to_string()), (ErrorKind::Config, expected));
        }
        // One for each key, one over all of them.
        assert!(Bucket::named("b", first).total(second).try_acquire().is_ok());
    }
}

/// What is shown of a request has the bucket's name, and nothing of its state.
#[test]
fn a_request_shows_whom_it_asks() {
    let bucket = Bucket::named("shown", Rate::per_second(1));
    assert!(bucket.try_acquire().is_ok());
    let shown = format!("{:?}", bucket.request().key("k"));
    assert!(shown.contains("Shared { name: \"shown\", .. }") && shown.contains("\"k\""), "{shown}");
}
