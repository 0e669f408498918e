//! A subscriber that panics reaches whoever it is told by, and harms nobody else.

use ratelimit_core::{Bucket, Rate};

use crate::common::{FOREVER, Task, ms, ns};
use crate::listener::{shocked, told};
use crate::{exact, rejected, starts, taken, waits};

#[test]
fn a_refusal_that_cannot_be_told_is_one_all_the_same() {
    let (clock, bucket) = taken();
    for _ in 0..2 {
        assert_eq!(shocked(|| bucket.try_acquire()).unwrap_err(), "not refused again");
        let short = || bucket.request().key("k").max_delay(ms(1));
        drop(short().acquire().ok());
        assert_eq!(shocked(|| short().acquire()).unwrap_err(), "not refused again");
    }
    assert_eq!(told(|| drop(bucket.try_acquire().unwrap_err())).1.len(), 1, "others are told as ever");
    clock.advance(ms(1_001));
    drop(shocked(|| bucket.try_acquire()).expect("nothing is told").unwrap());
}

/// What was granted ends, as with a waker that panics there.
#[test]
fn who_starts_and_cannot_be_told_of_leaves_its_place_to_the_next() {
    let (_clock, bucket) = exact(Bucket::unlimited("events-bounded").in_flight(1));
    let runs = bucket.try_acquire().unwrap();
    let mut first = waits(bucket.request().max_delay(FOREVER));
    let mut second = waits(bucket.request().max_delay(FOREVER));
    shocked(|| drop(runs)).expect("nothing is told of an end");
    assert!(first.is_woken() && !second.is_woken());
    assert_eq!(shocked(|| first.poll()).unwrap_err(), "not started again");
    assert!(second.is_woken(), "the place is free again");
    drop(starts(&mut second));
    drop(bucket.try_acquire().unwrap());
}

#[test]
fn who_comes_to_wait_and_cannot_be_told_of_leaves_the_line() {
    let (clock, bucket) = taken();
    let mut task = Task::new(bucket.request().max_delay(FOREVER).acquire_async());
    assert_eq!(shocked(|| task.poll()).unwrap_err(), "not waits again");
    assert_eq!(bucket.peek().unwrap().waiting(), 0);
    clock.advance(ms(1_000) + ns(1));
    drop(bucket.try_acquire().unwrap());
}

/// Everybody is woken before anything is told.
#[test]
fn a_pause_that_cannot_be_told_holds_and_those_it_refuses_know() {
    let (_clock, bucket) = taken();
    let ask = || waits(bucket.request().max_delay(ms(1_500)));
    let mut task = ask();
    assert_eq!(shocked(|| bucket.pause(ms(5_000))).unwrap_err(), "not paused again");
    assert!(task.is_woken());
    assert_eq!(task.poll().unwrap().unwrap_err().retry_after(), Some(ms(5_000)));
    assert_eq!(shocked(|| bucket.request().observe(&rejected(9_000))).unwrap_err(), "not paused again");
    assert_eq!(bucket.try_acquire().unwrap_err().retry_after(), Some(ms(9_000)));
    bucket.reset().unwrap();
    drop(bucket.try_acquire().unwrap());
    let mut task = ask();
    assert_eq!(shocked(|| bucket.close()).unwrap_err(), "not closed again");
    assert!(task.is_woken() && task.poll().unwrap().is_err());
}

/// Dropping a future never panics.
#[test]
fn who_leaves_and_cannot_be_told_of_is_gone() {
    let (clock, bucket) = exact(Bucket::named("b", Rate::per_second(1)));
    drop(bucket.try_acquire().unwrap());
    let first = waits(bucket.request().max_delay(FOREVER));
    let mut second = waits(bucket.request().max_delay(FOREVER));
    shocked(|| drop(first)).expect("it is swallowed");
    clock.advance(ms(1_000) + ns(1));
    drop(starts(&mut second));
}
