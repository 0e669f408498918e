//! The plain token bucket in floats that everybody writes; a model, no package.
//!
//! Its waits are ours, rounded up to whole nanoseconds. Its decisions are ours too, but where floats leave a token
//! less than a nanosecond short at the very time it is due: the model refuses, and we would grant, on purpose, as our
//! arithmetic is exact. There the test only looks and takes nothing, so that both go on from the same state. The first
//! such event of a trace has `fx`; up to there everything is the same.

mod wait;

use std::time::Duration;

use ratelimit_core::Rate;
use serde::Deserialize;

use crate::replay::{Answer, Engine, Peer, Tally, replay};

/// What floats of this size may be off by, in nanoseconds and in tokens.
const SLACK: f64 = 1e-3;

#[derive(Deserialize)]
struct Config {
    capacity: u32,
    refill_per_s_exact: String,
}

#[derive(Deserialize)]
struct Event {
    t_ns: u64,
    ok: bool,
    /// After the event.
    tokens: f64,
    deficit_wait_s: Option<f64>,
    /// Exact arithmetic decides otherwise.
    #[serde(default)]
    fx: bool,
}

struct Floats {
    rate: Rate,
    /// Whether the traces' writer has seen floats and exact arithmetic differ.
    parted: bool,
}

impl Floats {
    fn compare_wait(wait: Duration, deficit_s: f64, tally: &mut Tally) {
        let rounded_up_by = wait.as_secs_f64() * 1e9 - deficit_s * 1e9;
        tally.holds("waits", rounded_up_by > -SLACK && rounded_up_by < 1.0 + SLACK);
    }
}

impl Peer for Floats {
    type Config = Config;
    type Event = Event;

    /// A refill of `5/2` tokens a second is 5 in 2 s, exactly.
    fn new(config: Config) -> Self {
        let (amount, seconds) =
            config.refill_per_s_exact.split_once('/').unwrap_or((&config.refill_per_s_exact, "1"));
        let per = Duration::from_secs(seconds.parse().expect("seconds"));
        Floats {
            rate: Rate::new(amount.parse().expect("an amount"), per).burst(config.capacity),
            parted: false,
        }
    }

    fn rates(&self) -> Vec<Rate> {
        vec![self.rate]
    }

    fn replay(&mut self, event: Event, engine: &Engine, tally: &mut Tally) {
        engine.set_time(event.t_ns);
        let short = event.deficit_wait_s.is_some_and(|deficit_s| deficit_s < 1e-9);
        self.parted |= event.fx;
        assert!(short || !event.fx, "floats and exact arithmetic differ by less than a nanosecond");
        assert!(!short || self.parted, "they do not differ before the first `fx`");
        if short {
            let due = engine.wait(None, 1) == Some(Duration::ZERO);
            tally.holds("on purpose: exactly due, the floats are late", due && !event.ok);
            return;
        }
        let answer = engine.ask(None, 1);
        tally.equal("decisions", answer.is_granted(), event.ok);
        match (answer, event.deficit_wait_s) {
            (Answer::Granted, None) => {}
            (Answer::Wait(wait, _), Some(deficit_s)) => Self::compare_wait(wait, deficit_s, tally),
            (answer, _) => panic!("{answer:?} is another answer than the model's"),
        }
        let part = event.tokens - f64::from(engine.remaining(None));
        tally.holds("remaining", part > -SLACK && part < 1.0);
    }
}

#[test]
fn a_token_bucket_is_the_float_model_made_exact() {
    replay::<Floats>(
        "tokenfloat/try",
        &[
            ("decisions", 2021),
            ("waits", 873),
            ("remaining", 2021),
            ("on purpose: exactly due, the floats are late", 8),
        ],
    );
}
