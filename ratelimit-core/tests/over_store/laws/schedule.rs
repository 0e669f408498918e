//! What may happen to processes that share a store, as plain data made from a seed.

use std::time::Duration;

use ratelimit_core::{Bucket, Rate};

use crate::common::Dice;

/// How many keys there are; the first is the call without one.
pub(crate) const KEYS: usize = 3;

#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) rates: Vec<Rate>,
    pub(crate) total: Option<Rate>,
    /// `None` = the usual one.
    pub(crate) guard: Option<Duration>,
    pub(crate) in_flight: Option<usize>,
    pub(crate) max_waiting: Option<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) limits: Limits,
    pub(crate) processes: usize,
    pub(crate) ops: Vec<Op>,
    /// Whether everybody who is woken is polled before time goes on.
    pub(crate) is_prompt: bool,
}

/// By process, key and weight.
pub(crate) type Who = (usize, usize, u32);

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Try(Who),
    /// Comes as a future and is polled once.
    Wait(Who, Duration),
    /// Polls some of those who were woken, or all.
    Poll {
        order: u64,
        all: bool,
    },
    /// Polls somebody, woken or not.
    Touch(u64),
    Cancel(u64),
    Advance(Duration),
    /// To the next time at which anybody is woken, if there is one, and so much further.
    Wake(Duration),
    Charge(Who),
    Refund(u64),
    Correct(u64, u32),
    End(u64),
    Pause(usize, Duration),
    Reset(usize),
    ResetKey(usize, usize),
    /// Asks whether what the next refusal says is so.
    Probe(Who),
    Clear,
    Fail {
        after: bool,
    },
}

/// What a schedule is made of beside calls and time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spice {
    pub(crate) faults: bool,
    pub(crate) losses: bool,
    pub(crate) resets: bool,
    pub(crate) pauses: bool,
    pub(crate) bounds: bool,
    pub(crate) total: bool,
    pub(crate) charges: bool,
    pub(crate) refunds: bool,
    pub(crate) late: bool,
}

impl Limits {
    fn random(dice: &mut Dice, spice: Spice) -> Self {
        let mut rates = Vec::new();
        for _ in 0..dice.between(1, 3) {
            let rate = random_rate(dice);
            // Two amounts for one span, or two bursts of one speed, make no sense.
            let is_burst = |rate: &Rate| rate.burst_amount().is_some();
            let goes_with = |known: &Rate| known.per() != rate.per() && !(is_burst(known) && is_burst(&rate));
            if rates.iter().all(goes_with) {
                rates.push(rate);
            }
        }
        let total = (spice.total && dice.one_in(2)).then(|| random_rate(dice));
        let guard = match dice.below(4) {
            0 => Some(Duration::ZERO),
            1 => Some(Duration::from_millis(dice.between(1, 4))),
            _ => None,
        };
        let small = |dice: &mut Dice| usize::try_from(dice.between(1, 3)).unwrap();
        let in_flight = (spice.bounds && dice.one_in(2)).then(|| small(dice));
        let max_waiting = (spice.bounds && dice.one_in(3)).then(|| 1 + small(dice));
        Limits { rates, total, guard, in_flight, max_waiting }
    }

    pub(crate) fn bucket(&self) -> Bucket {
        let mut rates = self.rates.iter().copied();
        let mut bucket = Bucket::named("api", rates.next().unwrap());
        for rate in rates {
            bucket = bucket.and(rate);
        }
        if let Some(rate) = self.total {
            bucket = bucket.total(rate);
        }
        if let Some(guard) = self.guard {
            bucket = bucket.guard(guard);
        }
        if let Some(most) = self.in_flight {
            bucket = bucket.in_flight(most);
        }
        if let Some(most) = self.max_waiting {
            bucket = bucket.max_waiting(most);
        }
        bucket
    }

    /// Whether waiters have starts reserved.
    pub(crate) fn reserves(&self) -> bool {
        self.guard.is_none()
    }
}

/// With windows of a quarter second at least, whose usual guard is 5 ms.
fn random_rate(dice: &mut Dice) -> Rate {
    let amount = u32::try_from(dice.between(1, 5)).unwrap();
    let per = Duration::from_millis(dice.pick(&[250, 500, 700, 1000, 3000]));
    let rate = Rate::new(amount, per);
    match dice.below(4) {
        0 => {
            // Its guard is by the time in which the burst is refilled.
            let least = u32::try_from(250 * u128::from(amount) / per.as_millis()).unwrap() + 1;
            rate.burst(least.max(u32::try_from(dice.between(1, 6)).unwrap()))
        }
        1 => rate.fixed(),
        _ => rate,
    }
}

impl Schedule {
    pub(crate) fn random(seed: u64, spice: Spice) -> Self {
        let mut dice = Dice::new(seed);
        let limits = Limits::random(&mut dice, spice);
        let processes = usize::try_from(dice.between(1, 4)).unwrap();
        let is_prompt = !spice.late || dice.one_in(2);
        let mut ops = Vec::new();
        for _ in 0..dice.between(5, 40) {
            let op = random_op(&mut dice, processes, spice, is_prompt);
            ops.extend(op);
        }
        Schedule { limits, processes, ops, is_prompt }
    }
}

fn random_op(dice: &mut Dice, processes: usize, spice: Spice, is_prompt: bool) -> Option<Op> {
    let micros = |dice: &mut Dice, most: u64| Duration::from_micros(dice.between(0, most));
    let who = |dice: &mut Dice| {
        let process = usize::try_from(dice.below(processes as u64)).unwrap();
        let key = usize::try_from(dice.pick(&[0, 0, 0, 1, 2])).unwrap();
        (process, key, dice.pick(&[1, 1, 1, 1, 2, 3]))
    };
    let allowance = |dice: &mut Dice| match dice.below(4) {
        0 => Duration::from_micros(dice.between(0, 50_000)),
        1 => Duration::from_micros(dice.between(0, 3_000_000)),
        _ => Duration::MAX,
    };
    let op = match dice.below(40) {
        0..6 => Op::Try(who(dice)),
        6..16 => Op::Wait(who(dice), allowance(dice)),
        16..19 => Op::Poll { order: dice.next(), all: is_prompt || dice.one_in(2) },
        19 => Op::Touch(dice.next()),
        20..22 => Op::Cancel(dice.next()),
        22 => Op::Advance(micros(dice, 2_000_000)),
        23..25 => Op::Advance(micros(dice, 30_000)),
        25..28 => Op::Wake(Duration::ZERO),
        28 => Op::Wake(micros(dice, if is_prompt { 1 } else { 25_000 })),
        29 => Op::End(dice.next()),
        30 => Op::Probe(who(dice)),
        31 if spice.charges => Op::Charge(who(dice)),
        32 if spice.refunds => Op::Refund(dice.next()),
        33 if spice.refunds && spice.charges => Op::Correct(dice.next(), dice.pick(&[0, 1, 2, 5])),
        34 if spice.pauses => Op::Pause(who(dice).0, micros(dice, 800_000)),
        35 if spice.resets && dice.one_in(2) => Op::Reset(who(dice).0),
        35 if spice.resets => Op::ResetKey(who(dice).0, who(dice).1),
        36 if spice.losses => Op::Clear,
        37 if spice.faults => Op::Fail { after: dice.one_in(2) },
        _ => return None,
    };
    Some(op)
}
