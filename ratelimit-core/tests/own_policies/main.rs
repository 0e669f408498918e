//! Buckets that run a user's own policy: what it is told, what its answers do, and that its panics are one caller's.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod answers;
#[path = "../common/mod.rs"]
mod common;
mod ends;
mod expired;
mod panics;
mod slots;

use std::thread;
use std::time::Duration;

use common::{FOREVER, Task, ms, ns};
use ratelimit_core::clock::ManualClock;
use ratelimit_core::policy::LeakyBucket;
use ratelimit_core::store::MemoryStore;
use ratelimit_core::{Bucket, ErrorKind, Pace, Rate, Registry};
use slots::{Method, Slots, bucket, panics, slots, taken};

#[test]
fn each_key_has_a_state_of_its_own() {
    let (_probe, _clock, bucket) = slots(1);
    let first = bucket.request().key("a").try_acquire().expect("a is free");
    let refused = bucket.request().key("a").try_acquire().expect_err("a is taken");
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::Limited, None));
    assert_eq!(refused.to_string(), "bucket `own` is held up by other calls: when to retry is unknown");
    drop(bucket.request().key("b").try_acquire().expect("b is free"));
    drop(bucket.try_acquire().expect("so are calls without a key"));
    drop(first);
    assert!(bucket.request().key("a").try_acquire().is_ok());
}

#[test]
fn every_permit_is_settled_once_and_never_after_a_refund() {
    let (probe, _clock, bucket) = slots(3);
    drop(bucket.request().weight(2).try_acquire().expect("room"));
    assert_eq!(probe.ended(), (1, 0));
    bucket.try_acquire().expect("room").refund();
    assert_eq!(probe.ended(), (1, 1));
    drop(bucket.request().weight(0).try_acquire().expect("a free pass"));
    assert_eq!(probe.ended(), (1, 1));
    // As fresh: what was taken before is nobody's any more.
    let before = bucket.try_acquire().expect("room");
    bucket.reset().expect("it is open");
    drop(before);
    assert_eq!((probe.ended(), taken(&bucket)), ((1, 1), 0));
}

#[test]
fn what_can_never_fit_is_too_heavy() {
    let (_probe, _clock, bucket) = slots(3);
    let refused = bucket.request().weight(4).max_delay(FOREVER).acquire().expect_err("never");
    assert_eq!(refused.kind(), ErrorKind::TooHeavy);
    assert_eq!(refused.to_string(), "bucket `own` can never fit weight 4");
}

#[test]
fn who_waits_for_a_settlement_is_told_in_order() {
    let (_probe, _clock, bucket) = slots(1);
    let permit = bucket.try_acquire().expect("room");
    let (mut first, mut second) = (Task::waiting(&bucket), Task::waiting(&bucket));
    assert_eq!(bucket.peek().expect("it is open").wait(), None);
    drop(permit);
    assert!(first.is_woken() && !second.is_woken());
    let started = first.poll().expect("its turn").expect("a permit");
    assert!(second.poll().is_none());
    started.refund();
    assert!(second.is_woken() && matches!(second.poll(), Some(Ok(_))));
}

#[test]
fn an_unknown_turn_is_refused_as_the_allowance_ends() {
    let (_probe, clock, bucket) = slots(1);
    let _permit = bucket.try_acquire().expect("room");
    let mut waits = Task::new(bucket.request().max_delay(ms(500)).acquire_async());
    let mut longer = Task::new(bucket.request().max_delay(ms(800)).acquire_async());
    assert!(waits.poll().is_none() && longer.poll().is_none());
    clock.advance(ms(500));
    assert!(!waits.is_woken(), "its allowance is not over yet");
    clock.advance(ns(1));
    assert!(waits.is_woken() && !longer.is_woken());
    let refused = waits.poll().expect("it is over").expect_err("nothing was settled");
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::DelayTooLong, None));
    clock.advance(ms(300));
    assert!(matches!(longer.poll(), Some(Err(_))));
}

