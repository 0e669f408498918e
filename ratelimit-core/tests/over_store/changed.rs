//! A bucket that is closed, paused, or given other limits, another store or another clock while a store is being asked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic fails the test"
)]

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ratelimit_core::clock::ManualClock;
use ratelimit_core::store::MemoryStore;
use ratelimit_core::{Bucket, ErrorKind, Rate, Registry};

use crate::common::{FOREVER, Task, ms};
use crate::stalled::{Stalled, settle, used};

#[test]
fn closed_while_it_is_asked_for() {
    let world = Stalled::new();
    let (bucket, other) = (world.process(Rate::per_second(1)), world.process(Rate::per_second(1)));
    let stall = world.store.gate.lock().unwrap();
    let mut task = Stalled::asking(&bucket, 1);
    bucket.close();
    assert!(task.is_woken());
    assert_eq!(task.poll().unwrap().unwrap_err().kind(), ErrorKind::Closed);
    drop(stall);
    // What was granted meanwhile goes back.
    while world.store.asks() < 2 {
        thread::yield_now();
    }
    drop(world.store.gate.lock().unwrap());
    while used(&other) > 0 {
        thread::yield_now();
    }
}

/// Who waits under other limits has its place under the old ones given back before it asks anew.
#[test]
fn other_limits_while_others_wait() {
    let world = Stalled::new();
    let registry = Registry::new();
    let bucket = registry.register(world.process(Rate::per_hour(1))).unwrap();
    drop(bucket.try_acquire().unwrap());
    let mut first = Stalled::asking(&bucket, 1);
    let mut second = Stalled::asking(&bucket, 1);
    settle(&bucket);
    registry.register(world.process(Rate::per_hour(3))).unwrap();
    for task in [&mut first, &mut second] {
        assert!(task.is_woken());
        assert!(task.poll().is_none());
        settle(&bucket);
        assert!(task.poll().unwrap().is_ok());
    }
    assert_eq!(used(&bucket), 3);
    assert!(bucket.try_acquire().is_err());
}

/// An answer under limits that are not in force any more is of no use, and its start goes back.
#[test]
fn other_limits_while_the_store_is_asked() {
    let world = Stalled::new();
    let registry = Registry::new();
    let bucket = registry.register(world.process(Rate::per_hour(5))).unwrap();
    let stall = world.store.gate.lock().unwrap();
    let mut task = Stalled::asking(&bucket, 3);
    registry.register(world.process(Rate::per_hour(2))).unwrap();
    drop(stall);
    settle(&bucket);
    assert!(task.is_woken());
    let ended = task.poll().or_else(|| {
        settle(&bucket);
        task.poll()
    });
    assert_eq!(ended.unwrap().unwrap_err().kind(), ErrorKind::TooHeavy);
    settle(&bucket);
    assert_eq!(used(&bucket), 0);
}

#[test]
fn another_store_and_none_while_others_wait() {
    let world = Stalled::new();
    let registry = Registry::builder().clock(world.clock.clone()).build();
    let here = || Bucket::named("api", Rate::per_hour(2)).clock(world.clock.clone());
    let bucket = registry.register(here()).unwrap();
    let permits = [bucket.try_acquire().unwrap(), bucket.try_acquire().unwrap()];
    let waiting = |span| Task::new(bucket.request().max_delay(span).acquire_async());
    let (mut first, mut second, mut third) = (waiting(FOREVER), waiting(FOREVER), waiting(FOREVER));
    let mut short = waiting(Duration::from_secs(3605));
    for task in [&mut first, &mut second, &mut third] {
        assert!(task.poll().is_none());
    }
    assert!(short.poll().unwrap().is_err(), "behind all others");
    let mut short = Task::new(bucket.request().key("k").max_delay(ms(5)).acquire_async());
    let _of_key = bucket.request().key("k").weight(2).try_acquire().unwrap();
    assert!(short.poll().unwrap().is_err());
    // From none to a store: what was started here is not known there.
    registry.register(here().store(Arc::clone(&world.store))).unwrap();
    assert!(first.is_woken() && first.poll().is_none());
    settle(&bucket);
    assert!(first.poll().unwrap().is_ok());
    // To another one, while the first is asked.
    let stall = world.store.gate.lock().unwrap();
    assert!(second.poll().is_none());
    let clock = world.clock.clone();
    let other = Arc::new(MemoryStore::new(clock));
    registry.register(here().store(Arc::clone(&other))).unwrap();
    drop(stall);
    assert!(second.poll().is_none());
    settle(&bucket);
    assert!(second.poll().unwrap().is_ok());
    assert!(third.poll().is_none());
    settle(&bucket);
    // What this process has started over the first store counts there, too.
    assert!(third.poll().is_none());
    assert_eq!(used(&bucket), 3, "two have started, one has a start reserved");
    // And to none again.
    registry.register(here()).unwrap();
    assert!(third.poll().unwrap().is_ok(), "nothing is remembered here");
    drop(permits);
}

