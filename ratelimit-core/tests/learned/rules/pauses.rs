//! Rejections, and whom they hold up for how long.

use super::*;

#[test]
fn what_is_above_the_servers_limit_is_too_heavy() {
    let (_clock, bucket) = bucket();
    let probe = bucket.try_acquire().unwrap();
    let mut heavy = asks(bucket.request().weight(6).max_delay(FOREVER));
    let mut light = asks(bucket.request().weight(5).max_delay(FOREVER));
    probe.observe(&ans(5, 4, 1000));
    assert_eq!(refusal(&mut heavy), (ErrorKind::TooHeavy, None));
    assert!(light.poll().is_none());
    assert_eq!(bucket.request().weight(6).try_acquire().unwrap_err().kind(), ErrorKind::TooHeavy);
    let refused = bucket.request().weight(1).try_acquire().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Limited, "somebody waits before it");
}

#[test]
fn nobody_waits_longer_than_the_longest_pause() {
    let clock = ManualClock::new();
    let bucket = learned().max_pause(ms(60_000)).clock(clock.clone());
    told(bucket.request(), &ans(9, 9, 1000));
    let sent = bucket.try_acquire().unwrap();
    let long = sent_and_waiting(&bucket);
    sent.observe(&rejected(60_000));
    let (mut waits, _) = long;
    assert!(waits.poll().is_none(), "a minute is as long as that");
    bucket.request().observe(&rejected(60_001)).unwrap();
    assert_eq!(refusal(&mut waits), (ErrorKind::DelayTooLong, Some(ms(60_001))));
    let refused = bucket.request().max_delay(FOREVER).acquire().unwrap_err();
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::DelayTooLong, Some(ms(60_001))));
    assert_eq!(bucket.try_acquire().unwrap_err().kind(), ErrorKind::Limited);
    clock.advance(ms(1));
    let mut waits = asks(bucket.request().max_delay(FOREVER));
    bucket.request().key("k").observe(&rejected(90_000).scope(Scope::Global)).unwrap();
    assert_eq!(refusal(&mut waits), (ErrorKind::DelayTooLong, Some(ms(90_000))));
    bucket.pause(ms(3_600_000)).unwrap();
    clock.advance(ms(40_000));
    let _waits = asks(bucket.request().key("other").max_delay(FOREVER));
}

/// Somebody who waits however long, as all that remains is taken.
fn sent_and_waiting(bucket: &Bucket) -> (Task, Vec<Permit>) {
    let taken: Vec<_> = std::iter::from_fn(|| bucket.try_acquire().ok()).collect();
    (asks(bucket.request().max_delay(FOREVER)), taken)
}

#[test]
fn whom_a_pause_makes_too_late_is_told_at_once() {
    let (_clock, bucket) = known(&ans(2, 0, 1000));
    let mut short = asks(bucket.request().max_delay(ms(1000)));
    let mut long = asks(bucket.request().max_delay(ms(5000)));
    bucket.request().observe(&rejected(3000)).unwrap();
    assert_eq!(refusal(&mut short), (ErrorKind::DelayTooLong, Some(ms(3000))));
    assert!(long.poll().is_none());
}

#[test]
fn other_windows_are_not_held_up() {
    let (_clock, bucket) = bucket();
    let on = |route: &'static str, key: u32| bucket.request().route(route).key(key);
    told(on("a", 1), &ans(5, 0, 1000));
    let _waits = asks(on("a", 1).max_delay(FOREVER));
    for (route, key) in [("b", 1), ("a", 2)] {
        let probe = on(route, key).try_acquire().expect("another window");
        assert!(on(route, key).try_acquire().is_err(), "one finds out for all");
        probe.observe(&ans(5, 4, 1000));
        assert_eq!(starts(|| on(route, key)), 4);
    }
    assert!(on("a", 1).try_acquire().is_err());
}