#[test]
fn a_settlement_within_the_allowance_is_in_time() {
    let (_probe, clock, bucket) = slots(1);
    let permit = bucket.try_acquire().expect("room");
    let mut waits = Task::new(bucket.request().max_delay(ms(500)).acquire_async());
    assert!(waits.poll().is_none());
    clock.advance(ms(500));
    drop(permit);
    assert!(waits.is_woken());
    assert_eq!(waits.poll().expect("its turn").expect("in time").waited(), ms(500));
}

#[test]
fn who_learns_that_it_is_late_fails_at_once() {
    for learns in 0..3 {
        let clock = ManualClock::new();
        let bucket = Bucket::with_policy("own", Slots::new(4).1).and(Rate::per_second(3)).guard(ns(0));
        let bucket = bucket.clock(clock.clone());
        let _permit = bucket.request().weight(2).try_acquire().expect("room");
        drop(bucket.try_acquire().expect("room"));
        // Two places are taken: the first waits for an end, and of those behind it nothing is known.
        let ask = |weight, allowed| {
            let mut task = Task::new(bucket.request().weight(weight).max_delay(allowed).acquire_async());
            assert!(task.poll().is_none());
            task
        };
        let (mut first, mut short, long) = (ask(3, ms(100)), ask(1, ms(500)), ask(1, FOREVER));
        match learns {
            0 => clock.advance(ms(100) + ns(1)),
            1 => bucket.reset().expect("it is open"),
            _ => bucket.request().reset().expect("it is open"),
        }
        assert!(first.is_woken() && short.is_woken() && !long.is_woken(), "{learns}");
        assert_eq!(first.poll().expect("it is told").is_ok(), learns > 0);
        // The rate is full for a second.
        let refused = short.poll().expect("at once").expect_err("late");
        assert_eq!(refused.kind(), ErrorKind::DelayTooLong);
        assert!(refused.retry_after() > Some(ms(800)), "{refused}");
    }
}

#[test]
fn threads_wait_for_a_settlement_too() {
    let (_probe, clock, bucket) = slots(1);
    let permit = bucket.try_acquire().expect("room");
    let waiting = {
        let bucket = bucket.clone();
        thread::spawn(move || bucket.request().max_delay(FOREVER).acquire().map(drop))
    };
    clock.wait_for_sleepers(1);
    drop(permit);
    assert!(waiting.join().expect("no panic").is_ok());
}

#[test]
fn rates_and_the_total_are_taken_with_the_policy_or_not_at_all() {
    let clock = ManualClock::new();
    let (probe, policy) = Slots::new(2);
    let bucket = Bucket::with_policy("mixed", policy)
        .and(Rate::per_second(3))
        .total(Rate::per_minute(5))
        .guard(ns(0))
        .clock(clock.clone());
    let free = || {
        let outlook = bucket.peek().expect("it is open");
        outlook.rates().iter().map(ratelimit_core::RateOutlook::remaining).collect::<Vec<_>>()
    };
    let permit = bucket.request().weight(2).try_acquire().expect("room in all");
    assert_eq!(free(), [1, 3]);
    assert!(bucket.try_acquire().is_err(), "the policy is full");
    assert_eq!(free(), [1, 3]);
    drop(permit);
    let refused = bucket.request().weight(2).try_acquire().expect_err("the rate is full");
    assert_eq!(refused.rate(), Some(Rate::per_second(3)));
    assert_eq!(taken(&bucket), 0);
    for method in [Method::Commit, Method::Fork] {
        probe.set(method, true);
        assert!(panics(|| bucket.try_acquire()), "{method:?}");
        probe.set(method, false);
        assert_eq!((free(), taken(&bucket)), (vec![1, 3], 0), "{method:?}");
    }
    clock.advance(ms(1001));
    drop(bucket.request().weight(2).try_acquire().expect("room again"));
    assert_eq!(free(), [1, 1]);
}

