//! Which window a call is of, and for how long what was said of it is known.

use super::*;

#[test]
fn where_names_lie_routes_are_apart() {
    let clock = ManualClock::new();
    let bucket = learned().server_names(false).clock(clock);
    let on = |route: &'static str| bucket.request().route(route);
    told(on("a"), &ans(5, 1, 1000).bucket("x"));
    told(on("b"), &ans(9, 7, 1000).bucket("x"));
    assert_eq!((starts(|| on("a")), starts(|| on("b"))), (1, 7));
}

/// Calls on their way and callers who wait go with the route; those of others stay.
#[test]
fn a_route_takes_its_calls_and_waiters_to_its_new_name() {
    let (_clock, bucket) = bucket();
    let on = |route: &'static str| bucket.request().route(route).max_delay(FOREVER);
    told(on("a"), &ans(4, 3, 10_000).bucket("x"));
    told(on("b"), &ans(4, 2, 10_000).bucket("x"));
    let (first, second) = (on("a").try_acquire().unwrap(), on("a").try_acquire().unwrap());
    let (mut of_a, mut of_b) = (asks(on("a")), asks(on("b")));
    first.observe(&ans(3, 2, 5000).bucket("y"));
    // Of `y` remain 2, less the one in flight; nothing of `x` is in flight any more.
    let granted = of_a.poll().expect("its window is another one").expect("room");
    assert!(on("a").try_acquire().is_err());
    let other = of_b.poll().expect("nobody is before it").expect("room");
    drop((second, granted, other));
}

#[test]
fn an_unnamed_window_is_renamed_whole() {
    let (_clock, bucket) = bucket();
    let on = |route: &'static str| bucket.request().route(route).max_delay(FOREVER);
    told(on("a"), &ans(5, 4, 10_000));
    let sent = [(); 3].map(|()| on("a").try_acquire().unwrap());
    told(on("b"), &ans(5, 4, 10_000).bucket("x"));
    let [first, rest @ ..] = sent;
    first.observe(&ans(5, 3, 10_000).bucket("x"));
    assert_eq!((starts(|| on("a")), starts(|| on("b"))), (1, 1), "3 less 2 in flight");
    drop(rest);
}

#[test]
fn reset_forgets_what_was_said_but_no_call_in_flight() {
    let (_clock, bucket) = known(&ans(5, 2, 10_000));
    let sent = bucket.try_acquire().unwrap();
    told(bucket.request().key("k"), &ans(5, 0, 10_000));
    bucket.reset().unwrap();
    assert!(bucket.try_acquire().is_err(), "a call is on its way that will tell");
    sent.observe(&ans(5, 3, 10_000));
    assert_eq!(starts(|| bucket.request()), 3);
    let probe = bucket.request().key("k").try_acquire().expect("nothing is known");
    bucket.request().key("k").reset().unwrap();
    assert!(bucket.request().key("k").try_acquire().is_err());
    drop(probe);
    assert_eq!(starts(|| bucket.request()), 3, "of the other key nothing was forgotten");
}

#[test]
fn other_limits_leave_what_the_server_said() {
    let clock = ManualClock::new();
    let registry = Registry::new();
    let bucket = registry.register(Bucket::named("api", Rate::per_second(100)).clock(clock.clone())).unwrap();
    told(bucket.request(), &ans(9, 2, 10_000));
    registry.register(Bucket::named("api", Rate::per_second(50)).clock(clock)).unwrap();
    assert_eq!(starts(|| bucket.request()), 2);
}

#[test]
fn another_clock_forgets_what_was_said() {
    let (_clock, bucket) = known(&ans(5, 0, 10_000));
    let registry = Registry::new();
    let name = bucket.name().to_owned();
    let other = registry.register(Bucket::learned(name.leak())).unwrap();
    told(other.request(), &ans(5, 0, 10_000));
    registry.set_clock(ManualClock::new());
    assert!(other.try_acquire().is_ok() && bucket.try_acquire().is_err());
}

