//! Permits: what they say of the wait, and what giving them back does.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use common::{Dice, FOREVER, Task, many, ms, ns};
use ratelimit_core::clock::{Clock, ManualClock};
use ratelimit_core::{Bucket, Pace, Permit, Rate, RateOutlook, Registry};

fn bucket(rate: Rate) -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", rate).guard(ns(0)).max_delay(FOREVER).clock(clock.clone());
    (clock, bucket)
}

fn take(bucket: &Bucket, weight: u32) -> Permit {
    bucket.request().weight(weight).try_acquire().expect("a permit")
}

/// The weight that may start at once.
fn free(bucket: &Bucket) -> u32 {
    bucket.peek().expect("it is open").rates().iter().map(RateOutlook::remaining).min().expect("a rate")
}

#[test]
fn dropping_a_permit_gives_nothing_back() {
    let (_clock, bucket) = bucket(Rate::per_second(2));
    drop(take(&bucket, 1));
    assert_eq!(free(&bucket), 1);
    assert_eq!(take(&bucket, 1).waited(), ms(0));
    assert_eq!(free(&bucket), 0);
}

#[test]
fn a_refund_gives_a_sliding_window_all_of_it_and_only_that_one() {
    let (clock, bucket) = bucket(Rate::per_second(5));
    let first = take(&bucket, 2);
    clock.advance(ms(300));
    let second = take(&bucket, 3);
    first.refund();
    assert_eq!(free(&bucket), 2);
    assert_eq!(
        bucket.request().weight(3).peek().unwrap().wait(),
        Some(ms(1000) + ns(1)),
        "the second is left"
    );
    clock.advance(ms(1001));
    second.refund();
    assert_eq!(free(&bucket), 5, "what counts no more gives back nothing");
}

#[test]
fn a_refund_gives_a_token_bucket_back_what_time_has_not() {
    for (later, free_then) in [(ms(0), 5), (ms(100), 5), (ms(1000), 5), (ms(3000), 5)] {
        let (clock, bucket) = bucket(Rate::per_second(1).burst(5));
        let permit = take(&bucket, 5);
        clock.advance(later);
        permit.refund();
        assert_eq!(free(&bucket), free_then, "after {later:?}");
    }
    let (_clock, bucket) = bucket(Rate::per_second(1).burst(5));
    let (first, second) = (take(&bucket, 2), take(&bucket, 3));
    first.refund();
    assert_eq!(free(&bucket), 2);
    second.refund();
    assert_eq!(free(&bucket), 5);
}

#[test]
fn a_refund_wakes_the_one_in_front_who_has_room_now() {
    for rate in [Rate::per_hour(1), Rate::per_hour(1).burst(1)] {
        let (clock, bucket) = bucket(rate);
        let permit = take(&bucket, 1);
        let (mut first, mut second) = (Task::waiting(&bucket), Task::waiting(&bucket));
        clock.advance(ms(7));
        permit.refund();
        assert!(first.is_woken() && !second.is_woken());
        let permit = first.poll().unwrap().unwrap();
        assert_eq!(permit.waited(), ms(7));
        permit.refund();
        assert!(second.is_woken() && second.poll().unwrap().is_ok());
    }
}

#[test]
fn a_refund_gives_the_total_back_too_and_wakes_another_key() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_hour(2)).total(Rate::per_hour(2)).guard(ns(0)).clock(clock);
    let ask = |key: u32| bucket.request().key(key).max_delay(FOREVER);
    let permit = ask(1).try_acquire().unwrap();
    drop(ask(1).try_acquire().unwrap());
    let mut other = Task::new(ask(2).acquire_async());
    assert!(other.poll().is_none());
    permit.refund();
    assert!(other.is_woken() && other.poll().unwrap().is_ok());
    assert!(ask(1).peek().unwrap().wait() > Some(ms(0)), "the total is full again");
}

