//! Calls that are dropped while a store is being asked for them, and who stands behind them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic fails the test"
)]

use std::time::Duration;

use ratelimit_core::Rate;

use crate::common::{Task, ms};
use crate::stalled::{Stalled, end, settle, used};

#[test]
fn dropped_before_it_is_polled_nothing_is_asked() {
    let world = Stalled::new();
    let bucket = world.process(Rate::per_second(1));
    drop(bucket.acquire_async());
    assert_eq!(world.store.asks(), 0);
}

#[test]
fn dropped_while_it_is_asked_for_it_gives_back_what_comes() {
    let world = Stalled::new();
    let (bucket, other) = (world.process(Rate::per_second(1)), world.process(Rate::per_second(1)));
    let stall = world.store.gate.lock().unwrap();
    let first = Stalled::asking(&bucket, 1);
    drop(first);
    drop(stall);
    settle(&bucket);
    assert_eq!(used(&other), 0);
    assert!(other.try_acquire().is_ok());
}

#[test]
fn dropped_with_a_start_reserved_those_behind_move_up_and_the_last_place_is_given_back() {
    let world = Stalled::new();
    let (bucket, other) = (world.process(Rate::per_second(1)), world.process(Rate::per_second(1)));
    drop(other.try_acquire().unwrap());
    let first = Stalled::asking(&bucket, 1);
    let mut second = Stalled::asking(&bucket, 1);
    settle(&bucket);
    let asks = world.store.asks();
    drop(first);
    settle(&bucket);
    // The refund and two looks.
    assert_eq!(world.store.asks(), asks + 3);
    assert_eq!(other.peek().unwrap().wait(), Some(Duration::from_micros(2 * 1_020_001)));
    world.clock.advance(Duration::from_micros(1_020_001));
    assert!(second.is_woken());
    assert!(second.poll().unwrap().is_ok());
}

#[test]
fn dropped_at_its_turn_the_next_has_it() {
    let world = Stalled::new();
    let bucket = world.process(Rate::per_second(1));
    drop(bucket.try_acquire().unwrap());
    let first = Stalled::asking(&bucket, 1);
    let mut second = Stalled::asking(&bucket, 1);
    settle(&bucket);
    world.clock.advance(Duration::from_micros(1_020_001));
    assert!(first.is_woken() && !second.is_woken());
    drop(first);
    assert!(second.is_woken());
    assert!(second.poll().unwrap().is_ok());
    settle(&bucket);
    assert_eq!(used(&bucket), 1);
}

/// What somebody who has left was asking for is nobody's reason to fail.
#[test]
fn who_comes_behind_one_who_left_is_asked_for_itself() {
    let world = Stalled::new();
    let bucket = world.process(Rate::per_second(2));
    let stall = world.store.gate.lock().unwrap();
    drop(Stalled::asking(&bucket, 1));
    let mut tries = Task::new(bucket.request().max_delay(Duration::ZERO).acquire_async());
    assert!(tries.poll().is_none());
    // A trip is no waiting, whosever it is.
    world.clock.advance(ms(1));
    drop(stall);
    settle(&bucket);
    assert!(tries.poll().unwrap().is_ok());
    settle(&bucket);
    assert_eq!(used(&bucket), 1);
}

/// A head that is to ask again, and is not polled, holds nobody up who stands behind it.
#[test]
fn who_does_not_ask_is_passed_over() {
    let world = Stalled::new();
    // Reserved starts are over after 5 ms: before anybody is passed over.
    let bucket = world.process(Rate::new(4, ms(250)));
    drop(bucket.request().weight(4).try_acquire().unwrap());
    let mut heavy = Stalled::asking(&bucket, 2);
    let mut light = Stalled::asking(&bucket, 1);
    settle(&bucket);
    let ended = end(&world, &bucket, &mut light);
    assert!(ended.is_ok(), "it was held up by one that nobody polls");
    assert!(heavy.is_woken() && heavy.poll().is_none());
    assert!(end(&world, &bucket, &mut heavy).is_ok());
}
