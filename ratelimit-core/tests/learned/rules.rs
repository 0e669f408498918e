//! The rules that no scenario covers.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ratelimit_core::clock::ManualClock;
use ratelimit_core::feedback::{Feedback, Scope, ServerFeedback};
use ratelimit_core::{Bucket, ErrorKind, ErrorScope, Pace, Permit, Rate, Registry, Request};

use crate::common::{FOREVER, Task, ms, ns};
use crate::world::{ans, learned, rejected};

mod moved;
mod pauses;
mod planned;
mod windows;

/// A bucket that knows only what the server says, under a clock of its own.
pub(super) fn bucket() -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    (clock.clone(), learned().clock(clock))
}

/// One to which the first call was answered so, at 0.
pub(super) fn known(answer: &Feedback) -> (ManualClock, Bucket) {
    let (clock, bucket) = bucket();
    told(bucket.request(), answer);
    (clock, bucket)
}

/// A call that is answered at once.
pub(super) fn told(request: Request<'_>, answer: &Feedback) {
    request.try_acquire().expect("room").observe(answer);
}

/// How many more may start now; they never reach the server.
pub(super) fn starts<'b>(request: impl Fn() -> Request<'b>) -> usize {
    let permits: Vec<Permit> = std::iter::from_fn(|| request().try_acquire().ok()).take(1_000).collect();
    let started = permits.len();
    permits.into_iter().for_each(Permit::refund);
    started
}

pub(super) fn asks(request: Request<'_>) -> Task {
    let mut task = Task::new(request.acquire_async());
    assert!(task.poll().is_none(), "it has to wait");
    task
}

pub(super) fn refusal(task: &mut Task) -> (ErrorKind, Option<Duration>) {
    assert!(task.is_woken(), "it is told");
    let refused = task.poll().expect("it has an answer").expect_err("it is refused");
    (refused.kind(), refused.retry_after())
}

#[test]
fn pace_does_not_stretch_what_the_server_said() {
    let (clock, bucket) = bucket();
    let registry = Registry::new();
    let bucket = registry.register(bucket).unwrap();
    registry.set_pace(Pace::Slow);
    told(bucket.request(), &ans(5, 0, 1000));
    assert_eq!(bucket.try_acquire().unwrap_err().retry_after(), Some(ms(1000)));
    clock.advance(ms(1000));
    assert_eq!(starts(|| bucket.request()), 5);
}

/// From the first answer on; and what was said never lets through more than the rates do.
#[test]
fn a_bucket_with_rates_learns_as_well() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("rates", Rate::per_second(4)).guard(ns(0)).clock(clock.clone());
    assert!(!bucket.peek().unwrap().is_learning());
    let (first, _second) = (bucket.try_acquire().unwrap(), bucket.try_acquire().unwrap());
    first.observe(&ans(1_000, 1_000, 60_000));
    assert_eq!(starts(|| bucket.request()), 2, "the rate is not raised");
    clock.advance(ms(1001));
    bucket.request().observe(&ans(1_000, 3, 58_999)).unwrap();
    assert_eq!(starts(|| bucket.request()), 3, "both have to let it start");
    let refused = bucket.request().weight(4).try_acquire().unwrap_err();
    assert_eq!(refused.retry_after(), Some(ms(58_999)), "the later counts");
    clock.advance(ms(59_000));
    assert_eq!(starts(|| bucket.request()), 4);
}

#[test]
fn nothing_is_taken_of_either_unless_both_let_it_start() {
    let clock = ManualClock::new();
    let bucket = learned().and(Rate::per_second(2)).guard(ns(0)).clock(clock.clone());
    told(bucket.request(), &ans(9, 8, 1000));
    let taken = bucket.try_acquire().unwrap();
    for _ in 0..20 {
        assert!(bucket.try_acquire().is_err(), "the rate");
    }
    clock.advance(ms(999));
    bucket.request().observe(&ans(9, 1, 60_000)).unwrap();
    clock.advance(ms(2));
    for _ in 0..20 {
        assert!(bucket.try_acquire().is_err(), "the server: one remains, one is in flight");
    }
    drop(taken);
    clock.advance(ms(60_000));
    assert_eq!(starts(|| bucket.request()), 2);
}

#[test]
fn an_answer_that_says_nothing_is_an_answer() {
    let (_clock, bucket) = bucket();
    let probe = bucket.try_acquire().unwrap();
    assert!(bucket.try_acquire().is_err());
    probe.observe(&None::<Feedback>);
    assert_eq!(starts(|| bucket.request()), 1_000);
}

