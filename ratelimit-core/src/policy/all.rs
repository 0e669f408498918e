//! Several rates as one: a weight may start when all of them let it, and is taken from all of them or from none.

use std::ops::ControlFlow;

use super::{Builtin, Earliest, Guarded, Outcome, Policy};
use crate::rate::Rate;
use crate::time::Timestamp;

/// The states of a list of rates that are always taken together.
#[derive(Clone, Debug)]
pub(crate) struct All {
    states: Box<[(Guarded, Builtin)]>,
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
        match (self.earliest, other.earliest) {
            (Earliest::Never, _) => self,
            (_, Earliest::Never) => other,
            (Earliest::At(a), Earliest::At(b)) if b > a => other,
            _ => self,
        }
    }
}

impl All {
    pub(crate) fn new(rates: &[Guarded]) -> Self {
        All { states: rates.iter().map(|guarded| (*guarded, Builtin::new(*guarded))).collect() }
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
                Earliest::At(_) => ControlFlow::Continue(next),
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
            state.settle(start, now, weight, outcome);
        }
    }

    /// From when on a fresh state would admit no more; `None` = never.
    pub(crate) fn idle_at(&self) -> Option<Timestamp> {
        self.states.iter().try_fold(Timestamp::ZERO, |idle, (_, state)| Some(idle.max(state.idle_at()?)))
    }

    pub(crate) fn states(&self) -> impl Iterator<Item = (Rate, &Builtin)> {
        self.states.iter().map(|(guarded, state)| (guarded.rate, state))
    }

    /// States for `rates` that count every start which any of `old` still remembers.
    ///
    /// A sliding window reads the longest log again, and counts what a token bucket owes beyond that log as
    /// started when the log begins. A token bucket keeps the weight that a token bucket owed and counts the log,
    /// whichever is more, up to its burst.
    pub(crate) fn inheriting(rates: &[Guarded], old: &[&All], now: Timestamp) -> Self {
        let memory = Memory::of(old, now);
        let states = rates.iter().map(|guarded| {
            let state = match Builtin::new(*guarded) {
                Builtin::SlidingWindow(fresh) => {
                    Builtin::SlidingWindow(fresh.remembering(memory.log.iter().copied()))
                }
                Builtin::TokenBucket(fresh) => {
                    let counted = fresh.clone().owing(memory.counted.iter().copied(), now);
                    let kept = memory.buckets.iter().map(|old| fresh.clone().owing_like(old, now));
                    Builtin::TokenBucket(kept.fold(counted, |state, kept| state.or_later(&kept)))
                }
            };
            (*guarded, state)
        });
        All { states: states.collect() }
    }
}

/// What old states still remember of their starts.
struct Memory<'a> {
    /// For sliding windows: the longest log, and before it what only token buckets remember.
    log: Vec<(Timestamp, u64)>,
    /// The logged part alone, for token buckets, which take what is owed as it is.
    counted: Vec<(Timestamp, u64)>,
    buckets: Vec<&'a super::TokenBucket>,
}

impl<'a> Memory<'a> {
    fn of(old: &[&'a All], now: Timestamp) -> Self {
        let mut memory = Memory { log: Vec::new(), counted: Vec::new(), buckets: Vec::new() };
        for all in old {
            let mut longest: Option<&super::SlidingWindow> = None;
            let mut owed = 0;
            for (_, state) in &all.states {
                match state {
                    Builtin::SlidingWindow(window) => {
                        longest = longest.filter(|known| known.window() >= window.window()).or(Some(window));
                    }
                    Builtin::TokenBucket(bucket) => {
                        owed = owed.max(bucket.owed(now));
                        memory.buckets.push(bucket);
                    }
                }
            }
            let log: Vec<_> = longest.map(|window| window.log().collect()).unwrap_or_default();
            let logged: u64 = log.iter().map(|(_, weight)| weight).sum();
            if owed > logged {
                // Started before the log begins, and without a log at any time up to now.
                let window = longest.map_or(0, super::SlidingWindow::window);
                let start = now.as_nanos().saturating_sub(window);
                let start = log.first().map_or(start, |(first, _)| start.min(first.as_nanos()));
                memory.log.push((Timestamp::from_nanos(start), owed - logged));
            }
            memory.log.extend(&log);
            memory.counted.extend(log);
        }
        memory.log.sort_unstable_by_key(|(start, _)| *start);
        memory.counted.sort_unstable_by_key(|(start, _)| *start);
        memory
    }
}