#[test]
fn a_free_pass_refunds_nothing() {
    let (_clock, bucket) = bucket(Rate::per_second(1));
    drop(take(&bucket, 1));
    take(&bucket, 0).refund();
    assert_eq!(free(&bucket), 0);
}

#[test]
fn what_was_reset_or_replaced_since_takes_no_refund() {
    for reset in [true, false] {
        let registry = Registry::builder().clock(ManualClock::new()).guard(ns(0)).build();
        let bucket = registry.register(Bucket::named("b", Rate::per_hour(2))).unwrap();
        let permit = take(&bucket, 2);
        if reset {
            bucket.reset().unwrap();
            drop(take(&bucket, 2));
        } else {
            registry.register(Bucket::named("b", Rate::per_hour(2))).unwrap();
        }
        permit.refund();
        assert_eq!(free(&bucket), 0);
    }
}

#[test]
fn a_refund_after_the_end_does_no_harm() {
    let (_clock, bucket) = bucket(Rate::per_hour(2));
    let permit = take(&bucket, 2);
    bucket.close();
    permit.refund();
    assert!(bucket.try_acquire().is_err());
    let kept = {
        let (_clock, gone) = self::bucket(Rate::per_hour(2));
        take(&gone, 1)
    };
    kept.refund();
}

#[test]
fn a_refund_at_another_pace_gives_back_no_more_than_was_taken() {
    let registry = Registry::builder().clock(ManualClock::new()).guard(ns(0)).build();
    let bucket = registry.register(Bucket::named("b", Rate::per_second(1).burst(4))).unwrap();
    let permit = take(&bucket, 2);
    drop(take(&bucket, 2));
    registry.set_pace(Pace::Slow);
    permit.refund();
    assert_eq!(free(&bucket), 2);
}

/// The laws hold over those that were not refunded, whatever is refunded when.
#[test]
fn over_all_that_was_not_refunded_the_laws_hold() {
    for seed in 0..many(400) {
        let mut dice = Dice::new(seed);
        let amount = u32::try_from(dice.between(1, 6)).expect("small");
        let rate = Rate::new(amount, ms(dice.between(1, 40)));
        let rate =
            if dice.one_in(2) { rate.burst(u32::try_from(dice.between(1, 9)).expect("small")) } else { rate };
        let most = rate.burst_amount().unwrap_or(amount);
        let (clock, bucket) = bucket(rate);
        let mut kept: Vec<(u64, u32, Option<Permit>)> = Vec::new();
        for _ in 0..150 {
            clock.advance(ns(dice.below(6_000_000)));
            let weight = u32::try_from(dice.between(1, u64::from(most))).expect("small");
            if let Ok(permit) = bucket.request().weight(weight).try_acquire() {
                kept.push((clock.now().as_nanos(), weight, Some(permit)));
            }
            if dice.one_in(3) && !kept.is_empty() {
                let place = usize::try_from(dice.below(kept.len() as u64)).expect("an index");
                if let Some(permit) = kept.get_mut(place).and_then(|(_, _, permit)| permit.take()) {
                    permit.refund();
                    kept.remove(place);
                }
            }
        }
        assert_law(rate, &kept, seed);
    }
}

fn assert_law(rate: Rate, kept: &[(u64, u32, Option<Permit>)], seed: u64) {
    let per = rate.per().as_nanos();
    for (index, (first, _, _)) in kept.iter().enumerate() {
        let mut weight = 0;
        for (last, more, _) in kept.iter().skip(index) {
            weight += u128::from(*more);
            let span = u128::from(last - first);
            let is_kept = match rate.burst_amount() {
                None => span > per || weight <= u128::from(rate.amount()),
                Some(burst) => {
                    weight.saturating_sub(u128::from(burst)) * per <= u128::from(rate.amount()) * span
                }
            };
            assert!(is_kept, "seed {seed}: {weight} of {rate} within {span} ns");
        }
    }
}
