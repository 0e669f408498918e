//! Corrections: a call counts what it really cost.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::thread;

use common::{Dice, FOREVER, Task, many, ms, ns};
use ratelimit_core::clock::{Clock, ManualClock};
use ratelimit_core::{Bucket, ErrorKind, Pace, Permit, Rate, RateOutlook, Registry};

fn bucket(rate: Rate) -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    (clock.clone(), Bucket::named("b", rate).guard(ns(0)).clock(clock))
}

fn take(bucket: &Bucket, weight: u32) -> Permit {
    bucket.request().weight(weight).try_acquire().expect("a permit")
}

fn used(bucket: &Bucket) -> u32 {
    bucket.peek().expect("it is open").rates().first().map_or(0, RateOutlook::used)
}

fn correct_all(permits: &[Permit], cost: u32) {
    for permit in permits {
        permit.correct(cost);
    }
}

const SHAPES: [Rate; 3] =
    [Rate::per_second(10), Rate::per_second(10).burst(10), Rate::per_second(10).fixed()];

#[test]
fn it_counts_what_it_really_cost_however_often_that_is_told() {
    for rate in SHAPES {
        let (_clock, bucket) = bucket(rate);
        let other = take(&bucket, 2);
        let permit = take(&bucket, 5);
        for cost in [3, 3, 8, 0, 0, 20, 6, 7, 5, 5, u32::MAX - 2, 1] {
            permit.correct(cost);
            assert_eq!(used(&bucket), cost + 2, "{rate}");
        }
        drop(permit);
        assert_eq!(used(&bucket), 3, "dropping it gives nothing back");
        other.refund();
        assert_eq!(used(&bucket), 1, "{rate}");
    }
}

#[test]
fn several_corrections_and_a_refund_give_back_what_was_taken_and_no_more() {
    for rate in SHAPES {
        let (_clock, bucket) = bucket(rate);
        let other = take(&bucket, 4);
        let permit = take(&bucket, 6);
        permit.correct(5);
        permit.correct(2);
        permit.correct(9);
        permit.refund();
        assert_eq!(used(&bucket), 4, "{rate}: the other call still counts");
        drop(other);
    }
}

#[test]
fn a_free_pass_may_turn_out_to_have_cost_something() {
    for rate in SHAPES {
        let (_clock, bucket) = bucket(rate);
        let permit = take(&bucket, 0);
        permit.correct(0);
        assert_eq!(used(&bucket), 0);
        permit.correct(12);
        assert_eq!(used(&bucket), 12);
        permit.refund();
        assert_eq!(used(&bucket), 0, "{rate}");
    }
}

#[test]
fn what_it_cost_more_counts_from_then_and_what_it_cost_less_is_taken_off_that_first() {
    let (clock, bucket) = bucket(Rate::per_second(10));
    let permit = take(&bucket, 4);
    clock.advance(ms(600));
    permit.correct(10);
    permit.correct(7);
    clock.advance(ms(400) + ns(1));
    assert_eq!(used(&bucket), 3, "the four are over, three of the six are not");
    permit.correct(1);
    assert_eq!(used(&bucket), 0);
    permit.correct(4);
    assert_eq!(used(&bucket), 3, "one of the four counts, though time has passed over it");
}

#[test]
fn a_token_bucket_gets_back_once_what_time_has_not_given_back() {
    let (clock, bucket) = bucket(Rate::per_second(1).burst(10));
    let permit = take(&bucket, 10);
    clock.advance(ms(5000));
    permit.correct(5);
    assert_eq!(used(&bucket), 0);
    drop(take(&bucket, 5));
    permit.correct(0);
    permit.refund();
    assert_eq!(used(&bucket), 5, "what was started meanwhile is not given back");
}

