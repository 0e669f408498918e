//! What may happen to a bucket, as plain data made from a seed.

use std::time::Duration;

use ratelimit_core::{Bucket, Rate};

use crate::common::{Dice, ns};
use crate::mix::Callers;
use crate::own::{Places, Resting};
use crate::shape::{is_fixed, is_rounded, is_sliding, most, speed, window};

#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    pub rates: Vec<Rate>,
    pub totals: Vec<Rate>,
    pub guard: u64,
    pub in_flight: Option<usize>,
    /// A policy of one's own beside the rates.
    pub own: Option<Places>,
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
    Charge {
        key: usize,
        weight: u32,
    },
    Refund {
        which: u64,
    },
    Correct {
        which: u64,
        cost: u32,
    },
    /// Drops a permit.
    End {
        which: u64,
    },
    /// Other limits; a policy of one's own stays, or goes.
    Register {
        limits: Limits,
        keeps_own: bool,
    },
    /// The same windows with other amounts.
    Amounts {
        seed: u64,
    },
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
        Self::of(dice, rate)
    }

    /// Of any numbers that there are, those at the edges above all.
    pub(crate) fn extreme(dice: &mut Dice) -> Self {
        Self::of(dice, extreme_rate)
    }

    fn of(dice: &mut Dice, rate: fn(&mut Dice) -> Rate) -> Self {
        let mut rates = vec![rate(dice)];
        while rates.len() < 3 && dice.one_in(3) {
            let next = rate(dice);
            // Those of which only one can be meant are refused.
            if !rates.iter().any(|known| known.per() == next.per() || speed(*known) == speed(next)) {
                rates.push(next);
            }
        }
        let totals = if dice.one_in(3) { vec![rate(dice)] } else { Vec::new() };
        let shortest = rates.iter().chain(&totals).map(window).min().unwrap_or_default();
        let guard = if dice.one_in(4) && shortest > 1 { dice.below(shortest) } else { 0 };
        Limits { rates, totals, guard, ..Limits::default() }
    }

    /// The same with some windows fixed.
    pub(crate) fn with_fixed(mut self, dice: &mut Dice) -> Self {
        for rate in self.rates.iter_mut().chain(&mut self.totals).filter(|rate| is_sliding(**rate)) {
            if dice.one_in(3) {
                *rate = rate.fixed();
            }
        }
        self
    }

    /// The same with few bodies at once.
    pub(crate) fn with_in_flight(mut self, dice: &mut Dice) -> Self {
        self.in_flight = usize::try_from(dice.between(1, 3)).ok();
        self
    }

    pub(crate) fn with_own(mut self, dice: &mut Dice) -> Self {
        let amount = u32::try_from(dice.between(1, 6)).expect("small");
        let rest = dice.pick(&[0, 0, 1, 10 * MS]) * dice.between(1, 10);
        self.own = Some(Places { amount, rest });
        self
    }

    /// Fixed windows of other amounts, or, where there is none, sliding ones.
    pub(crate) fn with_amounts(mut self, dice: &mut Dice) -> Self {
        let of_kind = if self.rates.iter().copied().any(is_fixed) { is_fixed } else { is_sliding };
        for rate in self.rates.iter_mut().filter(|rate| of_kind(**rate)) {
            let other = Rate::new(u32::try_from(dice.between(1, 6)).expect("small"), rate.per());
            *rate = if is_fixed(*rate) { other.fixed() } else { other };
        }
        self
    }

    pub(crate) fn has_unknown_turns(&self) -> bool {
        self.in_flight.is_some() || self.own.is_some()
    }

    /// Law 2: a token bucket may be a little slow, but where its reduced amount is at most 64.
    pub(crate) fn are_exact(&self) -> bool {
        !self.rates.iter().chain(&self.totals).copied().any(is_rounded)
    }

    /// Whether a schedule may reach the end of time with them.
    pub(crate) fn are_extreme(&self) -> bool {
        let is_long = |rate: &Rate| rate.per().as_nanos() * u128::from(most(rate)) > 1 << 40;
        self.rates.iter().chain(&self.totals).any(is_long)
    }

    /// The heaviest call that all of them let through.
    pub(crate) fn most(&self) -> u32 {
        self.rates.iter().chain(&self.totals).map(most).min().expect("a rate")
    }

    /// A bucket without the policy.
    pub(crate) fn bucket(&self) -> Bucket {
        let (first, others) = self.rates.split_first().expect("a rate");
        self.beside(Bucket::named("b", *first), others)
    }

    /// A bucket that has nothing but the policy.
    pub(crate) fn prototype(&self) -> Option<Bucket> {
        self.own.map(|places| Bucket::with_policy("b", Resting::new(places)))
    }

    /// The same with all the rest.
    pub(crate) fn beside_own(&self, prototype: &Bucket) -> Bucket {
        self.beside(prototype.clone(), &self.rates)
    }

    fn beside(&self, bucket: Bucket, rates: &[Rate]) -> Bucket {
        let bucket = rates.iter().fold(bucket, |bucket, rate| bucket.and(*rate));
        let bucket =
            self.totals.iter().fold(bucket, |bucket, rate| bucket.total(*rate)).guard(ns(self.guard));
        self.in_flight.into_iter().fold(bucket, Bucket::in_flight)
    }
}

