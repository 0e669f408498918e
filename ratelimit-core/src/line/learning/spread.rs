//! How differently long calls are on their way.

use std::collections::VecDeque;

/// Of so many answers the times are known.
const KNOWN: usize = 64;
/// After so many answers the guard is looked at again, which changes the states of all keys.
const OFTEN: u32 = 16;

/// The guard that a network needs: how much longer one call may be on its way than another, as far as it is known.
///
/// Two calls that start a window's length apart reach the server so much closer together. How long a call was on its
/// way there nobody knows but the server; there and back it was at least that long, and the least that was measured is
/// at most what the quickest needed. So the spread of the whole is at least that of the way there.
#[derive(Debug, Default)]
pub(super) struct Spread {
    /// Nanoseconds from start to answer, the newest last.
    times: VecDeque<u64>,
    heard: u32,
    /// What the guard was widened to, in nanoseconds.
    guard: u64,
}

impl Spread {
    /// Notes that an answer came `time` nanoseconds after its call started; what the guard is to be from now on, if that
    /// changes.
    pub(super) fn hear(&mut self, time: u64) -> Option<u64> {
        if self.times.len() == KNOWN {
            self.times.pop_front();
        }
        self.times.push_back(time);
        self.heard = self.heard.wrapping_add(1);
        if !self.heard.is_multiple_of(OFTEN) {
            return None;
        }
        let needed = self.needed();
        // Some more than was seen, and no less before it is far too much: what changes seldom costs little.
        if needed > self.guard || needed < self.guard / 2 {
            let before = std::mem::replace(&mut self.guard, needed.saturating_add(needed / 4));
            return (before != self.guard).then_some(self.guard);
        }
        None
    }

    pub(super) fn guard(&self) -> u64 {
        self.guard
    }

    /// The longest but one, as one alone may have been anything, less the shortest.
    fn needed(&self) -> u64 {
        let mut sorted: Vec<u64> = self.times.iter().copied().collect();
        sorted.sort_unstable();
        match *sorted {
            [least, .., most, _] => most - least,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(spread: &mut Spread, times: impl IntoIterator<Item = u64>) -> Vec<u64> {
        times.into_iter().filter_map(|time| spread.hear(time)).collect()
    }

    #[test]
    fn grows_at_once_and_shrinks_once_it_is_far_too_much() {
        let mut spread = Spread::default();
        let between = |most: u64| (0..16).map(move |n| if n % 2 == 0 { 100 } else { 100 + most });
        assert_eq!(hear(&mut spread, between(80)), [100]);
        assert_eq!(hear(&mut spread, between(100)), [0_u64; 0], "it is covered");
        let mut half = Spread { guard: 100, ..Spread::default() };
        assert_eq!(hear(&mut half, between(50)), [0_u64; 0], "half of it suffices");
        assert_eq!(hear(&mut Spread { guard: 100, ..Spread::default() }, between(49)), [61]);
        assert_eq!(hear(&mut spread, between(120)), [150]);
        // As long as the longest is known.
        assert_eq!(hear(&mut spread, (0..3).flat_map(|_| between(70))), [0_u64; 0]);
        assert_eq!(hear(&mut spread, between(70)), [87]);
        assert_eq!(hear(&mut spread, (0..4).flat_map(|_| between(50))), [0_u64; 0]);
        assert_eq!(hear(&mut spread, (0..4).flat_map(|_| between(0))), [0]);
    }

    #[test]
    fn one_alone_may_have_been_anything() {
        let mut spread = Spread::default();
        assert_eq!(hear(&mut spread, (0..64).map(|n| if n == 20 { 1_000_000 } else { 100 + n % 2 })), [1]);
        let mut nothing_known = Spread::default();
        assert_eq!(hear(&mut nothing_known, (0..15).map(|n| n * 1_000)), [0_u64; 0]);
    }
}
