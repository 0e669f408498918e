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

use std::num::NonZeroU64;

use super::state::{Grant, Reading};
use crate::policy::token_bucket::Numbers;
use crate::rate::Rate;
use crate::sync::atomic::{AtomicU64, Ordering, fence};
use crate::time::Timestamp;

/// The state is under the lock.
const SHUT: u64 = u64::MAX;
/// No time, cost or offset in the word is above: so no sum of seven of them passes 64 bits.
const MOST: u64 = 1 << 61;

/// See the [module](self).
///
/// Two lines of the processor's cache of its own, so that what lies beside it does not suffer from its being written.
#[derive(Debug)]
#[repr(C, align(128))]
pub(super) struct Gate {
    word: AtomicU64,
    /// The offset: the word where nothing was ever taken.
    fresh: AtomicU64,
    /// The clock's time and the policies' time at one moment from which on both run alike, and for how many nanoseconds
    /// the word is long enough.
    since: AtomicU64,
    at: AtomicU64,
    span: AtomicU64,
    born: AtomicU64,
    per: AtomicU64,
    amount: AtomicU64,
    /// In ticks: what `at` is in words.
    base: AtomicU64,
    ticks: AtomicU64,
    spacing: AtomicU64,
    /// In ticks: the burst's cost less the guard.
    slack: AtomicU64,
    /// By how much a coarse reading lags; 0 = read precisely.
    grain: AtomicU64,
    burst: AtomicU64,
    /// The word by which a call was refused last: while it stands, others of that bucket are likely to be.
    refused: AtomicU64,
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

/// What starts at once by a coarse reading: small enough to be given back in registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    /// In the policies' time; never zero, as it is taken for a grain later than it was read.
    at: NonZeroU64,
    born: u64,
}

impl Start {
    #[inline]
    pub(super) fn new(at: Timestamp, born: u64) -> Option<Self> {
        NonZeroU64::new(at.as_nanos()).map(|at| Start { at, born })
    }

    #[inline]
    pub(crate) fn grant(self, weight: u32) -> Grant {
        let Start { at, born } = self;
        Grant { start: Timestamp::from_nanos(at.get()), born, weight, in_flight: false, waited: 0 }
    }
}

/// What the gate says to a call by a precise reading.
#[derive(Debug)]
pub(crate) enum Passage {
    Granted(Grant),
    /// In so many nanoseconds it would be let through.
    Refused(Rate, u64),
    /// Nothing: the state is under the lock.
    Shut,
}

