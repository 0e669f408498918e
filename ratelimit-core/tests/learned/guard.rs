//! The guard that a bucket finds out by itself: as long as the network needs it.

use std::time::Duration;

use ratelimit_core::clock::ManualClock;
use ratelimit_core::feedback::Feedback;
use ratelimit_core::{Bucket, Permit, Rate, Registry};

use crate::common::{Task, ms, ns};

/// Answers that say nothing of any window, so that nothing but the rates holds anybody up.
fn news() -> Feedback {
    Feedback::default()
}

/// Calls that are charged nothing in the end, and are answered after so many milliseconds.
fn answered(bucket: &Bucket, clock: &ManualClock, times: impl IntoIterator<Item = u64>) {
    for time in times {
        let permit = bucket.request().key("others").try_acquire().expect("room");
        clock.advance(ms(time));
        permit.observe(&news());
        permit.refund();
    }
}

fn observed(permits: &[Permit]) {
    for permit in permits {
        permit.observe(&news());
    }
}

fn uneven(most: u64) -> impl Iterator<Item = u64> {
    (0..16).map(move |n| if n % 2 == 0 { 10 } else { 10 + most })
}

fn guard(bucket: &Bucket) -> Duration {
    bucket.peek().expect("it is open").guard()
}

fn bucket(rate: Rate) -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    let bucket = Bucket::named("tuned", rate).clock(clock.clone());
    // Its first answer makes it learn; from then on calls are known by the times they are sent at.
    bucket.request().observe(&news()).expect("it is open");
    (clock, bucket)
}

#[test]
fn is_a_quarter_more_than_answers_were_apart() {
    let (clock, bucket) = bucket(Rate::per_minute(600));
    assert_eq!(guard(&bucket), ms(20));
    answered(&bucket, &clock, uneven(15));
    assert_eq!(guard(&bucket), ms(20), "no less than without");
    answered(&bucket, &clock, uneven(80));
    assert_eq!(guard(&bucket), ms(100));
    answered(&bucket, &clock, (0..5).flat_map(|_| uneven(10)));
    assert_eq!(guard(&bucket), ms(20), "the network is calm again");
}

#[test]
fn is_no_longer_than_costs_little() {
    let (clock, of_a_second) = bucket(Rate::per_second(10));
    answered(&of_a_second, &clock, uneven(900));
    assert_eq!(guard(&of_a_second), ms(50), "5 %");
    let (clock, of_an_hour) = bucket(Rate::per_hour(1_000));
    answered(&of_an_hour, &clock, uneven(900));
    assert_eq!(guard(&of_an_hour), ms(250));
}

#[test]
fn stays_as_the_user_set_it() {
    let clock = ManualClock::new();
    let own = Bucket::named("own", Rate::per_minute(600)).guard(ms(3)).clock(clock.clone());
    let registry = Registry::builder().guard(ms(5)).build();
    let named = Bucket::named("default", Rate::per_minute(600)).clock(clock.clone());
    let default = registry.register(named).unwrap();
    for (bucket, set) in [(own, 3), (default, 5)] {
        bucket.request().observe(&news()).unwrap();
        answered(&bucket, &clock, uneven(200));
        assert_eq!(guard(&bucket), ms(set));
    }
}

/// Answers that come without a permit tell of no time, and neither does a call that nothing was heard of.
#[test]
fn is_measured_by_answers_to_calls() {
    let (clock, bucket) = bucket(Rate::per_minute(600));
    answered(&bucket, &clock, [10; 15]);
    for time in [200; 20] {
        let permit = bucket.request().key("others").try_acquire().unwrap();
        clock.advance(ms(time));
        permit.observe(&None::<Feedback>);
        permit.refund();
        bucket.request().observe(&news()).unwrap();
    }
    answered(&bucket, &clock, [11; 17]);
    assert_eq!(guard(&bucket), ms(20));
    // What is told of a call once more is told later.
    let permits = [(); 16].map(|()| bucket.request().key("others").try_acquire().unwrap());
    observed(&permits);
    clock.advance(ms(300));
    observed(&permits);
    assert_eq!(guard(&bucket), ms(20));
}

