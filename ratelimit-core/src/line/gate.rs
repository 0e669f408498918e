//! The way in without the lock: while a bucket has one token bucket and nobody waits, all that a call without a key has
//! to know is in one atomic word.
//!
//! The word is the token bucket's TAT above an offset, or [`SHUT`]. Whoever takes the bucket's lock takes the state out
//! of the word and shuts it, and puts it back when the lock is released, if it may; so at each moment the state is in
//! one of two places. A call swaps the word for one with its weight added, and succeeds only if the word it decided by
//! is still there.
//!
//! The numbers beside the word change only while it is shut, and words under other numbers are all above those before
//! ([`Gate::open`]): so whoever finds the word that he read still in place has read the numbers that belong to it.

use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;

use super::state::{Grant, Reading};
use crate::policy::token_bucket::Numbers;
use crate::rate::Rate;
use crate::time::Timestamp;

/// The state is under the lock.
const SHUT: u64 = u64::MAX;
/// No time, cost or offset in the word is above: so no sum of three of them passes 64 bits.
const MOST: u64 = 1 << 61;

/// See the [module](self).
///
/// A line of the processor's cache of its own, so that what lies beside it does not suffer from its being written.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Gate {
    word: AtomicU64,
    offset: AtomicU64,
    /// The clock's time and the policies' time at one moment since which both run alike.
    since: AtomicU64,
    at: AtomicU64,
    ticks: AtomicU64,
    spacing: AtomicU64,
    /// In ticks: the burst's cost less the guard.
    slack: AtomicU64,
    /// By how much a coarse reading lags; 0 = read precisely.
    grain: AtomicU64,
    born: AtomicU64,
    per: AtomicU64,
    amount: AtomicU64,
    burst: AtomicU64,
}

/// What a decision needs to know besides the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) since: Timestamp,
    pub(super) at: Timestamp,
    pub(super) numbers: Numbers,
    pub(super) rate: Rate,
    pub(super) grain: u64,
    pub(super) born: u64,
}

/// What the gate says to a call.
#[derive(Debug)]
pub(crate) enum Passage {
    Granted(Grant),
    /// In so many nanoseconds it would be let through.
    Refused(Option<Rate>, u64),
    /// Nothing: the state is under the lock.
    Shut,
}