#[test]
fn with_policy_shows_and_changes_the_state() {
    let (_probe, _clock, bucket) = slots(1);
    let _permit = bucket.try_acquire().expect("room");
    let (mut first, mut second) = (Task::waiting(&bucket), Task::waiting(&bucket));
    let was = bucket.request().with_policy::<Slots, _>(|slots, _| std::mem::replace(&mut slots.amount, 2));
    assert_eq!(was.expect("it is open"), 1);
    assert!(first.is_woken() && !second.is_woken(), "those who wait are looked at again");
    assert!(matches!(first.poll(), Some(Ok(_))));
    assert!(second.is_woken() && second.poll().expect("the first has ended").is_ok());
    assert!(panics(|| bucket.request().with_policy(|slots: &mut Slots, _| {
        slots.amount = 0;
        panic!("half way");
    })));
    assert_eq!(bucket.request().with_policy(|slots: &mut Slots, _| slots.amount).expect("open"), 2);
}

#[test]
fn with_policy_runs_again_where_something_was_committed_meanwhile() {
    let (_probe, _clock, bucket) = slots(10);
    let mut runs = 0;
    let seen = bucket.request().key("k").with_policy(|slots: &mut Slots, _| {
        runs += 1;
        if runs <= 2 {
            std::mem::forget(bucket.request().key("k").try_acquire().expect("no lock is held"));
        }
        slots.amount = 7;
        slots.taken
    });
    assert_eq!((seen.expect("it is open"), runs), (2, 3));
    let state = bucket.request().key("k").with_policy(|slots: &mut Slots, _| (slots.amount, slots.taken));
    assert_eq!(state.expect("it is open"), (7, 2));
}

#[test]
fn with_policy_wants_the_type_that_is_there() {
    let (_probe, _clock, bucket) = slots(1);
    let error = bucket.request().with_policy(|_: &mut LeakyBucket, _| ()).expect_err("another type");
    assert_eq!(error.kind(), ErrorKind::Config);
    let said = error.to_string();
    assert!(said.contains("Slots") && said.contains("LeakyBucket"), "{said}");
    let plain = Bucket::named("plain", Rate::per_second(1));
    let error = plain.request().with_policy(|_: &mut LeakyBucket, _| ()).expect_err("none");
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Config, "bucket `plain` has no policy of its own")
    );
    bucket.close();
    let error = bucket.request().with_policy(|_: &mut Slots, _| ()).expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[test]
fn with_policy_that_moves_turns_past_allowances_refuses_at_once() {
    let (clock, bucket) = bucket(LeakyBucket::new(1.0, 1.0));
    std::mem::forget(bucket.try_acquire().expect("room"));
    let mut waits = Task::new(bucket.request().max_delay(ms(1500)).acquire_async());
    assert!(waits.poll().is_none());
    bucket.request().with_policy(|leaky: &mut LeakyBucket, _| leaky.set_factor(0.5)).expect("open");
    assert!(waits.is_woken());
    let refused = waits.poll().expect("at once").expect_err("two seconds");
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(2)));
    clock.advance(ms(2000));
    assert!(bucket.try_acquire().is_ok());
}

#[test]
fn who_waits_for_what_can_never_be_any_more_is_told_at_once() {
    let (_probe, _clock, bucket) = slots(2);
    let permit = bucket.request().weight(2).try_acquire().expect("room");
    let mut heavy = Task::new(bucket.request().weight(2).max_delay(FOREVER).acquire_async());
    assert!(heavy.poll().is_none());
    let mut light = Task::waiting(&bucket);
    bucket.request().with_policy(|slots: &mut Slots, _| slots.amount = 1).expect("open");
    assert!(heavy.is_woken());
    assert_eq!(heavy.poll().expect("at once").unwrap_err().kind(), ErrorKind::TooHeavy);
    assert!(light.poll().is_none());
    drop(permit);
    assert!(light.poll().expect("its turn").is_ok());
}

