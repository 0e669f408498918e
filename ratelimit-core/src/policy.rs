//! Policies: the algorithms behind rates, as pure state machines without clock, lock or I/O.
//!
//! Asking ([`Policy::earliest`]) and taking ([`Policy::commit`]) are apart, so several rates are all or nothing, and a
//! plan or a peek takes nothing. The laws that every policy keeps:
//!
//! - once [`earliest`](Policy::earliest) says a weight could start, it stays so until the next commit;
//! - a commit counts from its own moment on, whether or not it was asked for before;
//! - a settled refund gives back at most what was taken: afterwards the laws hold over the calls that remain;
//! - from [`idle_at`](Policy::idle_at) on, a fresh state would admit no more than this one.
//!
//! Times given to one state never go back: the line sees to that.

pub(crate) mod all;
mod inherit;
mod sliding_window;
pub(crate) mod token_bucket;

use crate::rate::{Rate, Shape};
use crate::time::Timestamp;

pub(crate) use all::All;
use sliding_window::SlidingWindow;
use token_bucket::TokenBucket;

/// When a weight could start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Earliest {
    /// From then on.
    At(Timestamp),
    /// Not before the end of time.
    Never,
}

/// How a started call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It cost less than was taken: give back at most so much.
    Refund(u32),
}

/// The state of one algorithm.
pub(crate) trait Policy {
    /// When `weight` could start, at the earliest `now`.
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest;
    /// Takes `weight` at `now`.
    fn commit(&mut self, now: Timestamp, weight: u32);
    /// Learns at `now` how the call that took `weight` at `start` ended.
    fn settle(&mut self, start: Timestamp, now: Timestamp, weight: u32, outcome: Outcome);
    /// From when on a fresh state would admit no more; `None` = never.
    fn idle_at(&self) -> Option<Timestamp>;
    /// How much of the rate is taken at `now`.
    fn used(&self, now: Timestamp) -> u32;
    /// How much could start at `now` at once.
    fn remaining(&self, now: Timestamp) -> u32;
}

/// A rate with its guard in nanoseconds: what a policy is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guarded {
    pub(crate) rate: Rate,
    pub(crate) guard: u64,
}

/// The built-in policies.
#[derive(Clone, Debug)]
pub(crate) enum Builtin {
    SlidingWindow(SlidingWindow),
    TokenBucket(TokenBucket),
}

impl Builtin {
    /// A fresh state for `rate`.
    pub(crate) fn new(Guarded { rate, guard }: Guarded) -> Self {
        match rate.shape() {
            Shape::Burst(burst) => {
                Builtin::TokenBucket(TokenBucket::new(rate.amount(), rate.per_nanos(), burst, guard))
            }
            // A fixed window is refused when the limits are validated; the stricter window stands in.
            Shape::Sliding | Shape::Fixed => Builtin::SlidingWindow(SlidingWindow::new(
                rate.amount(),
                rate.per_nanos().saturating_add(guard),
            )),
        }
    }

    fn policy(&self) -> &dyn Policy {
        match self {
            Builtin::SlidingWindow(state) => state,
            Builtin::TokenBucket(state) => state,
        }
    }

    fn policy_mut(&mut self) -> &mut dyn Policy {
        match self {
            Builtin::SlidingWindow(state) => state,
            Builtin::TokenBucket(state) => state,
        }
    }
}

impl Policy for Builtin {
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        self.policy().earliest(now, weight)
    }

    fn commit(&mut self, now: Timestamp, weight: u32) {
        self.policy_mut().commit(now, weight);
    }

    fn settle(&mut self, start: Timestamp, now: Timestamp, weight: u32, outcome: Outcome) {
        self.policy_mut().settle(start, now, weight, outcome);
    }

    fn idle_at(&self) -> Option<Timestamp> {
        self.policy().idle_at()
    }

    fn used(&self, now: Timestamp) -> u32 {
        self.policy().used(now)
    }

    fn remaining(&self, now: Timestamp) -> u32 {
        self.policy().remaining(now)
    }
}
