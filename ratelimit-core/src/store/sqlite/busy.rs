//! How a trip waits for others who hold the file: shortly, and not beyond its time.
//!
//! SQLite's own way sleeps longer each time, up to 100 ms, so that who came last and sleeps shortest is served first: of
//! two processes one was seen to get 1 turn and the other 432. Here everybody sleeps for some random 100 µs, however long
//! it has waited.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use crate::clock::{Clock, SystemClock, nap};
use crate::time::Timestamp;

/// The shortest sleep, and how many more microseconds it may last: a turn takes 10.
const SHORTEST: u64 = 20;
const SPREAD: u64 = 201;

thread_local! {
    /// Until when this thread may wait; SQLite's handler is a plain function, and runs on the thread of the call.
    static DEADLINE: Cell<Timestamp> = const { Cell::new(Timestamp::ZERO) };
    static SEED: Cell<u64> = Cell::new(RandomState::new().build_hasher().finish() | 1);
}

/// Does `work`, which may wait for others for so long from now.
pub(super) fn within<T>(span: Duration, work: impl FnOnce() -> T) -> T {
    let _outer = Outer(DEADLINE.replace(SystemClock.now().saturating_add(span)));
    work()
}

/// The deadline of whoever called, put back whether or not the work panics.
struct Outer(Timestamp);

impl Drop for Outer {
    fn drop(&mut self) {
        DEADLINE.set(self.0);
    }
}

/// SQLite's busy handler: sleeps for a moment; whether to try again.
pub(super) fn again(_tries: i32) -> bool {
    let left = DEADLINE.get().saturating_since(SystemClock.now());
    if left.is_zero() {
        return false;
    }
    nap(Duration::from_micros(SHORTEST + below(SPREAD)).min(left));
    true
}

/// A random number below `end`, good enough to keep processes out of step.
pub(super) fn below(end: u64) -> u64 {
    let mut seed = SEED.get();
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    SEED.set(seed);
    (seed >> 32) % end.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_beyond_the_time_given_nor_without_any() {
        assert!(!again(0), "outside of a trip");
        let span = Duration::from_millis(3);
        let begun = SystemClock.now();
        let tries = within(span, || (0..10_000).take_while(|_| again(0)).count());
        assert!(SystemClock.now().saturating_since(begun) >= span);
        assert!((1..=3_000 / 20).contains(&tries), "{tries}");
        assert!(!again(0), "the outer deadline again");
    }

    #[test]
    fn sleeps_differ() {
        let mut seen: Vec<u64> = (0..64).map(|_| below(SPREAD)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() > 32 && seen.iter().all(|number| *number < SPREAD), "{seen:?}");
    }
}
