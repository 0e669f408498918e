//! Calls of annotated functions: each function is a route, however its permit came about.

use ratelimit_core::clock::ManualClock;
use ratelimit_core::site::Site;
use ratelimit_core::{Bucket, Permit, Rate};

use crate::common::{Task, ms, ns};
use crate::world::{ans, learned};

static FIRST: Site = Site::dynamic("same::name");
static SECOND: Site = Site::dynamic("same::name");
static READ: Site = Site::dynamic("read").with_feedback();

fn start(site: &'static Site, bucket: &Bucket) -> Option<Permit> {
    site.call_on(bucket).acquire().ok().map(|permit| site.mark(permit))
}

fn starts(site: &'static Site, bucket: &Bucket) -> usize {
    let mut held = Vec::new();
    while let Some(permit) = start(site, bucket) {
        held.push(permit);
        assert!(held.len() < 1000, "it ends");
    }
    held.len()
}

fn calm() -> Bucket {
    Bucket::named("calm", Rate::per_second(100)).guard(ns(0)).clock(ManualClock::new())
}

/// Its first calls went by the quick way, as nothing was learned yet.
#[test]
fn an_answer_is_of_the_function_whose_permit_tells_of_it() {
    for costs in [None, Some(3)] {
        for bucket in [calm(), calm().in_flight(50)] {
            let permit = start(&FIRST, &bucket).unwrap();
            if let Some(cost) = costs {
                permit.correct(cost);
            }
            permit.observe(&ans(5, 2, 60_000));
            drop(permit);
            assert!(bucket.peek().unwrap().is_learning());
            assert_eq!(starts(&FIRST, &bucket), 2, "{costs:?}");
            // Where few may run, not all of those the rate lets start are tried.
            assert!(starts(&SECOND, &bucket) >= 48, "another function, though of the same name");
        }
    }
}

/// Whether calls are told of or not, those of one function are on their way together.
#[test]
fn calls_are_in_flight_by_their_function() {
    let bucket = learned().clock(ManualClock::new());
    let permit = start(&FIRST, &bucket).unwrap();
    assert!(start(&FIRST, &bucket).is_none(), "one finds out");
    let other = start(&SECOND, &bucket).unwrap();
    permit.observe(&ans(5, 4, 60_000));
    let _held = FIRST.call_on(&bucket).acquire().unwrap();
    assert_eq!(starts(&FIRST, &bucket), 3);
    other.observe(&ans(9, 7, 60_000));
    assert_eq!(starts(&SECOND, &bucket), 7);
}

#[test]
fn a_free_pass_tells_of_its_function() {
    let bucket = calm();
    let free = READ.call_on(&bucket).acquire_with(None, Some(0), None).unwrap();
    READ.mark(free).observe(&ans(5, 2, 60_000));
    assert_eq!((starts(&READ, &bucket), starts(&FIRST, &bucket)), (2, 98));
}

/// Of a function whose answers are read all calls are known from the first.
#[test]
fn who_reads_answers_is_known_from_the_first_call() {
    let bucket = calm();
    let permits = [(); 4].map(|()| start(&READ, &bucket).unwrap());
    assert!(bucket.peek().unwrap().is_learning());
    permits[0].observe(&ans(10, 9, 60_000));
    assert_eq!(starts(&READ, &bucket), 6, "three are in flight");
    drop(permits);
    assert!(bucket.try_acquire().is_ok(), "of no function");
}

/// Also for those who waited before anything was learned.
#[test]
fn who_waits_already_waits_on_for_its_function() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("slow", Rate::per_second(1)).guard(ns(0)).clock(clock.clone());
    let permit = start(&FIRST, &bucket).unwrap();
    let wait = |site: &'static Site| site.call_on(&bucket).acquire_async_with(None, Some(1), Some(u64::MAX));
    let (mut same, mut other) = (Task::new(wait(&FIRST)), Task::new(wait(&SECOND)));
    assert!(same.poll().is_none() && other.poll().is_none());
    permit.observe(&ans(5, 0, 60_000));
    clock.advance(ms(1001));
    assert!(same.poll().is_none(), "the server says so");
    assert!(other.poll().is_some(), "not of this function");
    clock.advance(ms(58_999));
    assert!(same.poll().is_some());
}
