//! Calls in flight: at most so many bodies run at once on each key.

mod common;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Dice, FOREVER, Task, many, ms, ns};
use ratelimit_core::clock::{Clock, ManualClock};
use ratelimit_core::{Bucket, Error, ErrorKind, Permit, Rate, Registry};

/// One hundred in a second, so many at once.
fn bucket(in_flight: usize) -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(100)).in_flight(in_flight).guard(ns(0));
    (clock.clone(), bucket.clock(clock))
}

fn asks(bucket: &Bucket, allowed: std::time::Duration) -> Task {
    let mut task = Task::new(bucket.request().max_delay(allowed).acquire_async());
    assert!(task.poll().is_none(), "it has to wait");
    task
}

fn assert_unknown(refused: &Error, kind: ErrorKind) {
    assert_eq!((refused.kind(), refused.retry_after(), refused.rate()), (kind, None, None));
}

#[test]
fn so_many_run_at_once_on_each_key_and_no_more() {
    for rate in [Rate::per_second(100), Rate::per_second(100).burst(100), Rate::per_second(100).fixed()] {
        let bucket = Bucket::named("b", rate).in_flight(2).clock(ManualClock::new());
        for key in [None, Some(1), Some(2)] {
            let ask = || match key {
                Some(key) => bucket.request().key(key).weight(3),
                None => bucket.request().weight(3),
            };
            let first = ask().try_acquire().unwrap();
            let second = ask().acquire().unwrap();
            assert_unknown(&ask().try_acquire().unwrap_err(), ErrorKind::Limited);
            assert_eq!(ask().peek().unwrap().wait(), None);
            drop(first);
            assert_eq!(ask().peek().unwrap().wait(), Some(ms(0)));
            let third = ask().try_acquire().unwrap();
            assert!(ask().try_acquire().is_err());
            second.refund();
            let fourth = ask().try_acquire().unwrap();
            third.correct(1);
            assert!(ask().try_acquire().is_err());
            drop((third, fourth));
        }
    }
}

#[test]
fn an_unlimited_bucket_may_bound_it_too() {
    let bucket = Bucket::unlimited("in-flight-unlimited").in_flight(1);
    let permit = bucket.request().key("k").try_acquire().unwrap();
    assert!(bucket.request().key("k").try_acquire().is_err());
    assert!(bucket.request().key("other").try_acquire().is_ok());
    drop(permit);
    assert!(bucket.request().key("k").try_acquire().is_ok());
}

#[test]
fn a_panic_and_a_dropped_body_end_it() {
    let (_clock, bucket) = bucket(1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _permit = bucket.try_acquire().expect("it is free");
        assert!(bucket.try_acquire().is_ok(), "this one fails");
    }));
    assert!(panicked.is_err());
    let mut ready = Task::new(bucket.acquire_async());
    let permit = ready.poll().unwrap().unwrap();
    assert!(bucket.try_acquire().is_err());
    drop(ready);
    assert!(bucket.try_acquire().is_err(), "the future is not the body");
    drop(permit);
    assert!(bucket.try_acquire().is_ok());
}

#[test]
fn a_free_pass_takes_no_place() {
    let (_clock, bucket) = bucket(1);
    let pass = || bucket.request().weight(0).try_acquire();
    let (_one, _two) = (pass().unwrap(), pass().unwrap());
    let _permit = bucket.try_acquire().unwrap();
    assert!(pass().is_ok() && bucket.try_acquire().is_err());
    assert_eq!(bucket.request().weight(0).peek().unwrap().wait(), Some(ms(0)));
}

#[test]
fn those_who_wait_start_in_order_as_bodies_end_and_as_the_rate_lets_them() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(1).burst(2)).in_flight(2).guard(ns(0));
    let bucket = bucket.clock(clock.clone());
    let (first, second) = (bucket.try_acquire().unwrap(), bucket.try_acquire().unwrap());
    let (mut third, mut fourth) = (asks(&bucket, FOREVER), asks(&bucket, FOREVER));
    drop(first);
    assert!(!third.is_woken(), "the rate holds it up");
    assert_eq!(bucket.try_acquire().unwrap_err().retry_after(), None, "two are before it, one has a place");
    clock.advance(ms(1000));
    assert!(third.is_woken() && !fourth.is_woken());
    let third = third.poll().unwrap().unwrap();
    assert_eq!(third.waited(), ms(1000));
    clock.advance(ms(5000));
    assert!(!fourth.is_woken() && fourth.poll().is_none(), "no place");
    assert!(bucket.try_acquire().is_err());
    third.refund();
    assert!(fourth.is_woken());
    assert!(bucket.try_acquire().is_err(), "the turn is the fourth's");
    assert!(fourth.poll().unwrap().is_ok());
    drop(second);
}

