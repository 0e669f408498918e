//! The global registry with real statics: removal, presets, declarations. Each test has names of its own.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::thread;
use std::time::Duration;

use common::{FOREVER, Task, ms, ns};
use ratelimit_core::{Bucket, ErrorKind, Rate, Registry};

fn kind(bucket: &Bucket) -> Option<ErrorKind> {
    bucket.try_acquire().err().map(|error| error.kind())
}

fn take(bucket: &Bucket) {
    drop(bucket.try_acquire().expect("a permit"));
}

#[test]
fn a_static_finds_what_was_registered_anew_after_its_removal() {
    static GONE: Bucket = Bucket::new("globals-gone", Rate::per_hour(1)).max_delay(Duration::MAX);
    static UNUSED: Bucket = Bucket::new("globals-gone", Rate::per_hour(1));
    take(&GONE);
    let clone = GONE.clone();
    let thread = thread::spawn(|| GONE.acquire().map(drop).map_err(|error| error.kind()));
    let mut waits = Task::waiting(&GONE);
    assert!(Registry::global().remove("globals-gone"));
    assert_eq!(waits.poll().unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(thread.join().expect("no panic"), Err(ErrorKind::Closed));
    for _ in 0..2 {
        assert_eq!(kind(&GONE), Some(ErrorKind::Closed));
        assert_eq!(kind(&clone), Some(ErrorKind::Closed));
        assert_eq!(kind(&UNUSED), Some(ErrorKind::Closed), "no declaration brings it back");
    }
    let anew = Registry::global().register(Bucket::named("globals-gone", Rate::per_hour(4))).unwrap();
    take(&anew);
    take(&anew);
    take(&GONE);
    take(&clone);
    assert_eq!(kind(&anew), Some(ErrorKind::Limited), "one state: four starts");
    assert_eq!(GONE.rates(), [Rate::per_hour(4)]);
}

#[test]
#[expect(
    clippy::declare_interior_mutable_const,
    clippy::borrow_interior_mutable_const,
    reason = "a documented mistake, which works by the name"
)]
fn a_const_bucket_s_clone_shares_and_a_const_item_works_by_its_name() {
    const CONST: Bucket = Bucket::new("globals-const", Rate::per_hour(2)).guard(Duration::ZERO);
    static USED: Bucket = Bucket::new("globals-used", Rate::per_hour(2)).guard(Duration::ZERO);
    drop(CONST.try_acquire().unwrap());
    drop(CONST.try_acquire().unwrap());
    assert_eq!(CONST.try_acquire().map(drop).map_err(|error| error.kind()), Err(ErrorKind::Limited));
    // Cloned before its first use.
    let clone = USED.clone();
    take(&clone);
    take(&USED);
    assert_eq!((kind(&clone), kind(&USED)), (Some(ErrorKind::Limited), Some(ErrorKind::Limited)));
}

#[test]
fn a_builder_s_step_on_a_bucket_in_use_gives_one_without_state() {
    static USED: Bucket = Bucket::new("globals-step", Rate::per_hour(1));
    take(&USED);
    let other = USED.clone().and(Rate::per_day(5));
    assert_eq!(kind(&other), Some(ErrorKind::Config), "another declaration of the name");
    let patient = USED.clone().max_delay(ms(1));
    assert_eq!(kind(&patient), Some(ErrorKind::Limited), "the allowance is the handle's, the state stays");
}

#[test]
fn a_preset_with_waiters_is_replaced_under_them() {
    let preset = Registry::global().get("quote").unwrap();
    drop(preset.request().weight(5).try_acquire().unwrap());
    let mut heavy = Task::new(preset.request().weight(5).max_delay(FOREVER).acquire_async());
    let mut light = Task::waiting(&preset);
    assert!(heavy.poll().is_none());
    let declared = Bucket::new("quote", Rate::per_hour(9).burst(4));
    assert_eq!(kind(&declared), Some(ErrorKind::Limited), "what was started counts");
    assert!(heavy.is_woken());
    let refused = heavy.poll().unwrap().unwrap_err();
    assert_eq!((refused.kind(), refused.rate()), (ErrorKind::TooHeavy, Some(Rate::per_hour(9).burst(4))));
    assert!(light.poll().is_none(), "it waits on");
    assert_eq!(preset.rates(), [Rate::per_hour(9).burst(4)]);
    assert_eq!(kind(&Bucket::new("quote", Rate::per_hour(9))), Some(ErrorKind::Config));
}

#[test]
fn a_static_that_was_used_first_and_registered_over_obeys_and_so_do_later_declarations() {
    static FIRST: Bucket = Bucket::new("globals-over", Rate::per_hour(1)).guard(Duration::ZERO);
    static SECOND: Bucket = Bucket::new("globals-over", Rate::per_hour(1)).guard(Duration::ZERO);
    take(&FIRST);
    Registry::global().register(Bucket::named("globals-over", Rate::per_hour(3)).guard(ns(0))).unwrap();
    take(&FIRST);
    take(&SECOND);
    assert_eq!(kind(&SECOND), Some(ErrorKind::Limited), "one old and two new starts");
    assert_eq!(kind(&Bucket::new("globals-over", Rate::per_hour(2))), Some(ErrorKind::Config));
}

#[test]
fn a_first_declaration_of_other_limits_than_were_registered_is_an_error_that_names_both() {
    static AFTER: Bucket = Bucket::new("globals-after", Rate::per_hour(1));
    Registry::global().register(Bucket::named("globals-after", Rate::per_hour(3))).unwrap();
    let error = AFTER.try_acquire().unwrap_err();
    let message = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(message.contains("registered as `3/h`") && message.contains("declared as `1/h`"), "{message}");
}

#[test]
fn a_bucket_that_cannot_be_says_so_at_each_use_and_harms_no_other_of_its_name() {
    static WRONG: Bucket = Bucket::new("globals-wrong", Rate::per_second(1)).max_keys(0);
    static RIGHT: Bucket = Bucket::new("globals-wrong", Rate::per_second(1));
    assert_eq!((kind(&WRONG), kind(&WRONG)), (Some(ErrorKind::Config), Some(ErrorKind::Config)));
    take(&RIGHT);
    assert_eq!(kind(&WRONG), Some(ErrorKind::Config));
    assert_eq!(kind(&RIGHT), Some(ErrorKind::Limited));
}

#[test]
fn statics_of_one_name_first_used_by_many_threads_at_once_are_one() {
    static RACE: [Bucket; 8] =
        [const { Bucket::new("globals-race", Rate::per_hour(8)).guard(Duration::ZERO) }; 8];
    let started = thread::scope(|scope| {
        let threads: Vec<_> = RACE
            .iter()
            .map(|bucket| scope.spawn(|| (0..8).filter(|_| bucket.try_acquire().is_ok()).count()))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum::<usize>()
    });
    assert_eq!(started, 8);
}
