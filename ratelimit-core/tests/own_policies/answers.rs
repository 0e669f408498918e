//! What servers answer, told to the policy.

use ratelimit_core::feedback::Feedback;
use ratelimit_core::policy::LeakyBucket;
use ratelimit_core::{Bucket, ErrorKind};

use crate::common::{FOREVER, Task, ms, ns};
use crate::slots::{Method, bucket, panics, slots, taken};

fn limit(limit: u64) -> Feedback {
    Feedback::default().limit(limit)
}

fn waits(bucket: &Bucket, weight: u32) -> Task {
    let mut task = Task::new(bucket.request().weight(weight).max_delay(FOREVER).acquire_async());
    assert!(task.poll().is_none(), "it has to wait");
    task
}

#[test]
fn each_answer_is_told_once_and_the_end_as_ever() {
    let (probe, _clock, bucket) = slots(5);
    let permit = bucket.request().weight(2).try_acquire().expect("room");
    let said = limit(5).bucket("a name").rejected(true).retry_after(ns(0));
    permit.observe(&said);
    assert_eq!(probe.answers(), [(2, said.clone())]);
    permit.observe(&limit(5));
    assert_eq!(probe.answers(), [(2, said), (2, limit(5))]);
    assert_eq!((taken(&bucket), probe.ended()), (2, (0, 0)), "it runs on");
    drop(permit);
    assert_eq!((taken(&bucket), probe.ended(), probe.answers().len()), (0, (1, 0), 2));
}

#[test]
fn an_answer_that_says_nothing_is_not_told() {
    let (probe, _clock, bucket) = slots(5);
    let permit = bucket.try_acquire().expect("room");
    permit.observe(&None::<Feedback>);
    bucket.request().observe(&limit(9)).expect("it is open");
    assert_eq!(probe.answers(), [], "of no call that it knows");
    drop(permit);
    assert_eq!(probe.ended(), (1, 0));
}

/// Of a corrected call by the first of its commits that has something left.
#[test]
fn a_corrected_call_is_answered_once() {
    let (probe, _clock, bucket) = slots(9);
    let permit = bucket.request().weight(2).try_acquire().expect("room");
    permit.correct(5);
    permit.observe(&limit(9));
    permit.correct(1);
    permit.observe(&limit(8));
    permit.correct(0);
    permit.observe(&limit(7));
    let weights = probe.answers().into_iter().map(|(weight, _)| weight);
    assert_eq!(weights.collect::<Vec<_>>(), [2, 1], "what is given back whole is not heard of again");
    let free = bucket.request().weight(0).try_acquire().expect("a free pass");
    free.observe(&limit(9));
    assert_eq!(probe.answers().len(), 2, "nor is a free pass");
    free.correct(3);
    free.observe(&limit(9));
    assert_eq!(probe.answers().last().map(|(weight, _)| *weight), Some(3));
}

#[test]
fn who_waits_is_looked_at_again() {
    let (_probe, clock, bucket) = slots(3);
    let permit = bucket.request().weight(3).try_acquire().expect("room");
    let mut light = waits(&bucket, 1);
    let mut heavy = waits(&bucket, 3);
    permit.observe(&limit(4));
    assert!(light.is_woken(), "there is room now");
    let started = light.poll().expect("its turn").expect("a permit");
    permit.observe(&limit(2));
    assert!(heavy.is_woken(), "it can never start");
    let refused = heavy.poll().expect("an answer").expect_err("never");
    assert_eq!(refused.kind(), ErrorKind::TooHeavy);
    clock.advance(ms(1));
    drop((permit, started));
}

#[test]
fn each_key_hears_its_own_answers_and_none_from_before_a_reset() {
    let (probe, _clock, bucket) = slots(3);
    let [a, b] = ["a", "b"].map(|key| bucket.request().key(key).try_acquire().expect("room"));
    a.observe(&limit(1));
    assert!(bucket.request().key("a").try_acquire().is_err());
    assert!(bucket.request().key("b").try_acquire().is_ok());
    bucket.reset().expect("it is open");
    b.observe(&limit(1));
    assert!(bucket.request().key("b").weight(3).try_acquire().is_ok());
    assert_eq!(probe.answers().len(), 1);
    let late = bucket.request().key("c").try_acquire().expect("room");
    bucket.close();
    late.observe(&limit(1));
    assert_eq!(probe.answers().len(), 1);
}

/// As with other foreign code: it is met by whoever told, once the server's word counts for everybody else.
#[test]
fn a_panic_over_an_answer_changes_nothing_of_the_policy() {
    let (probe, _clock, bucket) = slots(2);
    let permit = bucket.try_acquire().expect("room");
    probe.set(Method::Settle, true);
    assert!(panics(|| permit.observe(&limit(1).remaining(0).reset_after(ms(500)))));
    probe.set(Method::Settle, false);
    assert_eq!(taken(&bucket), 1);
    let refused = bucket.try_acquire().expect_err("the server's window is full");
    assert_eq!(refused.retry_after(), Some(ms(500)));
    permit.observe(&limit(2));
    drop(permit);
    assert_eq!((taken(&bucket), probe.ended()), (0, (1, 0)));
}

/// Only ends of calls make it adapt.
#[test]
fn the_leaky_bucket_ignores_answers() {
    let (_clock, leaky) = bucket(LeakyBucket::new(10.0, 2.0));
    let factor = || leaky.request().with_policy(|leaky: &mut LeakyBucket, _| leaky.factor());
    let permit = leaky.request().weight(8).try_acquire().expect("room");
    let before = factor().expect("it is open");
    permit.observe(&limit(100));
    assert_eq!(factor().expect("it is open").to_bits(), before.to_bits());
}
