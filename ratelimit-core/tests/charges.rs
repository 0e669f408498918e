//! Charges: taken at once, even into debt, and counted from then on.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use common::{Dice, FOREVER, Task, many, ms, ns};
use ratelimit_core::clock::{Clock, ManualClock};
use ratelimit_core::{Bucket, ErrorKind, Rate, RateOutlook};

fn bucket(rate: Rate) -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    (clock.clone(), Bucket::named("b", rate).guard(ns(0)).clock(clock))
}

fn charge(bucket: &Bucket, weight: u32) {
    drop(bucket.request().weight(weight).charge().expect("never refused for the limit"));
}

/// Used and remaining of the first rate.
fn gauge(bucket: &Bucket) -> (u32, u32) {
    let outlook = bucket.peek().expect("it is open");
    let rate = outlook.rates().first().expect("a rate");
    (rate.used(), rate.remaining())
}

#[test]
fn a_charge_goes_into_debt_and_the_next_waits_until_it_is_paid() {
    for (rate, wait) in [
        (Rate::per_second(2), ms(1000) + ns(1)),
        (Rate::per_second(2).burst(2), ms(3000)),
        (Rate::per_second(2).fixed(), ms(1000)),
    ] {
        let (clock, bucket) = bucket(rate);
        drop(bucket.try_acquire().unwrap());
        charge(&bucket, 6);
        assert_eq!(gauge(&bucket), (7, 0), "{rate}");
        let refused = bucket.try_acquire().unwrap_err();
        assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::Limited, Some(wait)), "{rate}");
        assert_eq!(bucket.peek().unwrap().rates().first().map(RateOutlook::rate), Some(rate));
        clock.advance(wait.saturating_sub(ns(1)));
        assert!(bucket.try_acquire().is_err());
        clock.advance(ns(1));
        assert!(bucket.try_acquire().is_ok());
    }
}

#[test]
fn a_charge_counts_from_the_moment_it_is_made() {
    let (clock, bucket) = bucket(Rate::per_second(1));
    drop(bucket.try_acquire().unwrap());
    clock.advance(ms(700));
    charge(&bucket, 1);
    assert_eq!(bucket.try_acquire().unwrap_err().retry_after(), Some(ms(1000) + ns(1)));
    let resets_in = bucket.peek().unwrap().rates().first().map(RateOutlook::resets_in);
    assert_eq!(resets_in, Some(ms(1000) + ns(1)));
}

#[test]
fn neither_a_pause_nor_a_line_nor_its_weight_holds_it_up() {
    let (_clock, bucket) = bucket(Rate::per_second(1));
    let mut waits = {
        drop(bucket.try_acquire().unwrap());
        Task::waiting(&bucket)
    };
    bucket.pause(ms(5)).unwrap();
    let permit = bucket.request().weight(u32::MAX).max_delay(ns(0)).charge().unwrap();
    assert_eq!(permit.waited(), ms(0));
    assert!(waits.poll().is_none());
    let outlook = bucket.peek().unwrap();
    assert_eq!((outlook.waiting(), outlook.paused_for()), (1, ms(5)));
    assert_eq!(gauge(&bucket), (u32::MAX, 0));
    charge(&bucket, u32::MAX);
    permit.refund();
    assert_eq!(gauge(&bucket), (u32::MAX, 0), "the other charge is left");
}

#[test]
fn a_charge_of_nothing_changes_nothing() {
    let (_clock, bucket) = bucket(Rate::per_second(1));
    charge(&bucket, 0);
    assert_eq!(gauge(&bucket), (0, 1));
    drop(bucket.try_acquire().unwrap());
    let mut waits = Task::new(bucket.request().max_delay(ms(1000) + ns(1)).acquire_async());
    assert!(waits.poll().is_none());
    charge(&bucket, 0);
    assert!(!waits.is_woken() && waits.poll().is_none());
}

