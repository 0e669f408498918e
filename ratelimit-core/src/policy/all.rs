//! Several rates as one: a weight may start when all of them let it, and is taken from all of them or from none.

use std::ops::ControlFlow;

use super::{Builtin, Earliest, Guarded, Outcome, Policy, TokenBucket};
use crate::rate::Rate;
use crate::time::Timestamp;

/// The states of a list of rates that are always taken together.
#[derive(Clone, Debug)]
pub(crate) struct All {
    pub(super) states: Box<[(Guarded, Builtin)]>,
}

/// When a weight could start, and the rate that says so, if one holds it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) earliest: Earliest,
    pub(crate) rate: Option<Rate>,
}

impl Verdict {
    pub(crate) fn at(time: Timestamp) -> Self {
        Verdict { earliest: Earliest::At(time), rate: None }
    }

    /// The later of both; on a tie the first keeps its rate.
    pub(crate) fn and(self, other: Verdict) -> Verdict {
        if other.earliest > self.earliest { other } else { self }
    }
}

impl All {
    pub(crate) fn new(rates: &[Guarded]) -> Self {
        All { states: rates.iter().map(|guarded| (*guarded, Builtin::new(*guarded))).collect() }
    }

    /// One rate in this state.
    pub(crate) fn of(rate: Guarded, bucket: TokenBucket) -> Self {
        All { states: Box::new([(rate, Builtin::TokenBucket(bucket))]) }
    }

    /// The rate and the state, if it is that of one token bucket and nothing else.
    pub(crate) fn only_token_bucket(&self) -> Option<(&Guarded, &TokenBucket)> {
        match &*self.states {
            [(guarded, Builtin::TokenBucket(bucket))] => Some((guarded, bucket)),
            _ => None,
        }
    }

    /// Puts in another state of the same one token bucket.
    pub(crate) fn set_token_bucket(&mut self, tat: u64) {
        if let [(_, Builtin::TokenBucket(bucket))] = &mut *self.states {
            *bucket = bucket.unpacked(tat);
        }
    }

    /// The same rates, nothing taken.
    pub(crate) fn fresh(&self) -> Self {
        All { states: self.states.iter().map(|(guarded, _)| (*guarded, Builtin::new(*guarded))).collect() }
    }

    /// When `weight` could start under all the rates, not before `now`.
    ///
    /// The latest answer is right for all of them: what is possible at one time stays so until the next commit.
    pub(crate) fn earliest(&self, now: Timestamp, weight: u32) -> Verdict {
        let verdict = self.states.iter().try_fold(Verdict::at(now), |verdict, (guarded, state)| {
            let earliest = state.earliest(now, weight);
            let next = verdict.and(Verdict { earliest, rate: Some(guarded.rate) });
            match next.earliest {
                Earliest::Never => ControlFlow::Break(next),
                Earliest::At(_) | Earliest::WhenSettled => ControlFlow::Continue(next),
            }
        });
        match verdict {
            ControlFlow::Break(verdict) | ControlFlow::Continue(verdict) => verdict,
        }
    }

    /// The first rate that `weight` can never fit into.
    pub(crate) fn too_heavy(&self, weight: u32) -> Option<Rate> {
        self.states.iter().map(|(guarded, _)| guarded.rate).find(|rate| weight > rate.max_weight())
    }

    pub(crate) fn commit(&mut self, now: Timestamp, weight: u32) {
        for (_, state) in &mut self.states {
            state.commit(now, weight);
        }
    }

    pub(crate) fn settle(&mut self, start: Timestamp, now: Timestamp, weight: u32, outcome: Outcome) {
        for (_, state) in &mut self.states {
            state.settle(start, now, weight, &outcome);
        }
    }

    /// From when on a fresh state would admit no more; `None` = never.
    pub(crate) fn idle_at(&self) -> Option<Timestamp> {
        self.states.iter().try_fold(Timestamp::ZERO, |idle, (_, state)| Some(idle.max(state.idle_at()?)))
    }

    pub(crate) fn states(&self) -> impl Iterator<Item = (Rate, &Builtin)> {
        self.states.iter().map(|(guarded, state)| (guarded.rate, state))
    }
}
