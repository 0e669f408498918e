//! Laws 9, 10 and 11: what can never fit, what costs nothing, stalls, and clocks that go backwards.

use ratelimit_core::clock::{Clock, ManualClock, Timestamp};
use ratelimit_core::{Bucket, ErrorKind, Rate};

use crate::common::{Dice, FOREVER, Task, ms, ns};
use crate::model::{Model, Start};
use crate::schedule::Limits;

/// Fewer where they are interpreted.
const SEEDS: u64 = if cfg!(miri) { 20 } else { 20_000 };

#[test]
fn what_can_never_fit_is_too_heavy_at_once_for_everybody() {
    let clock = ManualClock::new();
    let rates = [Rate::per_second(5), Rate::per_second(9).burst(4), Rate::per_hour(100)];
    let bucket = rates[1..].iter().fold(Bucket::named("b", rates[0]), |bucket, rate| bucket.and(*rate));
    let bucket = bucket.total(Rate::per_second(3)).guard(ns(0)).max_delay(FOREVER).clock(clock.clone());
    let request = |weight| bucket.request().key("k").weight(weight);
    for full in [false, true] {
        for (weight, rate) in [(4, Rate::per_second(3)), (5, rates[1]), (6, rates[0]), (u32::MAX, rates[0])] {
            let errors = [
                request(weight).try_acquire().unwrap_err(),
                request(weight).acquire().unwrap_err(),
                Task::new(request(weight).acquire_async()).poll().unwrap().unwrap_err(),
            ];
            for error in errors {
                assert_eq!((error.kind(), error.rate()), (ErrorKind::TooHeavy, Some(rate)), "{weight}");
                assert_eq!((error.retry_after(), error.weight()), (None, Some(weight)));
            }
            assert_eq!(request(weight).peek().unwrap().wait(), None);
        }
        assert_eq!(request(3).try_acquire().is_ok(), !full, "the most that fits");
    }
    assert_eq!(clock.next_wake(), None, "nobody waits");
}

#[test]
fn weight_zero_is_granted_and_changes_nothing() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(1)).guard(ns(0)).max_delay(FOREVER).clock(clock.clone());
    let seen = |bucket: &Bucket| {
        let outlook = bucket.peek().unwrap();
        let rate = &outlook.rates()[0];
        (
            outlook.wait(),
            outlook.waiting(),
            rate.used(),
            rate.remaining(),
            rate.resets_in(),
            clock.next_wake(),
        )
    };
    let free = || bucket.request().weight(0);
    for state in 0..4 {
        match state {
            1 => drop(bucket.try_acquire().unwrap()),
            2 => bucket.pause(ms(5000)).unwrap(),
            _ => {}
        }
        let waits = (state == 3).then(|| Task::waiting(&bucket));
        let before = seen(&bucket);
        for permit in
            [free().try_acquire(), free().acquire(), Task::new(free().acquire_async()).poll().unwrap()]
        {
            let permit = permit.unwrap();
            assert!(permit.waited().is_zero());
            permit.refund();
        }
        assert_eq!(seen(&bucket), before, "state {state}");
        drop(waits);
    }
}

/// An executor that is blocked, or a machine that sleeps, for `windows` windows.
fn stall(rate: Rate, windows: u32, at_once: usize) {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", rate).guard(ns(0)).max_delay(FOREVER).clock(clock.clone());
    let mut tasks: Vec<Task> = (0..40).map(|_| Task::new(bucket.acquire_async())).collect();
    let mut model = Model { rates: vec![rate], ..Model::default() };
    let mut dice = Dice::new(u64::from(windows));
    let mut resumed = Vec::new();
    let mut poll_all = |tasks: &mut Vec<Task>, at: u64| {
        dice.shuffle(tasks);
        // Over and over, as a runtime that catches up does.
        for _ in 0..5 {
            tasks.retain_mut(|task| match task.poll() {
                Some(permit) => {
                    drop(permit.unwrap());
                    model.starts.push(Start::new(0, at, 0, 1));
                    resumed.push(at);
                    false
                }
                None => true,
            });
        }
    };
    poll_all(&mut tasks, 0);
    clock.advance(rate.per() * windows);
    let resume = clock.now().as_nanos();
    while !tasks.is_empty() {
        poll_all(&mut tasks, clock.now().as_nanos());
        match clock.next_wake() {
            Some(wake) => clock.set(wake),
            None => assert!(tasks.is_empty(), "{} wait, and nobody will wake them", tasks.len()),
        }
    }
    assert!(resumed.iter().filter(|at| **at == resume).count() <= at_once, "a burst after the stall");
    assert!(model.holds(rate, Some(0)), "the law holds over what really started");
}