fn extreme_rate(dice: &mut Dice) -> Rate {
    let rate = Rate::new(extreme_amount(dice).max(1), ns(extreme_span(dice).max(1)));
    if dice.one_in(2) { rate.burst(extreme_amount(dice).max(1)) } else { rate }
}

/// Anything, small numbers as often as large ones, and those at the edges most often.
pub(crate) fn extreme_amount(dice: &mut Dice) -> u32 {
    match dice.below(4) {
        0 => dice.pick(&[1, 2, 64, 65, 1_000_000]),
        1 => u32::MAX - u32::try_from(dice.below(3)).expect("small"),
        _ => u32::try_from(dice.next() >> dice.between(32, 63)).expect("shifted"),
    }
}

pub(crate) fn extreme_span(dice: &mut Dice) -> u64 {
    match dice.below(8) {
        0 => dice.pick(&[0, 1, 2, 10 * MS, 10 * MS + 1]),
        1 => dice.pick(&[u64::MAX, u64::MAX - 1, u64::MAX / 2, u64::MAX / 2 + 1, 1 << 32, (1 << 32) - 1]),
        _ => dice.next() >> dice.below(64),
    }
}

/// Token buckets as often as windows; another shape is one more case at the end.
fn rate(dice: &mut Dice) -> Rate {
    let amount = u32::try_from(dice.between(1, 6)).expect("small");
    let per = match dice.below(4) {
        0 => dice.pick(&[1, 2, 7, 999]),
        1 => dice.between(1, 12) * MS,
        2 => dice.pick(&[20, 33, 50, 100]) * MS + dice.pick(&[0, 0, 1]),
        _ => dice.between(1, 200 * MS),
    };
    let rate = Rate::new(amount, Duration::from_nanos(per));
    if dice.one_in(2) { rate.burst(u32::try_from(dice.between(1, 6)).expect("small")) } else { rate }
}

impl Limits {
    pub(crate) fn of_any_kind(dice: &mut Dice) -> Self {
        let limits = Limits::random(dice).with_fixed(dice);
        match dice.below(8) {
            0 | 1 => limits.with_in_flight(dice),
            2 => limits.with_own(dice),
            3 => limits.with_own(dice).with_in_flight(dice),
            _ => limits,
        }
    }

    pub(crate) fn extreme_of_any_kind(dice: &mut Dice) -> Self {
        let limits = Limits::extreme(dice).with_fixed(dice);
        if dice.one_in(4) { limits.with_in_flight(dice) } else { limits }
    }
}

impl Schedule {
    pub(crate) fn random(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let limits = Limits::of_any_kind(&mut dice);
        Self::of(limits, &mut dice, None)
    }

    pub(crate) fn extreme(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let limits = Limits::extreme_of_any_kind(&mut dice);
        let most = limits.most();
        let mut schedule = Self::of(limits, &mut dice, Some(most));
        schedule.ops.insert(0, Op::Advance(Step::By(extreme_span(&mut dice))));
        schedule
    }

    fn of(limits: Limits, dice: &mut Dice, extreme: Option<u32>) -> Self {
        let callers = Callers::random(dice, extreme, limits.has_unknown_turns());
        Schedule { limits, ops: (0..STEPS).map(|_| Op::random(dice, callers)).collect() }
    }
}