#[test]
fn what_else_refuses_refuses_a_charge_too() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(1)).max_keys(1).clock(clock.clone());
    drop(bucket.request().key(1).charge().unwrap());
    let refused = bucket.request().key(2).weight(3).charge().unwrap_err();
    assert_eq!((refused.kind(), refused.key()), (ErrorKind::TooManyKeys, Some("2")));
    assert_eq!((refused.bucket(), refused.weight()), (Some("b"), Some(3)));
    bucket.close();
    assert_eq!(bucket.charge().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(bucket.request().weight(0).charge().unwrap_err().kind(), ErrorKind::Closed);
    let wrong = Bucket::named("b", Rate::per_second(1)).max_keys(0);
    assert_eq!(wrong.charge().unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn who_is_moved_past_its_allowance_fails_at_once_and_the_others_wait_on() {
    let (clock, bucket) = bucket(Rate::per_second(1).burst(1));
    let ask = |allowed| Task::new(bucket.request().max_delay(allowed).acquire_async());
    drop(bucket.try_acquire().unwrap());
    let (mut short, mut long, mut ever) = (ask(ms(1500)), ask(ms(3500)), ask(FOREVER));
    assert!(short.poll().is_none() && long.poll().is_none() && ever.poll().is_none());
    clock.advance(ms(500));
    charge(&bucket, 1);
    assert!(short.is_woken() && !long.is_woken() && !ever.is_woken());
    let failed = short.poll().unwrap().unwrap_err();
    assert_eq!((failed.kind(), failed.retry_after()), (ErrorKind::DelayTooLong, Some(ms(1500))));
    // Without the first the second starts when it would have: its turn is not past its allowance.
    clock.advance(ms(1500));
    assert_eq!(long.poll().unwrap().unwrap().waited(), ms(2000));
    charge(&bucket, 1);
    clock.advance(ms(1999));
    assert!(ever.poll().is_none());
    clock.advance(ms(1));
    assert!(ever.poll().unwrap().is_ok());
}

#[test]
fn a_turn_that_was_given_and_not_taken_is_taken_back() {
    let (clock, bucket) = bucket(Rate::per_second(1).burst(1));
    drop(bucket.try_acquire().unwrap());
    let mut waits = Task::new(bucket.request().max_delay(ms(1200)).acquire_async());
    assert!(waits.poll().is_none());
    clock.advance(ms(1000));
    assert!(waits.is_woken());
    charge(&bucket, 1);
    let failed = waits.poll().unwrap().unwrap_err();
    assert_eq!((failed.kind(), failed.retry_after()), (ErrorKind::DelayTooLong, Some(ms(1000))));
}

#[test]
fn a_charge_on_one_key_judges_the_others_only_by_the_total() {
    for (total, fails) in [(Some(Rate::per_second(2).burst(2)), true), (None, false)] {
        let clock = ManualClock::new();
        let bucket = Bucket::named("b", Rate::per_second(1).burst(1)).guard(ns(0)).clock(clock.clone());
        let bucket = match total {
            Some(total) => bucket.total(total),
            None => bucket,
        };
        let ask = |key: u32| bucket.request().key(key);
        drop(ask(1).try_acquire().unwrap());
        let mut waits = Task::new(ask(1).max_delay(ms(1000)).acquire_async());
        assert!(waits.poll().is_none());
        drop(ask(2).weight(4).charge().unwrap());
        assert_eq!(waits.is_woken(), fails);
        clock.advance(ms(1000));
        assert_eq!(waits.poll().unwrap().is_err(), fails);
    }
}

/// Law 7: lateness alone is no reason, so only who is moved by the charge is judged.
#[test]
fn a_charge_refuses_nobody_who_is_late_and_not_moved_by_it() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", Rate::per_second(1).burst(1)).total(Rate::per_second(1000));
    let bucket = bucket.guard(ns(0)).clock(clock.clone());
    let ask = |key: u32, allowed| Task::new(bucket.request().key(key).max_delay(allowed).acquire_async());
    drop(bucket.request().key(1).try_acquire().unwrap());
    let (mut first, mut second) = (ask(1, FOREVER), ask(1, ms(2000)));
    assert!(first.poll().is_none() && second.poll().is_none());
    // The first is told and comes late: so the second is due 5 ms past its allowance.
    clock.advance(ms(1005));
    drop(bucket.request().key(2).charge().unwrap());
    assert!(!second.is_woken(), "the total has room for all");
    assert!(first.poll().unwrap().is_ok());
    clock.advance(ms(1000));
    assert!(second.poll().unwrap().is_ok());
}

#[test]
fn an_outlook_shows_the_debt_and_when_it_is_paid() {
    for (rate, wait, resets_in) in [
        (Rate::per_second(2), ms(1000) + ns(1), ms(1000) + ns(1)),
        (Rate::per_second(2).burst(2), ms(4000), ms(4500)),
        (Rate::per_second(2).fixed(), ms(1000), ms(1000)),
    ] {
        let (clock, bucket) = bucket(rate);
        charge(&bucket, 9);
        bucket.pause(ms(100)).unwrap();
        let outlook = bucket.request().weight(0).peek().unwrap();
        assert_eq!((outlook.wait(), outlook.paused_for(), outlook.guard()), (Some(ms(0)), ms(100), ms(0)));
        let gauge = outlook.rates().first().unwrap();
        assert_eq!((gauge.used(), gauge.remaining(), gauge.resets_in()), (9, 0, resets_in), "{rate}");
        // A token bucket of two lets one start once it owes one: after eight of the nine are paid.
        assert_eq!(bucket.peek().unwrap().wait(), Some(wait), "{rate}");
        clock.advance(resets_in);
        let outlook = bucket.peek().unwrap();
        let gauge = outlook.rates().first().unwrap();
        assert_eq!((gauge.used(), gauge.remaining(), gauge.resets_in()), (0, 2, ms(0)), "{rate}");
    }
}

/// A start by acquire is within the limits over all that counts, charges among it.
#[test]
fn over_starts_and_charges_the_laws_hold_for_every_start() {
    for seed in 0..many(300) {
        let mut dice = Dice::new(seed);
        let amount = u32::try_from(dice.between(1, 6)).expect("small");
        let span = dice.between(1, 40);
        let rate = Rate::new(amount, ms(span));
        let rate =
            if dice.one_in(2) { rate.burst(u32::try_from(dice.between(1, 9)).expect("small")) } else { rate };
        let most = rate.burst_amount().unwrap_or(amount);
        let (clock, bucket) = bucket(rate);
        let mut taken: Vec<(u64, u32)> = Vec::new();
        for _ in 0..200 {
            clock.advance(ns(dice.below(6_000_000)));
            let weight = u32::try_from(dice.between(1, u64::from(most))).expect("small");
            let now = clock.now().as_nanos();
            if dice.one_in(5) {
                charge(&bucket, 2 * weight);
                taken.push((now, 2 * weight));
            } else if bucket.request().weight(weight).try_acquire().is_ok() {
                taken.push((now, weight));
                assert_start(rate, &taken, seed);
            }
        }
    }
}

/// The last of `taken` was within the rate over all spans that end with it.
fn assert_start(rate: Rate, taken: &[(u64, u32)], seed: u64) {
    let (last, per) = (taken.last().expect("a start").0, rate.per().as_nanos());
    let mut weight = 0;
    for (start, more) in taken.iter().rev() {
        weight += u128::from(*more);
        let span = u128::from(last - start);
        let kept = match rate.burst_amount() {
            None => span > per || weight <= u128::from(rate.amount()),
            Some(burst) => weight.saturating_sub(u128::from(burst)) * per <= u128::from(rate.amount()) * span,
        };
        assert!(kept, "seed {seed}: {weight} of {rate} within {span} ns");
    }
}

#[test]
fn a_debt_that_lasts_beyond_the_end_of_time_is_never_reset() {
    let rate = Rate::new(1, std::time::Duration::from_secs(86_400)).burst(1);
    let (_clock, bucket) = bucket(rate);
    charge(&bucket, u32::MAX);
    let outlook = bucket.peek().unwrap();
    assert_eq!(outlook.wait(), None);
    assert_eq!(outlook.rates().first().map(RateOutlook::resets_in), Some(FOREVER));
}
