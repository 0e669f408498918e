//! Replaced limits: what the old ones still remember counts, so the new ones hold over old and new starts together.
//!
//! The model only scans starts. A sliding window remembers those that are no older than its length; a token bucket
//! remembers what it owes, the most that any run of starts exceeds its refill by.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use common::{Dice, many, ms, ns};
use ratelimit_core::clock::{Clock, ManualClock};
use ratelimit_core::{Bucket, Rate, Registry};

const SCHEDULES: u64 = many(4000);

/// When, and how much.
type Start = (u64, u32);

fn per(rate: Rate) -> u64 {
    u64::try_from(rate.per().as_nanos()).expect("a short span")
}

fn sum<'s, I: IntoIterator<Item = &'s Start>>(starts: I) -> u128 {
    starts.into_iter().map(|(_, weight)| u128::from(*weight)).sum()
}

/// What a token bucket of `rate` owes at `now` after `starts`, rounded down.
fn owed(rate: Rate, starts: &[Start], now: u64) -> u128 {
    let refill = |since: u64| u128::from(rate.amount()) * u128::from(now - since);
    let runs = starts.iter().enumerate().map(|(first, (since, _))| {
        let all = sum(starts.iter().skip(first)) * u128::from(per(rate));
        all.saturating_sub(refill(*since)) / u128::from(per(rate))
    });
    runs.max().unwrap_or(0)
}

struct World {
    dice: Dice,
    clock: ManualClock,
    registry: Registry,
    bucket: Bucket,
}

impl World {
    fn new(seed: u64, rates: &[Rate], dice: Dice) -> Self {
        let clock = ManualClock::new();
        clock.advance(ms(seed % 50));
        let registry = Registry::builder().clock(clock.clone()).guard(ns(0)).build();
        let bucket = registry.register(bucket(rates)).expect("limits that make sense");
        World { dice, clock, registry, bucket }
    }

    fn now(&self) -> u64 {
        self.clock.now().as_nanos()
    }

    /// Starts what the bucket lets start, at random times.
    fn run(&mut self, steps: u64) -> Vec<Start> {
        let mut starts = Vec::new();
        for _ in 0..steps {
            let weight = u32::try_from(self.dice.between(1, 3)).expect("small");
            if self.bucket.request().weight(weight).try_acquire().is_ok() {
                starts.push((self.now(), weight));
            }
            let span =
                if self.dice.one_in(3) { self.dice.below(9_000_000) } else { self.dice.below(900_000) };
            self.clock.advance(ns(span));
        }
        starts
    }
}

fn bucket(rates: &[Rate]) -> Bucket {
    let (first, more) = rates.split_first().expect("a rate");
    more.iter().fold(Bucket::named("b", *first), |bucket, rate| bucket.and(*rate))
}

fn rates(dice: &mut Dice) -> Vec<Rate> {
    let small = |dice: &mut Dice, most| u32::try_from(dice.between(1, most)).expect("small");
    (0..dice.between(1, 2))
        .map(|_| {
            let rate = Rate::new(small(dice, 9), ns(dice.between(1_000_000, 40_000_000)));
            if dice.one_in(2) { rate.burst(small(dice, 12)) } else { rate }
        })
        .collect()
}

/// The starts that sliding windows of the old limits still remember.
fn remembered(old: &[Rate], starts: &[Start], now: u64) -> Vec<Start> {
    let windows = old.iter().filter(|rate| rate.burst_amount().is_none());
    let Some(longest) = windows.map(|rate| per(*rate)).max() else { return Vec::new() };
    starts.iter().filter(|(start, _)| start + longest >= now).copied().collect()
}

/// What token buckets of the old limits still owe.
fn debt(old: &[Rate], starts: &[Start], now: u64) -> u128 {
    let buckets = old.iter().filter(|rate| rate.burst_amount().is_some());
    buckets.map(|rate| owed(*rate, starts, now)).max().unwrap_or(0)
}