#[test]
fn a_stall_of_many_windows_causes_no_burst() {
    for windows in [1, 2, 10, 100, 10_000] {
        stall(Rate::new(5, ms(100)), windows, 5);
        stall(Rate::new(5, ms(100)).burst(7), windows, 7);
        stall(Rate::new(1, ms(3)).burst(1), windows, 1);
        stall(Rate::new(5, ms(100)).fixed(), windows, 5);
    }
}

#[test]
fn a_clock_going_backwards_never_admits_more_and_waits_are_counted_from_what_it_shows() {
    let (mut backwards, mut granted) = (0, 0);
    for seed in 0..SEEDS {
        let mut dice = Dice::new(seed);
        let limits = Limits::random(&mut dice).with_fixed(&mut dice);
        let clock = ManualClock::new();
        let bucket = limits.bucket().clock(clock.clone());
        let mut model =
            Model { rates: limits.rates, totals: limits.totals, guard: limits.guard, ..Model::default() };
        let (mut now, mut newest) = (1_000_000_000_u64, 0);
        for _ in 0..20 {
            let span = dice.pick(&[0, 1, 1_000_000, 10_000_000, dice.clone().below(300_000_000)]);
            backwards += u32::from(span > 0);
            now = if dice.one_in(2) { now + span } else { now.saturating_sub(span) };
            clock.set(Timestamp::from_nanos(now));
            let weight = u32::try_from(dice.between(1, 3)).expect("small");
            if !model.fits(u64::from(weight)) {
                continue;
            }
            // The newest that the bucket has seen.
            newest = newest.max(now);
            let at = model.by_key(0, newest, u64::from(weight));
            let at = model.by_total(at, u64::from(weight));
            match bucket.request().weight(weight).try_acquire() {
                Ok(_) => {
                    assert_eq!(at, newest, "seed {seed}: too early");
                    granted += 1;
                    model.starts.push(Start::new(0, at, 0, u64::from(weight)));
                }
                Err(error) => {
                    assert!(at > newest, "seed {seed}: refused in vain");
                    assert_eq!(error.retry_after(), Some(ns(at - now)), "seed {seed}");
                }
            }
        }
    }
    println!("{backwards} jumps, {granted} grants");
    assert!(granted > SEEDS);
}

#[test]
fn waiters_outlive_a_clock_that_goes_backwards() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(1)).guard(ns(0)).max_delay(FOREVER).clock(clock.clone());
    clock.advance(ms(10_000));
    drop(bucket.try_acquire().unwrap());
    let mut waits = Task::waiting(&bucket);
    clock.set(Timestamp::from_nanos(2_000_000_000));
    assert!(waits.poll().is_none() && bucket.try_acquire().is_err());
    let refused = Task::new(bucket.request().max_delay(ms(10_000)).acquire_async()).poll();
    let refused = refused.unwrap().unwrap_err();
    assert_eq!(refused.retry_after(), Some(ms(10_000) + ns(2)), "by what the clock shows, behind the other");
    clock.set(Timestamp::from_nanos(11_000_000_000));
    assert!(!waits.is_woken());
    clock.set(Timestamp::from_nanos(11_000_000_001));
    assert!(waits.is_woken() && waits.poll().unwrap().is_ok());
}

/// "Everything as fresh": also what a clock that went back has left behind.
#[test]
fn after_a_reset_a_clock_that_went_backwards_is_forgotten() {
    let clock = ManualClock::new();
    let registry = ratelimit_core::Registry::builder().clock(clock.clone()).guard(ns(0)).build();
    let bucket = registry.register(Bucket::named("b", Rate::per_second(1))).unwrap();
    clock.advance(ms(100_000));
    drop(bucket.try_acquire().unwrap());
    registry.set_pace(ratelimit_core::Pace::Slow);
    registry.set_pace(ratelimit_core::Pace::Normal);
    clock.set(Timestamp::from_nanos(5));
    bucket.reset().unwrap();
    drop(bucket.try_acquire().unwrap());
    assert_eq!(bucket.try_acquire().unwrap_err().retry_after(), Some(ms(1000) + ns(1)));
    clock.advance(ms(1000) + ns(1));
    assert!(bucket.try_acquire().is_ok());
}

