//! An acquire, or a charge, as the numbers that `acquire.lua` is given, and its answer.
//!
//! A script's numbers are floats, whole up to 2^53. What it adds are at most two times and two spans: so spans are below
//! 2^51 microseconds, 71 years, and times below 2^52, the year 2112. What is beyond is judged here instead.

use std::sync::Arc;

use super::transport::Args;
use crate::error::ErrorScope;
use crate::policy::Guarded;
use crate::policy::token_bucket::{Numbers, TokenBucket};
use crate::rate::Shape;
use crate::store::ask::{Acquire, Answer, Ask, Part, Refused, Said, Verb};
use crate::store::record::KEEP;

/// Spans are below this, in the script.
const SPANS_END: u64 = 1 << 51;
/// Times are below this.
pub(super) const TIMES_END: u64 = 2 * SPANS_END;
/// More than any time, and than all that was ever taken: what lets a charge start.
const ANYTHING: i64 = TIMES_END.cast_signed();
/// How many bytes tell what some asks come to.
const ANSWER: usize = 29;
pub(super) const GRANTED: u8 = 1;
pub(super) const LATER: u8 = 2;
pub(super) const REFUSED: u8 = 3;
pub(super) const LOST: u8 = 4;

/// What the script is told of an ask, beside its entries.
#[derive(Clone, Copy, Debug)]
struct Told {
    acquire: Acquire,
    /// It is taken whatever the limits say.
    is_charge: bool,
}

impl Told {
    fn of(verb: &Verb) -> Option<Told> {
        match *verb {
            Verb::Acquire(acquire) => Some(Told { acquire, is_charge: false }),
            Verb::Charge { weight } => {
                let acquire = Acquire { weight, after: 0, slack: 0, allowance: u64::MAX, reserves: true };
                Some(Told { acquire, is_charge: true })
            }
            _ => None,
        }
    }
}

/// Whether both are judged by the same limits.
pub(super) fn are_of_one_limit(one: &Ask, other: &Ask) -> bool {
    let is_same = |(one, other): (&Part, &Part)| Arc::ptr_eq(&one.plan, &other.plan);
    one.parts.len() == other.parts.len() && one.parts.iter().zip(&other.parts).all(is_same)
}

/// Whether the script may be told of both as of one that comes twice.
pub(super) fn are_alike(one: &Ask, other: &Ask) -> bool {
    let is_same = |(one, other): (&Part, &Part)| {
        Arc::ptr_eq(&one.plan, &other.plan) && one.known == other.known && one.entry == other.entry
    };
    let verbs = match (&one.verb, &other.verb) {
        (Verb::Acquire(one), Verb::Acquire(other)) => one == other,
        (Verb::Charge { weight: one }, Verb::Charge { weight: other }) => one == other,
        _ => false,
    };
    let are_windows = one.windows.is_some() || other.windows.is_some();
    let parts = one.parts.len() == other.parts.len() && one.parts.iter().zip(&other.parts).all(is_same);
    verbs && parts && !are_windows
}

/// Pushes the script's argument for `ask`, which comes so many times; `None`, and some of it, where it is not the common
/// case.
pub(super) fn push_argument(ask: &Ask, times: usize, to: &mut Args) -> Option<()> {
    let told = Told::of(&ask.verb)?;
    let Acquire { weight, after, slack, allowance, reserves } = told.acquire;
    if weight == 0 || slack > KEEP || !(1..=2).contains(&ask.parts.len()) || ask.windows.is_some() {
        return None;
    }
    // No wait is longer than what the allowance is cut to.
    let allowance = allowance.min(TIMES_END).cast_signed();
    let reserves = i64::from(reserves) + i64::from(told.is_charge);
    let times = i64::try_from(times).ok()?;
    to.push_numbers([weight.into(), span(after)?, span(slack)?, allowance, reserves, times]);
    for part in &ask.parts {
        add_entry(part, told, to)?;
    }
    Some(())
}

/// What the script has to know of an entry: names and order are those of `maker::told`.
fn add_entry(part: &Part, told: Told, to: &mut Args) -> Option<()> {
    let rates = &part.plan.counted;
    // What can never start is refused without the script.
    let is_possible = |guarded: &Guarded| told.is_charge || told.acquire.weight <= guarded.rate.max_weight();
    if part.known.written >= TIMES_END || !rates.iter().all(is_possible) {
        return None;
    }
    to.extend_by(&part.plan.head);
    to.extend_by_numbers([part.known.written.cast_signed(), part.known.born.into()]);
    for Guarded { rate, guard } in rates {
        match rate.shape() {
            Shape::Burst(burst) => {
                let numbers = TokenBucket::new(rate.amount(), rate.per_nanos(), burst, *guard).numbers();
                to.extend_by_numbers(tokens(numbers, told)?);
            }
            Shape::Sliding | Shape::Fixed => {
                let window = rate.per_nanos().checked_add(*guard)?;
                // No start is to be later, and nothing remembered for longer, than there are numbers.
                span(window.checked_add(KEEP)?)?;
                to.extend_by_numbers([rate.amount().into(), span(window)?]);
            }
        }
    }
    Some(())
}

