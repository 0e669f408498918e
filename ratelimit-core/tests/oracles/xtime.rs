//! `golang.org/x/time/rate` (Go): a token bucket in floats.
//!
//! Where its rates and times are such that floats hold them exactly, so do the comparisons. Else ours is exact and its
//! own is rounded: whole nanoseconds, up with us and down there, may then differ by one.

mod changes;
mod reserve;

use std::time::Duration;

use ratelimit_core::Rate;
use serde::Deserialize;
use serde_json::Number;

use crate::replay::{Answer, Engine, Peer, Tally, replay};

#[derive(Deserialize)]
struct Config {
    limit_per_s: Number,
    burst: u32,
}

#[derive(Deserialize)]
struct Allow {
    t_ns: u64,
    n: u32,
    ok: bool,
    /// After the event; in debt below zero.
    tokens: f64,
    /// So near to what was asked for that the peer's rounding has decided.
    #[serde(default)]
    near: bool,
}

/// A limiter, as far as its answers tell of it.
struct Limiter {
    rate: Rate,
    burst: u32,
    limit_per_s: f64,
    /// By how many nanoseconds two times may differ.
    slack: u64,
}

impl Limiter {
    fn new(config: &Config, slack: u64) -> Self {
        let mut limiter = Limiter { rate: Rate::per_second(1), burst: config.burst, limit_per_s: 0.0, slack };
        limiter.set_limit(&config.limit_per_s);
        limiter
    }

    fn set_limit(&mut self, per_second: &Number) {
        self.rate = exact(per_second).burst(self.burst);
        self.limit_per_s = per_second.as_f64().expect("a number");
    }

    fn set_burst(&mut self, burst: u32) {
        self.rate = Rate::new(self.rate.amount(), self.rate.per()).burst(burst);
        self.burst = burst;
    }

    /// Asserts that a time is the peer's.
    fn close(&self, what: &'static str, ours: Option<Duration>, peers: Option<Duration>, tally: &mut Tally) {
        let slack = Duration::from_nanos(self.slack);
        match (ours, peers) {
            (Some(ours), Some(peers)) if ours.abs_diff(peers) <= slack => tally.count(what),
            (ours, peers) => tally.equal(what, ours, peers),
        }
    }

    /// How long a bucket of so many tokens takes until `weight` may start.
    fn wait(&self, tokens: f64, weight: u32) -> Duration {
        let missing = (f64::from(weight) - tokens).max(0.0);
        Duration::from_secs_f64(missing / self.limit_per_s)
    }

    fn compare_allow(&self, event: &Allow, engine: &Engine, tally: &mut Tally) {
        let answer = engine.ask(None, event.n);
        tally.equal("decisions", answer.is_granted(), event.ok);
        match answer {
            Answer::Granted => {}
            Answer::Wait(wait, _) => {
                self.close("waits", Some(wait), Some(self.wait(event.tokens, event.n)), tally);
            }
            Answer::TooHeavy(_) => tally.holds("never", event.n > self.burst),
        }
    }

    /// Whether two token counts are the same, but for the floats.
    fn is_nearly(&self, a: f64, b: f64) -> bool {
        if self.slack == 0 { (a - b).abs() < f64::MIN_POSITIVE } else { (a - b).abs() < 1e-6 }
    }

    /// The token count after an event: what is left, and how long the next token takes, debt included.
    fn compare_tokens(&self, tokens: f64, engine: &Engine, tally: &mut Tally) {
        self.close("times of the next token", engine.wait(None, 1), Some(self.wait(tokens, 1)), tally);
        // Our policies hold only what has started, so that those who wait are no debt in `remaining`.
        if tokens >= 0.0 {
            let part = tokens - f64::from(engine.remaining(None));
            tally.holds("remaining", self.is_nearly(part, 0.0) || (0.0..1.0).contains(&part));
        }
    }
}

/// So much a second, written as a decimal fraction: `2.5` is 25 in 10 s. One in whole seconds where that takes too many
/// digits: `0.3333333333333333` is 1 in 3 s.
fn exact(per_second: &Number) -> Rate {
    let text = per_second.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let Ok(amount) = format!("{whole}{part}").parse() else {
        let seconds = 1.0 / per_second.as_f64().expect("a number");
        assert!((seconds - seconds.round()).abs() < 1e-9, "{per_second}");
        return Rate::new(1, Duration::from_secs_f64(seconds.round()));
    };
    let seconds = 10_u64.pow(u32::try_from(part.len()).expect("few digits"));
    Rate::new(amount, Duration::from_secs(seconds))
}

struct AllowOnly(Limiter);

impl Peer for AllowOnly {
    type Config = Config;
    type Event = Allow;

    fn new(config: Config) -> Self {
        AllowOnly(Limiter::new(&config, 0))
    }

    fn rates(&self) -> Vec<Rate> {
        vec![self.0.rate]
    }

    fn replay(&mut self, event: Allow, engine: &Engine, tally: &mut Tally) {
        engine.set_time(event.t_ns);
        self.0.compare_allow(&event, engine, tally);
        self.0.compare_tokens(event.tokens, engine, tally);
    }
}

#[test]
fn a_token_bucket_allows_what_x_time_allows() {
    replay::<AllowOnly>(
        "xtime/allow",
        &[
            ("decisions", 1250),
            ("waits", 668),
            ("never", 18),
            ("remaining", 1250),
            ("times of the next token", 1250),
        ],
    );
}