#[test]
fn upward_it_refuses_who_is_moved_past_its_allowance_and_downward_it_wakes_who_may_start() {
    let (clock, bucket) = bucket(Rate::per_second(1).burst(2));
    let permit = take(&bucket, 2);
    let mut short = Task::new(bucket.request().max_delay(ms(1500)).acquire_async());
    let mut long = Task::new(bucket.request().max_delay(FOREVER).acquire_async());
    assert!(short.poll().is_none() && long.poll().is_none());
    clock.advance(ms(250));
    permit.correct(3);
    assert!(short.is_woken() && !long.is_woken());
    let failed = short.poll().unwrap().unwrap_err();
    assert_eq!((failed.kind(), failed.retry_after()), (ErrorKind::DelayTooLong, Some(ms(1750))));
    permit.correct(1);
    assert!(long.is_woken() && long.poll().unwrap().is_ok());
}

#[test]
fn the_total_is_corrected_with_the_key() {
    let clock = ManualClock::new();
    let bucket =
        Bucket::named("b", Rate::per_hour(9)).total(Rate::per_hour(9)).guard(ns(0)).clock(clock.clone());
    let ask = |key: u32| bucket.request().key(key).max_delay(FOREVER);
    let permit = ask(1).weight(9).try_acquire().unwrap();
    let mut other = Task::new(ask(2).acquire_async());
    assert!(other.poll().is_none());
    permit.correct(8);
    assert!(other.is_woken() && other.poll().unwrap().is_ok());
    permit.correct(40);
    let totals: Vec<u32> = ask(2).peek().unwrap().rates().iter().map(RateOutlook::used).collect();
    assert_eq!(totals, [1, 41]);
}

/// What counts of a call of 4, however often it is corrected since: nothing of the 4 is given back, and what is added
/// to them counts, and is given back.
#[test]
fn what_it_cost_more_counts_whatever_was_reset_or_replaced_since() {
    for (reset, rate) in SHAPES.into_iter().flat_map(|rate| [(true, rate), (false, rate)]) {
        let registry = Registry::builder().clock(ManualClock::new()).guard(ns(0)).build();
        let bucket = registry.register(Bucket::named("b", rate)).unwrap();
        let permits = [take(&bucket, 4), bucket.request().key("k").weight(4).try_acquire().unwrap()];
        let before = if reset { 0 } else { 4 };
        let change = || {
            if reset {
                bucket.reset().unwrap();
            } else {
                registry.register(Bucket::named("b", rate)).unwrap();
            }
        };
        let used = || {
            let keyed = bucket.request().key("k").peek().unwrap();
            (used(&bucket), keyed.rates().first().map_or(0, RateOutlook::used))
        };
        change();
        for (cost, more) in [(2, 0), (4, 0), (9, 5), (0, 0), (3, 0), (6, 2), (5, 1), (u32::MAX, u32::MAX - 4)]
        {
            permits[0].correct(cost);
            assert_eq!(used(), (before + more, before), "{rate}: {cost}");
            permits[1].correct(cost);
            assert_eq!(used(), (before + more, before + more), "{rate}: {cost}");
            correct_all(&permits, 0);
            assert_eq!(used(), (before, before), "{rate}");
        }
        // What was added is of a time before, too, once more has changed.
        correct_all(&permits, 7);
        change();
        let kept = if reset { 0 } else { 7 };
        for (cost, more) in [(1, 0), (7, 0), (8, 1)] {
            correct_all(&permits, cost);
            assert_eq!(used(), (kept + more, kept + more), "{rate}: {cost}");
        }
        permits.into_iter().for_each(Permit::refund);
        assert_eq!(used(), (kept, kept), "{rate}");
    }
}

/// What it cost more counts under the limits that are there now, of whatever kind, for a call of any time before.
#[test]
fn what_it_cost_more_counts_under_the_limits_in_force() {
    for (old, new) in SHAPES.into_iter().flat_map(|old| SHAPES.map(|new| (old, new))) {
        let clock = ManualClock::new();
        let registry = Registry::builder().clock(clock.clone()).guard(ns(0)).build();
        let bucket = registry.register(Bucket::named("b", old)).unwrap();
        let permits = [take(&bucket, 1), take(&bucket, 0)];
        registry.register(Bucket::named("b", new).in_flight(9)).unwrap();
        clock.advance(ms(5000));
        for (permit, cost) in permits.iter().zip([11, 10]) {
            assert_eq!(used(&bucket), 0);
            permit.correct(cost);
            assert_eq!(used(&bucket), 10, "{old}, then {new}");
            assert!(bucket.try_acquire().is_err());
            permit.correct(0);
            assert_eq!(used(&bucket), 0);
        }
        correct_all(&permits, 11);
        drop(permits);
        assert_eq!(used(&bucket), 21, "they never were in flight, and end as such");
        bucket.close();
    }
}

