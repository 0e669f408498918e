//! Who is who: names, declarations, replacement, removal, clocks, pace, closing, and how many keys are held.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::time::Duration;

use common::{FOREVER, Task, ms, ns};
use ratelimit_core::clock::{ManualClock, Timestamp};
use ratelimit_core::site::Site;
use ratelimit_core::{Bucket, ErrorKind, Pace, Rate, Registry};

fn world() -> (ManualClock, Registry) {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).guard(ns(0)).build();
    (clock, registry)
}

fn take(bucket: &Bucket, count: usize) {
    (0..count).for_each(|_| drop(bucket.try_acquire().expect("a permit")));
}

/// How many can be started at once.
fn free(bucket: &Bucket) -> usize {
    (0..100).take_while(|_| bucket.try_acquire().is_ok()).count()
}

fn retry_after(bucket: &Bucket) -> Duration {
    bucket.try_acquire().expect_err("it is full").retry_after().expect("it is known")
}

#[test]
fn the_same_name_and_limits_are_one_state_wherever_they_stand() {
    static HERE: Bucket =
        Bucket::new("registry-one", Rate::per_hour(3)).and(Rate::per_day(9)).guard(Duration::ZERO);
    static THERE: Bucket =
        Bucket::new("registry-one", Rate::per_day(9)).and(Rate::per_hour(3)).guard(Duration::ZERO);
    take(&HERE, 1);
    take(&THERE, 1);
    take(&HERE.clone(), 1);
    assert!(HERE.try_acquire().is_err() && THERE.try_acquire().is_err(), "rates as a set, one state");
    let again = Bucket::new("registry-one", Rate::per_hour(3)).and(Rate::per_day(9)).guard(Duration::ZERO);
    assert!(again.try_acquire().is_err());
    assert!(Registry::global().get("registry-one").unwrap().try_acquire().is_err());
}

#[test]
fn other_limits_under_one_name_are_config_naming_both() {
    static FIRST: Bucket = Bucket::new("registry-two", Rate::per_hour(3));
    take(&FIRST, 1);
    let declare = || Bucket::new("registry-two", Rate::per_hour(3));
    for other in [
        Bucket::new("registry-two", Rate::per_hour(4)),
        declare().and(Rate::per_day(5)),
        declare().total(Rate::per_hour(3)),
        declare().guard(ms(1)),
        declare().max_keys(7),
        declare().in_flight(7),
        declare().max_waiting(7),
        declare().clock(ManualClock::new()),
        Bucket::unlimited("registry-two"),
    ] {
        let error = other.try_acquire().unwrap_err();
        let message = error.to_string();
        assert_eq!((error.kind(), error.bucket()), (ErrorKind::Config, Some("registry-two")), "{message}");
        assert!(message.contains("registry-two") && message.matches("3/h").count() >= 1, "{message}");
    }
    let message = Bucket::new("registry-two", Rate::per_hour(4)).acquire().unwrap_err().to_string();
    assert!(message.contains("`3/h`") && message.contains("`4/h`"), "{message}");
    assert!(declare().max_delay(FOREVER).try_acquire().is_ok(), "max_delay is the handle's own");
}

#[test]
fn max_delay_is_not_handed_on_from_one_declaration_to_another() {
    static PATIENT: Bucket = Bucket::new("registry-patient", Rate::per_hour(1)).max_delay(Duration::MAX);
    static HASTY: Bucket = Bucket::new("registry-patient", Rate::per_hour(1));
    take(&PATIENT, 1);
    let mut waits = Task::new(PATIENT.acquire_async());
    assert!(waits.poll().is_none());
    let refused = Task::new(HASTY.acquire_async()).poll().expect("zero unless set");
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Limited);
}

