//! Policies: the algorithms behind rates, as pure state machines without clock, lock or I/O.
//!
//! A rate brings its policy along. Who needs another algorithm implements [`Policy`], whose laws stand on it one by
//! one, lets the conformance kit, `policy::conformance` (feature `test-util`), look for a schedule that breaks one, and
//! has a bucket run it: [`Bucket::with_policy`](crate::Bucket::with_policy).

pub(crate) mod all;
#[cfg(any(test, feature = "test-util"))]
pub mod conformance;
mod fixed_window;
pub(crate) mod inherit;
mod leaky_bucket;
pub(crate) mod learned;
pub(crate) mod own;
pub(crate) mod reserved;
pub(crate) mod saved;
pub(crate) mod sliding_window;
pub(crate) mod token_bucket;

use std::any::Any;
use std::fmt;

use crate::feedback::Feedback;
use crate::rate::{Rate, Shape};
use crate::time::Timestamp;

pub(crate) use all::All;
use fixed_window::FixedWindow;
pub use leaky_bucket::{FillLevel, LeakyBucket};
pub(crate) use own::{Own, Prototype};
use sliding_window::SlidingWindow;
use token_bucket::TokenBucket;

/// When a weight could start: a [`Policy`]'s answer.
///
/// In order of time, so that of several answers the greatest is the one that counts. There are no other answers, so
/// that whoever combines policies can go through them all.
///
/// # Examples
///
/// ```
/// use rate_limited::clock::Timestamp;
/// use rate_limited::policy::Earliest;
///
/// let (soon, later) = (Timestamp::from_nanos(1), Timestamp::from_nanos(2));
/// assert_eq!(Earliest::At(soon).max(Earliest::At(later)), Earliest::At(later));
/// assert_eq!(Earliest::At(later).max(Earliest::WhenSettled), Earliest::WhenSettled);
/// assert_eq!(Earliest::WhenSettled.max(Earliest::Never), Earliest::Never);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Earliest {
    /// From then on.
    At(Timestamp),
    /// Not known before a started call is [settled](Policy::settle).
    WhenSettled,
    /// At no time, however the calls that were started end.
    Never,
}

/// What became of a started call, as far as limits are concerned.
///
/// # Examples
///
/// One call at a time, and none while the server wants to be left alone:
///
/// ```
/// use rate_limited::Bucket;
/// use rate_limited::clock::{ManualClock, Timestamp};
/// use rate_limited::feedback::Feedback;
/// use rate_limited::policy::{Earliest, Outcome, Policy};
/// use std::time::Duration;
///
/// #[derive(Clone, Debug, Default)]
/// struct Polite {
///     running: u64,
///     until: Timestamp,
/// }
///
/// impl Policy for Polite {
///     fn earliest(&self, now: Timestamp, _weight: u32) -> Earliest {
///         if self.running > 0 { Earliest::WhenSettled } else { Earliest::At(now.max(self.until)) }
///     }
///
///     fn commit(&mut self, _now: Timestamp, _weight: u32) {
///         self.running += 1;
///     }
///
///     fn settle(&mut self, _start: Timestamp, now: Timestamp, weight: u32, outcome: &Outcome) {
///         match outcome {
///             Outcome::Feedback(said) if said.rejected => {
///                 let wait = said.retry_after.unwrap_or(Duration::from_secs(1));
///                 let nanos = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
///                 let until = Timestamp::from_nanos(now.as_nanos().saturating_add(nanos));
///                 self.until = self.until.max(until);
///             }
///             Outcome::Refund(given) if *given < weight => {}
///             Outcome::NoNews | Outcome::Refund(_) => self.running -= 1,
///             _ => {}
///         }
///     }
///
///     fn idle_at(&self) -> Option<Timestamp> {
///         if self.running == 0 && self.until < Timestamp::MAX { Some(self.until) } else { None }
///     }
///
///     fn fork(&self) -> Box<dyn Policy> {
///         Box::new(self.clone())
///     }
/// }
///
/// let bucket = Bucket::with_policy("polite", Polite::default()).clock(ManualClock::new());
/// let permit = bucket.try_acquire()?;
/// permit.observe(&Feedback::default().rejected(true).retry_after(Duration::from_secs(5)));
/// drop(permit);
/// assert_eq!(bucket.try_acquire().unwrap_err().retry_after(), Some(Duration::from_secs(5)));
/// # Ok::<(), rate_limited::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It cost less than was taken: give back at most so much.
    Refund(u32),
    /// It ended, and cost what was taken.
    NoNews,
    /// The server has answered it, and said this of its limits; the call itself has not ended by that.
    Feedback(Feedback),
}

