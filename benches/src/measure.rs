//! Two sides by turns, in short batches.
//!
//! A difference of a nanosecond is far below what the machine's speed wanders by, so only batches that ran one right
//! after the other are compared. Who of the two goes first may matter too, so it alternates, and two neighbouring
//! pairs, one in either order, give one difference. The median of these is robust against interrupts, which only ever
//! add.

#![expect(clippy::disallowed_methods, reason = "it is real time that is measured")]

use std::error::Error;
use std::time::{Duration, Instant};

/// Calls so many times; fails where a call did not do what is to be measured.
pub(crate) type Side = fn(u32) -> Result<(), Box<dyn Error>>;

/// Short, so that most batches are not interrupted; long beside what reading the clock costs.
const BATCH: Duration = Duration::from_micros(50);
/// Two batches of each side.
const ROUNDS: usize = 600;
const WARM_UP: usize = 20;

/// Nanoseconds a call.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) ours: Spread,
    pub(crate) peer: Spread,
    /// Ours less the peer's, in pairs.
    pub(crate) added: Spread,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) p10: f64,
    pub(crate) median: f64,
    pub(crate) p90: f64,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let rank = |percent: usize| {
            let rank = (values.len() * percent).div_ceil(100);
            values.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
        };
        Spread { p10: rank(10), median: rank(50), p90: rank(90) }
    }
}

pub(crate) fn both(ours: Side, peer: Side) -> Result<Measured, Box<dyn Error>> {
    let calls = long_enough(ours)?.max(long_enough(peer)?);
    let (mut all_ours, mut all_peer, mut added) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..WARM_UP + ROUNDS {
        let first = batch(ours, calls)?;
        let second = batch(peer, calls)?;
        let third = batch(peer, calls)?;
        let fourth = batch(ours, calls)?;
        if round >= WARM_UP {
            all_ours.extend([first, fourth]);
            all_peer.extend([second, third]);
            added.push(f64::midpoint(first - second, fourth - third));
        }
    }
    Ok(Measured { ours: Spread::of(all_ours), peer: Spread::of(all_peer), added: Spread::of(added) })
}

/// How many calls a batch needs.
fn long_enough(side: Side) -> Result<u32, Box<dyn Error>> {
    let mut calls: u32 = 16;
    // The first batches also pay for what is done once.
    side(calls)?;
    loop {
        let started = Instant::now();
        side(calls)?;
        if started.elapsed() >= BATCH || calls >= 1 << 24 {
            return Ok(calls);
        }
        calls *= 2;
    }
}

fn batch(side: Side, calls: u32) -> Result<f64, Box<dyn Error>> {
    let started = Instant::now();
    side(calls)?;
    Ok(started.elapsed().as_secs_f64() * 1e9 / f64::from(calls))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_of_values_that_occurred() {
        let spread = Spread::of((1..=100).rev().map(f64::from).collect());
        assert_eq!(spread, Spread { p10: 10.0, median: 50.0, p90: 90.0 });
        assert!(Spread::of(Vec::new()).median.is_nan());
    }

    #[test]
    fn a_call_that_fails_ends_the_measurement() {
        let refused: Side = |_| Err("refused".into());
        let fine: Side = |calls| {
            std::hint::black_box(calls);
            Ok(())
        };
        assert_eq!(both(fine, refused).expect_err("refused").to_string(), "refused");
    }
}
