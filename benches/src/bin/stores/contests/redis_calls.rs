//! One caller of a Redis server, who takes turns: PINGs, a token bucket, and, as often as their logs let one more start,
//! sliding windows, and buckets of three of them at once.
//!
//! What is called in a turn is called back to back: so what is measured is what a call takes of a program that makes many,
//! and not what it takes processors to find again what they did last some hundred other calls ago. As full windows let
//! few calls start, there are several buckets of them.
//!
//! Without a guard, by which a call whose answer is late is not granted: a busy machine would be measured.
//! `pyrate_limiter_calls.py` does the same.

#![expect(clippy::disallowed_methods, reason = "it is real time that is measured")]

use std::time::{Duration, Instant};

use rate_limited::{Bucket, ErrorKind, Rate};
use redis::Connection;

use super::ALWAYS;
use crate::measure::{Failure, granted, micros};
use crate::server::Server;

const STARTS: u32 = 1_000;
const WINDOW: Duration = Duration::from_secs(2);
/// At which each of the windows lets one more start once it is full.
const PACE: Duration = Duration::from_millis(2);
/// How many buckets there are of each kind of windows. More of them PyrateLimiter could not keep full.
const BUCKETS: usize = 3;
/// How long a turn is, of windows at most: after those of the others each lets some calls start.
const TURN: Duration = Duration::from_millis(5);
/// Who is late calls the more often, until the window is full again, but not for longer than this: or all would start at
/// once, and be over at once.
const LATE: Duration = Duration::from_millis(100);
/// The least that any limiter has a server do in one trip: it asks for the time, reads a state and writes one.
const BARE: &str = "local time = redis.call('TIME')
    local state = redis.call('GET', KEYS[1]) or ARGV[1]
    redis.call('SET', KEYS[1], state, 'PX', ARGV[2])
    return time[2]";
/// As much as the state of a token bucket.
const STATE: [u8; 55] = [b'.'; 55];
const KEPT: u32 = 60_000;
/// Until the longest window is full.
pub(super) const FILL: Duration = Duration::from_millis(2_100);
/// What the logs hold at least of their amounts when a call is measured; the rest is what callers come late by.
const FULL: f64 = 0.8;

pub(super) struct Calls {
    connection: Connection,
    /// By which the server knows the barest script.
    bare: String,
    tokens: Bucket,
    sliding: Windows,
    three: Windows,
}

/// How long each call took, in microseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Took {
    pub(super) ping: Vec<f64>,
    pub(super) bare: Vec<f64>,
    pub(super) tokens: Vec<f64>,
    pub(super) sliding: Vec<f64>,
    pub(super) three: Vec<f64>,
}

impl Calls {
    pub(super) fn new(server: &Server) -> Result<Self, Failure> {
        let store = server.store()?;
        let over_store = |bucket: Bucket| bucket.guard(Duration::ZERO).store(store.clone());
        let sliding = |name| Bucket::named(name, Rate::new(STARTS, WINDOW));
        let three = |name| {
            sliding(name).and(Rate::new(STARTS / 2, WINDOW / 2)).and(Rate::new(STARTS / 4, WINDOW / 4))
        };
        let mut connection = server.connection()?;
        let bare = redis::cmd("SCRIPT").arg("LOAD").arg(BARE).query(&mut connection)?;
        Ok(Calls {
            connection,
            bare,
            tokens: over_store(Bucket::named("tokens", ALWAYS)),
            sliding: Windows::new(|index| over_store(sliding(format!("sliding{index}")))),
            three: Windows::new(|index| over_store(three(format!("three{index}")))),
        })
    }

    /// Calls for so long.
    pub(super) fn call_for(&mut self, span: Duration) -> Result<Took, Failure> {
        let mut took = Took::default();
        let end = Instant::now() + span;
        while Instant::now() < end {
            turn(&mut took.ping, || Ok(redis::cmd("PING").exec(&mut self.connection)?))?;
            turn(&mut took.bare, || {
                let mut call = redis::cmd("EVALSHA");
                call.arg(&self.bare).arg(1).arg("bare").arg(&STATE).arg(KEPT);
                Ok(call.exec(&mut self.connection)?)
            })?;
            turn(&mut took.tokens, || granted(&self.tokens))?;
            self.sliding.turn(&mut took.sliding)?;
            self.three.turn(&mut took.three)?;
        }
        Ok(took)
    }

    /// Fails where the windows were not full, because then something else was measured.
    pub(super) fn confirm_full(&self) -> Result<(), Failure> {
        for Paced { bucket, .. } in self.sliding.0.iter().chain(&self.three.0) {
            for rate in bucket.peek()?.rates() {
                let (used, amount) = (rate.used(), rate.rate().amount());
                if f64::from(used) < FULL * f64::from(amount) {
                    let rate = rate.rate();
                    return Err(format!(
                        "the machine was too busy: only {used} starts of {rate} were logged"
                    )
                    .into());
                }
            }
        }
        Ok(())
    }
}

/// Calls back to back for a turn, and adds how long each call took.
fn turn(took: &mut Vec<f64>, mut call: impl FnMut() -> Result<(), Failure>) -> Result<(), Failure> {
    let end = Instant::now() + TURN;
    while Instant::now() < end {
        took.push(micros(&mut call)?);
    }
    Ok(())
}

/// Buckets of the same full windows.
struct Windows(Vec<Paced>);

impl Windows {
    fn new(bucket: impl Fn(usize) -> Bucket) -> Self {
        Windows((0..BUCKETS).map(|index| Paced::new(bucket(index))).collect())
    }

    /// Calls those that are due back to back until none is, for a turn at most.
    fn turn(&mut self, took: &mut Vec<f64>) -> Result<(), Failure> {
        let end = Instant::now() + TURN;
        loop {
            let before = took.len();
            for paced in &mut self.0 {
                took.extend(paced.call_if_due()?);
            }
            if took.len() == before || Instant::now() >= end {
                return Ok(());
            }
        }
    }
}

/// A bucket of full windows, and when it lets one more start.
struct Paced {
    bucket: Bucket,
    due: Instant,
}

impl Paced {
    fn new(bucket: Bucket) -> Self {
        Paced { bucket, due: Instant::now() }
    }

    /// How long a call took that was granted; refused ones, which came too early, are none.
    fn call_if_due(&mut self) -> Result<Option<f64>, Failure> {
        let begun = Instant::now();
        if begun < self.due {
            return Ok(None);
        }
        let called = self.bucket.try_acquire().map(drop);
        let took = begun.elapsed();
        match called {
            Ok(()) => {
                let latest = begun.checked_sub(LATE).unwrap_or(begun);
                self.due = self.due.max(latest) + PACE;
                Ok(Some(took.as_secs_f64() * 1e6))
            }
            Err(error) if error.kind() == ErrorKind::Limited => {
                self.due = Instant::now() + error.retry_after().unwrap_or(PACE);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_window_lets_one_start_at_the_pace() {
        for part in [1, 2, 4] {
            assert_eq!(WINDOW / part / (STARTS / part), PACE);
        }
        assert!(WINDOW < FILL);
    }
}
