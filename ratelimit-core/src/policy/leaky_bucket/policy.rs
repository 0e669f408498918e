//! The leaky bucket as a policy: whole weights, whole nanoseconds, and the laws.
//!
//! Law 9 and law 10 compare states that did not take the same. They hold as a state that is fuller and leaks more slowly
//! stays so, whatever is done to both: pouring in adds the same to both, leaking and adapting keep the order, and what a
//! refund gives back does not depend on the state.

use super::LeakyBucket;
use crate::policy::{Earliest, Outcome, Policy};
use crate::time::Timestamp;

#[expect(clippy::float_arithmetic, reason = "the algorithm is defined in floats")]
impl LeakyBucket {
    fn amount(&self, weight: u32) -> f64 {
        f64::from(weight) * self.unit
    }

    /// When it is dry, in seconds.
    fn dry_at(&self) -> f64 {
        self.last + self.filled / (self.leak * self.factor)
    }

    /// Whether it was dry for so long, by `now`, that it forgets a factor below the one it started with.
    fn is_rested(&self, now: f64) -> bool {
        now >= self.dry_at() + self.capacity / (self.leak * self.min_factor)
    }

    /// Brings level and factor up to `now`.
    fn advance(&mut self, now: f64) {
        if self.factor < self.home && self.is_rested(now) {
            self.factor = self.home;
        }
        self.leak_until(now);
    }

    /// The first nanosecond from `now` on at which `holds`, which is near `guess` seconds and stays so from then on.
    ///
    /// Floats that are solved for the time are a hair off, early or late; so the condition itself is asked around them.
    fn first(now: Timestamp, guess: f64, holds: impl Fn(f64) -> bool) -> Option<Timestamp> {
        let holds = |nanos| holds(seconds(Timestamp::from_nanos(nanos)));
        let start = now.as_nanos();
        if holds(start) {
            return Some(now);
        }
        let guess = nanos(guess).max(start);
        // `before` does not hold; steps double until `at` does, or until they reach `before` again from above.
        let (mut before, mut at, mut step) = (start, guess, 1);
        while !holds(at) {
            if at == u64::MAX {
                return None;
            }
            (before, at) = (at, at.saturating_add(step));
            step = step.saturating_mul(2);
        }
        if at == guess {
            while at.saturating_sub(step) > before {
                let lower = at - step;
                if !holds(lower) {
                    before = lower;
                    break;
                }
                (at, step) = (lower, step.saturating_mul(2));
            }
        }
        while at - before > 1 {
            let middle = before + (at - before) / 2;
            if holds(middle) { at = middle } else { before = middle }
        }
        Some(Timestamp::from_nanos(at))
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    reason = "the algorithm counts in float seconds"
)]
fn seconds(time: Timestamp) -> f64 {
    time.as_nanos() as f64 / 1e9
}

/// Near enough: what comes of it is looked at.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts of floats saturate")]
#[expect(clippy::float_arithmetic, reason = "the algorithm counts in float seconds")]
fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

#[expect(clippy::float_arithmetic, reason = "the algorithm is defined in floats")]
impl Policy for LeakyBucket {
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        let amount = self.amount(weight);
        if amount > self.capacity {
            return Earliest::Never;
        }
        let over = self.filled + amount - self.capacity;
        let guess = self.last + over / (self.leak * self.factor);
        let fits = |time| self.level(time) + amount <= self.capacity;
        LeakyBucket::first(now, guess, fits).map_or(Earliest::Never, Earliest::At)
    }

    fn commit(&mut self, now: Timestamp, weight: u32) {
        if weight > 0 {
            self.advance(seconds(now));
            self.filled += self.amount(weight);
        }
    }

    /// Adapts for each call that cost something, as it ends.
    ///
    /// Gives back, of what the call poured in, what cannot have leaked away since it started. The
    /// bucket without the call is emptier by at least that: either it has never been dry since, and lacks all of what
    /// the call poured in, or it has been, and this one then held what the call poured in less what leaked.
    fn settle(&mut self, start: Timestamp, now: Timestamp, weight: u32, outcome: &Outcome) {
        let given = match *outcome {
            Outcome::Refund(given) => given,
            Outcome::NoNews => {
                self.advance(seconds(now));
                return self.adapt_always();
            }
            Outcome::Feedback(_) => return,
        };
        let (start, now) = (seconds(start), seconds(now));
        let leaked = (now - start).max(0.0) * self.leak * self.max_factor;
        let rounding = (self.capacity + self.amount(weight)) * 1e-9;
        let left = self.amount(weight) - leaked;
        let back = self.amount(weight.min(given)).min(left) - rounding;
        // Where nothing is given back nothing is changed: to add up what leaked by parts would round it otherwise.
        if back > 0.0 {
            self.advance(now);
            self.filled = (self.filled - back).max(0.0);
        }
    }

    /// As soon as it is dry, where it leaks at least as fast as a fresh one; else as soon as it is rested.
    fn idle_at(&self) -> Option<Timestamp> {
        if self.is_fresh {
            return Some(Timestamp::ZERO);
        }
        if self.factor < self.home {
            let rest = self.capacity / (self.leak * self.min_factor);
            LeakyBucket::first(Timestamp::ZERO, self.dry_at() + rest, |time| self.is_rested(time))
        } else {
            LeakyBucket::first(Timestamp::ZERO, self.dry_at(), |time| self.level(time) <= 0.0)
        }
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}
