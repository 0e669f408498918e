//! Two threads on one limiter at once.
//!
//! A sample in which one of them was off its core measures the other one alone, and so do two that the scheduler put on
//! one core one after the other. Only those are kept in which both had a core for at least 95 % of the time, and in
//! which that was the same time.

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
/// Of the time.
const TOGETHER: f64 = 0.95;
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
            Ok(kept) if kept.len() < TOO_FEW => {
                (Vec::new(), Some("too few samples with both on a core".to_owned()))
            }
            Ok(kept) => (kept, None),
            Err(failure) => (Vec::new(), Some(failure.to_string())),
        };
        Taken { who: entrant.who, spread: Spread::of(kept), failure }
    };
    sides.into_iter().map(taken).collect()
}

/// One thread's part of a sample.
#[derive(Clone, Copy, Debug)]
struct Part {
    began: Instant,
    ended: Instant,
    calls: f64,
    on_core: f64,
}

impl Part {
    /// Nanoseconds a call of both; `None` where they were not at it together.
    fn beside(self, other: Part) -> Option<f64> {
        let together = self.ended.min(other.ended).saturating_duration_since(self.began.max(other.began));
        let were = together.as_secs_f64() >= SAMPLE.as_secs_f64() * TOGETHER;
        let speed = |part: Part| part.calls / part.ended.duration_since(part.began).as_secs_f64();
        let is_kept = were && self.on_core.min(other.on_core) >= TOGETHER;
        is_kept.then(|| 1e9 / (speed(self) + speed(other)))
    }
}

fn sample(batch: &(dyn Fn(u32) -> Result<(), Failure> + Sync)) -> Result<Option<f64>, Failure> {
    let ready = AtomicU32::new(0);
    let part = || -> Result<Part, Failure> {
        batch(CHUNK)?;
        ready.fetch_add(1, Ordering::SeqCst);
        while ready.load(Ordering::SeqCst) < 2 {
            hint::spin_loop();
        }
        let (began, cpu) = (Instant::now(), cpu_time(ClockId::ThreadCPUTime));
        let mut calls = 0.0;
        while began.elapsed() < SAMPLE {
            batch(CHUNK)?;
            calls += f64::from(CHUNK);
        }
        let ended = Instant::now();
        let cpu = cpu_time(ClockId::ThreadCPUTime) - cpu;
        Ok(Part { began, ended, calls, on_core: cpu / ended.duration_since(began).as_secs_f64() })
    };
    // Who fails lets the other one go on.
    let part_or_free = || part().inspect_err(|_| _ = ready.fetch_add(1, Ordering::SeqCst));
    let (one, other) = thread::scope(|scope| {
        let other = scope.spawn(part_or_free);
        (part_or_free(), other.join())
    });
    Ok(one?.beside(other.map_err(|_| "a thread panicked")??))
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

    #[test]
    fn only_what_ran_together_is_kept() {
        let start = Instant::now();
        let part = |after: f64, on_core| {
            let began = start + SAMPLE.mul_f64(after);
            Part { began, ended: began + SAMPLE, calls: 1e6, on_core }
        };
        let nanos = part(0.0, 1.0).beside(part(0.01, 0.96)).expect("kept");
        assert!((nanos - SAMPLE.as_secs_f64() * 1e9 / 2e6).abs() < 1e-6, "{nanos}");
        assert_eq!(part(0.0, 1.0).beside(part(0.0, 0.9)), None);
        assert_eq!(part(0.0, 1.0).beside(part(0.1, 1.0)), None);
        assert_eq!(part(0.0, 1.0).beside(part(1.5, 1.0)), None);
    }
}
