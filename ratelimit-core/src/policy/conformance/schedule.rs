//! Random schedules, each made of one number.

use std::time::Duration;

use super::ask::Scale;
use crate::feedback::{Feedback, Scope};
use crate::time::Timestamp;

/// What is done next. Steps say nothing of absolute times, so that any of them can be left out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Lets so many nanoseconds pass.
    Wait(u64),
    /// Waits for what `weight` is promised for, or to just before or just after.
    WaitFor { weight: u32, edge: Edge },
    /// Waits until the state is idle, and plays on beside a fresh one as the seed says.
    WaitUntilIdle(u64),
    /// Takes the weight if that is possible.
    Take(Call),
    /// Takes the weight, possible or not.
    Charge(Call),
    /// Refunds of one of the calls that run, counted round, what is to be refunded next, or ends it.
    End(usize),
    /// Tells what a server answered, made of a seed, to one of the calls that run, counted round.
    Answer(usize, u64),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Edge {
    Before,
    At,
    After,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) weight: u32,
    /// What will be refunded before it ends.
    pub(super) refund: Option<u32>,
    /// Whether half of that is refunded by itself.
    pub(super) in_parts: bool,
}

impl Call {
    /// What is never refunded.
    pub(super) fn kept(self) -> u32 {
        self.weight.saturating_sub(self.refund.unwrap_or(0))
    }
}

#[derive(Clone, Debug)]
pub(super) struct Schedule {
    pub(super) start: Timestamp,
    pub(super) steps: Vec<Step>,
}

impl Schedule {
    /// One in eight goes to extremes: late times, long waits, great weights.
    pub(super) fn random(seed: u64, most: usize, scale: Scale) -> Self {
        let mut random = Random::new(seed);
        let extreme = random.below(8) == 0;
        let start = match (extreme, random.below(4)) {
            (_, 0) => 0,
            (false, _) => random.below(scale.span.saturating_mul(4)),
            (true, 1) => u64::MAX - random.below(scale.span.saturating_mul(4)),
            (true, _) => random.next(),
        };
        let steps = 1 + random.below(u64::try_from(most).unwrap_or(u64::MAX));
        let steps = (0..steps).map(|_| random.step(scale, extreme)).collect();
        Schedule { start: Timestamp::from_nanos(start), steps }
    }
}

/// The generator `SplitMix64`.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Nearly even, which is enough here; zero below nothing.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    fn step(&mut self, scale: Scale, extreme: bool) -> Step {
        match self.below(19) {
            0..=2 => Step::Wait(self.wait(scale, extreme)),
            3..=5 => Step::WaitFor { weight: self.weight(scale, false), edge: self.edge() },
            6 => Step::WaitUntilIdle(self.next()),
            7..=10 => Step::Take(self.call(scale, extreme)),
            11 | 12 => Step::Charge(self.call(scale, extreme)),
            13 | 14 => Step::Answer(self.index(), self.next()),
            _ => Step::End(self.index()),
        }
    }

    fn index(&mut self) -> usize {
        usize::try_from(self.below(16)).unwrap_or(0)
    }

    /// Whatever a server may say of its limits, sense or not.
    pub(super) fn feedback(&mut self, scale: Scale) -> Feedback {
        let extreme = self.below(8) == 0;
        let mut feedback = Feedback::default().rejected(self.below(3) == 0).whole_seconds(self.below(4) == 0);
        let mut weight = || self.some(|random| u64::from(random.weight(scale, extreme)) - random.below(2));
        (feedback.limit, feedback.remaining) = (weight(), weight());
        let mut span = || self.some(|random| Duration::from_nanos(random.wait(scale, extreme)));
        (feedback.reset_after, feedback.retry_after) = (span(), span());
        feedback.scope = match self.below(4) {
            0 => Scope::Global,
            1 => Scope::Shared,
            _ => Scope::Bucket,
        };
        if self.below(4) == 0 { feedback.bucket("a name") } else { feedback }
    }

    fn some<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(2) == 0).then(|| make(self))
    }

    fn edge(&mut self) -> Edge {
        match self.below(4) {
            0 => Edge::Before,
            1 => Edge::After,
            _ => Edge::At,
        }
    }

    pub(super) fn wait(&mut self, scale: Scale, extreme: bool) -> u64 {
        let one = scale.span / u64::from(scale.heaviest);
        match self.below(if extreme { 9 } else { 8 }) {
            0 => 1,
            1 | 2 => self.below(one.saturating_mul(3)),
            3 => scale.span,
            4 => scale.span.saturating_add(1),
            5 | 6 => self.below(scale.span),
            7 => self.below(scale.span.saturating_mul(3)),
            _ => self.next(),
        }
    }

    /// Rarely more than ever fits.
    pub(super) fn weight(&mut self, scale: Scale, extreme: bool) -> u32 {
        let weight = match self.below(if extreme { 9 } else { 8 }) {
            0..=2 => 1 + self.below(3),
            3 => u64::from(scale.heaviest),
            4 => 1 + self.below(u64::from(scale.heaviest) * 2),
            5..=7 => 1 + self.below(u64::from(scale.heaviest)),
            _ => u64::from(u32::MAX) - self.below(2),
        };
        u32::try_from(weight).unwrap_or(u32::MAX)
    }

    fn call(&mut self, scale: Scale, extreme: bool) -> Call {
        let weight = self.weight(scale, extreme);
        let refund = match self.below(6) {
            0 => Some(weight),
            1 => Some(weight.saturating_add(1)),
            2 => Some(u32::try_from(self.below(u64::from(weight))).unwrap_or(0)),
            _ => None,
        };
        Call { weight, refund, in_parts: refund > Some(1) && self.below(4) == 0 }
    }
}

#[cfg(test)]
mod tests;
