//! `governor` (Rust): GCRA in whole nanoseconds, with one state or one a key.
//!
//! It rounds the time of one unit down to whole nanoseconds, so that it is a hair faster than asked; the rate here is
//! one unit in that very time, which both run exactly. Nothing differs.

use std::time::Duration;

use ratelimit_core::Rate;
use serde::Deserialize;

use crate::replay::{Answer, Engine, Peer, Tally, replay};

#[derive(Deserialize)]
struct Config {
    replenish_1_per_ns: u64,
    burst: u32,
}

#[derive(Deserialize)]
struct Event {
    t_ns: u64,
    n: u32,
    key: Option<String>,
    #[serde(flatten)]
    res: Res,
}

#[derive(Deserialize)]
#[serde(tag = "res", rename_all = "snake_case")]
enum Res {
    /// Units left at once after this.
    Ok {
        rem: u32,
    },
    No {
        wait_ns: u64,
    },
    /// More than the burst, which this is.
    Cap {
        cap: u32,
    },
}

struct Governor {
    rate: Rate,
}

impl Peer for Governor {
    type Config = Config;
    type Event = Event;

    fn new(config: Config) -> Self {
        Governor { rate: Rate::new(1, Duration::from_nanos(config.replenish_1_per_ns)).burst(config.burst) }
    }

    fn rates(&self) -> Vec<Rate> {
        vec![self.rate]
    }

    fn replay(&mut self, event: Event, engine: &Engine, tally: &mut Tally) {
        engine.set_time(event.t_ns);
        let key = event.key.as_deref();
        let answer = engine.ask(key, event.n);
        tally.equal("decisions", answer.is_granted(), matches!(event.res, Res::Ok { .. }));
        match (answer, event.res) {
            (Answer::Granted, Res::Ok { rem }) => tally.equal("remaining", engine.remaining(key), rem),
            (Answer::Wait(wait, _), Res::No { wait_ns }) => {
                tally.equal("waits", wait, Duration::from_nanos(wait_ns));
            }
            (Answer::TooHeavy(rate), Res::Cap { cap }) => {
                tally.equal("never", rate.burst_amount(), Some(cap));
            }
            (answer, _) => panic!("{answer:?} is another answer than the peer's"),
        }
    }
}

#[test]
fn a_token_bucket_is_governors() {
    replay::<Governor>(
        "governor/direct",
        &[("decisions", 2448), ("remaining", 1579), ("waits", 819), ("never", 50)],
    );
}

#[test]
fn keyed_token_buckets_are_governors() {
    replay::<Governor>(
        "governor/keyed",
        &[("decisions", 880), ("remaining", 597), ("waits", 255), ("never", 28)],
    );
}