#[test]
fn after_the_end_and_under_another_clock_it_counts_where_there_is_somebody_to_count() {
    let registry = Registry::builder().clock(ManualClock::new()).guard(ns(0)).build();
    let bucket = registry.register(Bucket::named("b", Rate::per_second(10))).unwrap();
    let permit = take(&bucket, 4);
    registry.set_clock(ManualClock::new());
    assert_eq!(used(&bucket), 0, "it began anew");
    permit.correct(6);
    assert_eq!(used(&bucket), 2);
    bucket.close();
    permit.correct(9);
    assert!(bucket.peek().is_err());
}

#[test]
fn a_key_that_was_forgotten_meanwhile_is_charged_all_the_same() {
    for rate in SHAPES {
        let clock = ManualClock::new();
        let bucket = Bucket::named("b", rate).max_keys(1).guard(ns(0)).clock(clock.clone());
        let permit = bucket.request().key("long").try_acquire().unwrap();
        clock.advance(ms(5000));
        let keyed = |key: &str| {
            let outlook = bucket.request().key(key).peek().expect("it is open");
            outlook.rates().first().map_or(0, RateOutlook::used)
        };
        drop(bucket.request().key("other").try_acquire().unwrap());
        permit.correct(5);
        assert_eq!((keyed("long"), keyed("other")), (0, 1), "{rate}: there is no room for it");
        clock.advance(ms(5000));
        permit.correct(7);
        assert_eq!(keyed("long"), 6, "{rate}: what it cost more than the one of its start");
    }
}

#[test]
fn at_another_pace_and_after_the_end_it_does_no_harm() {
    let registry = Registry::builder().clock(ManualClock::new()).guard(ns(0)).build();
    let bucket = registry.register(Bucket::named("b", Rate::per_second(1).burst(4))).unwrap();
    let permit = take(&bucket, 2);
    drop(take(&bucket, 2));
    registry.set_pace(Pace::Slow);
    permit.correct(1);
    permit.correct(0);
    assert_eq!(used(&bucket), 2);
    bucket.close();
    permit.correct(9);
    permit.refund();
}

#[test]
fn corrections_from_many_threads_end_at_one_of_them() {
    const STEPS: u32 = if cfg!(miri) { 20 } else { 200 };
    let (_clock, bucket) = bucket(Rate::per_hour(100));
    let permit = take(&bucket, 50);
    thread::scope(|scope| {
        for thread in 0..4 {
            let permit = &permit;
            scope.spawn(move || (0..STEPS).for_each(|step| permit.correct((step * 7 + thread) % 60)));
        }
    });
    permit.correct(33);
    assert_eq!(used(&bucket), 33);
    permit.refund();
    assert_eq!(used(&bucket), 0);
}

/// Whatever is corrected and refunded when: each start by acquire is within the limits over all that counts then, each
/// part from when it was taken.
#[test]
fn over_what_the_calls_really_cost_the_laws_hold_for_every_start() {
    for seed in 0..many(300) {
        let mut dice = Dice::new(seed);
        let amount = small(dice.between(1, 8));
        let rate = Rate::new(amount, ms(dice.between(1, 40)));
        let rate = if dice.one_in(2) { rate.burst(small(dice.between(1, 9))) } else { rate };
        let most = rate.burst_amount().unwrap_or(amount);
        let (clock, bucket) = bucket(rate);
        let mut calls: Vec<Call> = Vec::new();
        for _ in 0..150 {
            clock.advance(ns(dice.below(6_000_000)));
            let (now, weight) = (clock.now().as_nanos(), small(dice.between(1, u64::from(most))));
            if let Ok(permit) = bucket.request().weight(weight).try_acquire() {
                calls.push(Call { permit: Some(permit), parts: vec![(now, weight)] });
                assert_start(rate, now, &calls, seed);
            }
            if dice.one_in(2) && !calls.is_empty() {
                let place = usize::try_from(dice.below(calls.len() as u64)).expect("an index");
                let cost = small(dice.below(u64::from(most) + 3));
                calls.get_mut(place).expect("a call").correct(now, cost, dice.one_in(4));
            }
        }
    }
}