#[test]
fn closed_is_closed() {
    let (_clock, bucket) = known(&ans(5, 1, 10_000));
    let sent = bucket.try_acquire().unwrap();
    let mut waits = asks(bucket.request().max_delay(FOREVER));
    bucket.close();
    assert_eq!(refusal(&mut waits).0, ErrorKind::Closed);
    sent.observe(&ans(5, 1, 10_000));
    drop(sent);
    assert_eq!(bucket.request().observe(&rejected(1)).unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_charge_opens_no_window() {
    let (clock, bucket) = known(&ans(5, 0, 100_000));
    clock.advance(ms(1000));
    drop(bucket.charge().unwrap());
    assert_eq!(bucket.try_acquire().unwrap_err().retry_after(), Some(ms(99_000)));
    clock.advance(ms(99_000));
    drop([(); 5].map(|()| bucket.try_acquire().unwrap()));
    assert_eq!(bucket.try_acquire().unwrap_err().retry_after(), Some(ms(1000)), "nothing is on its way");
    let _charged = bucket.charge().unwrap();
    assert_eq!(bucket.try_acquire().unwrap_err().retry_after(), None, "something is");
}

#[test]
fn a_correction_is_what_the_server_is_sent() {
    let (_clock, bucket) = known(&ans(20, 15, 10_000));
    let permit = bucket.try_acquire().unwrap();
    permit.correct(10);
    assert_eq!(starts(|| bucket.request()), 5);
    drop(permit);
    assert_eq!(starts(|| bucket.request()), 5);
}

/// Losses that follow each other closer than answers come are not taken off for ever.
#[test]
fn lost_calls_are_taken_off_until_later_ones_are_answered() {
    let (clock, bucket) = known(&ans(5_000, 4_999, 3_600_000));
    let mut sent = VecDeque::new();
    for number in 0..3_000_u64 {
        let permit = bucket.try_acquire().expect("room for all of them");
        if number % 20 == 7 {
            drop(permit);
        } else {
            sent.push_back((number, permit));
        }
        clock.advance(ms(10));
        if sent.front().is_some_and(|(at, _)| number - at >= 100)
            && let Some((number, permit)) = sent.pop_front()
        {
            let left = 3_600_000 - 10 * number;
            permit.observe(&ans(5_000, 5_000 - (number + 2), left - 1000));
        }
    }
    // Those that are left never reached the server.
    let unheard = sent.len();
    for (_, permit) in sent {
        permit.refund();
    }
    let left = (0..5_000)
        .find(|weight| bucket.request().weight(weight + 1).try_acquire().map(Permit::refund).is_err());
    let server_has = 5_000 - 3_001 + u32::try_from(unheard).unwrap();
    assert!(
        left.is_some_and(|left| left <= server_has && server_has - left <= 20),
        "{left:?} of {server_has}"
    );
}

/// A head that waits for its window stands before one that waits for the total, as soon as its window is open.
#[test]
fn who_came_first_is_woken_before_the_total_lets_others_start() {
    let clock = ManualClock::new();
    let bucket = learned().total(Rate::per_second(1).burst(5)).guard(ns(0)).clock(clock.clone());
    let on = |route: &'static str| bucket.request().route(route).max_delay(FOREVER);
    told(on("a"), &ans(9, 0, 1000));
    told(on("b"), &ans(9, 9, 100_000));
    drop([(); 2].map(|()| bucket.request().key("k").route("c").charge().unwrap()));
    let (mut first, mut heavy) = (asks(on("a")), asks(on("b").weight(5)));
    clock.advance(ms(1000));
    assert!(first.is_woken() && first.poll().is_some_and(|ended| ended.is_ok()));
    assert!(heavy.poll().is_none());
}

#[test]
fn how_a_bucket_learns_is_part_of_what_it_declares() {
    let _probe = Bucket::learned("learned-clash").try_acquire().unwrap();
    assert!(Bucket::learned("learned-clash").try_acquire().is_err(), "the same bucket");
    for other in [
        Bucket::learned("learned-clash").remember(ms(1)),
        Bucket::learned("learned-clash").server_names(false),
        Bucket::learned("learned-clash").max_pause(ms(1)),
        Bucket::unlimited("learned-clash"),
    ] {
        assert_eq!(other.try_acquire().unwrap_err().kind(), ErrorKind::Config);
    }
    let refused = Bucket::learned("learned-clash").remember(ms(1)).try_acquire().unwrap_err();
    assert!(refused.to_string().contains("what the server says, remember 1ms"), "{refused}");
}

/// The second answer to one call is news, and ends nothing.
#[test]
fn a_call_lands_once() {
    let (_clock, bucket) = known(&ans(9, 5, 10_000));
    let (first, _second) = (bucket.try_acquire().unwrap(), bucket.try_acquire().unwrap());
    first.observe(&ans(9, 4, 10_000));
    first.observe(&ans(9, 4, 10_000));
    assert_eq!(starts(|| bucket.request()), 3, "4 less the second in flight");
    first.observe(&ans(9, 1, 10_000));
    drop(first);
    assert_eq!(starts(|| bucket.request()), 0);
}

#[test]
fn what_is_charged_is_in_flight() {
    let (_clock, bucket) = known(&ans(5, 3, 10_000));
    let charged = bucket.request().weight(3).charge().unwrap();
    assert!(bucket.try_acquire().is_err());
    charged.refund();
    assert_eq!(starts(|| bucket.request()), 3);
    drop(bucket.request().weight(2).charge().unwrap());
    assert_eq!(starts(|| bucket.request()), 1);
}

struct Panics;

impl ServerFeedback for Panics {
    #[expect(clippy::panic, reason = "it is foreign")]
    fn feedback(&self) -> Option<Feedback> {
        panic!("no answer")
    }
}

#[test]
fn a_panic_of_what_reads_the_answer_is_the_callers() {
    let (_clock, bucket) = known(&ans(5, 3, 10_000));
    let permit = bucket.try_acquire().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| permit.observe(&Panics))).is_err());
    assert_eq!(starts(|| bucket.request()), 2, "it is on its way still");
    drop(permit);
    assert_eq!(starts(|| bucket.request()), 2, "and charged once");
}

