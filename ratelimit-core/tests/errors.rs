//! What an error tells: who refused whom, and when to come again.

mod common;

use std::error::Error as _;
use std::io;
use std::time::Duration;

use common::{FOREVER, Task, ms, ns};
use ratelimit_core::clock::ManualClock;
use ratelimit_core::store::{Answer, Ask, Failure, Store};
use ratelimit_core::{Bucket, Error, ErrorKind, Rate, Registry};

/// 2 in a second and 3 in an hour for each key, 4 in a minute over all of them; guard zero.
fn bucket(clock: &ManualClock) -> Bucket {
    let bucket = Bucket::named("shop", Rate::per_second(2)).and(Rate::per_hour(3)).total(Rate::per_minute(4));
    bucket.guard(ns(0)).clock(clock.clone())
}

#[test]
fn a_refusal_names_the_rate_that_refuses_longest_and_all_that_was_asked_for() {
    let clock = ManualClock::new();
    let bucket = bucket(&clock);
    let ask = |key: u32, weight, allowance| bucket.request().key(key).weight(weight).max_delay(allowance);
    drop(ask(1, 2, ns(0)).try_acquire().unwrap());
    let refused = ask(1, 1, ms(3)).acquire().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::DelayTooLong);
    assert_eq!((refused.bucket(), refused.key(), refused.site()), (Some("shop"), Some("1"), None));
    assert_eq!((refused.weight(), refused.max_delay()), (Some(1), Some(ms(3))));
    assert_eq!((refused.rate(), refused.retry_after()), (Some(Rate::per_second(2)), Some(ms(1000) + ns(1))));
    assert_eq!(refused.to_string(), "bucket `shop` is limited to 2/s: retry after 1.001s (allowed 3ms)");

    // The hour holds two of the same weight up longer than the second does.
    let refused = ask(1, 2, ns(0)).try_acquire().unwrap_err();
    let hour = Duration::from_secs(3600) + ns(1);
    assert_eq!((refused.kind(), refused.rate()), (ErrorKind::Limited, Some(Rate::per_hour(3))));
    assert_eq!((refused.weight(), refused.retry_after()), (Some(2), Some(hour)));
    assert_eq!(refused.max_delay(), Some(Duration::ZERO));

    drop(ask(2, 2, ns(0)).try_acquire().unwrap());
    let refused = ask(3, 1, ms(59_999)).acquire().unwrap_err();
    assert_eq!((refused.key(), refused.rate()), (Some("3"), Some(Rate::per_minute(4))), "the total");
    assert_eq!(refused.retry_after(), Some(ms(60_000) + ns(1)));
}

#[test]
fn what_can_never_fit_names_the_rate_and_no_time() {
    let bucket = bucket(&ManualClock::new());
    for (weight, rate) in [(3, Rate::per_second(2)), (u32::MAX, Rate::per_second(2))] {
        let refused = bucket.request().weight(weight).max_delay(FOREVER).acquire().unwrap_err();
        assert_eq!((refused.kind(), refused.weight()), (ErrorKind::TooHeavy, Some(weight)));
        assert_eq!((refused.rate(), refused.retry_after()), (Some(rate), None));
        assert_eq!((refused.key(), refused.max_delay()), (None, Some(FOREVER)));
    }
}

#[test]
fn a_pause_refuses_without_a_rate_and_a_burst_with_its_own() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(1).burst(3)).guard(ns(0)).clock(clock);
    bucket.pause(ms(40)).unwrap();
    let refused = bucket.try_acquire().unwrap_err();
    assert_eq!((refused.rate(), refused.retry_after()), (None, Some(ms(40))));
    assert_eq!(refused.to_string(), "bucket `b` is held up: retry after 40ms");
    bucket.reset().unwrap();
    drop(bucket.request().weight(3).try_acquire().unwrap());
    let refused = bucket.try_acquire().unwrap_err();
    assert_eq!((refused.rate(), refused.retry_after()), (Some(Rate::per_second(1).burst(3)), Some(ms(1000))));
}

#[test]
fn a_key_is_cut_at_64_bytes_between_characters_and_stays_out_of_the_message() {
    let bucket = Bucket::named("mail", Rate::per_hour(1)).clock(ManualClock::new());
    let whole = "k".repeat(64);
    for (key, shown) in [
        (String::new(), String::new()),
        ("ada".to_owned(), "ada".to_owned()),
        (whole.clone(), whole.clone()),
        (format!("{whole}!"), whole.clone()),
        ("ß".repeat(40), "ß".repeat(32)),
        (format!("{}€", "x".repeat(63)), "x".repeat(63)),
        ("🦀".repeat(17), "🦀".repeat(16)),
    ] {
        drop(bucket.request().key(&key).try_acquire().unwrap());
        let refused = bucket.request().key(&key).try_acquire().unwrap_err();
        assert_eq!(refused.key(), Some(shown.as_str()));
        assert!(key.is_empty() || !refused.to_string().contains(&shown), "keys name people: {refused}");
        assert_eq!(refused.clone().key(), refused.key());
    }
    // They were told apart by all of their text: `k` 64 times and with one more are two keys, not one.
    let alike = bucket.request().key(format!("{whole}?")).try_acquire();
    assert!(alike.is_ok());
}