#[test]
fn a_global_rejection_holds_up_all_keys_and_routes() {
    let (clock, bucket) = bucket();
    told(bucket.request().key("a"), &rejected(5000).scope(Scope::Global));
    for request in [bucket.request(), bucket.request().key("b"), bucket.request().route("r")] {
        assert_eq!(request.try_acquire().unwrap_err().retry_after(), Some(ms(5000)));
    }
    let outlook = bucket.peek().unwrap();
    assert_eq!((outlook.paused_for(), outlook.is_learning()), (ms(5000), true));
    clock.advance(ms(5000));
    assert!(bucket.request().key("b").try_acquire().is_ok());
}

#[test]
fn a_rejection_of_one_key_holds_up_no_other() {
    let (_clock, bucket) = bucket();
    told(bucket.request().key("a"), &rejected(5000).scope(Scope::Shared));
    let paused_for = |key| bucket.request().key(key).peek().unwrap().paused_for();
    assert_eq!((paused_for("a"), paused_for("b")), (ms(5000), ms(0)));
    assert!(bucket.request().key("a").try_acquire().is_err());
    assert!(bucket.request().key("b").try_acquire().is_ok());
}

#[test]
fn successes_without_headers_end_the_doubling() {
    let (clock, bucket) = bucket();
    for _ in 0..5 {
        told(bucket.request(), &Feedback::default().rejected(true));
        assert_eq!(bucket.try_acquire().unwrap_err().retry_after(), Some(ms(1000)));
        clock.advance(ms(1000));
        bucket.try_acquire().unwrap().observe(&None::<Feedback>);
    }
}

/// The hash that a server names limits by may alternate on rejections.
#[test]
fn another_name_ends_no_pause() {
    let (_clock, bucket) = bucket();
    let on = || bucket.request().route("r");
    told(on(), &ans(5, 4, 1000).bucket("b1"));
    let (first, second) = (on().try_acquire().unwrap(), on().try_acquire().unwrap());
    first.observe(&rejected(60_000).bucket("b1"));
    second.observe(&ans(5, 4, 1000).bucket("b2"));
    assert_eq!(on().try_acquire().unwrap_err().retry_after(), Some(ms(60_000)));
}

#[test]
fn other_limits_let_nobody_wait_longer_than_they_say() {
    let clock = ManualClock::new();
    let registry = Registry::new();
    let api = |pause| Bucket::named("api", Rate::per_second(100)).max_pause(ms(pause)).clock(clock.clone());
    let bucket = registry.register(api(60_000)).unwrap();
    told(bucket.request(), &rejected(30_000));
    let mut waits = asks(bucket.request().max_delay(FOREVER));
    registry.register(api(10_000)).unwrap();
    assert_eq!(refusal(&mut waits), (ErrorKind::DelayTooLong, Some(ms(30_000))));
}

/// Their turn is unknown, as calls are on their way; but it does not come before the server's pause ends.
#[test]
fn who_is_surely_held_up_for_too_long_need_not_wait_for_its_allowance_to_end() {
    for scope in [Scope::Bucket, Scope::Global] {
        let (clock, bucket) = known(&ans(3, 3, 100_000));
        let permits = [(); 3].map(|()| bucket.try_acquire().unwrap());
        let mut waits = asks(bucket.request().max_delay(ms(5_000)));
        let mut patient = asks(bucket.request().max_delay(ms(70_000)));
        permits[0].observe(&rejected(60_000).scope(scope));
        assert!(waits.is_woken(), "{scope:?}");
        let refused = waits.poll().unwrap().unwrap_err();
        assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::DelayTooLong, Some(ms(60_000))));
        let mut late = asks_now(bucket.request().max_delay(ms(59_999)));
        assert_eq!(late.take().unwrap().unwrap_err().retry_after(), Some(ms(60_000)));
        assert!(asks_now(bucket.request().max_delay(ms(60_000))).is_none(), "it may be let through then");
        assert!(patient.poll().is_none());
        clock.advance(ms(1));
        drop(permits);
    }
}

fn asks_now(request: Request<'_>) -> Option<Result<Permit, ratelimit_core::Error>> {
    Task::new(request.acquire_async()).poll()
}