/// Among those whose windows let them start, the one that came first takes what the key's rates admit.
#[test]
fn ready_heads_of_one_key_go_in_order_of_arrival() {
    let clock = ManualClock::new();
    let bucket = learned().and(Rate::new(1, ms(100)).burst(1)).guard(ns(0)).clock(clock.clone());
    let on = |route: &'static str| bucket.request().route(route).max_delay(FOREVER);
    told(on("a"), &ans(9, 0, 250));
    clock.advance(ms(100));
    told(on("b"), &ans(9, 9, 10_000));
    let (mut first_of_a, mut of_b) = (asks(on("a")), asks(on("b")));
    let mut last_of_b = asks(on("b"));
    clock.advance(ms(100));
    let one = of_b.poll().expect("the window of those before it is not open").expect("room");
    clock.advance(ms(50));
    assert!(first_of_a.poll().is_none() && last_of_b.poll().is_none(), "nobody, by the rate");
    clock.advance(ms(50));
    assert!(last_of_b.poll().is_none(), "who came first is ready, too");
    let two = first_of_a.poll().expect("its turn").expect("room");
    clock.advance(ms(100));
    let three = last_of_b.poll().expect("its turn").expect("room");
    drop((one, two, three));
}

/// A newcomer is told when it would start behind those of its own window, whoever waits for others.
#[test]
fn a_wait_is_told_by_window() {
    let (_clock, bucket) = bucket();
    let on = |route: &'static str| bucket.request().route(route).max_delay(FOREVER);
    told(on("a"), &ans(1, 0, 5000));
    told(on("b"), &ans(2, 0, 1000));
    let _waits = (asks(on("a")), asks(on("a")), asks(on("b")));
    assert_eq!(on("b").peek().unwrap().wait(), Some(ms(1000)), "two fit into the next window");
    let late = on("b").max_delay(ms(999)).acquire().unwrap_err();
    assert_eq!(late.kind(), ErrorKind::DelayTooLong);
    let _third = asks(on("b"));
    assert_eq!(on("b").peek().unwrap().wait(), None, "nobody knows before an answer");
    assert_eq!(on("c").peek().unwrap().wait(), Some(ms(0)), "nothing is known of it");
}

/// A head that is ready has its turn for a while, also if it was not polled yet, and takes what the key's rates admit.
#[test]
fn a_newcomer_for_another_window_overtakes_nobody_who_is_ready() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("one", Rate::per_second(1)).guard(ns(0)).clock(clock.clone());
    let on = |route: &'static str| bucket.request().route(route);
    told(on("a"), &ans(50, 49, 600_000));
    on("b").observe(&ans(50, 49, 600_000)).unwrap();
    let mut waits = asks(on("a").max_delay(FOREVER));
    clock.advance(ms(1000) + ns(1));
    assert!(on("b").try_acquire().is_err(), "it came later");
    assert!(waits.poll().is_some_and(|ended| ended.is_ok()));
}

#[test]
fn an_answer_that_says_nothing_makes_no_bucket_learn() {
    let bucket = Bucket::named("calm", Rate::per_second(9)).clock(ManualClock::new());
    bucket.try_acquire().unwrap().observe(&None::<Feedback>);
    bucket.request().observe(&None::<Feedback>).unwrap();
    assert!(!bucket.peek().unwrap().is_learning());
    bucket.request().observe(&Feedback::default()).unwrap();
    assert!(bucket.peek().unwrap().is_learning());
}