/// An algorithm and its state: when a weight may start, and what was taken.
///
/// It is told the time and does nothing by itself: no clock, no lock, no I/O. Asking ([`earliest`](Self::earliest)) and
/// taking ([`commit`](Self::commit)) are apart, so that several rates are taken all or none, and a look or a plan takes
/// nothing. Times given to one state never go back: a commit or a settlement is never earlier than the one before, and
/// no question is earlier than either. A weight is never zero: such calls start without asking.
///
/// # Laws
///
/// Whatever happened to a state, each of these holds, and the engine relies on it:
///
/// 1. **Asking changes nothing.** A question has the same answer each time, and no later answer depends on what was
///    asked. So a refusal and a peek leave no trace, and questions may be asked in any order.
/// 2. **Not before now.** `earliest` is never before the time it is asked at.
/// 3. **Once possible, it stays possible**, until the next commit or the next answer of a server, however much later,
///    and also if calls end or are refunded meanwhile. So of several rates the latest answer is right for all of them, and who was woken may take
///    its turn a little later.
/// 4. **A promise is kept.** Until the next commit or settlement, what is promised for a time is refused up to then,
///    whenever it is asked for, and possible from then on. So the engine sleeps to that time without looking, and
///    `retry_after` is exact.
/// 5. **Heavier is no earlier.** A greater weight is never possible before a smaller one.
/// 6. **Never is for ever.** What is never possible stays so as time goes by, and so is all that is heavier: a call is
///    refused for good.
/// 7. **A commit counts from its moment**, whether it was asked for and possible or not (a charge may leave the state in
///    debt): nothing is possible earlier than it would be without it. So calls of one moment do not slip by each other.
/// 8. **A fork is a state of its own**: it answers as the state it was taken of, and what is done to either does
///    nothing to the other. So plans are made on forks, and a call that failed half way is rolled back to one.
/// 9. **A refund gives back at most what was taken.** Afterwards nothing is possible earlier than in a state that took,
///    at that time, only what was not given back, and nothing if all was, and heard the same answers. It may give back
///    less. So what was promised
///    to the server holds over the calls that were not refunded.
/// 10. **Idle means as good as fresh.** From [`idle_at`](Self::idle_at) on, a fresh state in place of this one would
///     admit no more, then and in all that follows. So keys that are idle are forgotten.
/// 11. **No panic**, at any time up to [`Timestamp::MAX`] and any weight up to [`u32::MAX`]. A panic reaches the caller
///     it happens to, whose call has not started then.
///
/// # Examples
///
/// So much weight and no more, for ever:
///
/// ```
/// use rate_limited::clock::Timestamp;
/// use rate_limited::policy::{Earliest, Outcome, Policy};
///
/// #[derive(Clone, Debug)]
/// struct Allotment {
///     amount: u32,
///     /// More than the amount after a charge.
///     taken: u64,
/// }
///
/// impl Policy for Allotment {
///     fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
///         if weight > self.amount {
///             Earliest::Never
///         } else if self.taken + u64::from(weight) <= u64::from(self.amount) {
///             Earliest::At(now)
///         } else {
///             // Only what is given back can make room.
///             Earliest::WhenSettled
///         }
///     }
///
///     fn commit(&mut self, _now: Timestamp, weight: u32) {
///         self.taken += u64::from(weight);
///     }
///
///     fn settle(&mut self, _start: Timestamp, _now: Timestamp, weight: u32, outcome: &Outcome) {
///         if let Outcome::Refund(given) = outcome {
///             self.taken -= u64::from(weight.min(*given));
///         }
///     }
///
///     fn idle_at(&self) -> Option<Timestamp> {
///         if self.taken == 0 { Some(Timestamp::ZERO) } else { None }
///     }
///
///     fn fork(&self) -> Box<dyn Policy> {
///         Box::new(self.clone())
///     }
/// }
///
/// let mut state = Allotment { amount: 3, taken: 0 };
/// let now = Timestamp::ZERO;
/// state.commit(now, 2);
/// assert_eq!(state.earliest(now, 1), Earliest::At(now));
/// assert_eq!(state.earliest(now, 2), Earliest::WhenSettled);
/// state.settle(now, now, 2, &Outcome::Refund(2));
/// assert_eq!(state.earliest(now, 3), Earliest::At(now));
/// ```
pub trait Policy: Any + fmt::Debug + Send + Sync {
    /// When `weight` could start, at the earliest `now`, if nothing else is taken before.
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest;

    /// Takes `weight` at `now`, also where that is before [`earliest`](Self::earliest).
    fn commit(&mut self, now: Timestamp, weight: u32);

    /// Learns at `now` what became of the call that took `weight` at `start`.
    ///
    /// While the call runs it may hear of any number of [refunds](Outcome::Refund), each of a part, and of
    /// [answers](Outcome::Feedback); then, once, that it [ended](Outcome::NoNews), whatever was heard before. `weight` is
    /// what the refunds before have left of it. A call that was given back whole is not heard of again, and of one whose
    /// bucket or key was reset, or closed, nothing more is heard either.
    ///
    /// An answer may make anything possible sooner or later than it was, as the policy sees fit; those who wait are
    /// looked at again. It is told once for each [`Permit::observe`](crate::Permit::observe) of an answer that says
    /// something of limits, for a call that took something. Where a call counts as several commits, as it was
    /// [corrected](crate::Permit::correct) upwards, it is told of the first that has something left, while refunds and the
    /// end are told of each.
    ///
    /// An outcome that is not known to the policy, as more may come, is best ignored: it is not the end of the call.
    fn settle(&mut self, start: Timestamp, now: Timestamp, weight: u32, outcome: &Outcome);