#[test]
fn a_thread_waits_for_an_end_too() {
    let bucket = Bucket::named("b", Rate::per_second(1000)).in_flight(1).max_delay(FOREVER);
    let permit = bucket.try_acquire().unwrap();
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| bucket.acquire().is_ok());
        while bucket.peek().expect("it is open").waiting() == 0 {
            std::thread::yield_now();
        }
        drop(permit);
        assert!(waits.join().expect("no panic"));
    });
}

#[test]
fn of_many_threads_no_more_run_than_may_and_all_do() {
    const CALLS: usize = if cfg!(miri) { 10 } else { 200 };
    let bucket = Bucket::unlimited("in-flight-threads").in_flight(3).max_delay(FOREVER);
    let (running, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..CALLS {
                    let run = bucket.run(|| {
                        assert!(running.fetch_add(1, Ordering::SeqCst) < 3);
                        std::thread::yield_now();
                        running.fetch_sub(1, Ordering::SeqCst);
                    });
                    ended.fetch_add(usize::from(run.is_ok()), Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(ended.into_inner(), 8 * CALLS);
}

#[test]
fn a_waiter_whose_turn_is_unknown_fails_as_its_allowance_ends() {
    let (clock, bucket) = bucket(1);
    let permit = bucket.try_acquire().unwrap();
    let (mut long, mut short, mut middle) =
        (asks(&bucket, ms(900)), asks(&bucket, ms(300)), asks(&bucket, ms(305)));
    clock.advance(ms(300));
    assert!(!short.is_woken() && short.poll().is_none(), "it may still come in time");
    clock.advance(ns(1));
    assert!(short.is_woken() && !long.is_woken() && !middle.is_woken());
    let failed = short.poll().unwrap().unwrap_err();
    assert_unknown(&failed, ErrorKind::DelayTooLong);
    assert_eq!(
        failed.to_string(),
        "bucket `b` is held up by other calls: when to retry is unknown (allowed 300ms)"
    );
    clock.advance(ms(5));
    assert!(middle.is_woken());
    assert_unknown(&middle.poll().unwrap().unwrap_err(), ErrorKind::DelayTooLong);
    clock.advance(ms(594));
    drop(permit);
    assert!(long.is_woken());
    assert_eq!(long.poll().unwrap().unwrap().waited(), ms(899) + ns(1));
}

#[test]
fn one_who_waits_behind_a_known_turn_for_an_end_fails_in_time_too() {
    // The first has a place, and is late to take it; the second has none.
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(1)).in_flight(1).guard(ns(0)).clock(clock.clone());
    drop(bucket.try_acquire().unwrap());
    let mut first = asks(&bucket, ms(1000) + ns(1));
    let mut second = asks(&bucket, ms(1005));
    clock.advance(ms(1000) + ns(1));
    assert!(first.is_woken());
    clock.advance(ms(4) + ns(1));
    assert!(!second.is_woken() && second.poll().is_none());
    clock.advance(ns(1_000_000));
    assert_unknown(&second.poll().unwrap().unwrap_err(), ErrorKind::DelayTooLong);
    assert!(first.poll().unwrap().is_ok());
}

#[test]
fn who_learns_from_an_end_that_it_cannot_make_it_fails_at_once() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(1)).in_flight(1).guard(ns(0)).clock(clock.clone());
    let permit = bucket.try_acquire().unwrap();
    let (mut short, mut long) = (asks(&bucket, ms(500)), asks(&bucket, ms(2000)));
    clock.advance(ms(100));
    drop(permit);
    assert!(short.is_woken());
    let failed = short.poll().unwrap().unwrap_err();
    assert_eq!((failed.kind(), failed.retry_after()), (ErrorKind::DelayTooLong, Some(ms(900) + ns(1))));
    clock.advance(ms(900) + ns(1));
    assert!(long.is_woken() && long.poll().unwrap().is_ok());
}

