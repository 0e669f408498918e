//! Waiting: the model sleeps what one token lacks and looks again, until it passes. Its refill rates are such that floats
//! hold everything exactly, so one sleep is enough, and its end is when ours starts.

use ratelimit_core::Rate;
use serde::Deserialize;

use super::{Config, Floats};
use crate::replay::{Engine, Peer, Tally, replay};
use crate::waiting::Waiting;

#[derive(Deserialize)]
struct Acquire {
    t_ns: u64,
    sleeps_ns: Vec<u64>,
    end_ns: u64,
    /// At the end.
    tokens: f64,
}

struct Waits {
    floats: Floats,
    waiting: Waiting,
}

impl Peer for Waits {
    type Config = Config;
    type Event = Acquire;

    fn new(config: Config) -> Self {
        Waits { floats: Floats::new(config), waiting: Waiting::default() }
    }

    fn rates(&self) -> Vec<Rate> {
        self.floats.rates()
    }

    fn replay(&mut self, event: Acquire, engine: &Engine, tally: &mut Tally) {
        engine.set_time(event.t_ns);
        let slept = if let Some(started) = self.waiting.join(0, 1, engine) {
            tally.holds("starts at once", started.is_ok() && event.sleeps_ns.is_empty());
            0
        } else {
            let started = self.waiting.pass(event.end_ns, engine);
            let at: Vec<u64> = started.iter().map(|started| started.at).collect();
            tally.holds("starts of those who waited", at == [event.end_ns]);
            event.end_ns - event.t_ns
        };
        tally.equal("sleeps", slept, event.sleeps_ns.iter().sum());
        tally.equal("remaining", f64::from(engine.remaining(None)), event.tokens.floor());
    }
}

#[test]
fn a_future_starts_when_the_model_has_slept() {
    replay::<Waits>(
        "tokenfloat/wait",
        &[("remaining", 740), ("sleeps", 740), ("starts at once", 275), ("starts of those who waited", 465)],
    );
}
