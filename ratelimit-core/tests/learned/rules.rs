//! The rules that no scenario covers.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ratelimit_core::clock::ManualClock;
use ratelimit_core::feedback::{Feedback, Scope, ServerFeedback};
use ratelimit_core::{Bucket, ErrorKind, Pace, Permit, Rate, Registry, Request};

use crate::common::{FOREVER, Task, ms, ns};
use crate::world::{ans, learned, rejected};

/// A bucket that knows only what the server says, under a clock of its own.
fn bucket() -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    (clock.clone(), learned().clock(clock))
}

/// One to which the first call was answered so, at 0.
fn known(answer: &Feedback) -> (ManualClock, Bucket) {
    let (clock, bucket) = bucket();
    told(bucket.request(), answer);
    (clock, bucket)
}

/// A call that is answered at once.
fn told(request: Request<'_>, answer: &Feedback) {
    request.try_acquire().expect("room").observe(answer);
}

/// How many more may start now; they never reach the server.
fn starts<'b>(request: impl Fn() -> Request<'b>) -> usize {
    let permits: Vec<Permit> = std::iter::from_fn(|| request().try_acquire().ok()).take(1_000).collect();
    let started = permits.len();
    permits.into_iter().for_each(Permit::refund);
    started
}

fn asks(request: Request<'_>) -> Task {
    let mut task = Task::new(request.acquire_async());
    assert!(task.poll().is_none(), "it has to wait");
    task
}

fn refusal(task: &mut Task) -> (ErrorKind, Option<Duration>) {
    assert!(task.is_woken(), "it is told");
    let refused = task.poll().expect("it has an answer").expect_err("it is refused");
    (refused.kind(), refused.retry_after())
}

#[test]
fn what_is_above_the_servers_limit_is_too_heavy() {
    let (_clock, bucket) = bucket();
    let probe = bucket.try_acquire().unwrap();
    let mut heavy = asks(bucket.request().weight(6).max_delay(FOREVER));
    let mut light = asks(bucket.request().weight(5).max_delay(FOREVER));
    probe.observe(&ans(5, 4, 1000));
    assert_eq!(refusal(&mut heavy), (ErrorKind::TooHeavy, None));
    assert!(light.poll().is_none());
    assert_eq!(bucket.request().weight(6).try_acquire().unwrap_err().kind(), ErrorKind::TooHeavy);
    let refused = bucket.request().weight(1).try_acquire().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Limited, "somebody waits before it");
}

#[test]
fn nobody_waits_longer_than_the_longest_pause() {
    let clock = ManualClock::new();
    let bucket = learned().max_pause(ms(60_000)).clock(clock.clone());
    told(bucket.request(), &ans(9, 9, 1000));
    let sent = bucket.try_acquire().unwrap();
    let long = sent_and_waiting(&bucket);
    sent.observe(&rejected(60_000));
    let (mut waits, _) = long;
    assert!(waits.poll().is_none(), "a minute is as long as that");
    bucket.request().observe(&rejected(60_001)).unwrap();
    assert_eq!(refusal(&mut waits), (ErrorKind::DelayTooLong, Some(ms(60_001))));
    let refused = bucket.request().max_delay(FOREVER).acquire().unwrap_err();
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::DelayTooLong, Some(ms(60_001))));
    assert_eq!(bucket.try_acquire().unwrap_err().kind(), ErrorKind::Limited);
    clock.advance(ms(1));
    let mut waits = asks(bucket.request().max_delay(FOREVER));
    bucket.request().key("k").observe(&rejected(90_000).scope(Scope::Global)).unwrap();
    assert_eq!(refusal(&mut waits), (ErrorKind::DelayTooLong, Some(ms(90_000))));
    bucket.pause(ms(3_600_000)).unwrap();
    clock.advance(ms(40_000));
    let _waits = asks(bucket.request().key("other").max_delay(FOREVER));
}

/// Somebody who waits however long, as all that remains is taken.
fn sent_and_waiting(bucket: &Bucket) -> (Task, Vec<Permit>) {
    let taken: Vec<_> = std::iter::from_fn(|| bucket.try_acquire().ok()).collect();
    (asks(bucket.request().max_delay(FOREVER)), taken)
}

