//! What a registry gives to buckets that set none of their own, and what they keep.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::sync::LazyLock;
use std::time::Duration;

use common::{FOREVER, Task, ms, ns};
use ratelimit_core::clock::ManualClock;
use ratelimit_core::{Bucket, ErrorKind, Outlook, Rate, RateOutlook, Registry};

fn waits_at_all(bucket: &Bucket) -> bool {
    Task::new(bucket.acquire_async()).poll().is_none()
}

fn outlook(bucket: &Bucket) -> Outlook {
    bucket.peek().expect("it is open")
}

#[test]
fn a_default_clock_is_for_buckets_without_their_own() {
    let (clock, own) = (ManualClock::new(), ManualClock::new());
    let registry = Registry::builder().clock(clock.clone()).guard(ns(0)).build();
    let plain = registry.register(Bucket::named("plain", Rate::per_hour(1))).unwrap();
    let other = registry.register(Bucket::named("other", Rate::per_hour(1)).clock(own.clone())).unwrap();
    let hour = Duration::from_secs(3600) + ns(1);
    for bucket in [&plain, &other] {
        drop(bucket.try_acquire().unwrap());
        assert_eq!(bucket.try_acquire().unwrap_err().retry_after(), Some(hour));
    }
    clock.advance(hour);
    assert!(plain.try_acquire().is_ok() && other.try_acquire().is_err());
    own.advance(hour);
    assert!(other.try_acquire().is_ok());
}

#[test]
fn a_default_guard_is_for_buckets_without_their_own_and_for_windows_longer_than_it() {
    let registry = Registry::builder().clock(ManualClock::new()).guard(ms(50)).build();
    for (bucket, guard) in [
        (Bucket::named("plain", Rate::per_second(1)), ms(50)),
        (Bucket::named("own", Rate::per_second(1)).guard(ms(7)), ms(7)),
        (Bucket::named("exact", Rate::per_second(1)).guard(ns(0)), ns(0)),
        // The usual one instead: 2 % of the window.
        (Bucket::named("short", Rate::new(1, ms(50))), ms(1)),
        (Bucket::named("burst", Rate::per_second(10).burst(10)), ms(50)),
        (Bucket::named("small burst", Rate::per_second(100).burst(2)), ns(400_000)),
    ] {
        let bucket = registry.register(bucket).unwrap();
        assert_eq!(outlook(&bucket).guard(), guard, "{}", bucket.name());
    }
    let usual = Bucket::named("usual", Rate::per_minute(1));
    assert_eq!(outlook(&usual).guard(), ms(20), "nobody's bucket has the usual guard");
    assert_eq!(outlook(&Registry::new().register(usual).unwrap()).guard(), ms(20));
}

#[test]
fn a_guard_makes_a_window_that_much_longer_and_lets_an_idle_token_bucket_go_at_once() {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).guard(ms(30)).build();
    let window = registry.register(Bucket::named("window", Rate::per_second(1))).unwrap();
    drop(window.try_acquire().unwrap());
    assert_eq!(window.try_acquire().unwrap_err().retry_after(), Some(ms(1030) + ns(1)));
    let burst = registry.register(Bucket::named("burst", Rate::per_second(10).burst(10))).unwrap();
    drop(burst.request().weight(9).try_acquire().unwrap());
    let refused = burst.try_acquire().unwrap_err();
    assert_eq!(refused.retry_after(), Some(ms(30)), "the last of a burst stands off");
    clock.advance(ms(930));
    assert!(burst.request().weight(10).try_acquire().is_ok(), "one that was idle as long never waits");
}

