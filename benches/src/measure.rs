//! How things are measured. All sides of a comparison run in one process and by turns, because the machine's speed
//! wanders by more than they differ.

#![expect(clippy::disallowed_methods, reason = "it is real time that is measured")]

pub(crate) mod child;
pub(crate) mod pair;
pub(crate) mod threads;
pub(crate) mod turns;
pub(crate) mod waiting;

use std::time::{Duration, Instant};

pub(crate) use figures::{Failure, Spread, rank};

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
