//! One caller of a Redis server, who calls in turn: a PING, a token bucket, and, whenever their logs let one more start,
//! a sliding window and three of them at once.
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
    sliding: Paced,
    three: Paced,
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
        let three = Bucket::named("three", Rate::new(STARTS, WINDOW))
            .and(Rate::new(STARTS / 2, WINDOW / 2))
            .and(Rate::new(STARTS / 4, WINDOW / 4));
        let mut connection = server.connection()?;
        let bare = redis::cmd("SCRIPT").arg("LOAD").arg(BARE).query(&mut connection)?;
        Ok(Calls {
            connection,
            bare,
            tokens: over_store(Bucket::named("tokens", ALWAYS)),
            sliding: Paced::new(over_store(Bucket::named("sliding", Rate::new(STARTS, WINDOW)))),
            three: Paced::new(over_store(three)),
        })
    }

    /// Calls for so long.
    pub(super) fn call_for(&mut self, span: Duration) -> Result<Took, Failure> {
        let mut took = Took::default();
        let end = Instant::now() + span;
        while Instant::now() < end {
            took.ping.push(micros(|| Ok(redis::cmd("PING").exec(&mut self.connection)?))?);
            took.bare.push(micros(|| {
                let mut call = redis::cmd("EVALSHA");
                call.arg(&self.bare).arg(1).arg("bare").arg(&STATE).arg(KEPT);
                Ok(call.exec(&mut self.connection)?)
            })?);
            took.tokens.push(micros(|| granted(&self.tokens))?);
            took.sliding.extend(self.sliding.call_if_due()?);
            took.three.extend(self.three.call_if_due()?);
        }
        Ok(took)
    }

    /// Fails where the windows were not full, because then something else was measured.
    pub(super) fn confirm_full(&self) -> Result<(), Failure> {
        for Paced { bucket, .. } in [&self.sliding, &self.three] {
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