impl Gate {
    pub(super) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Gate {
            word: AtomicU64::new(SHUT),
            offset: zero(),
            since: zero(),
            at: zero(),
            ticks: zero(),
            spacing: zero(),
            slack: zero(),
            grain: zero(),
            born: zero(),
            per: zero(),
            amount: zero(),
            burst: zero(),
        }
    }

    pub(super) fn is_shut(&self) -> bool {
        self.word.load(Ordering::Relaxed) == SHUT
    }

    /// Lets `weight` through, if it may start now; `read` is asked for the time at most once, and given a coarse one in
    /// advance where that will do.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what it gives is put together where it is to be, and not copied"
    )]
    pub(super) fn pass(
        &self,
        weight: u32,
        coarse: impl FnOnce() -> Timestamp,
        read: impl FnOnce() -> Reading,
    ) -> Passage {
        let word = self.word.load(Ordering::Acquire);
        if word == SHUT || weight == 0 {
            return Passage::Shut;
        }
        let numbers = self.load();
        if u64::from(weight) > numbers.burst {
            return Passage::Shut;
        }
        let grain = self.grain.load(Ordering::Relaxed);
        if grain > 0 {
            let now = coarse();
            // Compared as read, which is never ahead, and taken one grain later, which is never before the start.
            let decided = self.settle(word, &numbers, weight, Reading { clock: now, now }, grain);
            if !matches!(decided, Passage::Refused(..)) {
                return decided;
            }
        }
        self.settle(word, &numbers, weight, read(), 0)
    }

    /// Decides by the word until it is still there when that is done. Until then the numbers may be mixed up with other
    /// ones, so that nothing computed from them may be relied on, not even to fit into 64 bits.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what it gives is put together where it is to be, and not copied"
    )]
    fn settle(&self, mut word: u64, numbers: &Loaded, weight: u32, reading: Reading, grain: u64) -> Passage {
        let cost = u64::from(weight).saturating_mul(numbers.spacing);
        let Some(now) = numbers.ticks_at(reading.now) else { return Passage::Shut };
        loop {
            let tat = word.saturating_sub(numbers.offset);
            // Where nothing was ever taken the guard has nothing to stand off from.
            if tat == 0 || tat.saturating_add(cost) <= now.saturating_add(numbers.slack) {
                let start = reading.now.plus(grain);
                let taken = tat.max(now.saturating_add(grain * numbers.ticks)).saturating_add(cost);
                if taken > MOST {
                    return Passage::Shut;
                }
                let put = self.word.compare_exchange_weak(
                    word,
                    numbers.offset.saturating_add(taken),
                    Ordering::AcqRel,
                    Ordering::Acquire,
                );
                match put {
                    Ok(_) => {
                        let start = numbers.policy_time(start);
                        return Passage::Granted(Grant { start, born: numbers.born, weight, waited: 0 });
                    }
                    Err(other) => word = other,
                }
            } else {
                // The numbers belong to the word if it is still there.
                fence(Ordering::Acquire);
                let other = self.word.load(Ordering::Relaxed);
                if other == word {
                    return numbers.refused(tat + cost - numbers.slack, reading);
                }
                fence(Ordering::Acquire);
                word = other;
            }
            if word == SHUT || self.offset.load(Ordering::Relaxed) != numbers.offset {
                return Passage::Shut;
            }
        }
    }

    /// Takes the state out, for whoever has the lock: the TAT, 0 for none.
    pub(super) fn shut(&self) -> Option<Word> {
        if self.is_shut() {
            return None;
        }
        let word = self.word.swap(SHUT, Ordering::AcqRel);
        // Whoever reads a number written from here on finds the gate shut.
        fence(Ordering::Release);
        let tat = word - self.offset.load(Ordering::Relaxed);
        Some(Word { word, tat })
    }

    /// Puts the state in, for whoever has the lock; whether it fits.
    ///
    /// `above` is the greatest word there ever was. Words under other terms are all greater, so that nobody who decided
    /// under the old ones finds his word again; under the same ones it does not matter how often it comes back.
    pub(super) fn open(&self, tat: u64, terms: &Terms, same: bool, above: u64) -> Option<Word> {
        let Terms { since, at, numbers, rate, grain, born } = *terms;
        let offset = if same { self.offset.load(Ordering::Relaxed) } else { above + 1 };
        let burst = u64::from(numbers.burst).checked_mul(numbers.spacing).filter(|burst| *burst <= MOST)?;
        let slack = burst.checked_sub(numbers.guard.checked_mul(numbers.ticks)?)?;
        let grain_ticks = grain.checked_mul(numbers.ticks)?;
        if tat > MOST || offset > MOST || grain_ticks > MOST {
            return None;
        }
        if !same {
            let store = |number: &AtomicU64, value: u64| number.store(value, Ordering::Relaxed);
            store(&self.offset, offset);
            store(&self.since, since.as_nanos());
            store(&self.at, at.as_nanos());
            store(&self.ticks, numbers.ticks);
            store(&self.spacing, numbers.spacing);
            store(&self.slack, slack);
            store(&self.grain, grain);
            store(&self.born, born);
            store(&self.per, rate.per_nanos());
            store(&self.amount, u64::from(rate.amount()));
            store(&self.burst, u64::from(numbers.burst));
        }
        let word = offset + tat;
        debug_assert_ne!(word, SHUT);
        self.word.store(word, Ordering::Release);
        Some(Word { word, tat })
    }

    #[inline]
    fn load(&self) -> Loaded {
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Loaded {
            offset: load(&self.offset),
            since: load(&self.since),
            at: load(&self.at),
            ticks: load(&self.ticks),
            spacing: load(&self.spacing),
            slack: load(&self.slack),
            born: load(&self.born),
            per: load(&self.per),
            amount: load(&self.amount),
            burst: load(&self.burst),
        }
    }
}

/// A word, and the TAT that it stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    pub(super) word: u64,
    pub(super) tat: u64,
}

/// The numbers beside a word, as they were found.
#[derive(Clone, Copy, Debug)]
struct Loaded {
    offset: u64,
    since: u64,
    at: u64,
    ticks: u64,
    spacing: u64,
    slack: u64,
    born: u64,
    per: u64,
    amount: u64,
    burst: u64,
}

impl Loaded {
    #[inline]
    fn policy_time(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_nanos(self.at.saturating_add(now.as_nanos().saturating_sub(self.since)))
    }

    /// The policies' time in ticks; `None` once the word is too short for it.
    #[inline]
    fn ticks_at(&self, now: Timestamp) -> Option<u64> {
        self.policy_time(now).as_nanos().checked_mul(self.ticks).filter(|ticks| *ticks <= MOST)
    }

    fn refused(&self, due: u64, reading: Reading) -> Passage {
        let due = if self.ticks == 1 { due } else { due.div_ceil(self.ticks) };
        let due = self.since + (due - self.at);
        Passage::Refused(self.rate(), due.saturating_sub(reading.clock.as_nanos()))
    }

    fn rate(&self) -> Option<Rate> {
        let number = |number: u64| u32::try_from(number).ok();
        let rate = Rate::try_new(number(self.amount)?, Duration::from_nanos(self.per)).ok()?;
        Some(rate.burst(number(self.burst).filter(|burst| *burst > 0)?))
    }
}
