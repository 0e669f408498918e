use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::clock::ManualClock;
use crate::line::locked::lock;
use crate::{Bucket, ErrorKind, Rate, Registry};

/// How many keys the bucket has an entry of.
fn keys(bucket: &Bucket) -> usize {
    let shared = bucket.shared().expect("it is there");
    lock(&shared.state).memory.keys()
}

fn registered(registry: &Registry, bucket: Bucket) -> Bucket {
    registry.register(bucket).expect("limits that make sense")
}

fn registry() -> (ManualClock, Registry) {
    let clock = ManualClock::new();
    (clock.clone(), Registry::builder().clock(clock).guard(Duration::ZERO).build())
}

#[test]
fn of_keys_without_limits_nothing_is_kept() {
    let (_clock, registry) = registry();
    let bucket = registered(&registry, Bucket::unlimited("b").max_keys(10));
    for key in 0..100 {
        let request = || bucket.request().key(key);
        drop(request().acquire().expect("no limit"));
        request().charge().expect("no limit").correct(7);
        let permit = request().weight(3).try_acquire().expect("no limit");
        permit.correct(9);
        permit.refund();
        assert_eq!(keys(&bucket), 0);
        request().reset().expect("it is open");
        assert_eq!(keys(&bucket), 0);
    }
    // What there was is forgotten as the limits go, and what is new is kept.
    let limited = registered(&registry, Bucket::named("b", Rate::per_hour(9)));
    (0..5).for_each(|key| drop(limited.request().key(key).try_acquire().expect("fresh")));
    assert_eq!(keys(&limited), 5);
    let unlimited = registered(&registry, Bucket::unlimited("b"));
    assert_eq!(keys(&unlimited), 0);
    // Whom a total has let start is remembered, for limits that may follow.
    let total = registered(&registry, Bucket::unlimited("b").total(Rate::per_hour(9)));
    (0..5).for_each(|key| drop(total.request().key(key).try_acquire().expect("fresh")));
    assert_eq!(keys(&total), 5);
}

#[test]
fn without_limits_those_have_room_who_run() {
    let (_clock, registry) = registry();
    let bucket = registered(&registry, Bucket::unlimited("b").in_flight(2).max_keys(2));
    let start = |key: u32| bucket.request().key(key).try_acquire();
    let (first, second) = (start(1).expect("room"), start(1).expect("room"));
    let other = bucket.request().key(2).charge().expect("room");
    assert_eq!(keys(&bucket), 2);
    assert_eq!(start(3).expect_err("no room").kind(), ErrorKind::TooManyKeys);
    drop(first);
    assert_eq!(keys(&bucket), 2, "another of it runs");
    drop(second);
    assert_eq!(keys(&bucket), 1);
    bucket.reset().expect("it is open");
    assert_eq!(keys(&bucket), 1, "what runs has room again");
    let third = start(3).expect("room");
    let free = bucket.request().key(4).weight(0).try_acquire().expect("it is free");
    drop(other);
    free.correct(5);
    assert_eq!(keys(&bucket), 1, "what it cost is of no account");
    drop((third, free));
    assert_eq!(keys(&bucket), 0);
}

#[test]
fn without_limits_those_have_room_who_wait() {
    let (clock, registry) = registry();
    let bucket = registered(&registry, Bucket::unlimited("b").max_keys(2));
    bucket.pause(Duration::from_secs(1)).expect("it is open");
    let mut waiting: Vec<_> = (0..3)
        .map(|key| Box::pin(bucket.request().key(key).max_delay(Duration::MAX).acquire_async()))
        .collect();
    let mut context = Context::from_waker(Waker::noop());
    let mut polled: Vec<_> = waiting.iter_mut().map(|task| Pin::new(task).poll(&mut context)).collect();
    let refused = polled.pop().expect("three");
    assert!(matches!(refused, Poll::Ready(Err(refused)) if refused.kind() == ErrorKind::TooManyKeys));
    assert!(polled.iter().all(Poll::is_pending));
    assert_eq!(keys(&bucket), 2);
    drop(waiting.remove(0));
    assert_eq!(keys(&bucket), 1);
    let unlimited = registered(&registry, Bucket::unlimited("b").max_keys(3));
    assert_eq!(keys(&unlimited), 1, "it waits on");
    clock.advance(Duration::from_secs(1));
    assert!(matches!(Pin::new(&mut waiting[0]).poll(&mut context), Poll::Ready(Ok(_))));
    assert_eq!(keys(&unlimited), 0);
}
