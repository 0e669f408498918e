//! `PyrateLimiter`'s blocking calls with a timeout: ours with an allowance.
//!
//! The peer sleeps for whole milliseconds, and by default for 50 more, before it asks again. Ours could start as soon as
//! there is room; it is polled when the peer has slept, so that both start at the same time. Where only what the peer
//! sleeps in vain takes it past its timeout, ours would have been in time.

use std::time::Duration;

use ratelimit_core::{ErrorKind, Rate};
use serde::Deserialize;

use super::{Limit, MILLISECOND};
use crate::replay::{Engine, Peer, Tally, replay};
use crate::waiting::Waiting;

#[derive(Deserialize)]
struct Config {
    rates: Vec<Limit>,
    buffer_ms: u64,
}

#[derive(Deserialize)]
struct Acquire {
    t_ms: u64,
    w: u32,
    blocking: bool,
    timeout_ms: Option<u64>,
    result: bool,
    slept_us: Vec<u64>,
    end_us: u64,
}

struct Blocking {
    config: Config,
    waiting: Waiting,
}

impl Peer for Blocking {
    type Config = Config;
    type Event = Acquire;

    fn new(config: Config) -> Self {
        Blocking { config, waiting: Waiting::default() }
    }

    fn rates(&self) -> Vec<Rate> {
        let rate = |limit: &Limit| Rate::new(limit.limit, Duration::from_millis(limit.interval_ms));
        self.config.rates.iter().map(rate).collect()
    }

    fn replay(&mut self, event: Acquire, engine: &Engine, tally: &mut Tally) {
        engine.set_time(event.t_ms * MILLISECOND);
        let Acquire { w, result, end_us, .. } = event;
        let slept = event.slept_us.iter().sum::<u64>() * 1000;
        assert_eq!(end_us * 1000, event.t_ms * MILLISECOND + slept, "it ends when it has slept");
        let timeout = if event.blocking { event.timeout_ms } else { Some(0) };
        let allowed = timeout.map_or(Duration::MAX, Duration::from_millis);
        let wait = engine.wait(None, w);
        match self.waiting.join_for(0, w, allowed, engine) {
            Some(Ok(_started)) => {
                tally.equal("decisions", true, result);
                tally.equal("starts at once", slept, 0);
            }
            Some(Err(refused)) => {
                tally.equal("decisions", false, result);
                if refused.kind() == ErrorKind::TooHeavy {
                    tally.equal("never", slept, 0);
                } else {
                    // The peer sleeps although it knows that it is in vain.
                    tally.equal("timeouts", Some(slept), timeout.map(|timeout| timeout * MILLISECOND));
                }
            }
            None => self.sleeps(&event, wait.expect("it waits"), slept, engine, tally),
        }
    }
}

impl Blocking {
    /// Ours waits.
    fn sleeps(&mut self, event: &Acquire, wait: Duration, slept: u64, engine: &Engine, tally: &mut Tally) {
        // Both tell when there is room, ours to the nanosecond.
        let ready = u64::try_from(wait.as_nanos()).expect("a short wait") - 1 + MILLISECOND;
        let buffer = self.config.buffer_ms * MILLISECOND;
        if !event.result {
            let timeout = event.timeout_ms.map(|timeout| timeout * MILLISECOND);
            tally.equal("timeouts", Some(slept), timeout);
            tally.holds("on purpose: in time, the peer would sleep longer", ready + buffer > slept);
            self.waiting.leave(0);
            return;
        }
        let started = self.waiting.come_late(event.end_us * 1000, engine);
        tally.equal("decisions", started.len(), 1);
        if buffer == 0 || self.config.rates.len() == 1 {
            tally.equal("sleeps", ready + buffer, slept);
        } else {
            let most = ready + buffer * u64::try_from(event.slept_us.len()).expect("few");
            let is_within = (ready..=most).contains(&slept);
            tally.holds("on purpose: to the time, the peer some buffers later", is_within);
        }
    }
}

#[test]
fn a_blocking_call_is_in_time_where_pyrate_limiters_is() {
    replay::<Blocking>(
        "pyrate/blocking",
        &[
            ("decisions", 547),
            ("never", 17),
            ("on purpose: in time, the peer would sleep longer", 3),
            ("on purpose: to the time, the peer some buffers later", 9),
            ("sleeps", 93),
            ("starts at once", 343),
            ("timeouts", 88),
        ],
    );
}
