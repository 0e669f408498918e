//! Law 7, sentence by sentence.

use ratelimit_core::clock::{ManualClock, Timestamp};
use ratelimit_core::{Bucket, ErrorKind, Pace, Rate, Registry};

use crate::common::{FOREVER, Task, ms, ns};

/// Bucket `b` of `rate`, guard zero, in a registry under a manual clock.
fn world(rate: Rate) -> (ManualClock, Registry, Bucket) {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).guard(ns(0)).build();
    let bucket = registry.register(Bucket::named("b", rate)).unwrap();
    (clock, registry, bucket)
}

/// Waits with an allowance of so many ms, polled once, and has to wait.
fn waits(bucket: &Bucket, allowance: u64) -> Task {
    let mut task = Task::new(bucket.request().max_delay(ms(allowance)).acquire_async());
    assert!(task.poll().is_none(), "it has to wait");
    task
}

fn take(bucket: &Bucket, weight: u32) {
    drop(bucket.request().weight(weight).try_acquire().unwrap());
}

/// It was woken, and is refused with `kind`.
fn fails(task: &mut Task, kind: ErrorKind) {
    assert!(task.is_woken(), "it is told");
    assert_eq!(task.poll().unwrap().unwrap_err().kind(), kind);
}

fn starts(task: &mut Task) {
    assert!(task.is_woken(), "it is told");
    assert!(task.poll().unwrap().is_ok());
}

#[test]
fn a_wait_equal_to_the_allowance_is_accepted_and_one_longer_is_refused_at_once() {
    for (rate, wait) in [(Rate::per_second(1), ms(1000) + ns(1)), (Rate::per_second(1).burst(1), ms(1000))] {
        let (clock, _registry, bucket) = world(rate);
        take(&bucket, 1);
        let ask = |allowance| Task::new(bucket.request().max_delay(allowance).acquire_async());
        let refused = ask(wait - ns(1)).poll().unwrap().unwrap_err();
        assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::DelayTooLong, Some(wait)));
        assert_eq!(refused.max_delay(), Some(wait - ns(1)));
        // A thread is judged by the same rule (and, were it not, would wait here for ever).
        assert_eq!(bucket.request().max_delay(ns(1)).acquire().unwrap_err().kind(), ErrorKind::DelayTooLong);
        assert_eq!(clock.next_wake(), None, "nobody waits");
        let mut accepted = ask(wait);
        assert!(accepted.poll().is_none());
        clock.advance(wait);
        starts(&mut accepted);
    }
}

#[test]
fn an_allowance_of_zero_never_waits() {
    let (_clock, _registry, bucket) = world(Rate::per_second(1));
    take(&bucket, 1);
    let kinds = [
        bucket.acquire().unwrap_err().kind(),
        bucket.try_acquire().unwrap_err().kind(),
        Task::new(bucket.acquire_async()).poll().unwrap().unwrap_err().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::Limited; 3]);
    assert_eq!(bucket.peek().unwrap().waiting(), 0);
}

#[test]
fn those_who_cannot_make_it_leave_the_line_to_others() {
    let (_clock, _registry, bucket) = world(Rate::per_second(1));
    take(&bucket, 1);
    let _head = waits(&bucket, 1500);
    for _ in 0..3 {
        let wait = Task::new(bucket.request().max_delay(ms(1999)).acquire_async()).poll();
        assert_eq!(wait.unwrap().unwrap_err().retry_after(), Some(ms(2000) + ns(2)));
    }
    assert_eq!(bucket.peek().unwrap().waiting(), 1);
}

#[test]
fn the_allowance_and_the_place_in_line_begin_with_the_first_poll() {
    let (clock, _registry, bucket) = world(Rate::per_second(1));
    take(&bucket, 1);
    let mut made_first = Task::new(bucket.request().max_delay(ms(1600)).acquire_async());
    clock.advance(ms(500));
    let mut polled_first = waits(&bucket, 600);
    // 1.5 s are left to wait: only an allowance that runs from here suffices.
    assert!(made_first.poll().is_none(), "its 1600 ms begin now");
    clock.advance(ms(500) + ns(1));
    assert!(!made_first.is_woken());
    starts(&mut polled_first);
    clock.advance(ms(1000) + ns(1));
    starts(&mut made_first);
}

#[test]
fn a_pause_that_moves_a_turn_past_its_allowance_fails_it_at_once() {
    let (clock, _registry, bucket) = world(Rate::per_second(1));
    take(&bucket, 1);
    let (mut short, mut long) = (waits(&bucket, 1200), waits(&bucket, 2600));
    clock.advance(ms(100));
    bucket.pause(ms(900)).unwrap();
    assert!(!short.is_woken() && !long.is_woken(), "the pause ends in time");
    bucket.pause(ms(1100) + ns(1)).unwrap();
    fails(&mut short, ErrorKind::DelayTooLong);
    assert!(!long.is_woken(), "it moves up");
    bucket.pause(ms(100)).unwrap();
    clock.advance(ms(1100));
    assert!(!long.is_woken(), "of several pauses the latest end wins");
    clock.advance(ns(1));
    starts(&mut long);
}

#[test]
fn a_replaced_limit_that_moves_a_turn_past_its_allowance_fails_it_at_once() {
    let (clock, registry, bucket) = world(Rate::new(1, ms(100)));
    take(&bucket, 1);
    let (mut short, mut long) = (waits(&bucket, 150), waits(&bucket, 2500));
    registry.register(Bucket::named("b", Rate::new(1, ms(200)))).unwrap();
    fails(&mut short, ErrorKind::DelayTooLong);
    clock.advance(ms(200));
    assert!(!long.is_woken());
    clock.advance(ns(1));
    starts(&mut long);
}

