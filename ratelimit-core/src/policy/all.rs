//! Several rates as one: a weight may start when all of them let it, and is taken from all of them or from none.

use std::ops::{ControlFlow, Deref, DerefMut};

use super::{Builtin, Earliest, Guarded, Outcome, Own, Policy, Prototype, TokenBucket};
use crate::rate::Rate;
use crate::time::Timestamp;

/// The states of a list of rates, and of a user's own policy beside them, that are always taken together.
#[derive(Clone, Debug)]
pub(crate) struct All {
    pub(super) states: States,
    pub(crate) own: Option<Own>,
}

/// The rates and their states.
///
/// One alone, as most buckets have it, lies in place: what is behind a pointer is somewhere else in memory.
#[derive(Clone, Debug)]
pub(super) enum States {
    One([(Guarded, Builtin); 1]),
    Several(Box<[(Guarded, Builtin)]>),
}

impl FromIterator<(Guarded, Builtin)> for States {
    fn from_iter<I: IntoIterator<Item = (Guarded, Builtin)>>(states: I) -> Self {
        let mut states = states.into_iter();
        match (states.next(), states.next()) {
            (Some(one), None) => States::One([one]),
            (first, second) => States::Several(first.into_iter().chain(second).chain(states).collect()),
        }
    }
}

impl Deref for States {
    type Target = [(Guarded, Builtin)];

    #[inline]
    fn deref(&self) -> &Self::Target {
        match self {
            States::One(one) => one,
            States::Several(several) => several,
        }
    }
}

