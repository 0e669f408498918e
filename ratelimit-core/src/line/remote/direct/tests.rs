//! Threads that were answered in one order, and come into the line in another.

use std::task::Waker;
use std::time::Duration;

use super::{Brought, Direct};
use crate::clock::ManualClock;
use crate::line::{Ask, Changed, Claimed, Entered, Origin, Ticket};
use crate::store::MemoryStore;
use crate::{Bucket, Rate};

fn world() -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    clock.advance(Duration::from_secs(1_000_000));
    let bucket = Bucket::named("api", Rate::per_second(4)).guard(Duration::from_millis(20));
    (clock.clone(), bucket.store(MemoryStore::new(clock.clone())).clock(clock))
}

#[test]
fn who_has_asked_first_stands_in_front_whoever_wakes_first() {
    let (clock, bucket) = world();
    drop(bucket.request().weight(2).try_acquire().expect("there is room"));
    clock.advance(Duration::from_millis(500));
    drop(bucket.request().weight(2).try_acquire().expect("there is room"));
    let shared = bucket.shared().expect("it is there");
    let asked = |weight| match shared.ask_directly((None, None), weight, u64::MAX) {
        Some(Direct::Waits(brought)) => *brought,
        other => panic!("{other:?}"),
    };
    let enter = |brought: Brought, weight| -> Ticket {
        let began = Some(brought.began);
        let ask = Ask { key: None, origin: Origin::default(), weight, max_delay: u64::MAX, began };
        let Changed { result: entered, rest } = shared.enter(ask, &mut Some(Waker::noop().clone()));
        shared.finish(rest);
        let Entered::Asks(ticket, wish) = entered else { panic!("{entered:?}") };
        let Changed { result: is_used, rest } = shared.bring(brought, &wish);
        shared.finish(rest);
        assert!(is_used);
        ticket
    };
    // The store has reserved the room that there is next for the first.
    let (first, second) = (asked(1), asked(2));
    let second = enter(second, 2);
    let first = enter(first, 1);
    assert!(first < second);
    clock.advance(Duration::from_micros(520_001));
    let Changed { result: claimed, rest } = shared.claim_turn(None, first, &mut Some(Waker::noop().clone()));
    shared.finish(rest);
    assert!(matches!(claimed, Claimed::Granted(_)), "{claimed:?}");
}

/// Somebody has to look first, who finds out that it is over.
#[test]
fn once_a_pause_is_over_the_short_way_is_open_again() {
    let (clock, bucket) = world();
    let shared = bucket.shared().expect("it is there");
    let is_short = || matches!(shared.ask_directly((None, None), 1, 0), Some(Direct::Granted(_)));
    assert!(is_short());
    bucket.pause(Duration::from_millis(1)).expect("it is open");
    clock.advance(Duration::from_micros(999));
    assert!(!is_short() && bucket.try_acquire().is_err());
    clock.advance(Duration::from_micros(1));
    assert!(!is_short() && bucket.try_acquire().is_ok());
    assert!(is_short());
}
