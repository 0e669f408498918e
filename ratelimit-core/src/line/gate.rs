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

mod opened;

use std::num::NonZeroU64;

use super::PLAIN;
use super::state::{Grant, Reading};
use crate::clock::BEHIND;
use crate::policy::token_bucket::Numbers;
use crate::rate::Rate;
use crate::sync::atomic::{AtomicU64, Ordering, fence};
use crate::time::Timestamp;

pub(super) use opened::Opened;

/// The state is under the lock.
const SHUT: u64 = u64::MAX;
/// Words begin here, so that a reading from before the numbers held is no word below zero.
const FIRST: u64 = 1 << 62;
/// No offset above [`FIRST`], span of time, guard, grain or cost is more, so that no sum of them passes 64 bits.
const MOST: u64 = 1 << 61;
/// No time that a coarse reading lets through is the word for this or more. With [`FINEST`] ticks it is reached after two
/// years in which nobody took the lock, and a reading comes round to lower words after more than four.
///
/// [`FINEST`]: crate::policy::token_bucket::FINEST
const END: u64 = 1 << 63;
/// The half of a word by which it is known again, if now and then in vain.
const LOWER: u64 = 0xffff_ffff;

/// See the [module](self).
///
/// Two lines of the processor's cache of its own, so that what lies beside it does not suffer from its being written; in
/// the first all that a call needs that surely need not wait, as a bucket that was idle is fetched line by line.
#[derive(Debug)]
#[repr(C, align(128))]
pub(super) struct Gate {
    word: AtomicU64,
    /// The heaviest weight that a coarse reading may let through, 0 = none; and in the lower half that of the word by which
    /// a call was refused last: while it stands, others of that bucket are likely to be.
    most: AtomicU64,
    /// What has to be added to a reading of the clock in ticks, for the word of a start that is one grain later; and to a
    /// reading in nanoseconds, for the policies' time then. Both wrap, so that few steps lie between a reading and the
    /// next word.
    late: AtomicU64,
    shift: AtomicU64,
    ticks: AtomicU64,
    spacing: AtomicU64,
    /// In ticks: the burst's cost less the guard, and less a grain.
    slack: AtomicU64,
    born: AtomicU64,
    /// The clock's time from which on the numbers hold, and for how many nanoseconds the word is long enough.
    since: AtomicU64,
    span: AtomicU64,
    /// By how much a coarse reading lags.
    grain: AtomicU64,
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
    /// By how much the coarse reading lags that may stand in; 0 = none may.
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
        Grant { start: Timestamp::from_nanos(at.get()), born, weight, account: PLAIN, waited: 0 }
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
            most: zero(),
            late: zero(),
            shift: zero(),
            ticks: zero(),
            spacing: zero(),
            slack: zero(),
            born: zero(),
            since: zero(),
            span: zero(),
            grain: zero(),
            per: zero(),
            amount: zero(),
            burst: zero(),
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
        let (word, most) = (load(&self.word), load(&self.most));
        if weight == 0 || u64::from(weight) > most >> 32 || most & LOWER == word & LOWER {
            return None;
        }
        let now = coarse().as_nanos();
        loop {
            let word = self.word.load(Ordering::Acquire);
            // Only now is it surely that of the word.
            if word == SHUT || u64::from(weight) > load(&self.most) >> 32 {
                return None;
            }
            // Compared as read, which is never ahead, and taken one grain later, which is never before the start.
            let (cost, late) = (self.cost(weight), self.late(now));
            if late >= END || word.wrapping_add(cost) > late.wrapping_add(load(&self.slack)) {
                return None;
            }
            let (start, born) = (now.wrapping_add(load(&self.shift)), load(&self.born));
            if self.swap(word, word.max(late).wrapping_add(cost)) {
                return Start::new(Timestamp::from_nanos(start), born);
            }
        }
    }

    /// The word of a bucket that owes nothing one grain after the clock shows `now`.
    #[inline]
    fn late(&self, now: u64) -> u64 {
        now.wrapping_mul(load(&self.ticks)).wrapping_add(load(&self.late))
    }

    /// Lets `weight` through or refuses it by a precise reading.
    ///
    /// A reading that is a little `behind` tells who comes in vain again that it is still too early.
    #[inline]
    pub(super) fn decide(
        &self,
        weight: u32,
        behind: impl Fn() -> Option<Timestamp>,
        read: impl Fn() -> Reading,
    ) -> Passage {
        loop {
            let word = self.word.load(Ordering::Acquire);
            if word == SHUT || weight == 0 {
                return Passage::Shut;
            }
            if word & LOWER == load(&self.most) & LOWER
                && let Some(passage) = behind().and_then(|now| self.refuse_again(word, weight, now))
            {
                return passage;
            }
            let Reading { clock, now } = read();
            let now = now.as_nanos();
            let passed = now.wrapping_sub(load(&self.since));
            if passed >= load(&self.span) || u64::from(weight) > load(&self.burst) {
                return Passage::Shut;
            }
            let due = self.due(word, weight);
            if passed < due {
                let refused = self.refused(due, clock);
                if self.still_refuses(word) {
                    return refused;
                }
                continue;
            }
            // A precise reading is no grain behind.
            let now = now.wrapping_sub(load(&self.grain));
            let (start, born) = (now.wrapping_add(load(&self.shift)), load(&self.born));
            if self.swap(word, word.max(self.late(now)).wrapping_add(self.cost(weight))) {
                let start = Timestamp::from_nanos(start);
                return Passage::Granted(Grant { start, born, weight, account: PLAIN, waited: 0 });
            }
        }
    }

    /// Refuses who would be too early even if it was [`BEHIND`] later than `now`.
    #[inline]
    fn refuse_again(&self, word: u64, weight: u32, now: Timestamp) -> Option<Passage> {
        let passed = now.as_nanos().wrapping_sub(load(&self.since));
        let due = self.due(word, weight);
        let is_early = passed < load(&self.span) && passed + BEHIND < due;
        let refused = self.refused(due, now);
        (is_early && u64::from(weight) <= load(&self.burst) && self.still_refuses(word)).then_some(refused)
    }

    #[inline]
    fn cost(&self, weight: u32) -> u64 {
        u64::from(weight).wrapping_mul(load(&self.spacing))
    }

    /// How many nanoseconds after `since` the bucket of `word` lets `weight` start.
    #[inline]
    fn due(&self, word: u64, weight: u32) -> u64 {
        let free = self.late(load(&self.since)).wrapping_add(load(&self.slack));
        let due = word.wrapping_add(self.cost(weight)).saturating_sub(free);
        let ticks = load(&self.ticks);
        if ticks <= 1 { due } else { due.div_ceil(ticks) }
    }

    #[inline]
    fn refused(&self, due: u64, clock: Timestamp) -> Passage {
        let due = load(&self.since).saturating_add(due);
        Passage::Refused(self.rate(), due.saturating_sub(clock.as_nanos()))
    }

    /// Puts the next word in place of the one that it was computed from.
    ///
    /// The numbers may have been those of other terms than the word's, or mixed up; then the word is not there any more,
    /// and nothing that was computed matters. Numbers that belong to the word fit into 64 bits until their time is over.
    #[inline]
    fn swap(&self, word: u64, next: u64) -> bool {
        self.word.compare_exchange(word, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Whether the word is there by which a call is refused: what was refused by has to be still there, as what is
    /// granted by is.
    #[inline]
    fn still_refuses(&self, word: u64) -> bool {
        fence(Ordering::Acquire);
        let stands = load(&self.word) == word;
        let most = load(&self.most);
        // Not written again by each refusal, which only read what others read, and not where the numbers change.
        if stands && most & LOWER != word & LOWER {
            let known = most & !LOWER | word & LOWER;
            let _ = self.most.compare_exchange(most, known, Ordering::Relaxed, Ordering::Relaxed);
        }
        stands
    }

    /// Cut to size where it is not that of the word; then nobody sees it.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "both were 32 bits wide when they were stored")]
    fn rate(&self) -> Rate {
        Rate::of_token_bucket(load(&self.amount) as u32, load(&self.per), load(&self.burst) as u32)
    }

    /// Takes the state out, for whoever has the lock.
    pub(super) fn shut(&self) -> Option<u64> {
        if self.is_shut() {
            return None;
        }
        let word = self.word.swap(SHUT, Ordering::AcqRel);
        // Whoever reads a number written from here on finds the gate shut.
        fence(Ordering::Release);
        Some(word)
    }

    /// Puts the state in, for whoever has the lock; `None` if it does not fit.
    ///
    /// `latest` is the newest time of the clock that was seen, and `above` the greatest word there ever was. Words under
    /// other terms are all greater, so that nobody who decided under the old ones finds his word again; under the same
    /// ones it does not matter how often it comes back.
    pub(super) fn open(
        &self,
        tat: u64,
        terms: &Terms,
        latest: Timestamp,
        (last, above): (Option<Opened>, u64),
    ) -> Option<Opened> {
        let last = last.filter(|last| last.terms == *terms && last.lasts(latest));
        let opened = match last {
            Some(last) => last,
            None => Opened::new(*terms, latest, above)?,
        };
        let opened = opened.showing(tat)?;
        if last.is_none() {
            self.write(&opened)?;
        }
        debug_assert!(last.is_some() || opened.shown > above, "words of other terms come again");
        self.word.store(opened.shown, Ordering::Release);
        Some(opened)
    }

    fn write(&self, opened: &Opened) -> Option<()> {
        let Opened { terms: Terms { numbers, rate, grain, born, .. }, since, at, fresh, guard, span, .. } =
            *opened;
        let burst = u64::from(numbers.burst).checked_mul(numbers.spacing).filter(|burst| *burst <= MOST)?;
        let slack = burst.checked_sub(guard)?;
        let late = grain.checked_mul(numbers.ticks).filter(|late| *late <= MOST)?;
        let store = |number: &AtomicU64, value: u64| number.store(value, Ordering::Relaxed);
        let most = if grain > 0 { u64::from(numbers.burst) } else { 0 };
        store(&self.most, most << 32 | !fresh & LOWER);
        store(&self.since, since);
        store(&self.span, span);
        store(&self.late, (fresh + guard + late).wrapping_sub(since.wrapping_mul(numbers.ticks)));
        store(&self.shift, at.wrapping_add(grain).wrapping_sub(since));
        store(&self.ticks, numbers.ticks);
        store(&self.spacing, numbers.spacing);
        store(&self.slack, slack.wrapping_sub(late));
        store(&self.grain, grain);
        store(&self.born, born);
        store(&self.per, rate.per_nanos());
        store(&self.amount, u64::from(rate.amount()));
        store(&self.burst, u64::from(numbers.burst));
        Some(())
    }
}

#[inline]
fn load(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests;
