//! `PyrateLimiter` (Python): an exact log of starts under one, two or three rates.
//!
//! Its window is inclusive as ours: a unit put at `s` counts at `t` iff `s >= t - interval`. It lives in whole
//! milliseconds, so a unit is free again one millisecond after it is exactly one interval old, ours one nanosecond
//! after. All its times being whole milliseconds, our wait is therefore its wait less one millisecond and plus one
//! nanosecond, exactly, and rounded up to milliseconds it is the same.

mod aligned;
mod blocking;
mod exclusive;
mod gcra;
mod validate;

use std::time::Duration;

use ratelimit_core::Rate;
use serde::Deserialize;

use crate::replay::{Answer, Engine, Peer, Tally, replay};

const MILLISECOND: u64 = 1_000_000;

#[derive(Deserialize)]
struct Config {
    rates: Vec<Limit>,
}

#[derive(Deserialize)]
struct Limit {
    limit: u32,
    interval_ms: u64,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Event {
    Put {
        t_ms: u64,
        w: u32,
        ok: bool,
        #[serde(flatten)]
        refusal: Option<Refusal>,
    },
    Flush {
        t_ms: u64,
    },
    Leak {},
}

#[derive(Deserialize)]
struct Refusal {
    /// The first rate without room, by rising interval.
    fail: usize,
    /// When that rate would have room, less than nothing for never.
    wait_ms: i64,
    /// When all rates would have; nothing for never.
    ready_ms: Option<u64>,
}

struct Sliding {
    rates: Vec<Rate>,
}

impl Peer for Sliding {
    type Config = Config;
    type Event = Event;

    fn new(config: Config) -> Self {
        let rate = |limit: Limit| Rate::new(limit.limit, Duration::from_millis(limit.interval_ms));
        Sliding { rates: config.rates.into_iter().map(rate).collect() }
    }

    fn rates(&self) -> Vec<Rate> {
        self.rates.clone()
    }

    fn replay(&mut self, event: Event, engine: &Engine, tally: &mut Tally) {
        event.replay(engine, tally, |answer, refusal, tally| {
            refusal.compare(answer, &self.rates, tally, |tally, wait, ready_ms| {
                let to_the_nanosecond = Duration::from_nanos((ready_ms - 1) * MILLISECOND + 1);
                tally.equal("waits", wait, to_the_nanosecond);
            });
        });
    }
}

impl Event {
    /// What all its lines do alike; `compare` looks at what a refusal says.
    fn replay(self, engine: &Engine, tally: &mut Tally, compare: impl FnOnce(&Answer, &Refusal, &mut Tally)) {
        match self {
            Event::Put { t_ms, w, ok, refusal } => {
                engine.set_time(t_ms * MILLISECOND);
                let answer = engine.ask(None, w);
                tally.equal("decisions", answer.is_granted(), ok);
                assert_eq!(refusal.is_none(), ok, "a refusal, and only that, says why");
                if let Some(refusal) = refusal {
                    compare(&answer, &refusal, tally);
                }
            }
            Event::Flush { t_ms } => {
                engine.set_time(t_ms * MILLISECOND);
                engine.bucket.reset().expect("open");
                tally.count("resets");
            }
            // The peer tidies up what no window sees any more. It changes no answer, and we have nothing to ask for.
            Event::Leak {} => tally.count("tidied up by the peer"),
        }
    }
}

impl Refusal {
    /// Whether ours says the same of when all rates have room, and of the rate that refused; `waits` compares the times.
    fn compare(
        &self,
        answer: &Answer,
        rates: &[Rate],
        tally: &mut Tally,
        waits: impl FnOnce(&mut Tally, Duration, u64),
    ) {
        let theirs = rates.get(self.fail).copied();
        match (answer, self.ready_ms) {
            (Answer::TooHeavy(rate), None) => {
                tally.equal("never", -1, self.wait_ms);
                tally.equal("rates that refused", Some(*rate), theirs);
            }
            (Answer::Wait(wait, rate), Some(ready_ms)) => {
                waits(tally, *wait, ready_ms);
                // Ours is the rate that holds the call up longest, the peer's the first without room. Where the peer's
                // own wait, that of its rate alone, falls short of the true one, the two are not the same.
                if i64::try_from(ready_ms) == Ok(self.wait_ms) {
                    tally.equal("rates that refused", Some(*rate), theirs);
                } else {
                    tally.holds("on purpose: the rate that refuses longest", Some(*rate) != theirs);
                }
            }
            (answer, ready_ms) => panic!("{answer:?}, but the peer's wait is {ready_ms:?}"),
        }
    }
}

#[test]
fn one_sliding_window_is_pyrate_limiters() {
    replay::<Sliding>(
        "pyrate/sliding-1",
        &[
            ("decisions", 2748),
            ("waits", 1396),
            ("never", 96),
            ("rates that refused", 1492),
            ("resets", 8),
            ("tidied up by the peer", 29),
        ],
    );
}

#[test]
fn two_sliding_windows_are_pyrate_limiters() {
    replay::<Sliding>(
        "pyrate/sliding-2",
        &[
            ("decisions", 1668),
            ("waits", 839),
            ("never", 43),
            ("rates that refused", 789),
            ("on purpose: the rate that refuses longest", 93),
            ("resets", 6),
            ("tidied up by the peer", 24),
        ],
    );
}

#[test]
fn three_sliding_windows_are_pyrate_limiters() {
    replay::<Sliding>(
        "pyrate/sliding-3",
        &[
            ("decisions", 1991),
            ("waits", 1101),
            ("never", 74),
            ("rates that refused", 961),
            ("on purpose: the rate that refuses longest", 214),
            ("resets", 6),
            ("tidied up by the peer", 48),
        ],
    );
}
