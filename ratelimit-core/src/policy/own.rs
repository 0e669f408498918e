//! A user's own policy in a bucket: states that are never changed, only replaced by a fork that was, and panics that
//! never unwind through the engine.
//!
//! Whatever is done to a state is done to a fork, which is put in its place if that went well. So a state is shared by
//! whoever plans or looks, at no cost, and a panic leaves it as it was. The panic itself is noted for this thread, and
//! the engine decides whose it is: that of the caller, who meets it once the lock is released and everybody else was
//! served, or nobody's, where others were looked after.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::Arc;

use super::{Earliest, Outcome, Policy};
use crate::sync::thread_local;
use crate::time::Timestamp;

/// What somebody panicked with.
pub(crate) type Payload = Box<dyn Any + Send>;

thread_local! {
    static NOTED: RefCell<Option<Payload>> = const { RefCell::new(None) };
}

/// The panic that was noted last on this thread, if nobody has taken it since.
pub(crate) fn noted() -> Option<Payload> {
    NOTED.try_with(RefCell::take).ok().flatten()
}

/// Nobody's call was concerned; whether there was a panic.
pub(crate) fn set_aside() -> bool {
    noted().map(discard).is_some()
}

fn noting<R>(ask: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(ask)) {
        Ok(answer) => Some(answer),
        Err(payload) => {
            // A thread that is ending has no room for it, and then nobody meets it.
            let before = NOTED.try_with(|noted| noted.replace(Some(payload))).ok().flatten();
            if let Some(before) = before {
                discard(before);
            }
            None
        }
    }
}

/// Its end is foreign code, too.
pub(crate) fn discard(payload: Payload) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(another);
    }
}

/// One state of a policy, shared and never changed. Empty only while it is dropped.
#[derive(Clone)]
pub(crate) struct Kept(Option<Arc<dyn Policy>>);

impl Kept {
    pub(crate) fn new(policy: Box<dyn Policy>) -> Self {
        Kept(Some(Arc::from(policy)))
    }

    pub(crate) fn is(&self, other: &Kept) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// A state of its own, made by the user's code where no lock is held; its panic is the caller's.
    pub(crate) fn fork(&self) -> Option<Box<dyn Policy>> {
        self.0.as_ref().map(|policy| policy.fork())
    }

    fn ask<R>(&self, ask: impl FnOnce(&dyn Policy) -> R) -> Option<R> {
        let policy = self.0.as_deref()?;
        noting(|| ask(policy))
    }

    /// A fork to which `change` was done; `None` if either panicked.
    fn changed(&self, change: impl FnOnce(&mut dyn Policy)) -> Option<Kept> {
        let mut fork = self.ask(Policy::fork)?;
        if noting(|| change(&mut *fork)).is_some() {
            return Some(Kept::new(fork));
        }
        // Its end must not meet the panic on its way.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(fork))) {
            discard(payload);
        }
        None
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let policy = self.0.take();
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(policy))) {
            discard(payload);
        }
    }
}

/// Every change is made to a fork: a panic leaves no state half changed.
impl UnwindSafe for Kept {}
impl RefUnwindSafe for Kept {}

/// The policy that a bucket was made with: each key begins with a fork of it.
#[derive(Clone)]
pub(crate) struct Prototype {
    policy: Kept,
    /// The name of its type.
    name: &'static str,
}

impl Prototype {
    pub(crate) fn new<P: Policy>(policy: P) -> Self {
        Prototype { policy: Kept::new(Box::new(policy)), name: std::any::type_name::<P>() }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The state that was saved, or, where nothing was, a fresh one; `None` where the policy does not know the bytes, or
    /// panics over them.
    pub(crate) fn load(&self, bytes: Option<&[u8]>) -> Option<Own> {
        let Some(bytes) = bytes else { return Some(Own::new(self, 0)) };
        let state = self.policy.ask(|policy| policy.load(bytes))??;
        Some(Own { state: Kept::new(state), ..Own::new(self, 0) })
    }

    /// Whether both are one and the same, not merely alike.
    pub(crate) fn is(&self, other: &Prototype) -> bool {
        self.policy.is(&other.policy)
    }
}

/// By its type alone: its own `Debug` is foreign code.
impl fmt::Debug for Prototype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Prototype").field(&format_args!("{}", self.name)).finish()
    }
}

/// The state of a user's policy for one key.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    prototype: Prototype,
    state: Kept,
    /// The entry it began with: calls that an earlier one took are not settled with it. It goes on under other limits,
    /// where rates begin anew, so that it hears of the end of every call it has counted.
    since: u64,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl Own {
    /// The prototype itself until something is done to it.
    pub(crate) fn new(prototype: &Prototype, since: u64) -> Self {
        Own { prototype: prototype.clone(), state: prototype.policy.clone(), since }
    }

    pub(crate) fn fresh(&self, since: u64) -> Self {
        Own::new(&self.prototype, since)
    }

    pub(crate) fn prototype(&self) -> &Prototype {
        &self.prototype
    }

    pub(crate) fn since(&self) -> u64 {
        self.since
    }

    pub(crate) fn state(&self) -> &Kept {
        &self.state
    }

    /// Puts another state in place.
    pub(crate) fn put(&mut self, state: Kept) {
        self.state = state;
    }

    /// The state as bytes; `None` where the policy has none, or panics.
    pub(crate) fn save(&self) -> Option<Vec<u8>> {
        self.state.ask(Policy::save)?
    }

    /// Unknown if it panics.
    pub(crate) fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        let earliest = self.state.ask(|policy| policy.earliest(now, weight));
        earliest.unwrap_or(Earliest::WhenSettled)
    }

    /// Not at `now` if it panics: then it is asked again.
    pub(crate) fn idle_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.state.ask(Policy::idle_at).unwrap_or(Some(now.plus(1)))
    }

    /// Whether it was taken: not where anything panics.
    pub(crate) fn commit(&mut self, now: Timestamp, weight: u32) -> bool {
        self.change(|policy| policy.commit(now, weight))
    }

    /// Takes what was started before it came, all of it or, where anything panics, nothing.
    pub(crate) fn remember(&mut self, starts: impl Iterator<Item = (Timestamp, u64)>) {
        let mut starts = starts.flat_map(in_parts).peekable();
        if starts.peek().is_some() {
            self.change(|policy| starts.for_each(|(start, weight)| policy.commit(start, weight)));
        }
    }

    /// Changes nothing if anything panics.
    pub(crate) fn settle(&mut self, start: Timestamp, now: Timestamp, weight: u32, outcome: &Outcome) {
        self.change(|policy| policy.settle(start, now, weight, outcome));
    }

    fn change(&mut self, change: impl FnOnce(&mut dyn Policy)) -> bool {
        let changed = self.state.changed(change);
        changed.map(|state| self.state = state).is_some()
    }
}

/// What was started at one time, in weights that a call may have.
fn in_parts((start, mut left): (Timestamp, u64)) -> impl Iterator<Item = (Timestamp, u32)> {
    std::iter::from_fn(move || {
        let weight = u32::try_from(left).unwrap_or(u32::MAX);
        left -= u64::from(weight);
        (weight > 0).then_some((start, weight))
    })
}