    /// From when on a fresh state would admit no more than this one; `None` = never.
    fn idle_at(&self) -> Option<Timestamp>;

    /// A state of its own that is now the same as this one.
    fn fork(&self) -> Box<dyn Policy>;

    /// This state as bytes, for [stores](crate::store) that several processes share; `None` = it cannot be kept there,
    /// as by default.
    ///
    /// Where bytes are kept longer than a program, let them begin with a version.
    fn save(&self) -> Option<Vec<u8>> {
        None
    }

    /// A state as this one, the prototype, that was [saved](Self::save) before, perhaps by another process and by another
    /// version of the program; `None` if the bytes are none that it knows.
    ///
    /// In a store timestamps are nanoseconds since 1970, in whole microseconds; where its clock is put back, they go on from
    /// where they were.
    fn load(&self, bytes: &[u8]) -> Option<Box<dyn Policy>> {
        let _ = bytes;
        None
    }
}

/// What an outlook shows of a built-in policy.
pub(crate) trait Gauge: Policy {
    /// How much of the rate is taken at `now`.
    fn used(&self, now: Timestamp) -> u32;
    /// How much could start at `now` at once.
    fn remaining(&self, now: Timestamp) -> u32;
}

/// A rate with its guard in nanoseconds: what a policy is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guarded {
    pub(crate) rate: Rate,
    pub(crate) guard: u64,
}

/// The built-in policies.
#[derive(Clone, Debug)]
pub(crate) enum Builtin {
    SlidingWindow(SlidingWindow),
    TokenBucket(TokenBucket),
    FixedWindow(FixedWindow),
}

impl Builtin {
    /// A fresh state for `rate`.
    pub(crate) fn new(Guarded { rate, guard }: Guarded) -> Self {
        match rate.shape() {
            Shape::Burst(burst) => {
                Builtin::TokenBucket(TokenBucket::new(rate.amount(), rate.per_nanos(), burst, guard))
            }
            Shape::Sliding => Builtin::SlidingWindow(SlidingWindow::new(
                rate.amount(),
                rate.per_nanos().saturating_add(guard),
            )),
            Shape::Fixed => {
                Builtin::FixedWindow(FixedWindow::new(rate.amount(), rate.per_nanos().saturating_add(guard)))
            }
        }
    }

    /// The same state under another guard of its rate: all that is known counts on.
    pub(crate) fn set_guard(&mut self, Guarded { rate, guard }: Guarded) {
        let window = rate.per_nanos().saturating_add(guard);
        match self {
            Builtin::SlidingWindow(state) => state.set_window(window),
            Builtin::TokenBucket(state) => state.set_guard(guard),
            Builtin::FixedWindow(state) => state.set_length(window),
        }
    }

    /// Takes `weight` as at `stamp`, if it may start at `now`; whether it was taken.
    #[inline]
    fn take(&mut self, (now, stamp): (Timestamp, Timestamp), weight: u32) -> bool {
        let may = self.earliest(now, weight) == Earliest::At(now);
        if may {
            self.commit(stamp, weight);
        }
        may
    }

    fn state(&self) -> &dyn Gauge {
        match self {
            Builtin::SlidingWindow(state) => state,
            Builtin::TokenBucket(state) => state,
            Builtin::FixedWindow(state) => state,
        }
    }

    fn state_mut(&mut self) -> &mut dyn Gauge {
        match self {
            Builtin::SlidingWindow(state) => state,
            Builtin::TokenBucket(state) => state,
            Builtin::FixedWindow(state) => state,
        }
    }
}

/// What every call asks is asked directly, all else by [`state`](Builtin::state).
impl Policy for Builtin {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call of its own is a fifteenth of a granted call")]
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        match self {
            Builtin::SlidingWindow(state) => state.earliest(now, weight),
            Builtin::TokenBucket(state) => state.earliest(now, weight),
            Builtin::FixedWindow(state) => state.earliest(now, weight),
        }
    }

    #[inline]
    fn commit(&mut self, now: Timestamp, weight: u32) {
        match self {
            Builtin::SlidingWindow(state) => state.commit(now, weight),
            Builtin::TokenBucket(state) => state.commit(now, weight),
            Builtin::FixedWindow(state) => state.commit(now, weight),
        }
    }

    fn settle(&mut self, start: Timestamp, now: Timestamp, weight: u32, outcome: &Outcome) {
        self.state_mut().settle(start, now, weight, outcome);
    }

    fn idle_at(&self) -> Option<Timestamp> {
        self.state().idle_at()
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

impl Gauge for Builtin {
    fn used(&self, now: Timestamp) -> u32 {
        self.state().used(now)
    }

    fn remaining(&self, now: Timestamp) -> u32 {
        self.state().remaining(now)
    }
}
