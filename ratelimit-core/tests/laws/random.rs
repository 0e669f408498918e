//! Random schedules, each against the oracle, with probes of what refusals say.

use std::io::{Write, stderr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use ratelimit_core::clock::{Clock, SystemClock};

use crate::common::Dice;
use crate::met::{Figures, Kind};
use crate::run::Run;
use crate::schedule::Schedule;

/// After so many nanoseconds without a word, one on how far it has come.
const PATIENCE: u64 = 5_000_000_000;

fn run(schedule: &Schedule, seed: u64, figures: &Figures, trace: bool) {
    if trace {
        println!("{:?}", schedule.limits);
    }
    let mut run = Run::new(&schedule.limits, trace);
    run.play_all(schedule, &mut Dice::new(seed ^ 1));
    figures.count(run.met, run.starts);
}

/// Plays what is made of the seeds below `count` on all processors; the least that failed, of those that were tried.
fn run_all(make: fn(u64) -> Schedule, count: u64, figures: &Figures) -> Option<u64> {
    let threads = thread::available_parallelism().map_or(2, |threads| threads.get() as u64).min(count);
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let spoke = AtomicU64::new(SystemClock.now().as_nanos());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= count.min(failed.load(Ordering::Relaxed)) {
                return;
            }
            if catch_unwind(AssertUnwindSafe(|| run(&make(seed), seed, figures, false))).is_err() {
                failed.fetch_min(seed, Ordering::Relaxed);
            }
            if seed % 256 == 0 {
                tell(figures.schedules(), count, &spoke);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    Some(failed.into_inner()).filter(|seed| *seed < u64::MAX)
}

/// A line on the real standard error now and then: the test harness hides what `eprintln` writes.
fn tell(done: u64, count: u64, spoke: &AtomicU64) {
    let (now, last) = (SystemClock.now().as_nanos(), spoke.load(Ordering::Relaxed));
    let is_due = now.saturating_sub(last) >= PATIENCE;
    if is_due && spoke.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        let _ = writeln!(stderr(), "laws: {done} of {count} schedules");
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}: `{text}` is no number")))
}

/// How many, unless told: as shipped a million, with the engine's own assertions fewer, interpreted very few.
fn usual() -> u64 {
    match (cfg!(miri), cfg!(debug_assertions)) {
        (true, _) => 12,
        (_, true) => 20_000,
        _ => 1_000_000,
    }
}

/// `LAWS_SEED` plays one, and tells what happens; `LAWS_SCHEDULES` says how many else.
fn test(name: &str, make: fn(u64) -> Schedule, usual: u64) -> Option<Figures> {
    let figures = Figures::default();
    if let Some(seed) = number("LAWS_SEED") {
        run(&make(seed), seed, &figures, true);
        return None;
    }
    let failed = run_all(make, number("LAWS_SCHEDULES").unwrap_or(usual), &figures);
    if let Some(seed) = failed {
        panic!("a law is broken: `LAWS_SEED={seed} cargo test -p ratelimit-core --test laws {name}`");
    }
    println!("{figures}");
    Some(figures)
}

#[test]
fn every_random_schedule_keeps_the_laws() {
    if let Some(figures) = test("every_random", Schedule::random, usual()) {
        figures.are_many(1, &[]);
    }
}

/// Amounts, bursts and weights up to `u32::MAX`, spans from 1 ns to `u64::MAX` ns, times up to the end of time.
#[test]
fn every_extreme_schedule_keeps_the_laws() {
    if let Some(figures) = test("every_extreme", Schedule::extreme, usual() / 8) {
        // With a policy that may say never, what is due beyond the end of time is too heavy.
        figures.are_many(2, &[Kind::OwnPolicy, Kind::UnknownEnded]);
    }
}