#[test]
fn a_pause_leaves_who_has_no_known_turn_waiting() {
    let (clock, bucket) = bucket(1);
    let permit = bucket.try_acquire().unwrap();
    let mut waits = asks(&bucket, ms(500));
    bucket.pause(ms(200)).unwrap();
    bucket.pause(ms(10_000)).unwrap();
    assert!(!waits.is_woken() && waits.poll().is_none());
    clock.advance(ms(500) + ns(1));
    assert_unknown(&waits.poll().unwrap().unwrap_err(), ErrorKind::DelayTooLong);
    drop(permit);
}

#[test]
fn who_gives_up_or_is_refused_holds_nobody_up() {
    let (clock, bucket) = bucket(1);
    let permit = bucket.try_acquire().unwrap();
    let (gone, mut short, mut last) = (asks(&bucket, FOREVER), asks(&bucket, ms(10)), asks(&bucket, FOREVER));
    drop(gone);
    clock.advance(ms(10) + ns(1));
    assert!(short.poll().unwrap().is_err());
    drop(permit);
    assert!(last.is_woken() && last.poll().unwrap().is_ok());
}

#[test]
fn a_charge_is_in_flight_beyond_the_bound() {
    let (clock, bucket) = bucket(2);
    let first = bucket.try_acquire().unwrap();
    let charged = [bucket.charge().unwrap(), bucket.charge().unwrap()];
    let mut waits = asks(&bucket, FOREVER);
    drop(first);
    assert!(!waits.is_woken() && waits.poll().is_none(), "two are in flight still");
    drop(charged);
    assert!(waits.poll().unwrap().is_ok());
    // One that takes the last place makes turns unknown that were known, which refuses nobody.
    let rest = bucket.request().weight(96).try_acquire().unwrap();
    let mut known = asks(&bucket, ms(2500));
    let charged = [bucket.charge().unwrap()];
    assert!(!known.is_woken() && known.poll().is_none());
    drop((rest, charged));
    clock.advance(ms(1000) + ns(1));
    assert!(known.poll().unwrap().is_ok());
}

#[test]
fn a_key_in_flight_is_not_forgotten() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(9)).in_flight(1).max_keys(1).clock(clock.clone());
    for reset in [false, true] {
        let permit = bucket.request().key(1).try_acquire().unwrap();
        clock.advance(ms(5000));
        if reset {
            bucket.reset().unwrap();
            bucket.request().key(1).reset().unwrap();
        }
        assert_eq!(bucket.request().key(2).try_acquire().unwrap_err().kind(), ErrorKind::TooManyKeys);
        assert_unknown(&bucket.request().key(1).try_acquire().unwrap_err(), ErrorKind::Limited);
        drop(permit);
        clock.advance(ms(5000));
        assert!(bucket.request().key(2).try_acquire().is_ok());
        clock.advance(ms(5000));
    }
}

#[test]
fn other_limits_bound_those_who_are_in_flight_already() {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock).guard(ns(0)).build();
    let declare = |in_flight: usize| Bucket::named("b", Rate::per_second(100)).in_flight(in_flight);
    let bucket = registry.register(Bucket::named("b", Rate::per_second(100))).unwrap();
    let uncounted = bucket.try_acquire().unwrap();
    registry.register(declare(2)).unwrap();
    let permits = [bucket.try_acquire().unwrap(), bucket.try_acquire().unwrap()];
    drop(uncounted);
    assert!(bucket.try_acquire().is_err(), "it was not counted when it started");
    let mut waits = asks(&bucket, FOREVER);
    registry.register(declare(3)).unwrap();
    assert!(waits.is_woken());
    let third = waits.poll().unwrap().unwrap();
    registry.register(declare(1)).unwrap();
    let mut waits = asks(&bucket, FOREVER);
    drop(permits);
    assert!(!waits.is_woken());
    drop(third);
    assert!(waits.is_woken());
    registry.register(Bucket::named("b", Rate::per_second(100))).unwrap();
    assert!(waits.poll().unwrap().is_ok());
    let running: Vec<Permit> = (0..20).map(|_| bucket.try_acquire().expect("no bound any more")).collect();
    drop(running);
}

