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

use super::state::{Grant, Reading};
use crate::policy::token_bucket::Numbers;
use crate::rate::Rate;
use crate::sync::atomic::{AtomicU64, Ordering, fence};
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
    /// The clock's time and the policies' time at one moment from which on both run alike, and the clock's time until
    /// which the word is long enough for both.
    since: AtomicU64,
    at: AtomicU64,
    until: AtomicU64,
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
    Refused(Rate, u64),
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
            until: zero(),
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

    /// Lets `weight` through, if it may start now; a coarse reading is taken first, where that may do.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what it gives is put together where it is to be, and not copied"
    )]
    pub(super) fn pass(
        &self,
        weight: u32,
        coarse: impl Fn() -> Timestamp,
        read: impl Fn() -> Reading,
    ) -> Passage {
        loop {
            let word = self.word.load(Ordering::Acquire);
            let grain = load(&self.grain);
            if word == SHUT || grain == 0 || weight == 0 {
                return self.pass_precisely(weight, read);
            }
            // Compared as read, which is never ahead, and taken one grain later, which is never before the start.
            match self.take(word, weight, coarse(), grain) {
                Taken::Yes(grant) => return Passage::Granted(grant),
                Taken::Raced => {}
                Taken::No => return self.pass_precisely(weight, read),
            }
        }
    }

    /// As [`pass`](Self::pass), by a precise reading.
    #[inline(never)]
    fn pass_precisely(&self, weight: u32, read: impl Fn() -> Reading) -> Passage {
        loop {
            let word = self.word.load(Ordering::Acquire);
            if word == SHUT || weight == 0 {
                return Passage::Shut;
            }
            let reading = read();
            let passage = match self.take(word, weight, reading.now, 0) {
                Taken::Yes(grant) => return Passage::Granted(grant),
                Taken::Raced => continue,
                Taken::No => self.refused(word, weight, reading),
            };
            // What was refused by has to be still there, as what is granted by is.
            fence(Ordering::Acquire);
            if self.word.load(Ordering::Relaxed) == word {
                return passage;
            }
        }
    }

    /// Takes `weight` if the bucket of `word` lets it start at `now`, as at `grain` later.
    ///
    /// The numbers may be those of other terms than the word's, or mixed up; then the word is not there any more when it
    /// is to be swapped, and nothing that was computed matters. Numbers that belong to the word fit into 64 bits until
    /// their time is over.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what it gives is put together where it is to be, and not copied"
    )]
    fn take(&self, word: u64, weight: u32, now: Timestamp, grain: u64) -> Taken {
        let (now, offset, ticks) = (now.as_nanos(), load(&self.offset), load(&self.ticks));
        let fits =
            now >= load(&self.since) && now < load(&self.until) && u64::from(weight) <= load(&self.burst);
        if !fits {
            return Taken::No;
        }
        let start = now.wrapping_sub(load(&self.since)).wrapping_add(load(&self.at));
        let cost = u64::from(weight).wrapping_mul(load(&self.spacing));
        let (tat, now) = (word.wrapping_sub(offset), start.wrapping_mul(ticks));
        // Where nothing was ever taken the guard has nothing to stand off from.
        if tat > 0 && tat.wrapping_add(cost) > now.wrapping_add(load(&self.slack)) {
            return Taken::No;
        }
        let taken = tat.max(now.wrapping_add(grain.wrapping_mul(ticks))).wrapping_add(cost);
        let born = load(&self.born);
        let put = offset.wrapping_add(taken);
        match self.word.compare_exchange(word, put, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => Taken::Yes(Grant {
                start: Timestamp::from_nanos(start.wrapping_add(grain)),
                born,
                weight,
                in_flight: false,
                waited: 0,
            }),
            Err(_) => Taken::Raced,
        }
    }

    /// When `weight` would be let through; what cannot be said here is left to the long way.
    #[inline]
    fn refused(&self, word: u64, weight: u32, reading: Reading) -> Passage {
        let (offset, ticks) = (load(&self.offset), load(&self.ticks).max(1));
        let due = word
            .saturating_sub(offset)
            .saturating_add(u64::from(weight).saturating_mul(load(&self.spacing)))
            .saturating_sub(load(&self.slack));
        let due = if ticks == 1 { due } else { due.div_ceil(ticks) };
        let due = due.saturating_sub(load(&self.at)).saturating_add(load(&self.since));
        let late = reading.now.as_nanos() >= due || reading.now.as_nanos() >= load(&self.until);
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
        // Until the policies' time is `MOST`; by then the TAT is at most a burst and a grain above.
        let until = since.plus((MOST / numbers.ticks).saturating_sub(at.as_nanos()));
        if !same {
            let store = |number: &AtomicU64, value: u64| number.store(value, Ordering::Relaxed);
            store(&self.offset, offset);
            store(&self.since, since.as_nanos());
            store(&self.at, at.as_nanos());
            store(&self.until, until.as_nanos());
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
}

#[inline]
fn load(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}

enum Taken {
    Yes(Grant),
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