#[test]
fn a_preset_is_replaced_by_the_first_declaration() {
    static KITSU: Bucket = Bucket::new("kitsu", Rate::per_hour(2)).guard(Duration::ZERO);
    assert_eq!(Registry::global().get("kitsu").unwrap().rates(), [Rate::per_second(10).burst(10)]);
    take(&KITSU, 2);
    assert_eq!(Registry::global().get("kitsu").unwrap().rates(), [Rate::per_hour(2)]);
    assert!(KITSU.try_acquire().is_err());
    assert_eq!(Bucket::new("kitsu", Rate::per_hour(3)).try_acquire().unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn a_bucket_made_at_run_time_belongs_to_nobody_until_it_is_registered() {
    let (_clock, registry) = world();
    let bucket = Bucket::named("mine", Rate::per_hour(2)).guard(ns(0));
    take(&bucket, 1);
    assert_eq!(registry.get("mine").unwrap_err().kind(), ErrorKind::UnknownBucket);
    let other = Bucket::named("mine", Rate::per_hour(2)).guard(ns(0));
    assert_eq!(free(&other), 2, "a state of its own");
    registry.register(bucket).unwrap();
    assert_eq!(registry.names(), ["mine"]);
    let built_on = Bucket::named("built", Rate::per_hour(1)).guard(ns(0));
    take(&built_on, 1);
    assert_eq!(free(&built_on.clone().max_keys(9)), 1, "a builder's step makes a bucket without state");
    assert_eq!(free(&built_on), 0);
}

#[test]
fn register_alone_replaces_limits_and_handles_and_call_sites_obey() {
    static SITE: Site = Site::named("api", "registry::site");
    let (clock, registry) = world();
    let handle = registry.register(Bucket::named("api", Rate::per_second(5))).unwrap();
    let found = registry.get("api").unwrap();
    drop(SITE.call_in(&registry).acquire().unwrap());
    take(&handle, 1);
    registry.register(Bucket::named("api", Rate::per_second(3))).unwrap();
    assert_eq!((handle.rates(), found.rates()), (vec![Rate::per_second(3)], vec![Rate::per_second(3)]));
    take(&found, 1);
    assert!(handle.try_acquire().is_err() && SITE.call_in(&registry).acquire().is_err(), "2 + 1 started");
    clock.advance(ms(1000) + ns(1));
    assert_eq!(free(&handle), 3);
}

#[test]
fn a_sliding_window_reads_its_log_again() {
    let (clock, registry) = world();
    let bucket = registry.register(Bucket::named("b", Rate::per_second(4))).unwrap();
    take(&bucket, 2);
    clock.advance(ms(400));
    take(&bucket, 2);
    clock.advance(ms(400));
    let bucket = registry.register(Bucket::named("b", Rate::new(5, ms(2000)))).unwrap();
    take(&bucket, 1);
    assert_eq!(retry_after(&bucket), ms(1200) + ns(1), "the first two, two seconds after their start");
    let bucket = registry.register(Bucket::named("b", Rate::new(1, ms(500)))).unwrap();
    assert_eq!(retry_after(&bucket), ms(500) + ns(1), "the last one");
    clock.advance(ms(500) + ns(1));
    assert_eq!(free(&bucket), 1);
}

#[test]
fn a_token_bucket_keeps_the_weight_it_owes_up_to_the_new_burst() {
    for (rate, free_now, then) in [
        (Rate::per_second(1).burst(10), 2, ms(1000)),
        (Rate::per_second(1).burst(5), 0, ms(1000)),
        (Rate::per_second(2).burst(20), 12, ms(500)),
    ] {
        let (_clock, registry) = world();
        let bucket = registry.register(Bucket::named("b", Rate::per_hour(1).burst(10))).unwrap();
        take(&bucket, 8);
        let bucket = registry.register(Bucket::named("b", rate)).unwrap();
        assert_eq!((free(&bucket), retry_after(&bucket)), (free_now, then), "{rate}");
    }
}

#[test]
fn another_kind_begins_with_all_that_it_may_still_owe() {
    let (clock, registry) = world();
    let bucket = registry.register(Bucket::named("b", Rate::per_second(10).burst(10))).unwrap();
    take(&bucket, 10);
    clock.advance(ms(300));
    let bucket = registry.register(Bucket::named("b", Rate::per_second(10))).unwrap();
    assert_eq!(free(&bucket), 3, "seven are owed");
    clock.advance(ms(1000) + ns(1));
    assert_eq!(free(&bucket), 10);
    let bucket = registry.register(Bucket::named("b", Rate::per_second(1).burst(12))).unwrap();
    assert_eq!(free(&bucket), 2, "ten are in the log");
}

#[test]
fn registering_the_same_again_changes_nothing() {
    for limits in [
        |name: &str| Bucket::named(name, Rate::per_second(5)),
        |name: &str| Bucket::named(name, Rate::per_second(3).burst(7)),
        |name: &str| {
            Bucket::named(name, Rate::per_second(5)).and(Rate::per_minute(9)).total(Rate::per_second(8))
        },
        |name: &str| Bucket::named(name, Rate::per_second(9).burst(9)).and(Rate::per_hour(30).burst(30)),
    ] {
        let (clock, registry) = world();
        let both = ["a", "b"].map(|name| registry.register(limits(name)).unwrap());
        for step in 0..50 {
            registry.register(limits("a")).unwrap();
            let started =
                both.each_ref().map(|bucket| bucket.request().weight(1 + step % 3).try_acquire().is_ok());
            let seen = both.each_ref().map(|bucket| bucket.peek().unwrap().wait());
            assert_eq!((started[0], seen[0]), (started[1], seen[1]), "step {step} of {:?}", both[0]);
            clock.advance(ms(37 * u64::from(step % 9)));
        }
    }
}

#[test]
fn a_new_total_counts_what_all_keys_remember() {
    let (_clock, registry) = world();
    let bucket = registry.register(Bucket::named("b", Rate::per_second(2))).unwrap();
    for key in 0..3 {
        drop(bucket.request().key(key).try_acquire().unwrap());
    }
    take(&bucket, 1);
    let bucket =
        registry.register(Bucket::named("b", Rate::per_second(2)).total(Rate::per_second(5))).unwrap();
    assert!(bucket.request().key(9).try_acquire().is_ok(), "4 of 5 were taken");
    assert!(bucket.request().key(8).try_acquire().is_err());
}

#[test]
fn those_who_wait_are_planned_again_under_new_limits() {
    let (clock, registry) = world();
    let bucket = registry.register(Bucket::named("b", Rate::per_hour(1))).unwrap();
    take(&bucket, 1);
    let (mut first, mut second) = (Task::waiting(&bucket), Task::waiting(&bucket));
    registry.register(Bucket::named("b", Rate::per_hour(2))).unwrap();
    assert!(first.is_woken() && first.poll().unwrap().is_ok());
    registry.register(Bucket::named("b", Rate::per_second(1))).unwrap();
    clock.advance(ms(1000) + ns(1));
    assert!(second.is_woken() && second.poll().unwrap().is_ok());
}

#[test]
fn what_was_removed_is_closed_and_a_later_register_makes_a_new_one_that_call_sites_find() {
    static SITE: Site = Site::named("gone", "registry::gone");
    let (_clock, registry) = world();
    let old = registry.register(Bucket::named("gone", Rate::per_hour(1)).max_delay(FOREVER)).unwrap();
    drop(SITE.call_in(&registry).acquire().unwrap());
    let mut waits = Task::waiting(&old);
    assert!(registry.remove("gone") && !registry.remove("gone"));
    assert!(waits.is_woken());
    assert_eq!(waits.poll().unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(old.try_acquire().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(registry.get("gone").unwrap_err().kind(), ErrorKind::UnknownBucket);
    assert!(SITE.call_in(&registry).acquire().is_err());
    let new = registry.register(Bucket::named("gone", Rate::per_hour(1))).unwrap();
    drop(SITE.call_in(&registry).acquire().unwrap());
    assert!(new.try_acquire().is_err(), "one state with the call site");
    assert_eq!(old.try_acquire().unwrap_err().kind(), ErrorKind::Closed, "finally");
}

#[test]
fn an_unknown_name_names_the_nearest_and_is_never_cached() {
    static SITE: Site = Site::named("githb", "registry::unknown");
    let (_clock, registry) = world();
    registry.register(Bucket::named("github", Rate::per_hour(1))).unwrap();
    registry.register(Bucket::named("gitlab", Rate::per_hour(1))).unwrap();
    for _ in 0..2 {
        let error = SITE.call_in(&registry).acquire().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownBucket);
        assert!(error.to_string().contains("did you mean `github`"), "{error}");
    }
    assert!(!registry.get("weather").unwrap_err().to_string().contains("did you mean"), "nothing is near");
    registry.register(Bucket::named("githb", Rate::per_hour(1))).unwrap();
    assert!(SITE.call_in(&registry).acquire().is_ok());
}

#[test]
fn another_clock_starts_states_anew_and_those_who_wait_keep_what_is_left_of_their_allowance() {
    let (old, registry) = world();
    let bucket = registry.register(Bucket::named("b", Rate::per_second(1))).unwrap();
    old.advance(ms(50_000));
    take(&bucket, 1);
    let mut first = Task::waiting(&bucket);
    let ask = |allowance| Task::new(bucket.request().max_delay(allowance).acquire_async());
    let (mut long, mut second) = (ask(ms(3000)), ask(ms(2500)));
    assert!(long.poll().is_none());
    assert_eq!(
        second.poll().unwrap().unwrap_err().kind(),
        ErrorKind::DelayTooLong,
        "three seconds are before it"
    );
    old.advance(ms(500));
    let new = ManualClock::new();
    new.set(Timestamp::from_nanos(7));
    registry.set_clock(new.clone());
    assert!(first.is_woken() && first.poll().unwrap().is_ok(), "as fresh");
    assert!(long.is_woken() && long.poll().is_none(), "woken to wait on the new clock");
    new.wait_for_sleepers(1);
    old.advance(ms(99_000));
    assert!(!long.is_woken(), "nobody looks at the old clock any more");
    bucket.pause(ms(2500)).unwrap();
    assert!(!long.is_woken(), "2500 ms of its allowance are left");
    bucket.pause(ms(2500) + ns(1)).unwrap();
    assert!(long.is_woken());
    assert_eq!(long.poll().unwrap().unwrap_err().kind(), ErrorKind::DelayTooLong);
}

#[test]
fn a_bucket_that_brought_its_clock_keeps_it() {
    let (clock, registry) = world();
    let own = ManualClock::new();
    let bucket = registry.register(Bucket::named("own", Rate::per_second(1)).clock(own.clone())).unwrap();
    take(&bucket, 1);
    registry.set_clock(ManualClock::new());
    assert!(bucket.try_acquire().is_err());
    clock.advance(ms(5000));
    assert!(bucket.try_acquire().is_err());
    own.advance(ms(1000) + ns(1));
    assert!(bucket.try_acquire().is_ok());
}

#[test]
fn a_slow_pace_is_half_as_fast_and_a_normal_one_restores_it() {
    let (clock, registry) = world();
    let bucket = registry.register(Bucket::named("b", Rate::per_second(2).burst(2))).unwrap();
    take(&bucket, 2);
    registry.set_pace(Pace::Slow);
    assert_eq!(retry_after(&bucket), ms(1000));
    clock.advance(ms(400));
    assert_eq!(retry_after(&bucket), ms(600));
    registry.set_pace(Pace::Normal);
    assert_eq!(retry_after(&bucket), ms(300), "what is left, at full speed");
    registry.set_pace(Pace::Slow);
    let late = registry.register(Bucket::named("later", Rate::per_second(1))).unwrap();
    take(&late, 1);
    assert_eq!(retry_after(&late), ms(2000) + ns(2), "those to come included");
    for pace in [Pace::Slow, Pace::Normal] {
        assert_eq!(pace.to_string().parse::<Pace>().unwrap(), pace);
    }
    assert_eq!("fast".parse::<Pace>().unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn closing_wakes_all_and_is_final_also_when_the_last_handle_is_dropped() {
    for by_drop in [false, true] {
        let (_clock, registry) = world();
        let bucket = registry.register(Bucket::named("b", Rate::per_hour(1)).max_delay(FOREVER)).unwrap();
        take(&bucket, 1);
        let mut waits: Vec<Task> = (0..5).map(|_| Task::waiting(&bucket)).collect();
        let thread = std::thread::spawn({
            let bucket = bucket.clone();
            move || bucket.acquire().map(drop)
        });
        let copy = registry.clone();
        if by_drop {
            drop(registry);
            assert!(!waits[0].is_woken(), "a copy is left");
            drop(copy);
        } else {
            registry.close();
            assert_eq!(copy.get("b").unwrap_err().kind(), ErrorKind::Closed);
            assert_eq!(
                copy.register(Bucket::named("c", Rate::per_hour(1))).unwrap_err().kind(),
                ErrorKind::Closed
            );
        }
        assert_eq!(thread.join().expect("no panic").unwrap_err().kind(), ErrorKind::Closed);
        for task in &mut waits {
            assert!(task.is_woken());
            assert_eq!(task.poll().unwrap().unwrap_err().kind(), ErrorKind::Closed);
        }
        assert_eq!(bucket.acquire().unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(bucket.request().weight(0).try_acquire().unwrap_err().kind(), ErrorKind::Closed);
    }
}

#[test]
fn reset_makes_every_bucket_as_fresh_and_removes_nothing() {
    let (_clock, registry) = world();
    let both = ["a", "b"].map(|name| registry.register(Bucket::named(name, Rate::per_hour(2))).unwrap());
    for bucket in &both {
        take(bucket, 2);
    }
    both[0].pause(ms(10)).unwrap();
    registry.reset();
    assert_eq!((registry.names().len(), free(&both[0]), free(&both[1])), (2, 2, 2));
}