/// Which starts still count is not found out anew, but by the guard in force: of every kind of rate, with keys and
/// without, and of a total.
#[test]
fn counts_for_what_started_before() {
    let sliding = Rate::new(1, Duration::from_secs(10));
    let fixed = sliding.fixed();
    let burst = Rate::new(1, Duration::from_secs(10)).burst(1);
    for (rate, more) in [(sliding, 1), (fixed, 0), (burst, 0)] {
        for key in [None, Some("key")] {
            for is_total in [false, true] {
                let clock = ManualClock::new();
                let limits = Bucket::named("tuned", Rate::per_day(1_000));
                let limits = if is_total { limits.total(rate) } else { limits.and(rate) };
                let bucket = limits.clock(clock.clone());
                let on = || match key {
                    None => bucket.request(),
                    Some(key) => bucket.request().key(key),
                };
                let first = on().try_acquire().unwrap();
                let answers = bucket.request().key("answers");
                answers.clone().observe(&news()).unwrap();
                for time in uneven(100) {
                    let permit = answers.clone().weight(0).route("r").try_acquire().unwrap();
                    clock.advance(ms(time));
                    permit.observe(&news());
                }
                let passed = uneven(100).sum::<u64>();
                let wait = ms(10_000 + 125 - passed) + ns(more);
                let refused = on().try_acquire().unwrap_err();
                assert_eq!(refused.retry_after(), Some(wait), "{rate}, {key:?}, total: {is_total}");
                clock.advance(wait.saturating_sub(ns(1)));
                assert!(on().try_acquire().is_err());
                clock.advance(ns(1));
                assert!(on().try_acquire().is_ok(), "{rate}, {key:?}, total: {is_total}");
                drop(first);
            }
        }
    }
}

#[test]
fn what_was_taken_under_another_can_be_given_back() {
    let (clock, bucket) = bucket(Rate::per_minute(2));
    let on = || bucket.request().key("ann");
    let permit = on().weight(2).try_acquire().unwrap();
    answered(&bucket, &clock, uneven(100));
    assert_eq!(guard(&bucket), ms(125));
    assert!(on().try_acquire().is_err());
    permit.refund();
    assert!(on().weight(2).try_acquire().is_ok());
}

#[test]
fn outlives_a_reset_and_other_rates() {
    let (clock, bucket) = bucket(Rate::per_minute(600));
    let registry = Registry::new();
    let bucket = registry.register(bucket).unwrap();
    answered(&bucket, &clock, uneven(80));
    bucket.reset().unwrap();
    assert_eq!(guard(&bucket), ms(100));
    let anew = |rate: Rate| registry.register(Bucket::named("tuned", rate).clock(clock.clone())).unwrap();
    assert_eq!(guard(&anew(Rate::per_minute(1))), ms(100));
    assert_eq!(guard(&anew(Rate::per_second(1))), ms(50), "as far as they bear it");
    let set = registry.register(Bucket::named("tuned", Rate::per_minute(9)).clock(clock).guard(ns(7)));
    assert_eq!(guard(&set.unwrap()), ns(7));
}

/// As by anything else that happens after it joined.
#[test]
fn refuses_who_is_moved_past_its_allowance() {
    let (clock, bucket) = bucket(Rate::per_minute(1));
    let first: Permit = bucket.try_acquire().unwrap();
    let until = ms(60_020) + ns(1);
    let mut just = Task::new(bucket.request().max_delay(until).acquire_async());
    assert!(just.poll().is_none());
    let others = bucket.request().weight(0).route("r");
    for time in uneven(100) {
        let permit = others.clone().try_acquire().unwrap();
        clock.advance(ms(time));
        permit.observe(&news());
    }
    assert_eq!(guard(&bucket), ms(125));
    assert!(just.is_woken());
    let refused = just.poll().unwrap().unwrap_err();
    assert_eq!(refused.retry_after(), Some(ms(60_125 - uneven(100).sum::<u64>()) + ns(1)));
    drop(first);
}
