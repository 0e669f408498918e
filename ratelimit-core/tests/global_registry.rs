//! What is done to the whole global registry: clock, pace, reset. A process of its own, as it would disturb other tests.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::time::Duration;

use common::{FOREVER, Task, ns};
use ratelimit_core::clock::ManualClock;
use ratelimit_core::{Bucket, ErrorKind, Pace, Rate, Registry, presets};

const HOUR: Duration = Duration::from_secs(3600);

fn kind(bucket: &Bucket) -> Option<ErrorKind> {
    bucket.try_acquire().err().map(|error| error.kind())
}

fn take(bucket: &Bucket) {
    drop(bucket.try_acquire().expect("a permit"));
}

#[test]
fn clock_pace_and_reset_reach_statics_presets_and_those_who_wait() {
    static HERE: Bucket = Bucket::new("globals-here", Rate::per_hour(1)).guard(Duration::ZERO);
    static LATER: Bucket = Bucket::new("globals-later", Rate::per_hour(1)).guard(Duration::ZERO);
    let clock = ManualClock::new();
    take(&HERE);
    let mut waits = Task::new(HERE.request().max_delay(HOUR).acquire_async());
    assert!(waits.poll().is_none());
    Registry::global().set_clock(clock.clone());
    assert!(waits.is_woken() && waits.poll().unwrap().is_ok(), "the state starts anew");
    assert_eq!(kind(&HERE), Some(ErrorKind::Limited));
    let mut waits = Task::new(HERE.request().max_delay(FOREVER).acquire_async());
    assert!(waits.poll().is_none());
    let anilist = Registry::global().get("anilist").unwrap();
    drop(anilist.request().weight(30).try_acquire().unwrap());
    take(&LATER);
    clock.advance(HOUR + ns(1));
    assert!(waits.poll().unwrap().is_ok());
    take(&LATER);
    drop(anilist.request().weight(30).try_acquire().unwrap());

    Registry::global().set_pace(Pace::Slow);
    assert_eq!(LATER.peek().unwrap().wait(), Some((HOUR + ns(1)) * 2));
    clock.advance(HOUR);
    Registry::global().set_pace(Pace::Normal);
    assert_eq!(LATER.peek().unwrap().wait(), Some(HOUR / 2 + ns(1)), "half of it has passed, at half speed");

    let mut waits = Task::waiting(&LATER);
    let names = Registry::global().names();
    Registry::global().reset();
    assert!(waits.is_woken() && waits.poll().unwrap().is_ok());
    assert_eq!(Registry::global().names(), names, "nothing is removed");
    assert!(presets::ALL.iter().all(|(name, _)| names.iter().any(|known| known == name)));
}
