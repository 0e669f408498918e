//! `limits` (Python), moving window: an exact log of starts under one rate.
//!
//! What it admits is inclusive as ours: a unit that is exactly one interval old still counts. What it tells is not: its
//! `test` and `remaining` leave such units out, so that `test` says yes and the call is refused. Ours says the same
//! before as when asked, which is where we differ on purpose: by the units exactly one interval old, and only by them.

mod fixed;

use std::time::Duration;

use ratelimit_core::Rate;
use serde::Deserialize;

use crate::replay::{Answer, Engine, Peer, Tally, replay};

#[derive(Deserialize)]
struct Config {
    limit: u32,
    interval_ns: u64,
    epoch_ns: u64,
}

#[derive(Deserialize)]
struct Event {
    t_ns: u64,
    w: u32,
    ok: bool,
    /// Whether the peer said just before that it would.
    test: bool,
    /// Just after.
    remaining: u32,
    reset_ns: u64,
}

struct Moving {
    config: Config,
    /// Weights and times that both admitted.
    admitted: Vec<(u64, u32)>,
}

impl Moving {
    /// The weight that is exactly one interval old.
    fn on_the_edge(&self, now: u64) -> u32 {
        let edge = self.admitted.iter().filter(|(start, _)| start + self.config.interval_ns == now);
        edge.map(|(_, weight)| weight).sum()
    }

    fn compare_refusal(&self, answer: &Answer, event: &Event, edge: u32, tally: &mut Tally) {
        match answer {
            Answer::Granted => {}
            Answer::TooHeavy(_) => tally.holds("never", event.w > self.config.limit),
            // The peer tells one time only: when the oldest unit that `remaining` counts will be gone. Without units on
            // the edge that is when one more fits, which ours says to the nanosecond after.
            Answer::Wait(wait, _) if event.w == 1 && edge == 0 => {
                tally.equal("waits", *wait, Duration::from_nanos(event.reset_ns - event.t_ns + 1));
            }
            Answer::Wait(wait, _) if event.w == 1 => {
                tally.holds("on purpose: waits for the edge to pass", *wait == Duration::from_nanos(1));
            }
            Answer::Wait(..) => tally.count("waits that the peer does not tell"),
        }
    }
}

impl Peer for Moving {
    type Config = Config;
    type Event = Event;

    fn new(config: Config) -> Self {
        Moving { config, admitted: Vec::new() }
    }

    fn rates(&self) -> Vec<Rate> {
        vec![Rate::new(self.config.limit, Duration::from_nanos(self.config.interval_ns))]
    }

    fn replay(&mut self, event: Event, engine: &Engine, tally: &mut Tally) {
        // The peer's clock began with the epoch; ours too, so that late times are seen as well.
        engine.set_time(self.config.epoch_ns + event.t_ns);
        let edge = self.on_the_edge(event.t_ns);
        let foreseen = engine.wait(None, event.w) == Some(Duration::ZERO);
        let answer = engine.ask(None, event.w);
        tally.equal("decisions", answer.is_granted(), event.ok);
        if event.ok {
            self.admitted.push((event.t_ns, event.w));
        }
        if edge == 0 || event.test == event.ok {
            tally.equal("foreseen", foreseen, event.test);
        } else {
            tally.holds("on purpose: refused as foreseen, the peer said yes", !foreseen && event.test);
        }
        if edge == 0 {
            tally.equal("remaining", engine.remaining(None), event.remaining);
        } else {
            let without_edge = engine.remaining(None) + edge;
            tally.holds("on purpose: remaining counts the edge", without_edge == event.remaining);
        }
        self.compare_refusal(&answer, &event, edge, tally);
    }
}

#[test]
fn a_sliding_window_is_the_moving_window_of_limits() {
    replay::<Moving>(
        "limits/moving",
        &[
            ("decisions", 1920),
            ("foreseen", 1829),
            ("on purpose: refused as foreseen, the peer said yes", 91),
            ("remaining", 1685),
            ("on purpose: remaining counts the edge", 235),
            ("waits", 559),
            ("on purpose: waits for the edge to pass", 80),
            ("waits that the peer does not tell", 172),
            ("never", 49),
        ],
    );
}
