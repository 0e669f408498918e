//! What may happen to a bucket, as plain data made from a seed.

use std::time::Duration;

use ratelimit_core::{Bucket, Rate};

use crate::common::{Dice, ns};
use crate::mix::Callers;

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
    /// To so much before what the clock shows.
    Back(u64),
    /// To so much before or after the next time at which anybody is woken.
    Wake {
        before: u64,
        after: u64,
    },
}

/// How many steps a random schedule has.
const STEPS: usize = 50;
pub(crate) const KEYS: usize = 3;
pub(crate) const MS: u64 = 1_000_000;

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

/// Sliding windows and token buckets alike; another shape is one more case at the end.
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

impl Schedule {
    pub(crate) fn random(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let limits = Limits::random(&mut dice);
        let callers = Callers::random(&mut dice);
        Schedule { limits, ops: (0..STEPS).map(|_| Op::random(&mut dice, callers)).collect() }
    }
}