/// A call, and what it counts, each part from its time on.
struct Call {
    permit: Option<Permit>,
    parts: Vec<(u64, u32)>,
}

impl Call {
    fn correct(&mut self, now: u64, cost: u32, last: bool) {
        let Some(permit) = &self.permit else { return };
        permit.correct(cost);
        let counted: u32 = self.parts.iter().map(|(_, weight)| weight).sum();
        if cost > counted {
            self.parts.push((now, cost - counted));
        }
        let mut given = counted.saturating_sub(cost);
        for (_, weight) in self.parts.iter_mut().rev() {
            let of_it = given.min(*weight);
            *weight -= of_it;
            given -= of_it;
        }
        if last {
            self.permit.take().expect("it is here").refund();
            self.parts.clear();
        }
    }
}

fn small(number: u64) -> u32 {
    u32::try_from(number).expect("a small number")
}

fn assert_start(rate: Rate, now: u64, calls: &[Call], seed: u64) {
    let mut parts: Vec<(u64, u32)> = calls.iter().flat_map(|call| call.parts.iter().copied()).collect();
    parts.sort_unstable();
    let (mut weight, per) = (0, rate.per().as_nanos());
    for (start, more) in parts.iter().rev() {
        weight += u128::from(*more);
        let span = u128::from(now - start);
        let kept = match rate.burst_amount() {
            None => span > per || weight <= u128::from(rate.amount()),
            Some(burst) => weight.saturating_sub(u128::from(burst)) * per <= u128::from(rate.amount()) * span,
        };
        assert!(kept, "seed {seed}: {weight} of {rate} within {span} ns");
    }
}

#[test]
fn a_call_that_is_corrected_upwards_without_end_counts_it_all_and_gives_no_more_back() {
    for rate in SHAPES {
        let (clock, bucket) = bucket(rate);
        let permit = take(&bucket, 1);
        for cost in 2..=500 {
            clock.advance(ns(1));
            permit.correct(cost);
        }
        let counted = used(&bucket);
        assert!((499..=500).contains(&counted), "{rate}: {counted}");
        // The newest parts are given back, one by one; of the oldest nobody knows any more.
        permit.correct(450);
        assert!(used(&bucket).abs_diff(450) <= 1, "{rate}: {}", used(&bucket));
        permit.refund();
        assert!(used(&bucket) <= 450, "{rate}: {}", used(&bucket));
        assert!(bucket.try_acquire().is_err(), "{rate}: it is in debt");
    }
}

/// However often it is corrected, a call has no more parts than moments at which something was added and is left.
#[test]
fn a_call_that_is_corrected_often_at_one_moment_or_up_and_down_is_given_back_whole() {
    let (clock, bucket) = bucket(Rate::per_hour(1000));
    let (once, about) = (take(&bucket, 1), take(&bucket, 1));
    for cost in 2..=200 {
        once.correct(cost);
    }
    for _ in 0..200 {
        clock.advance(ns(1));
        about.correct(2);
        about.correct(1);
    }
    assert_eq!(used(&bucket), 201);
    once.refund();
    about.refund();
    assert_eq!(used(&bucket), 0);
}

/// A call that was corrected so often is still given back whole.
#[test]
fn a_call_of_64_parts_is_given_back_whole() {
    let (clock, bucket) = bucket(Rate::per_hour(100));
    let permit = take(&bucket, 1);
    for cost in 2..=64 {
        clock.advance(ns(1));
        permit.correct(cost);
    }
    assert_eq!(used(&bucket), 64);
    permit.refund();
    assert_eq!(used(&bucket), 0);
}
