//! What a store keeps of an entry: the states of its rates, and when they were written.

mod bytes;

#[cfg(feature = "redis")]
pub(crate) use bytes::BEFORE_STATES;

use std::sync::Arc;

use super::ask::{Acquire, Known, Plan, Said, SeenRate, Verb};
use crate::policy::all::Verdict;
use crate::policy::inherit::{Debt, Start};
use crate::policy::{All, Earliest, Gauge, Guarded, Outcome, Own, Policy, own};
use crate::rate::{Rate, Shape};
use crate::time::Timestamp;

/// For how long starts are remembered beyond the windows they count in: the most by which those may be longer, for a
/// caller who does not know how long answers take; 1 s in microseconds.
pub(crate) const KEEP: u64 = 1_000_000;

/// The longest time that anything is kept, ten years: what is never idle is kept so long, and longer spans are longer than
/// stores can tell.
pub(crate) const LONGEST: u64 = 10 * 365 * 86_400 * 1_000_000;

/// In what a record tells until when it is kept: about a second in microseconds. So 32 bits tell all times to the year
/// 2112.
pub(crate) const UNIT: u64 = 1 << 20;

/// By what part of the time that it has to be kept a record is kept longer, so that the next writes need not tell its store
/// anew until when.
pub(crate) const AHEAD: u64 = 8;

/// An entry's record, read and perhaps changed.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// The limits that it is judged by: those of the ask, or of the record where they are of a higher generation.
    plan: Arc<Plan>,
    rates: All,
    own: Option<Own>,
    /// By how much the time that the user's policy is told is ahead: what its state tells nobody else can put back.
    ahead: u64,
    /// By how much the clock was put back since it was written.
    back: u64,
    /// When it was written last; 0 = never.
    pub(crate) written: u64,
    /// The newest start.
    pub(crate) newest: u64,
    /// Tells it from one that was made anew when it was lost, and from itself before a reset; 0 = not made yet.
    pub(crate) born: u32,
    /// Until when it is kept, in [`UNIT`]s; 0 = nobody was told yet, and the most = longer than can be told.
    until: u32,
}

/// The bits of a record's `born` that no reset changes.
const MADE: u32 = 0x00ff_ffff;

/// Whether these are the same record, before a reset or after it.
fn is_same(born: u32, other: u32) -> bool {
    (born ^ other) & MADE == 0
}

/// Whether a record that was `known` so was reset since.
pub(crate) fn was_reset(known: u32, born: u32) -> bool {
    known != 0 && born != 0 && known != born && is_same(known, born)
}

impl Record {
    /// What `plan` begins with.
    pub(crate) fn fresh(plan: &Arc<Plan>) -> Self {
        Record {
            rates: All::new(&plan.counted, None),
            own: plan.own.as_ref().map(|prototype| Own::new(prototype, 0)),
            plan: Arc::clone(plan),
            ahead: 0,
            back: 0,
            written: 0,
            newest: 0,
            born: 0,
            until: 0,
        }
    }

    /// Where the clock was put back, or is another one's: as if no time had passed meanwhile. So nothing counts shorter
    /// than it should, and, once it is written, nobody is locked out for longer than the limits say.
    fn go_back(&mut self, now: u64) {
        let by = self.written.saturating_sub(now);
        if by > 0 {
            self.rates.shift_back(by);
            (self.written, self.newest) = (now, self.newest.saturating_sub(by));
            (self.back, self.ahead) = (by, self.ahead.saturating_add(by));
            // That was told by the clock as it was.
            self.until = 0;
        }
    }

    /// All that it remembers, under other limits; of a user's policy a fresh state.
    pub(crate) fn under(&self, plan: &Arc<Plan>, now: u64) -> Self {
        // Nothing starts before the newest start: what is owed is owed then.
        let rates = inheriting(plan, &[&self.rates], (now, now.max(self.written).max(self.newest)));
        let newest = newest_of(&rates, self.newest);
        Record { rates, written: self.written, newest, born: self.born, ..Record::fresh(plan) }
    }

    /// For how long it is to be kept, as is noted.
    pub(crate) fn kept_for(&self, now: u64) -> u64 {
        let until =
            if self.until == u32::MAX { self.counts_until(now) } else { u64::from(self.until) * UNIT };
        until.saturating_sub(now)
    }

    /// Until when it has to be kept at least: until a fresh one would admit no more, whoever asks.
    fn counts_until(&self, now: u64) -> u64 {
        self.idle_at(now).max(now).saturating_add(KEEP).min(latest(now))
    }

    /// Notes until when it is kept, if it has to be for longer than is noted.
    ///
    /// What is noted holds for whoever writes next, whose guards may be others: so a store whose keys end by themselves need
    /// be told only where it changes.
    pub(crate) fn keep(&mut self, now: u64) {
        let until = self.counts_until(now);
        if until > u64::from(self.until) * UNIT {
            let ahead = until.saturating_add((until - now) / AHEAD).min(latest(now));
            self.until = u32::try_from(ahead / UNIT + 1).unwrap_or(u32::MAX);
        }
    }