#[test]
fn whom_a_pause_makes_too_late_is_told_at_once() {
    let (_clock, bucket) = known(&ans(2, 0, 1000));
    let mut short = asks(bucket.request().max_delay(ms(1000)));
    let mut long = asks(bucket.request().max_delay(ms(5000)));
    bucket.request().observe(&rejected(3000)).unwrap();
    assert_eq!(refusal(&mut short), (ErrorKind::DelayTooLong, Some(ms(3000))));
    assert!(long.poll().is_none());
}

#[test]
fn other_windows_are_not_held_up() {
    let (_clock, bucket) = bucket();
    let on = |route: &'static str, key: u32| bucket.request().route(route).key(key);
    told(on("a", 1), &ans(5, 0, 1000));
    let _waits = asks(on("a", 1).max_delay(FOREVER));
    for (route, key) in [("b", 1), ("a", 2)] {
        let probe = on(route, key).try_acquire().expect("another window");
        assert!(on(route, key).try_acquire().is_err(), "one finds out for all");
        probe.observe(&ans(5, 4, 1000));
        assert_eq!(starts(|| on(route, key)), 4);
    }
    assert!(on("a", 1).try_acquire().is_err());
}

#[test]
fn a_global_rejection_holds_up_all_keys_and_routes() {
    let (clock, bucket) = bucket();
    told(bucket.request().key("a"), &rejected(5000).scope(Scope::Global));
    for request in [bucket.request(), bucket.request().key("b"), bucket.request().route("r")] {
        assert_eq!(request.try_acquire().unwrap_err().retry_after(), Some(ms(5000)));
    }
    let outlook = bucket.peek().unwrap();
    assert_eq!((outlook.paused_for(), outlook.is_learning()), (ms(5000), true));
    clock.advance(ms(5000));
    assert!(bucket.request().key("b").try_acquire().is_ok());
}

