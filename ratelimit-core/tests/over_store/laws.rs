//! The laws over a shared store: random schedules of several processes on one manual clock.
//!
//! `STORE_SCHEDULES` sets how many are run of each mix, `STORE_SEED` runs one of them and tells what happens.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::struct_excessive_bools,
    reason = "helpers of tests: a panic fails the test, which is what they are for"
)]

mod checks;
mod judge;
mod schedule;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use judge::{Leave, fault};
use schedule::{KEYS, Schedule, Spice};
use world::{GRACE, World};

/// How many schedules of each mix, unless told.
const USUAL: u64 = 600;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Plays a schedule to its end and judges it; how much was asked of the store per call.
fn run(seed: u64, spice: Spice, trace: bool) -> (u64, u64) {
    let schedule = Schedule::random(seed, spice);
    if trace {
        println!("{:?} {} processes, prompt: {}", schedule.limits, schedule.processes, schedule.is_prompt);
        println!("{:?}", schedule.ops);
    }
    let mut world = World::new(&schedule, trace);
    world.play_all(&schedule.ops);
    world.drain();
    judge(&schedule, &world);
    (world.store.asks().saturating_sub(world.looks), world.calls)
}

fn judge(schedule: &Schedule, world: &World) {
    let limits = &schedule.limits;
    // A process forgets what is over by the time that goes by here, which the store's clock does not know of.
    let spacing = |rate: &ratelimit_core::Rate| rate.per() / rate.amount();
    let forgets = limits.rates.iter().chain(&limits.total).map(spacing).min();
    let forgets = forgets.is_some_and(|soonest| world.was_played_for() >= soonest);
    let judge = |rate: ratelimit_core::Rate, key: Option<usize>| {
        let window = rate.per().as_nanos() * u128::from(rate.burst_amount().unwrap_or(rate.amount()))
            / u128::from(rate.amount());
        let usual = Duration::from_millis(20).as_nanos().min(window / 50);
        let is_plain = !world.was_slow
            && !world.has_given_back
            && !world.store.has_failed()
            && world.losses == 0
            && world.starts.iter().all(|start| start.is_judged && start.age == (0, 0));
        let leave = Leave {
            late: if limits.reserves() || schedule.is_prompt { 0 } else { GRACE },
            knows_windows: schedule.is_prompt && is_plain,
            loses: schedule.processes > 1 || forgets,
            guard: limits.guard.map_or(usual, |guard| guard.as_nanos()).try_into().unwrap(),
        };
        if let Some(fault) = fault(rate, key, &world.starts, leave) {
            panic!("{fault}");
        }
    };
    for rate in &limits.rates {
        (0..KEYS).for_each(|key| judge(*rate, Some(key)));
    }
    if let Some(rate) = limits.total {
        judge(rate, None);
    }
}

fn test(name: &str, spice: Spice) {
    if let Some(seed) = number("STORE_SEED") {
        run(seed, spice, true);
        return;
    }
    let count = number("STORE_SCHEDULES").unwrap_or(USUAL);
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let (asks, calls) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= count.min(failed.load(Ordering::Relaxed)) {
                return;
            }
            if let Ok((asked, called)) = catch_unwind(AssertUnwindSafe(|| run(seed, spice, false))) {
                asks.fetch_add(asked, Ordering::Relaxed);
                calls.fetch_add(called, Ordering::Relaxed);
            } else {
                println!("{name}: seed {seed} failed");
                failed.fetch_min(seed, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner();
    let how = format!("STORE_SEED={failed} cargo test -p ratelimit-core --test over_store {name}");
    assert_eq!(failed, u64::MAX, "a law is broken: `{how}`");
    let (asks, calls) = (asks.into_inner(), calls.into_inner());
    println!("{name}: {count} schedules, {calls} calls, {asks} asks");
}

#[test]
fn laws_hold_for_calls_that_wait_and_leave() {
    test("laws_hold_for_calls", Spice::default());
}

#[test]
fn laws_hold_with_a_total() {
    test("laws_hold_with_a_total", Spice { total: true, ..Spice::default() });
}

#[test]
fn laws_hold_for_late_callers() {
    test("laws_hold_for_late", Spice { late: true, total: true, ..Spice::default() });
}

#[test]
fn laws_hold_beside_bounds_and_pauses() {
    test("laws_hold_beside_bounds", Spice { bounds: true, pauses: true, late: true, ..Spice::default() });
}

#[test]
fn laws_hold_for_what_is_charged_and_given_back() {
    let spice = Spice { charges: true, refunds: true, total: true, ..Spice::default() };
    test("laws_hold_for_what_is_charged", spice);
}

#[test]
fn laws_hold_over_a_store_that_fails_and_loses() {
    let spice = Spice { faults: true, losses: true, late: true, ..Spice::default() };
    test("laws_hold_over_a_store", spice);
}

#[test]
fn laws_hold_where_all_is_reset() {
    test(
        "laws_hold_where",
        Spice { resets: true, pauses: true, total: true, late: true, ..Spice::default() },
    );
}