    /// From when on a fresh one would admit no more, as far as is known at `now`.
    pub(crate) fn idle_at(&self, now: u64) -> u64 {
        let at = Timestamp::from_nanos(now);
        let by_rates = self.rates.idle_at(at).map_or(u64::MAX, Timestamp::as_nanos);
        let by_own = self.own.as_ref().map_or(0, |own| {
            let idle = own.idle_at(self.own_time(now));
            own::set_aside();
            idle.map_or(u64::MAX, |at| self.by_own_time(at))
        });
        by_rates.max(by_own).max(self.newest)
    }

    /// Whether the clock was, since it was written.
    pub(crate) fn was_put_back(&self) -> bool {
        self.back > 0
    }

    /// Whether it is the record that a process has seen last, or a later state of it, as far as can be told at `now`.
    pub(crate) fn is_known(&self, known: Known, now: u64) -> bool {
        // A clock that was put back is no loss: where it shows less than it did then, times of writing tell nothing.
        let is_later = self.written >= known.written || now < known.written;
        known.born == 0 || self.born != 0 && is_same(self.born, known.born) && is_later
    }

    /// All of it as if it were so much earlier.
    pub(crate) fn shift_back(&mut self, by: u64) {
        self.rates.shift_back(by);
        self.written = self.written.saturating_sub(by);
        self.newest = self.newest.saturating_sub(by);
        self.until = 0;
    }

    /// It is about to be written at `now`.
    pub(crate) fn stamp(&mut self, now: u64) {
        self.written = now;
        if self.born == 0 {
            self.born = u32::try_from(now & u64::from(u32::MAX)).unwrap_or(0).max(1);
        }
        self.keep(now);
    }

    /// When `weight` could start, not before `from`, if it may be made earlier by `slack` and windows are so much longer.
    pub(crate) fn earliest(&mut self, from: u64, weight: u32, slack: u64) -> Verdict {
        let from = from.max(self.newest);
        let at = Timestamp::from_nanos(from);
        let verdict = if slack > 0 {
            self.rates.set_guards(&longer(&self.plan.counted, slack));
            let verdict = self.rates.earliest_if_early(at, weight, slack);
            self.rates.set_guards(&self.plan.counted);
            verdict
        } else {
            self.rates.earliest(at, weight)
        };
        let Some(own) = self.own.as_ref().filter(|_| verdict.earliest != Earliest::Never) else {
            return verdict;
        };
        // It is told no time before the newest start.
        let made = from.saturating_sub(slack).max(self.newest);
        let earliest = match own.earliest(self.own_time(made), weight) {
            Earliest::At(at) => {
                let at = self.by_own_time(at);
                let counted = if at > made { at.saturating_add(slack) } else { from };
                Earliest::At(Timestamp::from_nanos(counted.max(from)))
            }
            unknown_or_never => unknown_or_never,
        };
        verdict.and(Verdict { earliest, rate: None })
    }

    /// Takes at `now` `weight` for `at`, which is not before the newest start; whether the user's policy let that be.
    ///
    /// What is to come may be given back: what counts until then is remembered.
    pub(crate) fn commit(&mut self, (at, now): (u64, u64), weight: u32) -> bool {
        debug_assert!(at >= self.newest, "in order of time");
        let time = self.own_time(at);
        if !self.own.as_mut().is_none_or(|own| own.commit(time, weight)) {
            return false;
        }
        let time = Timestamp::from_nanos(at);
        self.rates.remember_longer(KEEP, (time, at.saturating_sub(now)));
        self.rates.commit(time, weight);
        self.rates.set_guards(&self.plan.counted);
        self.newest = at;
        true
    }

    /// Gives back at most `given` of the `weight` that was taken at `start`.
    pub(crate) fn refund(&mut self, (start, now): (u64, u64), weight: u32, given: u32) {
        let outcome = Outcome::Refund(given);
        // Of a user's policy time never goes back, and it may have been told of starts that are to come.
        let (began, settled) = (self.own_time(start), self.own_time(now.max(start).max(self.newest)));
        if let Some(own) = &mut self.own {
            own.settle(began, settled, weight, &outcome);
        }
        let at = |time: u64| Timestamp::from_nanos(time);
        // What a window that is open now has seen is forgotten once a later one is reserved in.
        let opened = self.rates.newest_opening().map_or(0, Timestamp::as_nanos);
        self.rates.settle_reserved((at(start), at(self.newest)), at(now), weight, &outcome);
        if start == self.newest && given >= weight && self.own.is_none() {
            // Nobody need wait behind a start that is given back; what started before it may be what counts now.
            let newest = self.rates.newest_start().map_or(now, Timestamp::as_nanos);
            self.newest = newest.max(opened).min(start);
        }
    }

    /// Nothing was ever started. It is still the same record, so that nobody puts back what was started before, and
    /// tells that it was reset, so that nobody gives it back; it is kept for as long as others look for what was there.
    pub(crate) fn reset(&mut self) {
        let born = match self.born {
            0 => 0,
            born => match born.wrapping_add(MADE + 1) {
                0 => MADE + 1,
                born => born,
            },
        };
        *self = Record { born, until: self.until, ..Record::fresh(&self.plan) };
    }