#[test]
fn other_limits_leave_the_state_of_the_same_policy_as_it_is() {
    let registry = Registry::new();
    let (_probe, policy) = Slots::new(2);
    let (clock, own) = bucket(policy);
    let own = registry.register(own).expect("a new name");
    let first = own.request().key("k").try_acquire().expect("room");
    // The same handle with another bound is the same policy.
    let more = registry.get("own").expect("it is there").and(Rate::per_second(9)).clock(clock.clone());
    let more = registry.register(more).expect("other limits");
    let look = || more.request().key("k").with_policy(|slots: &mut Slots, _| slots.taken).expect("open");
    assert_eq!(look(), 1);
    drop(first);
    assert_eq!(look(), 0, "it hears of the end of every call it has counted");
    // A rate that is replaced by a policy hands on what it remembers.
    let plain = Bucket::named("plain", Rate::per_hour(9)).clock(clock.clone());
    let plain = registry.register(plain).expect("a new name");
    let old = plain.request().weight(2).try_acquire().expect("room");
    let (probe, policy) = Slots::new(2);
    let next = Bucket::with_policy("plain", policy).clock(clock);
    let next = registry.register(next).expect("other limits");
    assert_eq!(taken(&next), 2);
    drop(old);
    assert_eq!((taken(&next), probe.ended()), (2, (0, 0)), "a rate's call has nobody to tell");
}

#[test]
fn a_policy_equals_only_itself() {
    let registry = Registry::new();
    let (_probe, policy) = Slots::new(1);
    let (clock, own) = bucket(policy.clone());
    let own = registry.register(own).expect("a new name");
    std::mem::forget(own.try_acquire().expect("room"));
    let alike = Bucket::with_policy("own", policy).guard(ns(0)).clock(clock);
    let alike = registry.register(alike).expect("replaced");
    assert!(format!("{alike:?}").contains("own policy own_policies::slots::Slots"), "{alike:?}");
    // What the other one counted nobody else can read.
    assert_eq!(taken(&alike), 0);
}

#[test]
fn pace_slows_a_policy_too() {
    let registry = Registry::new();
    let (clock, leaky) = bucket(LeakyBucket::new(1.0, 1.0).fixed_factor());
    let leaky = registry.register(leaky).expect("a new name");
    registry.set_pace(Pace::Slow);
    drop(leaky.try_acquire().expect("room"));
    let refused = leaky.try_acquire().expect_err("full");
    assert_eq!(refused.retry_after(), Some(ms(2000)));
    clock.advance(ms(2000));
    assert!(leaky.try_acquire().is_ok());
}

#[test]
fn a_leaky_bucket_adapts_as_calls_end() {
    let (clock, bucket) = bucket(LeakyBucket::new(10.0, 1.0));
    let factor = || bucket.request().with_policy(|leaky: &mut LeakyBucket, _| leaky.factor()).expect("open");
    let permit = bucket.try_acquire().expect("room");
    clock.advance(ms(10));
    let before = factor();
    drop(permit);
    assert!(factor() > before, "nearly empty: it leaks faster");
    let after = factor();
    bucket.try_acquire().expect("room").refund();
    assert!(factor().total_cmp(&after).is_eq(), "a call that cost nothing adapts nothing");
}

/// A store needs what [`Policy::save`](ratelimit_core::policy::Policy::save) gives: whose policy gives nothing reads what to
/// do in the error itself, and not in its source alone.
#[test]
fn a_policy_that_cannot_be_saved_is_told_what_it_lacks() {
    let bucket = Bucket::with_policy("api", Slots::new(2).1).store(MemoryStore::default());
    let error = bucket.try_acquire().unwrap_err();
    let advice =
        "bucket `api` is kept in a store that cannot answer this call: implement `Policy::save` and `load`";
    assert_eq!(error.to_string(), advice);
    assert_eq!(
        format!("{error:#}"),
        format!("{advice}: the bucket's own policy cannot be saved, which a store needs")
    );
}
