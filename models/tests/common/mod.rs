//! How a model is explored.

#![allow(dead_code, reason = "each file of models uses its own part")]

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use ratelimit_core::clock::ManualClock;
use ratelimit_core::{Bucket, Error, ErrorKind, Permit, Rate};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

/// How many schedules of each kind, unless `MODELS_ITERATIONS` says another number.
const ITERATIONS: usize = 10_000;
/// Most bugs of threads need no more than so many switches at the wrong moment.
const SWITCHES: usize = 3;
/// More than any model takes: whoever goes on for longer goes round in circles.
const STEPS: usize = 20_000;

pub const FOREVER: Duration = Duration::MAX;
pub const SECOND: Duration = Duration::from_secs(1);

/// Rates that let one start at once, then one a second.
pub const ONE_BY_ONE: [Rate; 2] = [Rate::per_second(1), Rate::per_second(1).burst(1)];

/// Statics of the engine are nothing that two executions at a time could share.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Runs `model` under that many schedules drawn at random, and as many that are switched at a few places only, which
/// finds what needs one thread to stand still for long.
///
/// `MODELS_REPLAY` runs the one schedule that a failure printed instead.
pub fn explore(name: &str, model: impl Fn() + Copy + Send + Sync + 'static) {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Ok(schedule) = std::env::var("MODELS_REPLAY") {
        return shuttle::replay(model, &schedule);
    }
    let iterations =
        std::env::var("MODELS_ITERATIONS").map_or(ITERATIONS, |text| text.parse().expect("a number"));
    let began = Instant::now();
    run(RandomScheduler::new(iterations), model);
    run(PctScheduler::new(SWITCHES, iterations), model);
    println!(
        "{name}: {iterations} random schedules, {iterations} of {SWITCHES} switches, {:.1?}",
        began.elapsed()
    );
}

fn run(scheduler: impl Scheduler + 'static, model: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    // The engine's numbers beside the gate are read with weaker orders on purpose; here all are the strongest.
    config.silence_warnings = true;
    config.max_steps = shuttle::MaxSteps::FailAfter(STEPS);
    Runner::new(scheduler, config).run(model);
}

/// A bucket without guard under a clock that stands at zero.
pub fn bucket(rate: Rate) -> (Bucket, ManualClock) {
    let clock = ManualClock::new();
    (Bucket::named("modelled", rate).guard(Duration::ZERO).clock(clock.clone()), clock)
}

/// A call that waits: its future was polled once.
pub struct Waiter(Pin<Box<dyn Future<Output = Result<Permit, Error>> + Send>>);

impl Waiter {
    pub fn on(bucket: &Bucket) -> Self {
        Waiter::of(bucket.request().max_delay(FOREVER).acquire_async())
    }

    pub fn of(future: impl Future<Output = Result<Permit, Error>> + Send + 'static) -> Self {
        let mut waiter = Waiter(Box::pin(future));
        assert!(waiter.look().is_none(), "it has to wait");
        waiter
    }

    /// Polls it once, for nobody.
    pub fn look(&mut self) -> Option<Result<Permit, Error>> {
        match self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(ended) => Some(ended),
            Poll::Pending => None,
        }
    }

    /// Waits to the end, on this thread.
    pub fn wait(self) -> Result<Permit, Error> {
        shuttle::future::block_on(self.0)
    }
}

/// Why it was refused.
pub fn kind(ended: Result<Permit, Error>) -> Option<ErrorKind> {
    ended.err().map(|error| error.kind())
}

/// How long until the next could start.
pub fn wait(bucket: &Bucket) -> Duration {
    bucket.peek().expect("it is open").wait().expect("some time")
}