/// Law 1 for every window that ends with a new start.
fn assert_window(rate: Rate, log: &[Start], debt: u128, since: u64, new: &[Start], seed: u64) {
    for (count, (end, _)) in new.iter().enumerate() {
        let begin = end.saturating_sub(per(rate));
        let inside = |starts: &[Start]| sum(starts.iter().filter(|(start, _)| *start >= begin));
        let before = inside(log) + if begin <= since { debt } else { 0 };
        let weight = before + inside(new.get(..=count).unwrap_or_default());
        assert!(weight <= u128::from(rate.amount()), "seed {seed}: {weight} within {rate} until {end}");
    }
}

/// Law 2 over the new starts and what was owed when they began.
fn assert_burst(rate: Rate, owed: u128, since: u64, new: &[Start], seed: u64) {
    let burst = u128::from(rate.burst_amount().expect("a token bucket"));
    for first in 0..new.len() {
        let (begin, before) = match new.get(first) {
            Some((begin, _)) if first > 0 => (*begin, 0),
            _ => (since, owed.min(burst)),
        };
        let mut weight = before;
        for start in new.iter().skip(first) {
            weight += u128::from(start.1);
            let refill = u128::from(rate.amount()) * u128::from(start.0 - begin);
            let over = weight.saturating_sub(burst) * u128::from(per(rate));
            assert!(over <= refill, "seed {seed}: {weight} of {rate} from {begin} to {}", start.0);
        }
    }
}

#[test]
fn new_limits_hold_over_all_that_the_old_ones_remember() {
    let (mut starts, mut counted) = (0, 0);
    for seed in 0..SCHEDULES {
        let mut dice = Dice::new(seed);
        let (old_rates, new_rates) = (rates(&mut dice), rates(&mut dice));
        let mut world = World::new(seed, &old_rates, dice);
        let steps = world.dice.between(0, 25);
        let old = world.run(steps);
        let since = world.now();
        world.registry.register(bucket(&new_rates)).expect("limits that make sense");
        let new = world.run(25);
        let log = remembered(&old_rates, &old, since);
        let debt = debt(&old_rates, &old, since);
        for rate in &new_rates {
            if rate.burst_amount().is_some() {
                let owed = owed(*rate, &log, since).max(debt);
                assert_burst(*rate, owed, since, &new, seed);
            } else {
                // With a log, what a token bucket owes beyond it started before the log; without one, it may have
                // started at any time up to the replacement.
                let has_log = old_rates.iter().any(|rate| rate.burst_amount().is_none());
                assert_window(*rate, &log, if has_log { 0 } else { debt }, since, &new, seed);
            }
        }
        starts += new.len();
        counted += usize::from(!log.is_empty() || debt > 0);
    }
    assert!(starts as u64 > 4 * SCHEDULES, "{starts} starts under new limits");
    assert!(counted as u64 * 2 > SCHEDULES, "{counted} replacements with something to remember");
}

#[test]
fn limits_replaced_again_and_again_admit_no_more_than_the_loosest_would() {
    for seed in 0..SCHEDULES / 4 {
        let mut dice = Dice::new(seed);
        let amount = u32::try_from(dice.between(1, 5)).expect("small");
        // One length and the same kind throughout, so that whatever was in force, the largest amount bounds it.
        let span = ns(dice.between(2_000_000, 20_000_000));
        // A smaller burst forgets by contract what is owed beyond it, so it stays as it is.
        let (is_bucket, burst) = (dice.one_in(2), u32::try_from(dice.between(1, 8)).expect("small"));
        let rate = |amount: u32| {
            let rate = Rate::new(amount, span);
            if is_bucket { rate.burst(burst) } else { rate }
        };
        let mut world = World::new(seed, &[rate(amount)], dice);
        let mut all = Vec::new();
        for _ in 0..12 {
            all.append(&mut world.run(6));
            let next = u32::try_from(world.dice.between(1, u64::from(amount))).expect("small");
            world.registry.register(bucket(&[rate(next)])).expect("limits that make sense");
        }
        let loosest = rate(amount);
        if is_bucket {
            assert_burst(loosest, 0, 0, &all, seed);
        } else {
            assert_window(loosest, &[], 0, 0, &all, seed);
        }
    }
}