impl Gate {
    pub(super) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Gate {
            word: AtomicU64::new(SHUT),
            fresh: zero(),
            since: zero(),
            at: zero(),
            span: zero(),
            born: zero(),
            per: zero(),
            amount: zero(),
            base: zero(),
            ticks: zero(),
            spacing: zero(),
            slack: zero(),
            grain: zero(),
            burst: zero(),
            refused: AtomicU64::new(SHUT),
        }
    }

    pub(super) fn is_shut(&self) -> bool {
        self.word.load(Ordering::Relaxed) == SHUT
    }

    /// Lets `weight` through where a coarse reading shows that it may start now; else it is to be found out.
    ///
    /// The clock is read before the word: another thread's call in between makes the decision stricter, and between word
    /// and swap there is less time for one.
    #[inline]
    pub(super) fn pass(&self, weight: u32, coarse: impl Fn() -> Timestamp) -> Option<Start> {
        // Where a call was just refused, a coarse reading only comes before a precise one.
        if load(&self.grain) == 0 || weight == 0 || load(&self.word) == load(&self.refused) {
            return None;
        }
        let now = coarse();
        loop {
            let word = self.word.load(Ordering::Acquire);
            // Only now is it surely that of the word.
            let grain = load(&self.grain);
            if word == SHUT || grain == 0 {
                return None;
            }
            // Compared as read, which is never ahead, and taken one grain later, which is never before the start.
            match self.take(word, weight, now, grain) {
                Taken::Yes(at, born) => return Start::new(Timestamp::from_nanos(at), born),
                Taken::Raced => {}
                Taken::No => return None,
            }
        }
    }

    /// Lets `weight` through or refuses it by a precise reading.
    #[inline]
    pub(super) fn decide(&self, weight: u32, read: impl Fn() -> Reading) -> Passage {
        loop {
            let word = self.word.load(Ordering::Acquire);
            if word == SHUT || weight == 0 {
                return Passage::Shut;
            }
            let reading = read();
            let passage = match self.take(word, weight, reading.now, 0) {
                Taken::Yes(at, born) => {
                    let start = Timestamp::from_nanos(at);
                    return Passage::Granted(Grant { start, born, weight, in_flight: false, waited: 0 });
                }
                Taken::Raced => continue,
                Taken::No => self.refused(word, weight, reading),
            };
            // What was refused by has to be still there, as what is granted by is.
            fence(Ordering::Acquire);
            if self.word.load(Ordering::Relaxed) == word {
                // Not written again by each refusal, which only read what others read.
                if load(&self.refused) != word {
                    self.refused.store(word, Ordering::Relaxed);
                }
                return passage;
            }
        }
    }

    /// Takes `weight` if the bucket of `word` lets it start at `now`, as at `grain` later.
    ///
    /// The numbers may be those of other terms than the word's, or mixed up; then the word is not there any more when it
    /// is to be swapped, and nothing that was computed matters. Numbers that belong to the word fit into 64 bits until
    /// their time is over.
    #[inline]
    fn take(&self, word: u64, weight: u32, now: Timestamp, grain: u64) -> Taken {
        let (now, since, ticks) = (now.as_nanos(), load(&self.since), load(&self.ticks));
        let passed = now.wrapping_sub(since);
        if now < since || passed >= load(&self.span) || u64::from(weight) > load(&self.burst) {
            return Taken::No;
        }
        let cost = u64::from(weight).wrapping_mul(load(&self.spacing));
        let now = passed.wrapping_mul(ticks).wrapping_add(load(&self.base));
        // Where nothing was ever taken the guard has nothing to stand off from.
        if word.wrapping_add(cost) > now.wrapping_add(load(&self.slack)) && word != load(&self.fresh) {
            return Taken::No;
        }
        let put = word.max(now.wrapping_add(grain.wrapping_mul(ticks))).wrapping_add(cost);
        let start = passed.wrapping_add(load(&self.at)).wrapping_add(grain);
        let born = load(&self.born);
        match self.word.compare_exchange(word, put, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => Taken::Yes(start, born),
            Err(_) => Taken::Raced,
        }
    }

    /// When `weight` would be let through; what cannot be said here is left to the long way.
    #[inline]
    fn refused(&self, word: u64, weight: u32, reading: Reading) -> Passage {
        let (since, span, ticks) = (load(&self.since), load(&self.span), load(&self.ticks).max(1));
        let cost = u64::from(weight).wrapping_mul(load(&self.spacing));
        let free = load(&self.base).wrapping_add(load(&self.slack));
        let due = word.wrapping_add(cost).saturating_sub(free);
        let due = since.saturating_add(if ticks == 1 { due } else { due.div_ceil(ticks) });
        let now = reading.now.as_nanos();
        let late = now < since || now >= due || now - since >= span;
        if late || u64::from(weight) > load(&self.burst) {
            return Passage::Shut;
        }
        Passage::Refused(self.rate(), due.saturating_sub(reading.clock.as_nanos()))
    }

    /// Cut to size where it is not that of the word; then nobody sees it.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "both were 32 bits wide when they were stored")]
    fn rate(&self) -> Rate {
        Rate::of_token_bucket(load(&self.amount) as u32, load(&self.per), load(&self.burst) as u32)
    }

    /// Takes the state out, for whoever has the lock: the TAT, 0 for none.
    pub(super) fn shut(&self) -> Option<Word> {
        if self.is_shut() {
            return None;
        }
        let word = self.word.swap(SHUT, Ordering::AcqRel);
        // Whoever reads a number written from here on finds the gate shut.
        fence(Ordering::Release);
        let tat = word - self.fresh.load(Ordering::Relaxed);
        Some(Word { word, tat })
    }

    /// Puts the state in, for whoever has the lock; whether it fits.
    ///
    /// `above` is the greatest word there ever was. Words under other terms are all greater, so that nobody who decided
    /// under the old ones finds his word again; under the same ones it does not matter how often it comes back.
    pub(super) fn open(&self, tat: u64, terms: &Terms, same: bool, above: u64) -> Option<Word> {
        let Terms { since, at, numbers, rate, grain, born } = *terms;
        let fresh = if same { self.fresh.load(Ordering::Relaxed) } else { above + 1 };
        let burst = u64::from(numbers.burst).checked_mul(numbers.spacing).filter(|burst| *burst <= MOST)?;
        let slack = burst.checked_sub(numbers.guard.checked_mul(numbers.ticks)?)?;
        let grain_ticks = grain.checked_mul(numbers.ticks)?;
        if tat > MOST || fresh > MOST || grain_ticks > MOST {
            return None;
        }
        // Until the policies' time is `MOST`; by then the TAT is at most a burst and a grain above.
        let span = (MOST / numbers.ticks).saturating_sub(at.as_nanos());
        if !same {
            let store = |number: &AtomicU64, value: u64| number.store(value, Ordering::Relaxed);
            store(&self.fresh, fresh);
            store(&self.since, since.as_nanos());
            store(&self.at, at.as_nanos());
            store(&self.span, span);
            store(&self.base, at.as_nanos().wrapping_mul(numbers.ticks).wrapping_add(fresh));
            store(&self.ticks, numbers.ticks);
            store(&self.spacing, numbers.spacing);
            store(&self.slack, slack);
            store(&self.grain, grain);
            store(&self.born, born);
            store(&self.per, rate.per_nanos());
            store(&self.amount, u64::from(rate.amount()));
            store(&self.burst, u64::from(numbers.burst));
        }
        let word = fresh + tat;
        debug_assert_ne!(word, SHUT);
        self.word.store(word, Ordering::Release);
        Some(Word { word, tat })
    }
}

#[inline]
fn load(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}

enum Taken {
    /// At that time of the policies, from that entry.
    Yes(u64, u64),
    /// The word was another one by then.
    Raced,
    No,
}

/// A word, and the TAT that it stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    pub(super) word: u64,
    pub(super) tat: u64,
}

#[cfg(test)]
mod tests;
