//! Changed limits, which are registered anew here: what is owed and who waits, under a limit and a burst that are
//! others than before. What differs on purpose is told with the reservations.

use std::time::Duration;

use ratelimit_core::Rate;
use serde_json::Number;

use super::reserve::Reservations;
use crate::replay::{Engine, Tally, replay};

impl<const SLACK: u64> Reservations<SLACK> {
    fn replace(&mut self, before: Rate, engine: &Engine) {
        engine.replace(self.limiter.rate);
        if self.limiter.rate != before {
            self.reserved
                .values_mut()
                .for_each(|reservation| reservation.is_void = reservation.permit.is_some());
        }
    }

    /// Those who wait are planned anew: the last of them acts when all that is reserved is refilled.
    pub(super) fn set_limit(&mut self, now: u64, tokens: f64, limit: &Number, engine: &Engine) {
        let before = self.limiter.rate;
        self.limiter.set_limit(limit);
        self.replace(before, engine);
        let mut reserved = -tokens;
        for (id, reservation) in self.reserved.iter_mut().rev() {
            if self.waiting.is_waiting(*id) {
                reservation.act = now + nanos(self.limiter.wait(-reserved, 0));
                reserved -= f64::from(reservation.weight);
                self.replanned |= self.limiter.rate != before;
            }
        }
    }

    pub(super) fn set_burst(
        &mut self,
        now: u64,
        tokens: f64,
        burst: u32,
        engine: &Engine,
        tally: &mut Tally,
    ) {
        let waiting = self.reserved.iter().filter(|(id, _)| self.waiting.is_waiting(**id));
        let waiting: Vec<u32> = waiting.map(|(_, reservation)| reservation.weight).collect();
        let in_line = f64::from(waiting.iter().sum::<u32>());
        let owed = f64::from(self.limiter.burst) - (self.tokens_at(now) + in_line);
        let before = self.limiter.rate;
        self.limiter.set_burst(burst);
        self.replace(before, engine);
        let ours = f64::from(burst) - owed.min(f64::from(burst)) - in_line;
        if waiting.iter().all(|weight| *weight <= burst) {
            let wait = Some(self.limiter.wait(ours, 1));
            self.limiter.close("our waits after another burst", engine.wait(None, 1), wait, tally);
        }
        if !self.limiter.is_nearly(ours, tokens) {
            tally.count("on purpose: another burst, and what is owed stays");
            self.part();
        }
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).expect("a short span")
}

#[test]
fn replaced_limits_owe_what_x_times_reconfigured_owe() {
    replay::<Reservations<1>>(
        "xtime/reconfigure",
        &[
            ("decisions", 250),
            ("delays", 77),
            ("given back", 19),
            ("gone on from full buckets", 21),
            ("left out: the states are not the same", 644),
            ("never", 8),
            ("on purpose: a refund is void under other limits", 2),
            ("on purpose: another burst, and what is owed stays", 20),
            ("on purpose: who waits is planned anew at another limit", 1),
            ("other bursts", 30),
            ("other limits", 26),
            ("our waits after another burst", 30),
            ("remaining", 282),
            ("reservations", 76),
            ("starts of those who waited", 21),
            ("times of the next token", 382),
            ("waits", 101),
        ],
    );
}
