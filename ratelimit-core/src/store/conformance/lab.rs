//! Handles of the store, names that nobody else uses, and asks.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Played, Promise};
use crate::clock::{Clock, SystemClock};
use crate::policy::{Guarded, Prototype};
use crate::rate::Rate;
use crate::store::ask::{Acquire, Ask, Entry, Known, Part, Plan, Refused, Said, Seen, Verb};
use crate::store::{Failure, Store, escaped};

/// A promise that is not kept, and what was seen.
pub(super) type Fault = (Promise, String);
pub(super) type Found<T = ()> = Result<T, Fault>;

/// What a call is given that is not to fail, however much else the machine has to do.
const GENEROUS: Duration = Duration::from_secs(5);
/// How much later than it should a call may return: a thread that is not run for so long is no fault of the store's.
const LATE: Duration = Duration::from_secs(5);

pub(super) fn ensure(holds: bool, promise: Promise, said: impl FnOnce() -> String) -> Found {
    if holds { Ok(()) } else { Err((promise, said())) }
}

pub(super) struct Lab<'a> {
    open: &'a dyn Fn() -> Arc<dyn Store>,
    /// No other run's names have it.
    run: u64,
    names: Cell<u64>,
    handles: Cell<u64>,
    asks: Arc<AtomicU64>,
}

/// One process's way to the store.
#[derive(Clone)]
pub(super) struct Handle {
    store: Arc<dyn Store>,
    asks: Arc<AtomicU64>,
}

impl<'a> Lab<'a> {
    pub(super) fn new(open: &'a dyn Fn() -> Arc<dyn Store>) -> Self {
        let run = RandomState::new().hash_one(std::process::id());
        Lab { open, run, names: Cell::new(0), handles: Cell::new(0), asks: Arc::default() }
    }

    pub(super) fn played(&self) -> Played {
        let asks = self.asks.load(Ordering::SeqCst);
        Played { tests: 0, handles: self.handles.get(), asks }
    }

    pub(super) fn handle(&self) -> Handle {
        self.handles.set(self.handles.get() + 1);
        Handle { store: (self.open)(), asks: Arc::clone(&self.asks) }
    }

    pub(super) fn handles<const N: usize>(&self) -> [Handle; N] {
        std::array::from_fn(|_| self.handle())
    }

    /// A bucket that nobody else has.
    pub(super) fn bucket(&self) -> Bucket {
        self.names.set(self.names.get() + 1);
        Bucket::named(&format!("conformance {:x}.{}", self.run, self.names.get()))
    }
}

/// A bucket's entries.
#[derive(Clone)]
pub(super) struct Bucket(Arc<str>);

impl Bucket {
    pub(super) fn named(name: &str) -> Self {
        Bucket(escaped(name))
    }

    pub(super) fn name(&self) -> &str {
        &self.0
    }

    pub(super) fn escaped(&self) -> &Arc<str> {
        &self.0
    }

    pub(super) fn key(&self, key: &str, plan: &Arc<Plan>) -> Part {
        Part::new(Entry::of_key(&self.0, Some(key)), plan)
    }

    pub(super) fn unkeyed(&self, plan: &Arc<Plan>) -> Part {
        Part::new(Entry::of_key(&self.0, None), plan)
    }

    pub(super) fn total(&self, plan: &Arc<Plan>) -> Part {
        Part::new(Entry::total(&self.0), plan)
    }
}

impl Part {
    fn new(entry: Entry, plan: &Arc<Plan>) -> Self {
        Part { entry, plan: Arc::clone(plan), known: Known::default() }
    }
}

/// Rates without a guard.
pub(super) fn plan(rates: &[Rate]) -> Arc<Plan> {
    own_plan(rates, None)
}

pub(super) fn own_plan(rates: &[Rate], own: Option<&Prototype>) -> Arc<Plan> {
    let rates: Vec<Guarded> = rates.iter().map(|rate| Guarded { rate: *rate, guard: 0 }).collect();
    Arc::new(Plan::new(0, &rates, own))
}

/// So many an hour: what no test lives to see run out.
pub(super) fn hourly(amount: u32) -> Arc<Plan> {
    plan(&[Rate::per_hour(amount)])
}

pub(super) fn at_once(weight: u32) -> Verb {
    Verb::Acquire(Acquire { weight, after: 0, slack: 0, allowance: 0, reserves: false })
}

/// However late.
pub(super) fn reserve(weight: u32) -> Verb {
    Verb::Acquire(Acquire { weight, after: 0, slack: 0, allowance: u64::MAX, reserves: true })
}

pub(super) fn ask(parts: &[&Part], verb: Verb) -> Ask {
    Ask::of(parts.iter().map(|part| (*part).clone()).collect(), verb)
}

