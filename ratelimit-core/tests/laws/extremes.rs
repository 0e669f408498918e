//! Numbers at the edges of what there is, beside those that extreme schedules play.

use ratelimit_core::clock::{Clock, ManualClock, Timestamp};
use ratelimit_core::{Bucket, Rate};

use crate::common::{Dice, ns};
use crate::model::{Model, Start};
use crate::schedule::{Limits, extreme_amount, extreme_span};

const CASES: u64 = if cfg!(miri) { 20 } else { 20_000 };

#[test]
fn at_the_very_end_of_time_what_starts_still_fits() {
    let mut granted = 0;
    for seed in 0..CASES {
        let mut dice = Dice::new(seed);
        let limits = Limits::extreme(&mut dice).with_fixed(&mut dice);
        let clock = ManualClock::new();
        let bucket = limits.bucket().clock(clock.clone());
        let mut model = Model { rates: limits.rates, totals: limits.totals, ..Model::default() };
        clock.set(Timestamp::from_nanos(u64::MAX - dice.below(3)));
        for id in 0..8 {
            let (key, weight) = (usize::try_from(dice.below(2)).expect("small"), extreme_amount(&mut dice));
            let request = || bucket.request().key(key).weight(weight);
            let wait = request().peek().unwrap().wait();
            let at = clock.now().as_nanos();
            match request().try_acquire() {
                Ok(permit) => {
                    assert_eq!(wait, Some(ns(0)), "seed {seed}");
                    granted += 1;
                    model.starts.push(Start::new(id, at, key, u64::from(weight)));
                    if dice.one_in(4) {
                        permit.refund();
                        model.starts.pop();
                    }
                }
                Err(error) => assert_eq!(error.retry_after(), wait, "seed {seed}"),
            }
            if dice.one_in(4) {
                clock.set(Timestamp::MAX);
            }
        }
        for rate in &model.rates {
            assert!((0..2).all(|key| model.holds(*rate, Some(key))), "seed {seed}: {rate}");
        }
        assert!(model.totals.iter().all(|rate| model.holds(*rate, None)), "seed {seed}: the total");
    }
    println!("{granted} grants");
    assert!(granted > CASES / 2);
}

/// Law 2: never faster than asked; at most 2e-5 slower up to 1e6/s, exact where the reduced amount is at most 64.
#[test]
fn a_token_bucket_is_never_fast_and_hardly_slow() {
    let (mut judged, mut exact) = (0, 0);
    for seed in 0..CASES {
        let mut dice = Dice::new(seed);
        let (amount, per) = (extreme_amount(&mut dice).max(1), extreme_span(&mut dice).max(1));
        let burst = extreme_amount(&mut dice).max(1);
        let rate = Rate::new(amount, ns(per)).burst(burst);
        let is_exact = Limits { rates: vec![rate], ..Limits::default() }.are_exact();
        let clock = ManualClock::new();
        let bucket = Bucket::named("b", rate).guard(ns(0)).clock(clock.clone());
        drop(bucket.request().weight(burst).try_acquire().unwrap());
        let (mut taken, is_slow) = (0, u128::from(amount) * 1_000 <= u128::from(per));
        for started in 1..=20 {
            let weight = (burst >> dice.below(32)).max(1);
            let wait = match bucket.request().weight(weight).try_acquire() {
                // Of so many per nanosecond some are there already.
                Ok(_) => ns(0),
                Err(refused) => {
                    let Some(wait) = refused.retry_after() else { break };
                    clock.advance(wait);
                    drop(bucket.request().weight(weight).try_acquire().expect("granted when it said"));
                    wait
                }
            };
            taken += u128::from(weight);
            let ideal = (taken * u128::from(per)).div_ceil(u128::from(amount));
            let now = u128::from(clock.now().as_nanos());
            assert!(now >= ideal, "seed {seed}: {taken} of {rate} after {now} ns");
            // Whoever starts a whole burst lets the part of a nanosecond go for which the bucket was full before.
            let slack = started + if is_exact { 0 } else { ideal / 50_000 };
            if wait > ns(0) && (is_slow || is_exact) {
                judged += 1;
                exact += u64::from(is_exact);
                assert!(now <= ideal + slack, "seed {seed}: {taken} of {rate} only after {now} ns");
            }
        }
    }
    println!("{judged} waits, {exact} of them exact");
    assert!(judged > CASES && exact > CASES / 8);
}
