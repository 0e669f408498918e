//! Limits as the contract has them, found by scanning the starts that were granted. It shares nothing with the policies.

use crate::policy::Guarded;
use crate::rate::{Rate, Shape};

#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// As it is counted.
    pub(super) at: u64,
    pub(super) weight: u64,
}

/// One entry's starts; its times may be seen as so much earlier, where the clock was put back.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// In microseconds.
    pub(super) rates: Vec<Guarded>,
    pub(super) starts: Vec<Start>,
    pub(super) written: u64,
    pub(super) newest: u64,
}

impl Model {
    pub(super) fn new(counted: &[Guarded]) -> Self {
        Model { rates: counted.to_vec(), ..Model::default() }
    }

    /// As a clock shows it that may have been put back.
    pub(super) fn seen_at(&self, now: u64) -> Model {
        let by = self.written.saturating_sub(now);
        let mut seen = self.clone();
        seen.starts.iter_mut().for_each(|start| start.at -= by);
        (seen.written, seen.newest) = (self.written - by, self.newest.saturating_sub(by));
        seen
    }

    /// When `weight` could start, not before `from`, where windows are longer by `slack`; `None` = never. And the rate
    /// that holds it up longest.
    pub(super) fn earliest(&self, from: u64, weight: u32, slack: u64) -> (Option<u64>, Option<Rate>) {
        let from = from.max(self.newest);
        let mut latest = (Some(from), None);
        for Guarded { rate, guard } in &self.rates {
            let guard = guard + slack;
            let Some(at) = self.by_rate(*rate, guard, from, weight.into()) else {
                return (None, Some(*rate));
            };
            if Some(at) > latest.0 {
                latest = (Some(at), Some(*rate));
            }
        }
        latest
    }

    fn by_rate(&self, rate: Rate, guard: u64, from: u64, weight: u64) -> Option<u64> {
        let (amount, per) = (u64::from(rate.amount()), rate.per_nanos());
        if weight > u64::from(rate.max_weight()) {
            return None;
        }
        match rate.shape() {
            Shape::Sliding => {
                let fits = |at: u64| self.started(at - (per + guard), u64::MAX) + weight <= amount;
                let over = self.starts.iter().map(|start| start.at + per + guard + 1);
                over.chain([from]).filter(|at| *at >= from && fits(*at)).min()
            }
            Shape::Fixed => {
                let Some((since, used)) = self.window(per + self.guard_of(rate)) else { return Some(from) };
                let end = since + per + guard;
                // What may be made earlier is not made before the window has opened.
                let begin = since + guard - self.guard_of(rate);
                Some(from.max(if used + weight > amount { end } else { begin }))
            }
            Shape::Burst(burst) => {
                let Some(due) = self.due(amount, per) else { return Some(from) };
                // In parts of a microsecond.
                let (amount, per) = (i128::from(amount), i128::from(per));
                let at = due + i128::from(guard) * amount + (i128::from(weight) - i128::from(burst)) * per;
                let at = u64::try_from((at + amount - 1).div_euclid(amount)).unwrap_or(0);
                Some(from.max(at))
            }
        }
    }

    fn guard_of(&self, rate: Rate) -> u64 {
        self.rates.iter().find(|guarded| guarded.rate == rate).unwrap().guard
    }

    /// The weight that started from `first` to `last`.
    pub(super) fn started(&self, first: u64, last: u64) -> u64 {
        let within = self.starts.iter().filter(|start| (first..=last).contains(&start.at));
        within.map(|start| start.weight).sum()
    }

    /// The window that was opened last: when, and what started in it.
    fn window(&self, length: u64) -> Option<(u64, u64)> {
        let mut window: Option<(u64, u64)> = None;
        for start in &self.starts {
            window = match window {
                Some((since, used)) if start.at < since + length => Some((since, used + start.weight)),
                _ => Some((start.at, start.weight)),
            };
        }
        window
    }

    /// The theoretical arrival time, in so many parts of a microsecond as the amount is.
    fn due(&self, amount: u64, per: u64) -> Option<i128> {
        self.starts.iter().fold(None, |due: Option<i128>, start| {
            let at = i128::from(start.at) * i128::from(amount);
            Some(due.unwrap_or(0).max(at) + i128::from(start.weight) * i128::from(per))
        })
    }

    pub(super) fn take(&mut self, at: u64, weight: u32) {
        self.starts.push(Start { at, weight: weight.into() });
        self.newest = at;
    }
}