/// What a token bucket is judged by, and what is taken: a TAT is whole microseconds and ticks beyond them, and so is all
/// that is added to it.
fn tokens(numbers: Numbers, told: Told) -> Option<[i64; 6]> {
    let ticks = i128::from(numbers.ticks);
    let cost = |weight: u32| i128::from(weight) * i128::from(numbers.spacing);
    let (taken, guard) = (cost(told.acquire.weight), numbers.guard.checked_add(told.acquire.slack)?);
    // How much earlier than its TAT a bucket lets the weight start; below zero where the guard is longer.
    let before = cost(numbers.burst) - taken - i128::from(guard) * ticks;
    let whole =
        |of: i128| i64::try_from(of.div_euclid(ticks)).ok().filter(|whole| whole.unsigned_abs() < SPANS_END);
    let part = |of: i128| i64::try_from(of.rem_euclid(ticks)).ok();
    let before = if told.is_charge { (ANYTHING, 0) } else { (whole(before)?, part(before)?) };
    let taken = (whole(taken)?, part(taken)?);
    Some([before.0, before.1, taken.0, taken.1, i64::try_from(numbers.ticks).ok()?, span(numbers.guard)?])
}

/// A whole number as the bytes of a float, lowest first, which is what a script's numbers are: of an integer it would have
/// to make one. Below 2^53 it is the same number.
pub(super) fn float(number: i64) -> [u8; 8] {
    // How many bits tell the digits behind the first, and what is added to their count.
    const DIGITS: u32 = 52;
    const BIAS: u64 = 1023;
    let size = number.unsigned_abs();
    debug_assert!(size >> DIGITS <= 1, "{number} is told exactly");
    let sign = u64::from(number < 0) << 63;
    let bits = size.checked_ilog2().map_or(0, |first| {
        let digits = (size ^ (1 << first)) << DIGITS.saturating_sub(first);
        (u64::from(first) + BIAS) << DIGITS | digits
    });
    (sign | bits).to_le_bytes()
}

fn span(micros: u64) -> Option<i64> {
    i64::try_from(micros).ok().filter(|micros| micros.unsigned_abs() < SPANS_END)
}

/// The answers of a script to the first of `asks`: to those before one that is not the common case; `None` where that is
/// no reply of the script's.
pub(super) fn answers(reply: &[u8], asks: &[(usize, &Ask)]) -> Option<Vec<Answer>> {
    let (now, played) = reply.split_first_chunk::<8>()?;
    let now = u64::from_le_bytes(*now);
    let (played, []) = played.as_chunks::<ANSWER>() else { return None };
    let mut answers = Vec::with_capacity(asks.len());
    for [low, high, played @ ..] in played {
        for _ in 0..u16::from_le_bytes([*low, *high]) {
            let (_, ask) = asks.get(answers.len())?;
            answers.push(answer(played, ask, now)?);
        }
    }
    Some(answers)
}

fn answer(played: &[u8; ANSWER - 2], ask: &Ask, now: u64) -> Option<Answer> {
    let [code, entry, rate, times @ ..] = *played;
    let times: &[[u8; 8]; 3] = times.as_chunks::<8>().0.try_into().ok()?;
    let [wait, start, born] = times.each_ref().map(|number| u64::from_le_bytes(*number));
    // The low half first.
    let born = [born & u64::from(u32::MAX), born >> 32].map(|born| u32::try_from(born).unwrap_or(0));
    let is_charge = matches!(ask.verb, Verb::Charge { .. });
    Some(Answer(match code {
        GRANTED => Said::Granted { wait: if is_charge { 0 } else { wait }, start, now, born },
        LATER => Said::Later { wait },
        REFUSED => {
            let plan = &ask.parts.get(usize::from(entry).checked_sub(1)?)?.plan;
            let counted = match usize::from(rate).checked_sub(1) {
                Some(index) => Some(plan.counted.get(index)?.rate),
                None => None,
            };
            let (rate, scope) =
                (plan.declared(counted), if entry > 1 { ErrorScope::Bucket } else { ErrorScope::Key });
            Said::Refused(Refused { retry_after: Some(wait), rate, scope })
        }
        LOST => Said::Lost,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_as_the_floats_that_they_are() {
        for bit in 0..53 {
            for number in [1 << bit, (1 << bit) + 1, (1 << bit) - 1, 1_700_000_000_123_457 >> bit] {
                for number in [number, -number] {
                    let told = f64::from_le_bytes(float(number));
                    assert_eq!(format!("{told:.0}"), number.to_string());
                }
            }
        }
        assert_eq!(float(ANYTHING), 4_503_599_627_370_496.0_f64.to_le_bytes());
    }
}