#[test]
fn a_waiter_that_fails_later_says_why_as_one_that_fails_at_once() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(1)).guard(ns(0)).clock(clock.clone());
    drop(bucket.request().key("k").try_acquire().unwrap());
    let mut waits = Task::new(bucket.request().key("k").max_delay(ms(1500)).acquire_async());
    assert!(waits.poll().is_none());
    clock.advance(ms(200));
    bucket.pause(ms(1400)).unwrap();
    let failed = waits.poll().unwrap().unwrap_err();
    assert_eq!((failed.kind(), failed.bucket()), (ErrorKind::DelayTooLong, Some("b")));
    assert_eq!((failed.key(), failed.weight(), failed.max_delay()), (Some("k"), Some(1), Some(ms(1500))));
    assert_eq!(failed.retry_after(), Some(ms(1400)), "from its failure on");
}

/// One error of each kind.
fn all() -> Vec<(Error, ErrorKind, &'static str, io::ErrorKind)> {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(1)).max_keys(1).clock(clock.clone());
    drop(bucket.request().key(1).try_acquire());
    let ask = |key: u32| bucket.request().key(key);
    let crowded = Bucket::named("c", Rate::per_second(1)).max_waiting(0).clock(clock.clone());
    drop(crowded.try_acquire());
    let errors = [
        ask(1).try_acquire().err(),
        ask(1).max_delay(ms(1)).acquire().err(),
        ask(1).weight(2).try_acquire().err(),
        ask(2).try_acquire().err(),
        crowded.request().max_delay(FOREVER).acquire().err(),
        Registry::new().get("nobody").err(),
        "10".parse::<Rate>().err(),
    ];
    bucket.close();
    let expected = [
        (ErrorKind::Limited, "limited", io::ErrorKind::WouldBlock),
        (ErrorKind::DelayTooLong, "delay_too_long", io::ErrorKind::WouldBlock),
        (ErrorKind::TooHeavy, "too_heavy", io::ErrorKind::InvalidInput),
        (ErrorKind::TooManyKeys, "too_many_keys", io::ErrorKind::Other),
        (ErrorKind::TooManyWaiting, "too_many_waiting", io::ErrorKind::WouldBlock),
        (ErrorKind::UnknownBucket, "unknown_bucket", io::ErrorKind::InvalidInput),
        (ErrorKind::Config, "config", io::ErrorKind::InvalidInput),
        (ErrorKind::Closed, "closed", io::ErrorKind::Other),
    ];
    let errors = errors.into_iter().chain([bucket.try_acquire().err()]).flatten();
    errors.zip(expected).map(|(error, (kind, name, io))| (error, kind, name, io)).collect()
}

#[test]
fn every_kind_has_its_name_and_its_place_among_io_errors() {
    let all = all();
    assert_eq!(all.len(), 8, "one of each kind");
    for (error, kind, name, io_kind) in all {
        assert_eq!((error.kind(), kind.as_str(), kind.to_string().as_str()), (kind, name, name));
        let message = error.to_string();
        assert!(message.chars().next().is_some_and(char::is_lowercase), "lower case: {message}");
        assert!(!message.ends_with('.'), "{message}");
        let io = io::Error::from(error.clone());
        assert_eq!((io.kind(), io.to_string()), (io_kind, message));
        let inner = io.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).unwrap();
        assert_eq!((inner.kind(), inner.retry_after()), (kind, error.retry_after()), "nothing is lost");
    }
}

/// Also who would start in the same moment as the one before it, whom a rate holds up.
#[test]
fn who_is_refused_behind_others_is_told_which_rate_holds_them_up() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(2)).and(Rate::per_hour(90)).guard(ns(0)).clock(clock);
    drop(bucket.request().weight(2).try_acquire().unwrap());
    let _waits = Task::waiting(&bucket);
    let refused = bucket.try_acquire().unwrap_err();
    assert_eq!((refused.retry_after(), refused.rate()), (Some(ms(1000) + ns(1)), Some(Rate::per_second(2))));
}

/// What it fails with is an error of the standard library's.
#[derive(Debug)]
struct Lost;

impl Store for Lost {
    fn play(&self, asks: &[Ask], _timeout: Duration) -> Vec<Result<Answer, Failure>> {
        vec![Err(Failure::new(io::Error::from(io::ErrorKind::ConnectionReset))); asks.len()]
    }
}

#[test]
fn the_source_is_what_the_store_gave() {
    let error = Bucket::named("api", Rate::per_second(1)).store(Lost).try_acquire().unwrap_err();
    let source = error.source().and_then(|source| source.downcast_ref::<io::Error>()).unwrap();
    assert_eq!(source.kind(), io::ErrorKind::ConnectionReset);
    assert!(error.source().unwrap().downcast_ref::<Failure>().is_none());
}
