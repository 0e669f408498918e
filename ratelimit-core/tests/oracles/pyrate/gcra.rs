//! GCRA in whole microseconds, one to three rates.
//!
//! It rounds the time of one unit up to whole microseconds; the rate here is one unit in that very time, which both run
//! exactly. Its waits are ours, rounded up to whole milliseconds.

use std::time::Duration;

use ratelimit_core::Rate;
use serde::Deserialize;

use super::{Event, MILLISECOND};
use crate::replay::{Engine, Peer, Tally, replay};

#[derive(Deserialize)]
struct Config {
    rates: Vec<Limit>,
}

#[derive(Deserialize)]
struct Limit {
    #[serde(rename = "limit")]
    amount: u64,
    interval_ms: u64,
    burst: u32,
}

struct Gcra {
    rates: Vec<Rate>,
}

impl Peer for Gcra {
    type Config = Config;
    type Event = Event;

    fn new(config: Config) -> Self {
        let rate = |limit: &Limit| {
            let spacing = Duration::from_micros((limit.interval_ms * 1000).div_ceil(limit.amount));
            Rate::new(1, spacing).burst(limit.burst)
        };
        Gcra { rates: config.rates.iter().map(rate).collect() }
    }

    fn rates(&self) -> Vec<Rate> {
        self.rates.clone()
    }

    fn replay(&mut self, event: Event, engine: &Engine, tally: &mut Tally) {
        event.replay(engine, tally, |answer, refusal, tally| {
            refusal.compare(answer, &self.rates, tally, |tally, wait, ready_ms| {
                let up = wait.as_nanos().div_ceil(u128::from(MILLISECOND));
                tally.equal("waits", up, u128::from(ready_ms));
            });
        });
    }
}

#[test]
fn token_buckets_are_its_gcra() {
    replay::<Gcra>(
        "pyrate/gcra",
        &[
            ("decisions", 1066),
            ("never", 30),
            ("on purpose: the rate that refuses longest", 13),
            ("rates that refused", 301),
            ("resets", 7),
            ("waits", 284),
        ],
    );
}
