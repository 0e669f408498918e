//! Fixed window, asked before it is told: it opens at the first call that passes, is over one interval later, and takes
//! all of a weight or nothing. Ours exactly; nothing differs.

use std::time::Duration;

use ratelimit_core::Rate;
use serde::Deserialize;

use super::Config;
use crate::replay::{Answer, Engine, Peer, Tally, replay};

#[derive(Deserialize)]
struct Event {
    t_ns: u64,
    w: u32,
    ok: bool,
    /// Just after.
    remaining: u32,
    /// The end of the window that is open, else this moment.
    reset_ns: u64,
}

struct Fixed(Config);

impl Peer for Fixed {
    type Config = Config;
    type Event = Event;

    fn new(config: Config) -> Self {
        Fixed(config)
    }

    fn rates(&self) -> Vec<Rate> {
        vec![Rate::new(self.0.limit, Duration::from_nanos(self.0.interval_ns)).fixed()]
    }

    fn replay(&mut self, event: Event, engine: &Engine, tally: &mut Tally) {
        engine.set_time(self.0.epoch_ns + event.t_ns);
        let answer = engine.ask(None, event.w);
        let reset = Duration::from_nanos(event.reset_ns - event.t_ns);
        tally.equal("decisions", answer.is_granted(), event.ok);
        tally.equal("remaining", engine.remaining(None), event.remaining);
        tally.equal("ends of the window", engine.resets_in(), reset);
        match answer {
            Answer::Granted => {}
            Answer::Wait(wait, _) => tally.equal("waits", wait, reset),
            Answer::TooHeavy(_) => tally.holds("never", event.w > self.0.limit),
        }
    }
}

#[test]
fn a_fixed_window_is_that_of_limits() {
    replay::<Fixed>(
        "limits/fixed-test-hit",
        &[
            ("decisions", 1262),
            ("ends of the window", 1262),
            ("never", 21),
            ("remaining", 1262),
            ("waits", 328),
        ],
    );
}