    /// Whether what was counted in the record that is told so still counts here; of 0 nobody knows.
    pub(crate) fn counts(&self, born: u32) -> bool {
        born == 0 || born == self.born
    }

    /// Counts what a store has answered at `now` to the process whose own starts these are.
    pub(crate) fn note(&mut self, verb: &Verb, said: &Said, now: u64) {
        self.go_back(now);
        match (verb, said) {
            (
                Verb::Acquire(Acquire { weight, .. }) | Verb::Charge { weight },
                Said::Granted { start, .. },
            ) => {
                self.commit(((*start).max(self.newest), now), *weight);
            }
            (Verb::Refund { start, weight, given, .. }, _) => self.refund((*start, now), *weight, *given),
            (Verb::Reset | Verb::ResetKey, _) => self.reset(),
            _ => {}
        }
        self.written = now;
    }

    /// These starts, which weigh so much, as they count beside others: `all` has counted them as well, after others, by a
    /// part of the limits, and `log` tells when they were.
    ///
    /// By themselves they count for less: what a token bucket owes for them would be paid off while that is which it owed
    /// before, and nobody knows in which fixed windows they have started.
    pub(crate) fn beside_others(&self, all: &Record, (weight, log): (u64, &[Start]), now: u64) -> Record {
        let at = now.max(self.newest).max(all.newest);
        let rates = self.rates.clone().beside_others(&all.rates, (weight, log), Timestamp::from_nanos(at));
        Record { rates, ..self.clone() }
    }

    /// What token buckets owe beyond their bursts is forgotten.
    pub(crate) fn owe_up_to_burst(&mut self, now: u64) {
        self.rates.owe_up_to_burst(Timestamp::from_nanos(now.max(self.newest)));
    }

    /// For how long starts may be in one of its fixed windows, if there are any.
    pub(crate) fn longest_fixed(&self) -> Option<u64> {
        self.rates.longest_fixed()
    }

    /// Counts beside what it knows all that `other` does.
    pub(crate) fn join(&mut self, other: &Record, now: u64) {
        let at = now.max(self.newest).max(other.newest);
        self.rates = inheriting(&self.plan, &[&self.rates, &other.rates], (now, at));
        self.newest = newest_of(&self.rates, self.newest.max(other.newest));
        // Of two states of a user's policy nobody can make one.
        if self.written == 0 {
            self.own.clone_from(&other.own);
            self.ahead = other.ahead;
        }
    }

    /// As it would look to a call at `now`.
    pub(crate) fn rates_seen(&self, now: u64) -> Vec<SeenRate> {
        let at = Timestamp::from_nanos(now);
        let declared = self.plan.declared.iter().map(|guarded| guarded.rate);
        let states = self.rates.states().map(|(_, state)| state);
        let seen = declared.zip(states).map(|(rate, state)| SeenRate {
            rate,
            used: state.used(at),
            remaining: state.remaining(at),
            resets_in: state.idle_at().map(|idle| idle.as_nanos().saturating_sub(now)),
        });
        seen.collect()
    }

    pub(crate) fn declared(&self, counted: Option<Rate>) -> Option<Rate> {
        self.plan.declared(counted)
    }

    /// A time as the user's policy is told it.
    fn own_time(&self, time: u64) -> Timestamp {
        Timestamp::from_nanos(time.saturating_add(self.ahead).saturating_mul(1000))
    }

    /// What the user's policy calls `at`, no earlier.
    fn by_own_time(&self, at: Timestamp) -> u64 {
        at.as_nanos().div_ceil(1000).saturating_sub(self.ahead)
    }
}

/// Up to when anything is kept that is written at `now`, before what is noted is rounded up.
fn latest(now: u64) -> u64 {
    now.saturating_add(LONGEST - UNIT)
}

/// States of the limits of `plan` that count at `now` what all of `old` do, where nothing more starts before `at`.
fn inheriting(plan: &Plan, old: &[&All], (now, at): (u64, u64)) -> All {
    // As a commit does: what windows read is remembered for longer than it counts, from now on, as what is reserved may be
    // given back.
    let longer = at.saturating_sub(now).saturating_add(KEEP);
    let kept = |guarded: &Guarded| match guarded.rate.shape() {
        Shape::Sliding => Guarded { guard: guarded.guard.saturating_add(longer), ..*guarded },
        Shape::Burst(_) | Shape::Fixed => *guarded,
    };
    let kept: Vec<Guarded> = plan.counted.iter().map(kept).collect();
    let mut rates = All::carrying(&kept, old, Timestamp::from_nanos(at), Debt::All);
    rates.set_guards(&plan.counted);
    rates
}

/// The newest start: what is only owed may count from later than any.
fn newest_of(rates: &All, newest: u64) -> u64 {
    rates.newest_start().map_or(newest, |start| start.as_nanos().max(newest))
}

fn longer(rates: &[Guarded], by: u64) -> Vec<Guarded> {
    let longer = |guarded: &Guarded| Guarded { guard: guarded.guard.saturating_add(by), ..*guarded };
    rates.iter().map(longer).collect()
}
