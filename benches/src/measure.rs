//! How things are measured. All sides of a comparison run in one process and by turns, because the machine's speed
//! wanders by more than they differ.

#![expect(clippy::disallowed_methods, reason = "it is real time that is measured")]

pub(crate) mod child;
pub(crate) mod pair;
pub(crate) mod threads;
pub(crate) mod turns;
pub(crate) mod waiting;

use std::error::Error;
use std::time::{Duration, Instant};

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Median, and how far the values lie from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) p10: f64,
    pub(crate) median: f64,
    pub(crate) p90: f64,
}

impl Spread {
    /// No values make a spread of no numbers, which is over every limit.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        Spread { p10: rank(&values, 10), median: rank(&values, 50), p90: rank(&values, 90) }
    }
}

/// The value below which so many percent of the sorted `values` lie.
pub(crate) fn rank(values: &[f64], percent: usize) -> f64 {
    let rank = (values.len() * percent).div_ceil(100);
    values.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// What one limiter showed in one action.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) action: &'static str,
    pub(crate) who: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) spread: Spread,
    /// What the action itself showed to be wrong about this limiter.
    pub(crate) flaw: Option<String>,
}

impl Line {
    pub(crate) fn new(action: &'static str, who: &'static str, unit: &'static str, spread: Spread) -> Self {
        Line { action, who, unit, spread, flaw: None }
    }
}

/// What one side of a comparison took, in nanoseconds a call.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) who: &'static str,
    pub(crate) spread: Spread,
    /// It did not do what was to be measured, and so has no figure.
    pub(crate) failure: Option<String>,
}

impl Taken {
    pub(crate) fn line(self, action: &'static str) -> Line {
        let Taken { who, spread, failure } = self;
        Line { action, who, unit: "ns", spread, flaw: failure }
    }
}

/// How many calls a batch needs to take so long.
fn long_enough(
    at_least: Duration,
    mut batch: impl FnMut(u32) -> Result<Duration, Failure>,
) -> Result<u32, Failure> {
    let mut calls: u32 = 16;
    // The first batch also pays for what is done once.
    batch(calls)?;
    while batch(calls)? < at_least && calls < 1 << 24 {
        calls *= 2;
    }
    Ok(calls)
}

pub(crate) fn timed<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<Duration, Failure> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed())
}

fn nanos_a_call(took: Duration, calls: u32) -> f64 {
    took.as_secs_f64() * 1e9 / f64::from(calls)
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
}
