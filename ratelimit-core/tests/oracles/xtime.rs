//! `golang.org/x/time/rate` (Go): a token bucket in floats, here with rates and times that floats hold exactly.

mod reserve;

use std::ops::ControlFlow;
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
}

/// A limiter, as far as its answers tell of it.
struct Limiter {
    rate: Rate,
    burst: u32,
    limit_per_s: f64,
}

impl Limiter {
    fn new(config: &Config) -> Self {
        Limiter {
            rate: exact(&config.limit_per_s).burst(config.burst),
            burst: config.burst,
            limit_per_s: config.limit_per_s.as_f64().expect("a number"),
        }
    }

    /// How long a bucket of so many tokens takes until `weight` may start. All times of the traces are multiples of
    /// 1/512 s, so nothing is rounded.
    fn wait(&self, tokens: f64, weight: u32) -> Duration {
        let missing = (f64::from(weight) - tokens).max(0.0);
        Duration::from_secs_f64(missing / self.limit_per_s)
    }

    fn compare_allow(&self, event: &Allow, engine: &Engine, tally: &mut Tally) {
        let answer = engine.ask(None, event.n);
        tally.equal("decisions", answer.is_granted(), event.ok);
        match answer {
            Answer::Granted => {}
            Answer::Wait(wait, _) => tally.equal("waits", wait, self.wait(event.tokens, event.n)),
            Answer::TooHeavy(_) => tally.holds("never", event.n > self.burst),
        }
    }

    /// The token count after an event: what is left, and how long the next token takes, debt included.
    fn compare_tokens(&self, tokens: f64, engine: &Engine, tally: &mut Tally) {
        tally.equal("times of the next token", engine.wait(None, 1), Some(self.wait(tokens, 1)));
        // Our policies hold only what has started, so that those who wait are no debt in `remaining`.
        if tokens >= 0.0 {
            tally.equal("remaining", f64::from(engine.remaining(None)), tokens.floor());
        }
    }
}

/// So much a second, written as a decimal fraction: `2.5` is 25 in 10 s.
fn exact(per_second: &Number) -> Rate {
    let text = per_second.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let amount = format!("{whole}{part}").parse().expect("an amount");
    let seconds = 10_u64.pow(u32::try_from(part.len()).expect("few digits"));
    Rate::new(amount, Duration::from_secs(seconds))
}

struct AllowOnly(Limiter);

impl Peer for AllowOnly {
    type Config = Config;
    type Event = Allow;

    fn new(config: Config) -> Self {
        AllowOnly(Limiter::new(&config))
    }

    fn rates(&self) -> Vec<Rate> {
        vec![self.0.rate]
    }

    fn replay(&mut self, event: Allow, engine: &Engine, tally: &mut Tally) -> ControlFlow<()> {
        engine.set_time(event.t_ns);
        self.0.compare_allow(&event, engine, tally);
        self.0.compare_tokens(event.tokens, engine, tally);
        ControlFlow::Continue(())
    }
}

#[test]
fn a_token_bucket_allows_what_x_time_allows() {
    replay::<AllowOnly>(
        "xtime/allow",
        &[
            ("traces", 7),
            ("events replayed", 1250),
            ("decisions", 1250),
            ("waits", 668),
            ("never", 18),
            ("remaining", 1250),
            ("times of the next token", 1250),
        ],
    );
}