#[test]
fn a_pace_that_moves_a_turn_past_its_allowance_fails_it_at_once() {
    let (clock, registry, bucket) = world(Rate::per_second(1));
    take(&bucket, 1);
    let (mut short, mut long) = (waits(&bucket, 1500), waits(&bucket, 3100));
    clock.advance(ms(400));
    registry.set_pace(Pace::Slow);
    fails(&mut short, ErrorKind::DelayTooLong);
    registry.set_pace(Pace::Normal);
    clock.advance(ms(600) + ns(1));
    starts(&mut long);
}

#[test]
fn a_limit_that_a_waiter_can_never_fit_into_fails_it_at_once() {
    let (_clock, registry, bucket) = world(Rate::per_second(2));
    take(&bucket, 2);
    let mut heavy = Task::new(bucket.request().weight(2).max_delay(FOREVER).acquire_async());
    assert!(heavy.poll().is_none());
    registry.register(Bucket::named("b", Rate::per_second(1))).unwrap();
    fails(&mut heavy, ErrorKind::TooHeavy);
}

#[test]
fn woken_up_to_10_ms_past_its_allowance_it_starts_and_later_it_fails() {
    for (late, starts) in [(ms(0), true), (ms(10), true), (ms(10) + ns(1), false), (ms(500), false)] {
        let (clock, _registry, bucket) = world(Rate::per_second(1).burst(1));
        take(&bucket, 1);
        let mut task = waits(&bucket, 1000);
        clock.advance(ms(1000) + late);
        assert!(task.is_woken());
        let ended = task.poll().unwrap();
        assert_eq!(ended.is_ok(), starts, "{late:?} late: {ended:?}");
    }
}

#[test]
fn the_lateness_of_those_in_front_is_no_reason_to_fail_at_once() {
    let (clock, _registry, bucket) = world(Rate::per_second(1).burst(1));
    take(&bucket, 1);
    let (mut first, mut second) = (waits(&bucket, 1000), waits(&bucket, 2000));
    clock.advance(ms(1006));
    starts(&mut first);
    assert!(!second.is_woken(), "due 6 ms past its allowance, by lateness alone");
    clock.advance(ms(1000));
    starts(&mut second);
}

/// Nothing that happens moves its turn: it has come already.
#[test]
fn a_change_that_moves_nothing_fails_nobody_who_is_merely_late() {
    let looser = |registry: &Registry, bucket: &Bucket| {
        registry.register(Bucket::named("b", Rate::per_second(2).burst(2))).unwrap();
        drop(bucket.peek());
    };
    let (clock, registry, bucket) = world(Rate::per_second(1).burst(1));
    take(&bucket, 1);
    let mut task = waits(&bucket, 1000);
    clock.advance(ms(1003));
    assert!(task.is_woken(), "its turn came, its timer 3 ms late");
    looser(&registry, &bucket);
    assert!(task.poll().unwrap().is_ok(), "a looser limit cannot be why it fails");
}

/// It keeps its place in front, and those behind were planned without it.
#[test]
fn one_who_comes_back_into_line_fails_at_once_those_whose_turn_it_moves_past_their_allowance() {
    for (allowance, comes_back, starts_at) in
        [(990, false, Some(2000)), (990, true, None), (1989, true, None), (1990, true, Some(3000))]
    {
        let (clock, _registry, bucket) = world(Rate::per_second(1).burst(1));
        take(&bucket, 1);
        let mut asleep = Task::waiting(&bucket);
        clock.advance(ms(1000));
        clock.advance(ms(10));
        take(&bucket, 1);
        clock.set(Timestamp::from_nanos(1_010_000_000));
        // The next is free at 2010; it stands behind one that is passed over and is planned without it.
        let mut behind = waits(&bucket, allowance + 10);
        clock.set(Timestamp::from_nanos(1_500_000_000));
        if comes_back {
            assert!(asleep.poll().is_none());
        }
        assert_eq!(behind.is_woken(), starts_at.is_none(), "at once: {allowance}");
        let Some(starts_at) = starts_at else {
            fails(&mut behind, ErrorKind::DelayTooLong);
            continue;
        };
        clock.set(Timestamp::from_nanos(2_010_000_000));
        if comes_back {
            starts(&mut asleep);
        }
        clock.set(Timestamp::from_nanos((starts_at + 10) * 1_000_000));
        starts(&mut behind);
    }
}

#[test]
fn an_unanswered_turn_past_the_allowance_fails_by_itself() {
    let (clock, _registry, bucket) = world(Rate::per_second(1).burst(1));
    take(&bucket, 1);
    let mut task = waits(&bucket, 1000);
    clock.advance(ms(1000));
    assert!(task.is_woken(), "and is not polled in time");
    clock.advance(ms(10) + ns(1));
    assert_eq!(bucket.peek().unwrap().waiting(), 0, "its allowance is over");
    assert_eq!(task.poll().unwrap().unwrap_err().kind(), ErrorKind::DelayTooLong);
}

#[test]
fn max_delay_belongs_to_the_handle() {
    let (_clock, registry, bucket) = world(Rate::per_second(1));
    take(&bucket, 1);
    let patient = bucket.clone().max_delay(FOREVER);
    let mut task = Task::new(patient.acquire_async());
    assert!(task.poll().is_none(), "this handle waits");
    assert_eq!(bucket.acquire().unwrap_err().kind(), ErrorKind::Limited, "that one does not");
    drop(registry);
}
