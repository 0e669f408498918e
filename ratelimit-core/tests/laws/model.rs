//! The laws as a model: it keeps all starts, in order, and answers by scanning them.
use ratelimit_core::Rate;

use crate::own::Own;
use crate::shape::{is_fixed, is_rounded, nanos};

/// A start that counts; `key` is whose it is, `None` if it only counts in the total any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub id: usize,
    pub at: u64,
    pub key: Option<usize>,
    pub weight: u64,
    /// When it was given back last, or a part of it; `MAX` = never.
    pub back: u64,
    /// Whether it had to be within the limits; a charge and what a correction adds only count.
    pub judged: bool,
}

impl Start {
    pub(crate) fn new(id: usize, at: u64, key: usize, weight: u64) -> Self {
        Start { id, at, key: Some(key), weight, back: u64::MAX, judged: true }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub rates: Vec<Rate>,
    pub totals: Vec<Rate>,
    pub guard: u64,
    pub starts: Vec<Start>,
    /// Limits were replaced then, of which nobody knows here what they remembered: a window may have been open.
    pub unknown: Option<u64>,
    /// A policy beside the rates.
    pub own: Option<Own>,
}

/// A fixed window: when it was opened, the weight in it, and whether each start in it was within the amount.
#[derive(Clone, Copy)]
struct Window {
    opened: i128,
    used: i128,
    kept: bool,
}

impl Model {
    pub(crate) fn take(&mut self, start: Start) {
        if let (Some(own), Some(key)) = (&mut self.own, start.key) {
            own.take(key, start.weight);
        }
        self.starts.push(start);
    }

    /// Whether a weight can ever fit.
    pub(crate) fn fits(&self, weight: u64) -> bool {
        let most = |rate: &Rate| u64::from(rate.burst_amount().unwrap_or(rate.amount()));
        self.rates.iter().chain(&self.totals).all(|rate| weight <= most(rate))
            && self.own.as_ref().is_none_or(|own| weight <= u64::from(own.places.amount))
    }

    /// The first moment from `now` on at which all that holds `key` up would let `weight` start: `None` while that is
    /// unknown, `u64::MAX` for never.
    pub(crate) fn due(&self, key: usize, now: u64, weight: u64) -> Option<u64> {
        let at = self.by_total(self.by_key(key, now, weight), weight);
        match &self.own {
            Some(own) if at < u64::MAX => own.earliest(key, now, weight).map(|own| own.max(at)),
            _ => Some(at),
        }
    }

    /// Whether `weight` may start on `key` at `now`, but for what is taken over all keys.
    pub(crate) fn key_lets(&self, key: usize, now: u64, weight: u64) -> bool {
        self.by_key(key, now, weight) == now
            && self.own.as_ref().is_none_or(|own| own.earliest(key, now, weight) == Some(now))
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

    /// Law 3: the windows of such a length that starts have opened.
    ///
    /// A start that was given back has opened one only if that was over by then.
    fn windows(
        starts: impl Iterator<Item = Start>,
        amount: i128,
        length: i128,
    ) -> impl Iterator<Item = Window> {
        let mut current: Option<Window> = None;
        starts.filter_map(move |start| {
            let (at, weight) = (i128::from(start.at), i128::from(start.weight));
            match &mut current {
                Some(window) if at < window.opened + length => window.used += weight,
                _ if weight == 0 && i128::from(start.back) < at + length => return None,
                current => *current = Some(Window { opened: at, used: weight, kept: true }),
            }
            let window = current.as_mut()?;
            window.kept &= !start.judged || window.used <= amount;
            Some(*window)
        })
    }

    /// When a fixed window lets `weight` start.
    fn fixed_earliest(&self, rate: Rate, key: Option<usize>, weight: i128) -> i128 {
        let (amount, length) = (i128::from(rate.amount()), nanos(rate) + i128::from(self.guard));
        let after = |last: Option<Window>| {
            last.filter(|last| last.used + weight > amount).map_or(0, |last| last.opened + length)
        };
        let Some(since) = self.unknown else {
            return after(Self::windows(self.of(key).copied(), amount, length).last());
        };
        // Any of the first starts may be in a window that was open before.
        let (mut earliest, mut used) = (i128::MAX, 0);
        let starts: Vec<Start> = self.of(key).copied().collect();
        for before in 0..=starts.len() {
            if let Some(start) = before.checked_sub(1).map(|last| starts[last]) {
                used += i128::from(start.weight);
                if i128::from(start.at) >= i128::from(since) + length || start.judged && used > amount {
                    break;
                }
            }
            let rest = starts[before..].iter().copied();
            if let Some(start) = starts.last().filter(|_| before == starts.len() && used + weight > amount) {
                // It is over as soon as it may be.
                earliest = earliest.min(i128::from(start.at) + 1);
            } else if Self::windows(rest.clone(), amount, length).all(|window| window.kept) {
                earliest = earliest.min(after(Self::windows(rest, amount, length).last()));
            }
        }
        earliest
    }

    /// When `rate`, of one key or over all, lets `weight` start, scanned from the last start back; what lies beyond
    /// `u64::MAX` is never.
    pub(crate) fn earliest(&self, rate: Rate, key: Option<usize>, weight: u64) -> u64 {
        let (amount, per, guard) = (i128::from(rate.amount()), nanos(rate), i128::from(self.guard));
        if is_fixed(rate) {
            let earliest = self.fixed_earliest(rate, key, i128::from(weight));
            return u64::try_from(earliest).unwrap_or(u64::MAX);
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

    /// Laws 1 to 3 by definition: no window, and no span up to a start that had to be within the limits, holds too much.
    pub(crate) fn holds(&self, rate: Rate, key: Option<usize>) -> bool {
        let (amount, per) = (i128::from(rate.amount()), nanos(rate));
        if is_fixed(rate) {
            // Which windows there are depends on their length: with a guard they are others, and not narrower ones.
            let length = per + i128::from(self.guard);
            return Self::windows(self.of(key).copied(), amount, length).all(|window| window.kept);
        }
        let starts: Vec<&Start> = self.of(key).collect();
        starts.iter().enumerate().all(|(index, first)| {
            let mut weight = 0;
            starts.iter().skip(index).all(|last| {
                weight += i128::from(last.weight);
                let span = i128::from(last.at - first.at);
                !last.judged
                    || match rate.burst_amount() {
                        None => span > per || weight <= amount,
                        Some(burst) => (weight - i128::from(burst)) * per <= amount * span,
                    }
            })
        })
    }
}