#[test]
fn a_default_allowance_is_for_handles_without_their_own() {
    let registry = Registry::builder().clock(ManualClock::new()).max_delay(FOREVER).build();
    let patient = registry.register(Bucket::named("patient", Rate::per_hour(1))).unwrap();
    let hasty = registry.register(Bucket::named("hasty", Rate::per_hour(1)).max_delay(ns(0))).unwrap();
    for bucket in [&patient, &hasty] {
        drop(bucket.try_acquire().unwrap());
    }
    assert!(waits_at_all(&patient) && !waits_at_all(&hasty));
    assert!(waits_at_all(&registry.get("patient").unwrap()));
    let refused = patient.request().max_delay(ms(5)).acquire().unwrap_err();
    assert_eq!(
        (refused.kind(), refused.max_delay()),
        (ErrorKind::DelayTooLong, Some(ms(5))),
        "the call's own"
    );
    let strict = Registry::builder().clock(ManualClock::new()).build();
    let bucket = strict.register(Bucket::named("b", Rate::per_hour(1))).unwrap();
    drop(bucket.try_acquire().unwrap());
    assert_eq!(bucket.acquire().unwrap_err().kind(), ErrorKind::Limited, "zero unless set");
}

#[test]
fn an_allowance_belongs_to_the_handle_and_not_to_its_clones() {
    let bucket = Bucket::named("b", Rate::per_hour(1)).clock(ManualClock::new());
    drop(bucket.try_acquire().unwrap());
    let patient = bucket.clone().max_delay(FOREVER);
    assert!(waits_at_all(&patient) && !waits_at_all(&bucket), "one state, two allowances");
    assert!(patient.try_acquire().is_err(), "the state is the same");
}

#[test]
fn registering_a_bucket_in_use_takes_it_in_under_the_registry_s_clock() {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).guard(ns(0)).build();
    let bucket = Bucket::named("b", Rate::per_hour(2));
    drop(bucket.try_acquire().unwrap());
    let handle = registry.register(bucket.clone()).unwrap();
    let sees = |bucket: &Bucket| outlook(bucket).rates().first().map(RateOutlook::remaining);
    assert_eq!((sees(&handle), sees(&bucket)), (Some(2), Some(2)), "another clock starts states anew");
    drop(handle.request().weight(2).try_acquire().unwrap());
    assert_eq!(sees(&bucket), Some(0), "one state");
    assert_eq!(outlook(&bucket).guard(), ns(0));
    clock.advance(Duration::from_secs(3600) + ns(1));
    assert_eq!(sees(&bucket), Some(2));
}

#[test]
fn no_state_is_in_two_registries() {
    let (one, other) = (Registry::new(), Registry::new());
    let bucket = Bucket::named("b", Rate::per_hour(1));
    let first = one.register(bucket.clone()).unwrap();
    let second = other.register(bucket.clone()).unwrap();
    drop(first.try_acquire().unwrap());
    assert!(second.try_acquire().is_ok(), "a state of its own");
    assert!(bucket.try_acquire().is_err(), "the handle stays with the first");
    one.close();
    assert_eq!(bucket.try_acquire().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(second.try_acquire().unwrap_err().kind(), ErrorKind::Limited);
}

#[test]
fn a_static_that_needs_a_clock_is_lazy() {
    static CLOCK: LazyLock<ManualClock> = LazyLock::new(ManualClock::new);
    static LAZY: LazyLock<Bucket> = LazyLock::new(|| {
        Bucket::named("lazy", Rate::per_second(1)).guard(ns(0)).max_delay(ms(1500)).clock(CLOCK.clone())
    });
    drop(LAZY.try_acquire().unwrap());
    let mut waits = Task::new(LAZY.acquire_async());
    assert!(waits.poll().is_none());
    CLOCK.advance(ms(1000) + ns(1));
    assert!(waits.is_woken() && waits.poll().unwrap().is_ok());
}

#[test]
fn a_default_allowance_is_for_constants_that_are_registered_too() {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock).guard(ns(0)).max_delay(ms(2000)).build();
    let constant = Bucket::new("constant", Rate::per_second(1));
    let registered = registry.register(constant).expect("it is valid");
    drop(registered.try_acquire().unwrap());
    assert!(waits_at_all(&registered));
}

#[test]
fn the_same_clock_again_starts_states_anew() {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).guard(ns(0)).build();
    let bucket = registry.register(Bucket::named("b", Rate::per_hour(1))).expect("it is valid");
    drop(bucket.try_acquire().unwrap());
    assert_eq!(bucket.try_acquire().unwrap_err().kind(), ErrorKind::Limited);
    registry.set_clock(clock);
    assert!(bucket.try_acquire().is_ok());
}