impl DerefMut for States {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        match self {
            States::One(one) => one,
            States::Several(several) => several,
        }
    }
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
    pub(crate) fn new(rates: &[Guarded], own: Option<&Prototype>) -> Self {
        All {
            states: rates.iter().map(|guarded| (*guarded, Builtin::new(*guarded))).collect(),
            own: own.map(|prototype| Own::new(prototype, 0)),
        }
    }

    /// One rate in this state.
    pub(crate) fn of(rate: Guarded, bucket: TokenBucket) -> Self {
        All { states: States::One([(rate, Builtin::TokenBucket(bucket))]), own: None }
    }

    /// The rate and the state, if it is that of one token bucket and nothing else.
    #[inline]
    pub(crate) fn only_token_bucket(&self) -> Option<(&Guarded, &TokenBucket)> {
        match &*self.states {
            [(guarded, Builtin::TokenBucket(bucket))] if self.own.is_none() => Some((guarded, bucket)),
            _ => None,
        }
    }

    /// Puts in another state of the same one token bucket.
    pub(crate) fn set_token_bucket(&mut self, tat: u64) {
        if let [(_, Builtin::TokenBucket(bucket))] = &mut *self.states {
            *bucket = bucket.unpacked(tat);
        }
    }

    /// The same states of the same rates, under these guards.
    pub(crate) fn set_guards(&mut self, rates: &[Guarded]) {
        debug_assert_eq!(self.states.len(), rates.len(), "they are those of the limits");
        for ((guarded, state), anew) in self.states.iter_mut().zip(rates) {
            debug_assert_eq!(guarded.rate, anew.rate, "they are in their order");
            *guarded = *anew;
            state.set_guard(*anew);
        }
    }

    /// The same rates, nothing taken, for the entry `born`.
    pub(crate) fn fresh(&self, born: u64) -> Self {
        let own = self.own.as_ref().map(|own| own.fresh(born));
        All {
            states: self.states.iter().map(|(guarded, _)| (*guarded, Builtin::new(*guarded))).collect(),
            own,
        }
    }

    /// When `weight` could start under all the rates, not before `now`.
    ///
    /// The latest answer is right for all of them: what is possible at one time stays so until the next commit.
    pub(crate) fn earliest(&self, now: Timestamp, weight: u32) -> Verdict {
        let verdict = self.verdict(now, |state| state.earliest(now, weight));
        match &self.own {
            Some(own) if verdict.earliest != Earliest::Never => {
                verdict.and(Verdict { earliest: own.earliest(now, weight), rate: None })
            }
            _ => verdict,
        }
    }

    /// The same by the rates alone, of a start that may be made so much `early`, for which windows are longer by as much.
    pub(crate) fn earliest_if_early(&self, now: Timestamp, weight: u32, early: u64) -> Verdict {
        self.verdict(now, |state| match state {
            Builtin::FixedWindow(state) => state.earliest_if_early(now, weight, early),
            _ => state.earliest(now, weight),
        })
    }

    #[inline]
    fn verdict(&self, now: Timestamp, earliest: impl Fn(&Builtin) -> Earliest) -> Verdict {
        let verdict = self.states.iter().try_fold(Verdict::at(now), |verdict, (guarded, state)| {
            let next = verdict.and(Verdict { earliest: earliest(state), rate: Some(guarded.rate) });
            match next.earliest {
                Earliest::Never => ControlFlow::Break(next),
                Earliest::At(_) | Earliest::WhenSettled => ControlFlow::Continue(next),
            }
        });
        let (ControlFlow::Break(verdict) | ControlFlow::Continue(verdict)) = verdict;
        verdict
    }

    /// The first rate that `weight` can never fit into.
    pub(crate) fn too_heavy(&self, weight: u32) -> Option<Rate> {
        self.states.iter().map(|(guarded, _)| guarded.rate).find(|rate| weight > rate.max_weight())
    }

    /// Takes `weight` as at `stamp`, if all of them let it start at `now`; whether it was taken.
    #[inline]
    pub(crate) fn take(&mut self, times: (Timestamp, Timestamp), weight: u32) -> bool {
        if let (States::One([(_, state)]), None) = (&mut self.states, &self.own) {
            return state.take(times, weight);
        }
        let (now, stamp) = times;
        let at_once = Earliest::At(now);
        self.states.iter().all(|(_, state)| state.earliest(now, weight) == at_once)
            && self.own.as_ref().is_none_or(|own| own.earliest(now, weight) == at_once)
            && self.commit(stamp, weight)
    }

    /// Whether it was taken: by none of them where the user's policy panics.
    pub(crate) fn commit(&mut self, now: Timestamp, weight: u32) -> bool {
        let taken = self.own.as_mut().is_none_or(|own| own.commit(now, weight));
        if !taken {
            return false;
        }
        for (_, state) in &mut *self.states {
            state.commit(now, weight);
        }
        true
    }

    /// Settles the rates; the user's policy is settled by itself, as it may be older than they.
    pub(crate) fn settle(&mut self, start: Timestamp, now: Timestamp, weight: u32, outcome: &Outcome) {
        for (_, state) in &mut *self.states {
            state.settle(start, now, weight, outcome);
        }
    }

    /// The same of what may have been reserved, where others up to `newest` may have been reserved behind it: what a token
    /// bucket would have refilled until then is not there for them any more.
    pub(crate) fn settle_reserved(
        &mut self,
        (start, newest): (Timestamp, Timestamp),
        now: Timestamp,
        weight: u32,
        outcome: &Outcome,
    ) {
        for (_, state) in &mut *self.states {
            let settled = match state {
                Builtin::TokenBucket(_) => now.max(newest),
                Builtin::SlidingWindow(_) | Builtin::FixedWindow(_) => now,
            };
            state.settle(start, settled, weight, outcome);
        }
    }

    /// From when on a fresh state would admit no more; `None` = never.
    pub(crate) fn idle_at(&self, now: Timestamp) -> Option<Timestamp> {
        let own = self.own.as_ref().map_or(Some(Timestamp::ZERO), |own| own.idle_at(now))?;
        self.states.iter().try_fold(own, |idle, (_, state)| Some(idle.max(state.idle_at()?)))
    }

    pub(crate) fn states(&self) -> impl Iterator<Item = (Rate, &Builtin)> {
        self.states.iter().map(|(guarded, state)| (guarded.rate, state))
    }
}

#[cfg(test)]
mod tests;