#[test]
fn at_the_end_of_time_what_lies_beyond_is_never() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(1)).and(Rate::per_second(2).burst(2));
    let bucket = bucket.guard(ns(0)).max_delay(FOREVER).clock(clock.clone());
    clock.set(Timestamp::from_nanos(u64::MAX - 10));
    drop(bucket.try_acquire().unwrap());
    let refused = Task::new(bucket.request().max_delay(ns(5)).acquire_async()).poll().unwrap().unwrap_err();
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::DelayTooLong, None));
    assert_eq!(bucket.try_acquire().unwrap_err().retry_after(), None);
    assert_eq!(bucket.peek().unwrap().wait(), None);
}

#[test]
fn at_the_end_of_time_a_turn_is_not_over() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::new(2, ms(5))).guard(ns(0)).max_delay(FOREVER).clock(clock.clone());
    clock.set(Timestamp::from_nanos(u64::MAX - 20_000_000));
    drop(bucket.request().weight(2).try_acquire().unwrap());
    let mut tasks = [Task::waiting(&bucket), Task::waiting(&bucket)];
    clock.set(Timestamp::MAX);
    for task in &mut tasks {
        assert!(task.is_woken() && task.poll().unwrap().is_ok(), "each starts as it is polled");
    }
}

#[test]
fn what_is_due_with_the_end_of_time_is_never() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(1)).guard(ns(0)).clock(clock.clone());
    bucket.pause(FOREVER).unwrap();
    let is_never = |bucket: &Bucket| {
        let refused = bucket.try_acquire().unwrap_err();
        assert_eq!((refused.retry_after(), bucket.peek().unwrap().wait()), (None, None));
        let waits = Task::new(bucket.request().max_delay(ms(5)).acquire_async()).poll();
        assert_eq!(waits.unwrap().unwrap_err().retry_after(), None);
    };
    is_never(&bucket);
    bucket.reset().unwrap();
    clock.set(Timestamp::from_nanos(u64::MAX - 10_000_000));
    drop(bucket.try_acquire().unwrap());
    let _waits = Task::waiting(&bucket);
    is_never(&bucket);
}

#[test]
fn what_a_clock_that_went_backwards_does_not_show_is_no_wait() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(2)).guard(ns(0)).clock(clock.clone());
    clock.set(Timestamp::from_nanos(10_000_000_000));
    drop(bucket.request().weight(2).try_acquire().unwrap());
    let mut head = Task::waiting(&bucket);
    clock.set(Timestamp::from_nanos(11_000_000_001));
    assert!(head.is_woken());
    clock.set(Timestamp::from_nanos(5_000_000_000));
    let refused = bucket.try_acquire().unwrap_err();
    assert_eq!(refused.retry_after(), Some(ns(0)), "once the head has started");
    assert_eq!(bucket.peek().unwrap().wait(), Some(ns(0)));
    let mut second = Task::new(bucket.request().max_delay(ns(1)).acquire_async());
    assert!(second.poll().is_none(), "no wait is longer than its allowance");
    assert!(head.poll().unwrap().is_ok());
    assert!(second.is_woken() && second.poll().unwrap().is_ok());
}

/// Whoever asks with the bucket's lock and whoever asks without it are told the same.
#[test]
fn what_is_given_back_at_once_leaves_nothing_for_the_guard_to_stand_off_from() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::new(1, ms(20)).burst(4)).guard(ms(21)).clock(clock.clone());
    let permit = bucket.try_acquire().unwrap();
    // So that the state stays under the lock.
    bucket.pause(ns(2)).unwrap();
    permit.refund();
    assert_eq!(bucket.request().weight(4).try_acquire().unwrap_err().retry_after(), Some(ns(2)));
    clock.advance(ns(2));
    assert!(bucket.request().weight(4).try_acquire().is_ok());
}
