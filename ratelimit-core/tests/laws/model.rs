//! The laws as a model: it keeps all starts, in order, and answers by scanning them.
use ratelimit_core::Rate;

use crate::shape::{is_fixed, is_rounded, nanos};

/// A start that counts; `key` is whose it is, `None` if it only counts in the total any more.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub id: usize,
    pub at: u64,
    pub key: Option<usize>,
    pub weight: u64,
    /// When it was given back, its weight being zero since; `MAX` = never.
    pub back: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub rates: Vec<Rate>,
    pub totals: Vec<Rate>,
    pub guard: u64,
    pub starts: Vec<Start>,
}

impl Model {
    /// Whether a weight can ever fit.
    pub(crate) fn fits(&self, weight: u64) -> bool {
        let most = |rate: &Rate| u64::from(rate.burst_amount().unwrap_or(rate.amount()));
        self.rates.iter().chain(&self.totals).all(|rate| weight <= most(rate))
    }

    /// The first moment from `now` on at which the rates of `key` would let `weight` start.
    pub(crate) fn by_key(&self, key: usize, now: u64, weight: u64) -> u64 {
        self.rates.iter().fold(now, |at, rate| at.max(self.earliest(*rate, Some(key), weight)))
    }

    /// The same under the rates over all keys.
    pub(crate) fn by_total(&self, now: u64, weight: u64) -> u64 {
        self.totals.iter().fold(now, |at, rate| at.max(self.earliest(*rate, None, weight)))
    }

    /// The starts of one key, or all.
    fn of(&self, key: Option<usize>) -> impl DoubleEndedIterator<Item = &Start> {
        self.starts.iter().filter(move |start| key.is_none() || start.key == key)
    }

    /// Law 3: the windows of such a length that the starts have opened: when, and the weight in each.
    ///
    /// A start that was given back has opened one only if that was over by then.
    fn windows(&self, length: i128, key: Option<usize>) -> Vec<(i128, i128)> {
        let mut windows: Vec<(i128, i128)> = Vec::new();
        for start in self.of(key) {
            let (at, weight) = (i128::from(start.at), i128::from(start.weight));
            match windows.last_mut() {
                Some((opened, used)) if at < *opened + length => *used += weight,
                _ if weight == 0 && i128::from(start.back) < at + length => {}
                _ => windows.push((at, weight)),
            }
        }
        windows
    }

    /// When `rate`, of one key or over all, lets `weight` start, scanned from the last start back; what lies beyond
    /// `u64::MAX` is never.
    pub(crate) fn earliest(&self, rate: Rate, key: Option<usize>, weight: u64) -> u64 {
        let (amount, per, guard) = (i128::from(rate.amount()), nanos(rate), i128::from(self.guard));
        if is_fixed(rate) {
            let last = self.windows(per + guard, key).pop();
            let full = last.filter(|(_, used)| used + i128::from(weight) > amount);
            return full.map_or(0, |(opened, _)| u64::try_from(opened + per + guard).unwrap_or(u64::MAX));
        }
        let (mut taken, mut earliest) = (i128::from(weight), 0);
        for start in self.of(key).rev().filter(|start| start.weight > 0) {
            taken += i128::from(start.weight);
            // Either the start has to leave the window, or what is above the burst has to be refilled since.
            let bound = match rate.burst_amount() {
                None if taken > amount => per + guard + 1,
                None => continue,
                Some(burst) => {
                    let room = ((i128::from(burst) - taken) * per).div_euclid(amount);
                    // The guard stands off from what is rounded.
                    guard - room - if is_rounded(rate) { room.max(0) / 50_000 + 1 } else { 0 }
                }
            };
            earliest = earliest.max(i128::from(start.at) + bound);
            if rate.burst_amount().is_none() {
                // Those before leave the window earlier.
                break;
            }
        }
        u64::try_from(earliest.max(0)).unwrap_or(u64::MAX)
    }

    /// Laws 1 to 3 by definition: no window, and no span from one start to another, holds too much.
    pub(crate) fn holds(&self, rate: Rate, key: Option<usize>) -> bool {
        let (amount, per) = (i128::from(rate.amount()), nanos(rate));
        if is_fixed(rate) {
            // Which windows there are depends on their length: with a guard they are others, and not narrower ones.
            return self.windows(per + i128::from(self.guard), key).iter().all(|(_, used)| *used <= amount);
        }
        let starts: Vec<&Start> = self.of(key).collect();
        starts.iter().enumerate().all(|(index, first)| {
            let mut weight = 0;
            starts.iter().skip(index).all(|last| {
                weight += i128::from(last.weight);
                let span = i128::from(last.at - first.at);
                match rate.burst_amount() {
                    None => span > per || weight <= amount,
                    Some(burst) => (weight - i128::from(burst)) * per <= amount * span,
                }
            })
        })
    }
}
