//! Threads at the gate of one static bucket, in real time, guard zero, while another thread changes it all the time.
//!
//! Whatever the others do, what was granted between two readings of the clock is at most what the token bucket lets
//! through in that span, and one burst more for each reset.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use ratelimit_core::clock::{Clock, SystemClock};
use ratelimit_core::{Bucket, Pace, Rate, Registry};

const THREADS: usize = 4;
const SPAN: u64 = if cfg!(miri) { 1_000_000 } else { 700_000_000 };
const BURST: u32 = 4000;
/// Nanoseconds for each: many, and yet fewer than the threads ask for, and a burst that outlasts their being stopped.
const PER: u64 = 5000;
static GATED: Bucket =
    Bucket::new("gated", Rate::new(1, Duration::from_nanos(PER)).burst(BURST)).guard(Duration::ZERO);

fn now() -> u64 {
    SystemClock.now().as_nanos()
}

/// How much was granted in how many nanoseconds, while `change` is done over and over.
fn hammer(change: impl Fn(u64) + Sync) -> (u64, u64) {
    let (granted, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let began = now();
    thread::scope(|scope| {
        for weight in [1, 1, 2, 3].into_iter().cycle().take(THREADS) {
            let (granted, is_over) = (&granted, &is_over);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    if GATED.request().weight(weight).try_acquire().is_ok() {
                        granted.fetch_add(u64::from(weight), Ordering::Relaxed);
                    }
                }
            });
        }
        let mut round = 0;
        while now() < began + SPAN {
            change(round);
            round += 1;
            thread::yield_now();
        }
        is_over.store(true, Ordering::Relaxed);
    });
    (granted.into_inner(), now() - began)
}

#[test]
fn whatever_is_changed_the_gate_lets_no_more_through() {
    let registry = Registry::global();
    GATED.reset().expect("it is open");
    let most = |span: u64, resets: u64| (1 + resets) * u64::from(BURST) + span / PER + 1;
    let (granted, span) = hammer(|_| {});
    println!("{granted} of {} alone", most(span, 0));
    assert!(granted <= most(span, 0) && granted > 0);

    // Whoever registers may have stood still since it read the clock.
    GATED.reset().expect("it is open");
    let (granted, span) = hammer(|_| drop(registry.register(GATED.clone()).expect("the same limits")));
    println!("{granted} of {} while it is registered", most(span, 0));
    assert!(granted <= most(span, 0) && granted > 0);

    GATED.reset().expect("it is open");
    let (granted, span) = hammer(|round| match round % 5 {
        0 => GATED.pause(Duration::from_nanos(500)).expect("it is open"),
        1 => registry.set_pace(Pace::Slow),
        2 => registry.set_pace(Pace::Normal),
        3 => drop(registry.register(GATED.clone()).expect("the same limits")),
        _ => drop(GATED.peek().expect("it is open")),
    });
    println!("{granted} of {} while it is changed", most(span, 0));
    assert!(granted <= most(span, 0) && granted > 0);

    let resets = AtomicU64::new(0);
    GATED.reset().expect("it is open");
    let (granted, span) = hammer(|round| match round % 64 {
        0 => {
            resets.fetch_add(1, Ordering::Relaxed);
            GATED.reset().expect("it is open");
        }
        odd if odd % 2 == 1 => drop(registry.register(GATED.clone()).expect("the same limits")),
        _ => GATED.pause(Duration::from_nanos(200)).expect("it is open"),
    });
    let resets = resets.into_inner();
    println!("{granted} of {} with {resets} resets", most(span, resets));
    assert!(granted <= most(span, resets) && granted > 0);
}