#[test]
fn it_is_part_of_the_limits_and_at_least_one() {
    static TWO: Bucket = Bucket::new("in-flight-declared", Rate::per_second(1)).in_flight(2);
    static THREE: Bucket = Bucket::new("in-flight-declared", Rate::per_second(1)).in_flight(3);

    let registry = Registry::new();
    registry.register(Bucket::named("b", Rate::per_second(1)).in_flight(3)).unwrap();
    let shown = format!("{:?}", registry.get("b").unwrap());
    assert!(shown.contains("1/s, in_flight 3"), "{shown}");
    let none = Bucket::named("b", Rate::per_second(1)).in_flight(0);
    let wrong = none.try_acquire().unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Config);
    assert!(wrong.to_string().contains("`in_flight(0)` lets no call run; the least is 1"), "{wrong}");
    drop(TWO.try_acquire().unwrap());
    let conflict = THREE.try_acquire().unwrap_err();
    assert_eq!(conflict.kind(), ErrorKind::Config);
    let message = conflict.to_string();
    assert!(message.contains("in_flight 2") && message.contains("in_flight 3"), "{message}");
}

#[test]
fn with_a_total_a_key_in_flight_holds_no_other_up() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(9)).total(Rate::per_second(9)).in_flight(1).guard(ns(0));
    let bucket = bucket.clock(clock);
    let ask = |key: u32| bucket.request().key(key).max_delay(FOREVER);
    let permit = ask(1).try_acquire().unwrap();
    let mut waits = Task::new(ask(1).acquire_async());
    assert!(waits.poll().is_none());
    drop(ask(2).try_acquire().unwrap());
    assert_eq!(ask(1).peek().unwrap().waiting(), 1);
    drop(permit);
    assert!(waits.is_woken() && waits.poll().unwrap().is_ok());
}

/// At no time more bodies run than may, all start in order, and nobody who waits for good is left behind.
#[test]
fn whatever_happens_no_more_run_than_may_and_all_start_in_order() {
    for seed in 0..many(300) {
        let mut dice = Dice::new(seed);
        let most = usize::try_from(dice.between(1, 4)).expect("small");
        let clock = ManualClock::new();
        let rate = Rate::new(u32::try_from(dice.between(1, 8)).expect("small"), ms(dice.between(1, 20)));
        let rate = dice.pick(&[rate, rate.burst(rate.amount()), rate.fixed()]);
        let bucket = Bucket::named("b", rate).in_flight(most).guard(ns(0)).clock(clock.clone());
        let mut running: Vec<Permit> = Vec::new();
        let mut waiting: VecDeque<(u64, u64, Task)> = VecDeque::new();
        for _ in 0..200 {
            match dice.below(6) {
                0 => clock.advance(ns(dice.below(5_000_000))),
                1 if !running.is_empty() => {
                    let place = usize::try_from(dice.below(running.len() as u64)).expect("an index");
                    let permit = running.swap_remove(place);
                    if dice.one_in(3) { permit.refund() } else { drop(permit) }
                }
                2 if !waiting.is_empty() => {
                    let place = usize::try_from(dice.below(waiting.len() as u64)).expect("an index");
                    drop(waiting.remove(place));
                }
                3 => running.extend(bucket.try_acquire()),
                _ => {
                    let allowed = if dice.one_in(2) { u64::MAX } else { dice.below(9_000_000) };
                    let mut task = Task::new(bucket.request().max_delay(ns(allowed)).acquire_async());
                    let now = clock.now().as_nanos();
                    match task.poll() {
                        None => waiting.push_back((now, allowed, task)),
                        Some(Ok(permit)) => running.push(permit),
                        Some(Err(refused)) => assert_ne!(refused.kind(), ErrorKind::TooHeavy),
                    }
                }
            }
            let mut stuck = false;
            waiting.retain_mut(|(since, allowed, task)| match task.poll() {
                None => {
                    let over = clock.now().as_nanos().checked_sub(since.saturating_add(*allowed));
                    let may = over.is_none_or(|over| over == 0 || running.len() < most && over <= 10_000_000);
                    assert!(may, "seed {seed}: its allowance is over");
                    stuck = true;
                    true
                }
                Some(Ok(permit)) => {
                    assert!(!stuck, "seed {seed}: out of order");
                    running.push(permit);
                    false
                }
                Some(Err(_)) => false,
            });
            assert!(running.len() <= most, "seed {seed}: {} run", running.len());
        }
        let mut ends = 0;
        while !waiting.is_empty() {
            running.clear();
            clock.advance(ms(40));
            waiting.retain_mut(|(_, _, task)| match task.is_woken().then(|| task.poll()).flatten() {
                None => true,
                Some(ended) => {
                    running.extend(ended);
                    false
                }
            });
            ends += 1;
            assert!(ends < 2000, "seed {seed}: somebody waits for ever");
        }
    }
}