#[test]
fn there_is_room_for_so_many_windows() {
    let clock = ManualClock::new();
    let bucket = learned().max_keys(3).clock(clock.clone());
    let on = |key: u32| bucket.request().key(key);
    // 64 more than keys, as routes and calls without a key have windows too.
    let most = (0..1_000)
        .find(|key| on(*key).try_acquire().inspect(|permit| permit.observe(&ans(5, 4, 1000))).is_err());
    assert_eq!(most, Some(3 + 64));
    assert_eq!(on(1_000).try_acquire().unwrap_err().kind(), ErrorKind::TooManyKeys);
    // Beyond their windows they are only remembered.
    clock.advance(ms(1000));
    told(on(1_000), &ans(5, 4, 1000));
    assert_eq!(starts(|| on(1_000)), 4);
}

/// New names without end take no room, and neither do keys that are only heard of.
#[test]
fn a_hostile_server_fills_no_table() {
    let clock = ManualClock::new();
    let bucket = learned().max_keys(10).clock(clock.clone());
    for number in 0..500 {
        let name = format!("limit {number}");
        told(bucket.request().route("a"), &ans(5, 4, 3_600_000 * 24 * 365).bucket(name));
        bucket.request().key(number).observe(&ans(5, 4, 3_600_000 * 24 * 365)).unwrap();
    }
    assert_eq!(starts(|| bucket.request().route("a")), 4);
    assert!(bucket.request().key(499).try_acquire().is_err(), "there is no room, and nothing is let through");
}

/// Who waits has a window kept for it, whoever comes until its turn does.
#[test]
fn a_window_is_kept_for_who_waits() {
    let clock = ManualClock::new();
    let bucket = learned().max_keys(1).clock(clock.clone());
    let on = |route: u32| bucket.request().route(route).max_delay(FOREVER);
    (0..64).for_each(|route| told(on(route), &ans(5, 4, 3_600_000)));
    bucket.pause(ms(1000)).unwrap();
    let mut waits = asks(on(64));
    let mut late = Task::new(on(65).acquire_async());
    assert_eq!(late.poll().unwrap().unwrap_err().kind(), ErrorKind::TooManyKeys);
    clock.advance(ms(1000));
    assert!(waits.poll().is_some_and(|ended| ended.is_ok()));
}

/// A window that no route leads to any more is forgotten at once, so there is always room for the next.
#[test]
fn a_new_name_each_time_is_taken_each_time() {
    let clock = ManualClock::new();
    let bucket = learned().max_keys(10).clock(clock.clone());
    let on = || bucket.request().route("a");
    for number in 0..500 {
        told(on(), &ans(5, 4, 3_600_000).bucket(format!("limit {number}")));
    }
    told(on(), &ans(9, 7, 3_600_000).bucket("last"));
    assert_eq!(starts(on), 7);
}

/// Others than those that need the room are remembered, however many there are.
#[test]
fn what_is_only_remembered_goes_when_room_is_needed_and_not_before() {
    let clock = ManualClock::new();
    let bucket = learned().clock(clock.clone());
    let on = |key: u32| bucket.request().key(key);
    (0..500).for_each(|key| told(on(key), &ans(5, 4, 1000)));
    clock.advance(ms(1000));
    (500..1_000).for_each(|key| told(on(key), &ans(5, 4, 1000)));
    assert_eq!(starts(|| on(3)), 5, "no probe");
}

/// Whose route is known from the first call on, however the bucket was used before.
#[test]
fn a_route_counts_from_its_first_call() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("calm", Rate::per_second(100)).guard(ns(0)).clock(clock);
    drop(bucket.try_acquire().unwrap());
    let on = || bucket.request().route("a");
    let (first, _second) = (on().try_acquire().unwrap(), on().try_acquire().unwrap());
    let free = on().weight(0).try_acquire().unwrap();
    first.observe(&ans(5, 4, 60_000).bucket("n"));
    assert_eq!(starts(on), 3, "one is in flight");
    free.observe(&ans(5, 0, 60_000).bucket("n"));
    assert_eq!((starts(on), starts(|| bucket.request().max_delay(ms(0)))), (0, 97), "of the route alone");
}

#[test]
fn what_was_said_is_remembered_for_a_while() {
    let clock = ManualClock::new();
    let bucket = learned().remember(ms(5000)).clock(clock.clone());
    told(bucket.request(), &ans(5, 0, 1000));
    clock.advance(ms(5999));
    assert_eq!(starts(|| bucket.request()), 5);
    clock.advance(ms(1));
    assert_eq!(starts(|| bucket.request()), 1, "a probe");
}