#[test]
fn a_rejection_of_one_key_holds_up_no_other() {
    let (_clock, bucket) = bucket();
    told(bucket.request().key("a"), &rejected(5000).scope(Scope::Shared));
    let paused_for = |key| bucket.request().key(key).peek().unwrap().paused_for();
    assert_eq!((paused_for("a"), paused_for("b")), (ms(5000), ms(0)));
    assert!(bucket.request().key("a").try_acquire().is_err());
    assert!(bucket.request().key("b").try_acquire().is_ok());
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
fn where_names_lie_routes_are_apart() {
    let clock = ManualClock::new();
    let bucket = learned().server_names(false).clock(clock);
    let on = |route: &'static str| bucket.request().route(route);
    told(on("a"), &ans(5, 1, 1000).bucket("x"));
    told(on("b"), &ans(9, 7, 1000).bucket("x"));
    assert_eq!((starts(|| on("a")), starts(|| on("b"))), (1, 7));
}

/// Calls on their way and callers who wait go with the route; those of others stay.
#[test]
fn a_route_takes_its_calls_and_waiters_to_its_new_name() {
    let (_clock, bucket) = bucket();
    let on = |route: &'static str| bucket.request().route(route).max_delay(FOREVER);
    told(on("a"), &ans(4, 3, 10_000).bucket("x"));
    told(on("b"), &ans(4, 2, 10_000).bucket("x"));
    let (first, second) = (on("a").try_acquire().unwrap(), on("a").try_acquire().unwrap());
    let (mut of_a, mut of_b) = (asks(on("a")), asks(on("b")));
    first.observe(&ans(3, 2, 5000).bucket("y"));
    // Of `y` remain 2, less the one in flight; nothing of `x` is in flight any more.
    let granted = of_a.poll().expect("its window is another one").expect("room");
    assert!(on("a").try_acquire().is_err());
    let other = of_b.poll().expect("nobody is before it").expect("room");
    drop((second, granted, other));
}

#[test]
fn an_unnamed_window_is_renamed_whole() {
    let (_clock, bucket) = bucket();
    let on = |route: &'static str| bucket.request().route(route).max_delay(FOREVER);
    told(on("a"), &ans(5, 4, 10_000));
    let sent = [(); 3].map(|()| on("a").try_acquire().unwrap());
    told(on("b"), &ans(5, 4, 10_000).bucket("x"));
    let [first, rest @ ..] = sent;
    first.observe(&ans(5, 3, 10_000).bucket("x"));
    assert_eq!((starts(|| on("a")), starts(|| on("b"))), (1, 1), "3 less 2 in flight");
    drop(rest);
}

#[test]
fn reset_forgets_what_was_said_but_no_call_in_flight() {
    let (_clock, bucket) = known(&ans(5, 2, 10_000));
    let sent = bucket.try_acquire().unwrap();
    told(bucket.request().key("k"), &ans(5, 0, 10_000));
    bucket.reset().unwrap();
    assert!(bucket.try_acquire().is_err(), "a call is on its way that will tell");
    sent.observe(&ans(5, 3, 10_000));
    assert_eq!(starts(|| bucket.request()), 3);
    let probe = bucket.request().key("k").try_acquire().expect("nothing is known");
    bucket.request().key("k").reset().unwrap();
    assert!(bucket.request().key("k").try_acquire().is_err());
    drop(probe);
    assert_eq!(starts(|| bucket.request()), 3, "of the other key nothing was forgotten");
}

#[test]
fn other_limits_leave_what_the_server_said() {
    let clock = ManualClock::new();
    let registry = Registry::new();
    let bucket = registry.register(Bucket::named("api", Rate::per_second(100)).clock(clock.clone())).unwrap();
    told(bucket.request(), &ans(9, 2, 10_000));
    registry.register(Bucket::named("api", Rate::per_second(50)).clock(clock)).unwrap();
    assert_eq!(starts(|| bucket.request()), 2);
}

#[test]
fn another_clock_forgets_what_was_said() {
    let (_clock, bucket) = known(&ans(5, 0, 10_000));
    let registry = Registry::new();
    let name = bucket.name().to_owned();
    let other = registry.register(Bucket::learned(name.leak())).unwrap();
    told(other.request(), &ans(5, 0, 10_000));
    registry.set_clock(ManualClock::new());
    assert!(other.try_acquire().is_ok() && bucket.try_acquire().is_err());
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
fn there_is_room_for_so_many_windows() {
    let clock = ManualClock::new();
    let bucket = learned().max_keys(3).clock(clock.clone());
    let on = |key: u32| bucket.request().key(key);
    // Some more than keys, as routes and calls without a key have windows too.
    let most = (0..1_000)
        .find(|key| on(*key).try_acquire().inspect(|permit| permit.observe(&ans(5, 4, 1000))).is_err());
    assert!(most.is_some_and(|most| (3..100).contains(&most)), "{most:?}");
    assert_eq!(on(1_000).try_acquire().unwrap_err().kind(), ErrorKind::TooManyKeys);
    // Beyond their windows they are only remembered.
    clock.advance(ms(1000));
    told(on(1_000), &ans(5, 4, 1000));
    assert_eq!(starts(|| on(1_000)), 4);
}

/// New names without end take no room, and neither do keys that are only heard of.
#[test]
fn a_hostile_server_fills_no_table() {
    let clock = ManualClock::new();
    let bucket = learned().max_keys(10).clock(clock.clone());
    for number in 0..500 {
        let name = format!("limit {number}");
        told(bucket.request().route("a"), &ans(5, 4, 3_600_000 * 24 * 365).bucket(name));
        bucket.request().key(number).observe(&ans(5, 4, 3_600_000 * 24 * 365)).unwrap();
    }
    assert_eq!(starts(|| bucket.request().route("a")), 4);
    assert!(bucket.request().key(499).try_acquire().is_err(), "there is no room, and nothing is let through");
}

/// Others than those that need the room are remembered, however many there are.
#[test]
fn what_is_only_remembered_goes_when_room_is_needed_and_not_before() {
    let clock = ManualClock::new();
    let bucket = learned().clock(clock.clone());
    let on = |key: u32| bucket.request().key(key);
    (0..500).for_each(|key| told(on(key), &ans(5, 4, 1000)));
    clock.advance(ms(1000));
    (500..1_000).for_each(|key| told(on(key), &ans(5, 4, 1000)));
    assert_eq!(starts(|| on(3)), 5, "no probe");
}

/// Whose route is known from the first call on, however the bucket was used before.
#[test]
fn a_route_counts_from_its_first_call() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("calm", Rate::per_second(100)).guard(ns(0)).clock(clock);
    drop(bucket.try_acquire().unwrap());
    let on = || bucket.request().route("a");
    let (first, _second) = (on().try_acquire().unwrap(), on().try_acquire().unwrap());
    let free = on().weight(0).try_acquire().unwrap();
    first.observe(&ans(5, 4, 60_000).bucket("n"));
    assert_eq!(starts(on), 3, "one is in flight");
    free.observe(&ans(5, 0, 60_000).bucket("n"));
    assert_eq!((starts(on), starts(|| bucket.request().max_delay(ms(0)))), (0, 97), "of the route alone");
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
fn successes_without_headers_end_the_doubling() {
    let (clock, bucket) = bucket();
    for _ in 0..5 {
        told(bucket.request(), &Feedback::default().rejected(true));
        assert_eq!(bucket.try_acquire().unwrap_err().retry_after(), Some(ms(1000)));
        clock.advance(ms(1000));
        bucket.try_acquire().unwrap().observe(&None::<Feedback>);
    }
}

/// The hash that a server names limits by may alternate on rejections.
#[test]
fn another_name_ends_no_pause() {
    let (_clock, bucket) = bucket();
    let on = || bucket.request().route("r");
    told(on(), &ans(5, 4, 1000).bucket("b1"));
    let (first, second) = (on().try_acquire().unwrap(), on().try_acquire().unwrap());
    first.observe(&rejected(60_000).bucket("b1"));
    second.observe(&ans(5, 4, 1000).bucket("b2"));
    assert_eq!(on().try_acquire().unwrap_err().retry_after(), Some(ms(60_000)));
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

#[test]
fn other_limits_let_nobody_wait_longer_than_they_say() {
    let clock = ManualClock::new();
    let registry = Registry::new();
    let api = |pause| Bucket::named("api", Rate::per_second(100)).max_pause(ms(pause)).clock(clock.clone());
    let bucket = registry.register(api(60_000)).unwrap();
    told(bucket.request(), &rejected(30_000));
    let mut waits = asks(bucket.request().max_delay(FOREVER));
    registry.register(api(10_000)).unwrap();
    assert_eq!(refusal(&mut waits), (ErrorKind::DelayTooLong, Some(ms(30_000))));
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
fn what_was_said_is_remembered_for_a_while() {
    let clock = ManualClock::new();
    let bucket = learned().remember(ms(5000)).clock(clock.clone());
    told(bucket.request(), &ans(5, 0, 1000));
    clock.advance(ms(5999));
    assert_eq!(starts(|| bucket.request()), 5);
    clock.advance(ms(1));
    assert_eq!(starts(|| bucket.request()), 1, "a probe");
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

/// Their turn is unknown, as calls are on their way; but it does not come before the server's pause ends.
#[test]
fn who_is_surely_held_up_for_too_long_need_not_wait_for_its_allowance_to_end() {
    for scope in [Scope::Bucket, Scope::Global] {
        let (clock, bucket) = known(&ans(3, 3, 100_000));
        let permits = [(); 3].map(|()| bucket.try_acquire().unwrap());
        let mut waits = asks(bucket.request().max_delay(ms(5_000)));
        let mut patient = asks(bucket.request().max_delay(ms(70_000)));
        permits[0].observe(&rejected(60_000).scope(scope));
        assert!(waits.is_woken(), "{scope:?}");
        let refused = waits.poll().unwrap().unwrap_err();
        assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::DelayTooLong, Some(ms(60_000))));
        let mut late = asks_now(bucket.request().max_delay(ms(59_999)));
        assert_eq!(late.take().unwrap().unwrap_err().retry_after(), Some(ms(60_000)));
        assert!(asks_now(bucket.request().max_delay(ms(60_000))).is_none(), "it may be let through then");
        assert!(patient.poll().is_none());
        clock.advance(ms(1));
        drop(permits);
    }
}

fn asks_now(request: Request<'_>) -> Option<Result<Permit, ratelimit_core::Error>> {
    Task::new(request.acquire_async()).poll()
}
