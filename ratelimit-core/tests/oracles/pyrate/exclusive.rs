//! The line of versions 2: a unit put at `s` counts at `t` iff `s > t - interval`, so a unit exactly one interval old
//! does not. In whole milliseconds that is our window one nanosecond shorter, and its waits are ours.

use std::time::Duration;

use ratelimit_core::Rate;

use super::{Config, Event, MILLISECOND, Refusal};
use crate::replay::{Answer, Engine, Peer, Tally, replay};

struct Exclusive {
    rates: Vec<Rate>,
}

impl Exclusive {
    fn compare_refusal(&self, answer: &Answer, refusal: &Refusal, tally: &mut Tally) {
        let Answer::Wait(wait, rate) = answer else { panic!("{answer:?}, but the peer would wait") };
        let theirs = Duration::from_millis(u64::try_from(refusal.wait_ms).expect("it is not for ever"));
        // The peer tells of the first rate without room, ours is the one that takes longest.
        if self.rates.get(refusal.fail) == Some(rate) {
            tally.equal("waits", *wait, theirs);
        } else {
            tally.holds("on purpose: the rate that refuses longest", *wait >= theirs);
        }
    }
}

impl Peer for Exclusive {
    type Config = Config;
    type Event = Event;

    fn new(config: Config) -> Self {
        let window = |millis: u64| Duration::from_nanos(millis * MILLISECOND - 1);
        let rates = config.rates.iter().map(|limit| Rate::new(limit.limit, window(limit.interval_ms)));
        Exclusive { rates: rates.collect() }
    }

    fn rates(&self) -> Vec<Rate> {
        self.rates.clone()
    }

    fn replay(&mut self, event: Event, engine: &Engine, tally: &mut Tally) {
        event.replay(engine, tally, |answer, refusal, tally| self.compare_refusal(answer, refusal, tally));
    }
}

#[test]
fn a_window_less_one_nanosecond_is_the_exclusive_one() {
    replay::<Exclusive>(
        "pyrate/sliding-v2",
        &[("decisions", 1178), ("on purpose: the rate that refuses longest", 17), ("waits", 345)],
    );
}
