//! How calls end: corrected, refunded, charged, and bounded in flight beside the policy.

use ratelimit_core::clock::ManualClock;
use ratelimit_core::{Bucket, Rate, Registry};

use crate::common::{Task, ns};
use crate::slots::{Method, Slots, panics, slots, taken};

#[test]
fn a_corrected_call_counts_what_it_cost_until_it_ends() {
    let (probe, _clock, bucket) = slots(5);
    let permit = bucket.request().weight(2).try_acquire().expect("room");
    permit.correct(4);
    assert_eq!(taken(&bucket), 4);
    permit.correct(1);
    // The later part went wholly, and one of the first.
    assert_eq!((taken(&bucket), probe.ended()), (1, (0, 2)));
    drop(permit);
    assert_eq!((taken(&bucket), probe.ended()), (0, (1, 2)));
}

#[test]
fn a_free_pass_that_is_corrected_ends_too() {
    let (probe, _clock, bucket) = slots(3);
    let permit = bucket.request().weight(0).try_acquire().expect("a free pass");
    permit.correct(2);
    assert_eq!(taken(&bucket), 2);
    drop(permit);
    assert_eq!((taken(&bucket), probe.ended()), (0, (1, 0)));
}

#[test]
fn a_corrected_call_is_refunded_once() {
    let (probe, _clock, bucket) = slots(5);
    let permit = bucket.request().weight(2).try_acquire().expect("room");
    permit.correct(3);
    permit.refund();
    assert_eq!((taken(&bucket), probe.ended()), (0, (0, 2)));
}

/// Weights are never zero.
#[test]
fn a_policy_hears_of_what_changes_alone() {
    let (probe, _clock, bucket) = slots(5);
    let permit = bucket.request().weight(2).try_acquire().expect("room");
    permit.correct(4);
    permit.correct(3);
    assert_eq!((taken(&bucket), probe.ended()), (3, (0, 1)), "of the newest part one");
    probe.set(Method::Commit, true);
    probe.set(Method::Settle, true);
    permit.correct(3);
    probe.set(Method::Commit, false);
    probe.set(Method::Settle, false);
    assert_eq!((taken(&bucket), probe.ended()), (3, (0, 1)));
}

#[test]
fn a_correction_down_lets_who_waits_start() {
    let (_probe, _clock, bucket) = slots(2);
    let permit = bucket.request().weight(2).try_acquire().expect("room");
    let mut waits = Task::waiting(&bucket);
    permit.correct(1);
    assert!(waits.is_woken() && matches!(waits.poll(), Some(Ok(_))));
}

#[test]
fn a_charge_counts_beyond_what_may_start() {
    let (probe, _clock, bucket) = slots(1);
    let charged = bucket.request().weight(3).charge().expect("it is open");
    assert_eq!(taken(&bucket), 3);
    assert!(bucket.try_acquire().is_err());
    drop(charged);
    assert_eq!((taken(&bucket), probe.ended()), (0, (1, 0)));
    probe.set(Method::Commit, true);
    assert!(panics(|| bucket.charge()));
    probe.set(Method::Commit, false);
    assert_eq!(taken(&bucket), 0);
}

#[test]
fn a_correction_that_panics_charges_nothing() {
    let (probe, _clock, bucket) = slots(5);
    let permit = bucket.request().weight(2).try_acquire().expect("room");
    probe.set(Method::Commit, true);
    assert!(panics(|| permit.correct(4)));
    probe.set(Method::Commit, false);
    assert_eq!(taken(&bucket), 2);
    drop(permit);
    assert_eq!(taken(&bucket), 0);
}

/// One end is heard of by both: the policy and the bound.
#[test]
fn calls_in_flight_are_bounded_beside_the_policy() {
    let (probe, policy) = Slots::new(5);
    let bucket = Bucket::with_policy("own", policy).guard(ns(0)).in_flight(1);
    let permit = bucket.request().weight(2).try_acquire().expect("room");
    assert!(bucket.try_acquire().is_err(), "one is in flight");
    let mut waits = Task::waiting(&bucket);
    drop(permit);
    assert_eq!((taken(&bucket), probe.ended()), (0, (1, 0)));
    assert!(waits.is_woken());
    let permit = waits.poll().expect("its turn").expect("a permit");
    assert_eq!(taken(&bucket), 1);
    assert!(bucket.try_acquire().is_err(), "one is in flight");
    permit.refund();
    assert_eq!((taken(&bucket), probe.ended()), (0, (1, 1)));
    assert!(bucket.try_acquire().is_ok());
}

/// Who began under the policy is in flight under a later bound, and frees one place, its own.
#[test]
fn a_later_bound_counts_who_began_under_the_policy() {
    let registry = Registry::new();
    let (_probe, policy) = Slots::new(5);
    let before = registry.register(Bucket::with_policy("api", policy)).expect("it is valid");
    let permit = before.try_acquire().expect("room");
    let after = registry
        .register(Bucket::named("api", Rate::per_second(1000)).guard(ns(0)).in_flight(2))
        .expect("it is valid");
    let second = after.try_acquire().expect("one place is left");
    assert!(after.try_acquire().is_err(), "two are in flight");
    drop(permit);
    let third = after.try_acquire().expect("one has ended");
    assert!(after.try_acquire().is_err(), "two are in flight");
    drop((second, third));
}

/// However much there was: a state for each key, and none where nothing was.
#[test]
fn what_rates_remember_of_a_key_is_told_to_one_fork() {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).guard(ns(0)).build();
    let plain = registry.register(Bucket::named("api", Rate::per_second(100))).expect("it is valid");
    for key in 0..3 {
        for _ in 0..30 {
            clock.advance(ns(1));
            drop(plain.request().key(key).try_acquire().expect("room"));
        }
    }
    let (probe, policy) = Slots::new(100);
    let own = registry.register(Bucket::with_policy("api", policy)).expect("other limits");
    assert_eq!(probe.forked(), 3);
    let taken = |slots: &mut Slots, _| slots.taken;
    let told = (0..4).map(|key| own.request().key(key).with_policy(taken).expect("it is open"));
    assert_eq!(told.collect::<Vec<_>>(), [30, 30, 30, 0]);
}
