//! Two threads on one limiter at once.
//!
//! A sample in which one of them was off its core measures the other one alone, so only those are kept in which both
//! had a core for at least 95 % of the time.

#![expect(clippy::disallowed_methods, reason = "it is real time that is measured")]

use std::hint;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::{Failure, Spread, Taken};

pub(crate) struct Entrant {
    pub(crate) who: &'static str,
    pub(crate) prepare: Box<dyn Fn()>,
    pub(crate) batch: Box<dyn Fn(u32) -> Result<(), Failure> + Send + Sync>,
}

impl Entrant {
    pub(crate) fn new(
        who: &'static str,
        batch: impl Fn(u32) -> Result<(), Failure> + Send + Sync + 'static,
    ) -> Self {
        Entrant { who, prepare: Box::new(|| {}), batch: Box::new(batch) }
    }

    pub(crate) fn after(self, prepare: impl Fn() + 'static) -> Self {
        Entrant { prepare: Box::new(prepare), ..self }
    }
}

const SAMPLE: Duration = Duration::from_millis(2);
/// Calls between two looks at the clock.
const CHUNK: u32 = 256;
const ON_CORE: f64 = 0.95;
const ENOUGH: usize = 51;
/// With fewer samples kept than this there is no figure.
const TOO_FEW: usize = 5;
const PATIENCE: Duration = Duration::from_secs(20);

/// Nanoseconds a call = time / calls of both threads together.
pub(crate) fn by_turns(entrants: Vec<Entrant>) -> Vec<Taken> {
    let mut sides: Vec<(Entrant, Result<Vec<f64>, Failure>)> =
        entrants.into_iter().map(|entrant| (entrant, Ok(Vec::new()))).collect();
    let is_hungry =
        |(_, kept): &(_, Result<Vec<f64>, _>)| kept.as_ref().is_ok_and(|kept| kept.len() < ENOUGH);
    let started = Instant::now();
    while sides.iter().any(is_hungry) && started.elapsed() < PATIENCE {
        for (entrant, kept) in &mut sides {
            let Ok(samples) = kept else { continue };
            (entrant.prepare)();
            match sample(&entrant.batch) {
                Ok(nanos) => samples.extend(nanos),
                Err(failure) => *kept = Err(failure),
            }
        }
    }
    let taken = |(entrant, kept): (Entrant, Result<Vec<f64>, Failure>)| {
        let (kept, failure) = match kept {
            Ok(kept) if kept.len() < TOO_FEW => (Vec::new(), Some("too few samples on two cores".to_owned())),
            Ok(kept) => (kept, None),
            Err(failure) => (Vec::new(), Some(failure.to_string())),
        };
        Taken { who: entrant.who, spread: Spread::of(kept), failure }
    };
    sides.into_iter().map(taken).collect()
}

/// `None` = somebody was off its core.
fn sample(batch: &(dyn Fn(u32) -> Result<(), Failure> + Sync)) -> Result<Option<f64>, Failure> {
    let ready = AtomicU32::new(0);
    let one = || -> Result<(f64, bool), Failure> {
        batch(CHUNK)?;
        ready.fetch_add(1, Ordering::SeqCst);
        while ready.load(Ordering::SeqCst) < 2 {
            hint::spin_loop();
        }
        let (started, cpu) = (Instant::now(), cpu_time(ClockId::ThreadCPUTime));
        let mut calls = 0.0;
        while started.elapsed() < SAMPLE {
            batch(CHUNK)?;
            calls += f64::from(CHUNK);
        }
        let took = started.elapsed().as_secs_f64();
        let on_core = (cpu_time(ClockId::ThreadCPUTime) - cpu) / took;
        Ok((calls / took, on_core >= ON_CORE))
    };
    // Who fails lets the other one go on.
    let or_free = || one().inspect_err(|_| _ = ready.fetch_add(1, Ordering::SeqCst));
    let (ours, other) = thread::scope(|scope| {
        let other = scope.spawn(or_free);
        (or_free(), other.join())
    });
    let (speed, kept) = ours?;
    let (other_speed, other_kept) = other.map_err(|_| "a thread panicked")??;
    Ok((kept && other_kept).then_some(1e9 / (speed + other_speed)))
}

/// Seconds.
pub(crate) fn cpu_time(clock: ClockId) -> f64 {
    Duration::try_from(clock_gettime(clock)).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_on_either_thread_ends_the_sample() {
        let failed = AtomicU32::new(0);
        let second_fails = |_| match failed.fetch_add(1, Ordering::SeqCst) {
            1 => Err("refused".into()),
            _ => Ok(()),
        };
        assert_eq!(sample(&second_fails).expect_err("refused").to_string(), "refused");
    }
}