/// Waits, which is what is to be tested.
#[expect(clippy::disallowed_methods, reason = "the store's time is not this process's to move")]
pub(super) fn pause(span: Duration) {
    std::thread::sleep(span);
}

/// Nanoseconds by this process's clock, for spans.
pub(super) fn here() -> u64 {
    SystemClock.now().as_nanos()
}

impl Handle {
    /// Every answer, whatever it is.
    pub(super) fn play_within(&self, asks: &[Ask], timeout: Duration) -> Found<Vec<Result<Said, Failure>>> {
        let begin = here();
        let played = catch_unwind(AssertUnwindSafe(|| self.store.play(asks, timeout)));
        let panicked = |_| (Promise::NoLonger, format!("a call that was given {timeout:?} panicked"));
        let answers = played.map_err(panicked)?;
        let took = Duration::from_nanos(here() - begin);
        self.asks.fetch_add(asks.len() as u64, Ordering::SeqCst);
        ensure(took <= timeout + LATE, Promise::NoLonger, || {
            format!("a call that was given {timeout:?} returned after {took:?}")
        })?;
        ensure(answers.len() == asks.len(), Promise::InOrder, || {
            format!("a call of {} asks had {} answers", asks.len(), answers.len())
        })?;
        Ok(answers.into_iter().map(|answer| answer.map(|answer| answer.0)).collect())
    }

    pub(super) fn play(&self, asks: &[Ask]) -> Found<Vec<Result<Said, Failure>>> {
        self.play_within(asks, GENEROUS)
    }

    /// Answers to asks that cannot fail.
    pub(super) fn all(&self, asks: &[Ask]) -> Found<Vec<Said>> {
        let answered = |answer: Result<Said, Failure>| {
            answer.map_err(|failure| (Promise::AsJudged, format!("an ask was not answered: {failure}")))
        };
        self.play(asks)?.into_iter().map(answered).collect()
    }

    pub(super) fn one(&self, parts: &[&Part], verb: Verb) -> Found<Said> {
        self.ask(ask(parts, verb))
    }

    pub(super) fn ask(&self, ask: Ask) -> Found<Said> {
        let mut answers = self.all(&[ask])?;
        answers.pop().ok_or_else(|| (Promise::InOrder, "an ask had no answer".to_owned()))
    }

    /// Whether it may start at once, and is taken.
    pub(super) fn takes(&self, parts: &[&Part], weight: u32) -> Found<bool> {
        match self.one(parts, at_once(weight))? {
            Said::Granted { wait: 0, .. } => Ok(true),
            Said::Refused(_) => Ok(false),
            said => unexpected("a call that does not wait", &said),
        }
    }

    /// Takes it, whatever the limits say: how it is counted.
    pub(super) fn charge(&self, parts: &[&Part], weight: u32) -> Found<u64> {
        match self.one(parts, Verb::Charge { weight })? {
            Said::Granted { wait: 0, start, .. } => Ok(start),
            said => unexpected("a charge", &said),
        }
    }

    /// Reserves a start: for when.
    pub(super) fn reserve(&self, parts: &[&Part], weight: u32) -> Found<u64> {
        match self.one(parts, reserve(weight))? {
            Said::Granted { start, .. } => Ok(start),
            said => unexpected("a call that waits for ever", &said),
        }
    }

    pub(super) fn refused(&self, parts: &[&Part], weight: u32) -> Found<Refused> {
        match self.one(parts, at_once(weight))? {
            Said::Refused(refused) => Ok(refused),
            said => unexpected("a call above the limit", &said),
        }
    }

    /// Does what needs no answer: when, and to which records.
    pub(super) fn done(&self, parts: &[&Part], verb: Verb) -> Found<(u64, [u32; 2])> {
        match self.one(parts, verb)? {
            Said::Done { now, born } => Ok((now, born)),
            said => unexpected("what is only done", &said),
        }
    }

    pub(super) fn look(&self, parts: &[&Part]) -> Found<Vec<Seen>> {
        match self.one(parts, Verb::Peek { weight: 1 })? {
            Said::Outlook(seen) if seen.len() == parts.len() => Ok(seen),
            said => unexpected("a look", &said),
        }
    }

    /// How much of each rate of `part` is used.
    pub(super) fn used(&self, part: &Part) -> Found<Vec<u32>> {
        let seen = self.look(&[part])?;
        Ok(seen.iter().flat_map(|seen| &seen.rates).map(|rate| rate.used).collect())
    }

    /// What time it is there.
    pub(super) fn now(&self, scratch: &Part) -> Found<u64> {
        Ok(self.done(&[scratch], Verb::Reset)?.0)
    }
}

pub(super) fn unexpected<T>(what: &str, said: &Said) -> Found<T> {
    Err((Promise::AsJudged, format!("{what} was answered by {said:?}")))
}