/// Allowances go on where a bucket gets a store, and where it loses it while that is asked.
#[test]
fn allowances_end_whatever_becomes_of_the_store() {
    let world = Stalled::new();
    let registry = Registry::builder().clock(world.clock.clone()).build();
    let here = || Bucket::named("api", Rate::per_hour(1)).clock(world.clock.clone()).in_flight(1);
    let bucket = registry.register(here()).unwrap();
    let running = bucket.try_acquire().unwrap();
    let mut waits = Task::new(bucket.request().max_delay(ms(500)).acquire_async());
    assert!(waits.poll().is_none(), "a body runs that may end");
    registry.register(here().store(Arc::clone(&world.store))).unwrap();
    assert!(waits.poll().is_none());
    settle(&bucket);
    world.clock.advance(ms(501));
    assert!(waits.is_woken());
    assert_eq!(waits.poll().unwrap().unwrap_err().kind(), ErrorKind::DelayTooLong);
    drop(running);
    let stall = world.store.gate.lock().unwrap();
    let mut asks = Task::new(bucket.request().max_delay(ms(500)).acquire_async());
    assert!(asks.poll().is_none());
    registry.register(here().and(Rate::new(1, ms(1)))).unwrap();
    drop(stall);
    bucket.pause(Duration::from_secs(9)).unwrap();
    assert!(asks.is_woken());
    assert_eq!(asks.poll().unwrap().unwrap_err().kind(), ErrorKind::DelayTooLong);
}

/// A pause moves turns past allowances at once, and gives back what is reserved within it.
#[test]
fn paused_while_others_wait() {
    let world = Stalled::new();
    let (bucket, other) = (world.process(Rate::per_second(1)), world.process(Rate::per_second(1)));
    drop(bucket.try_acquire().unwrap());
    let mut short = Task::new(bucket.request().max_delay(Duration::from_secs(2)).acquire_async());
    assert!(short.poll().is_none());
    let mut long = Stalled::asking(&bucket, 1);
    settle(&bucket);
    bucket.pause(Duration::from_secs(3)).unwrap();
    assert!(short.is_woken());
    let error = short.poll().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::DelayTooLong, Some(Duration::from_secs(3))));
    settle(&bucket);
    assert_eq!(other.peek().unwrap().wait(), Some(Duration::from_micros(1_020_001)));
    world.clock.advance(Duration::from_secs(3));
    assert!(long.is_woken() && long.poll().is_none());
    settle(&bucket);
    assert!(long.poll().unwrap().is_ok());
}

#[test]
fn another_clock_while_the_store_is_asked() {
    let world = Stalled::new();
    let registry = Registry::new();
    let clock = world.clock.clone();
    registry.set_clock(clock.clone());
    let bucket = Bucket::named("api", Rate::per_second(1)).store(Arc::clone(&world.store));
    let bucket = registry.register(bucket).unwrap();
    drop(bucket.try_acquire().unwrap());
    let stall = world.store.gate.lock().unwrap();
    let mut task = Stalled::asking(&bucket, 1);
    // Far behind the old one.
    let slow = ManualClock::new();
    registry.set_clock(slow.clone());
    drop(stall);
    settle(&bucket);
    assert!(task.is_woken() && task.poll().is_none());
    settle(&bucket);
    let step = Duration::from_micros(1_020_001);
    for clock in [&clock, &slow] {
        clock.advance(step);
    }
    assert!(task.poll().unwrap().is_ok());
    settle(&bucket);
    assert_eq!(used(&bucket), 1);
}
