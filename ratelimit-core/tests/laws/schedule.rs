//! What may happen to a bucket, as plain data made from a seed.

use std::time::Duration;

use ratelimit_core::{Bucket, Rate};

use crate::common::{Dice, ns};

#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub rates: Vec<Rate>,
    pub totals: Vec<Rate>,
    pub guard: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub limits: Limits,
    pub ops: Vec<Op>,
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Try {
        key: usize,
        weight: u32,
    },
    /// Comes as a future with an allowance and is polled once.
    Wait {
        key: usize,
        weight: u32,
        allowance: u64,
    },
    /// Polls those who were woken in some order: all until nobody is, or some of them once.
    Poll {
        order: u64,
        all: bool,
    },
    /// Polls somebody, woken or not.
    Touch {
        who: u64,
    },
    Cancel {
        who: u64,
    },
    Advance(Step),
    Pause {
        span: u64,
    },
    Refund {
        which: u64,
    },
    Register(Limits),
    Pace {
        slow: bool,
    },
    Reset {
        key: Option<usize>,
    },
    Peek {
        key: usize,
        weight: u32,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    By(u64),
    /// To so much before or after the next time at which anybody is woken.
    Wake {
        before: u64,
        after: u64,
    },
}

pub(crate) const KEYS: usize = 3;
const MS: u64 = 1_000_000;

impl Limits {
    pub(crate) fn random(dice: &mut Dice) -> Self {
        let mut rates = vec![rate(dice)];
        while rates.len() < 3 && dice.one_in(3) {
            rates.push(rate(dice));
        }
        let totals = if dice.one_in(3) { vec![rate(dice)] } else { Vec::new() };
        let window = |rate: &Rate| {
            let spans = rate.burst_amount().unwrap_or(rate.amount());
            rate.per() * spans / rate.amount()
        };
        let shortest = rates.iter().chain(&totals).map(window).min().unwrap_or_default();
        let shortest = u64::try_from(shortest.as_nanos()).expect("it is short");
        let guard = if dice.one_in(4) && shortest > 1 { dice.below(shortest) } else { 0 };
        Limits { rates, totals, guard }
    }

    pub(crate) fn bucket(&self) -> Bucket {
        let (first, others) = self.rates.split_first().expect("a rate");
        let bucket = others.iter().fold(Bucket::named("b", *first), |bucket, rate| bucket.and(*rate));
        self.totals.iter().fold(bucket, |bucket, rate| bucket.total(*rate)).guard(ns(self.guard))
    }
}

fn rate(dice: &mut Dice) -> Rate {
    let amount = u32::try_from(dice.between(1, 6)).expect("small");
    let per = match dice.below(4) {
        0 => dice.pick(&[1, 2, 7, 999]),
        1 => dice.between(1, 12) * MS,
        2 => dice.pick(&[20, 33, 50, 100]) * MS + dice.pick(&[0, 0, 1]),
        _ => dice.between(1, 200 * MS),
    };
    let rate = Rate::new(amount, Duration::from_nanos(per));
    // Of at least a nanosecond together: finding L6.
    let least = u64::from(amount).div_ceil(per);
    if dice.one_in(2) { rate.burst(u32::try_from(dice.between(least, 6)).expect("small")) } else { rate }
}

fn span(dice: &mut Dice) -> u64 {
    match dice.below(6) {
        0 => dice.pick(&[0, 1, 2, 8]),
        1 => dice.pick(&[10 * MS - 1, 10 * MS, 10 * MS + 1]),
        2 => dice.between(1, 12) * MS,
        3 => dice.between(1, 50 * MS),
        4 => dice.pick(&[20, 33, 50, 100]) * MS + dice.pick(&[0, 1]),
        _ => dice.between(1, 400 * MS),
    }
}

impl Schedule {
    pub(crate) fn random(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let limits = Limits::random(&mut dice);
        // Some are quiet: without what makes plans hard to foresee.
        let disturbed = dice.one_in(3);
        let keys = dice.pick(&[1, 1, 2, KEYS as u64]);
        let heavy = dice.one_in(2);
        let count = dice.between(10, 40);
        let ops = (0..count).map(|_| Op::random(&mut dice, keys, heavy, disturbed)).collect();
        Schedule { limits, ops }
    }
}

impl Op {
    fn random(dice: &mut Dice, keys: u64, heavy: bool, disturbed: bool) -> Self {
        let key = usize::try_from(dice.below(keys)).expect("small");
        let weight = match dice.below(24) {
            0 => 0,
            1 => 7,
            2..=11 if heavy => u32::try_from(dice.between(2, 5)).expect("small"),
            _ => 1,
        };
        match dice.below(if disturbed { 34 } else { 26 }) {
            0..=2 => Op::Try { key, weight },
            3..=10 => {
                let allowance = match dice.below(8) {
                    0 => 0,
                    1..=4 => u64::MAX,
                    _ => span(dice),
                };
                Op::Wait { key, weight, allowance }
            }
            11..=13 => Op::Poll { order: dice.next(), all: !dice.one_in(3) },
            14 => Op::Touch { who: dice.next() },
            15..=17 => Op::Cancel { who: dice.next() },
            18..=20 => Op::Advance(Step::By(span(dice))),
            21..=24 => {
                let (before, after) = dice.pick(&[(0, 0), (0, 0), (0, 0), (1, 0), (0, 1), (0, MS)]);
                Op::Advance(Step::Wake { before, after })
            }
            25 => Op::Peek { key, weight },
            26 | 27 => Op::Pause { span: span(dice) },
            28 | 29 => Op::Refund { which: dice.next() },
            30 => Op::Register(Limits::random(dice)),
            31 => Op::Pace { slow: dice.one_in(2) },
            32 => Op::Reset { key: None },
            _ => Op::Reset { key: Some(key) },
        }
    }
}
