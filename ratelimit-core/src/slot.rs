//! A place for a state that was looked up once: one load a call, and another look-up where that state is of no use any
//! more.
//!
//! The state is looked up before it is put in, not by an initialiser of the cell: a look-up may replace a preset's
//! limits and so wake those who wait, and no lock, a cell's included, may be held while wakers run.

use std::sync::{OnceLock, PoisonError};

use crate::line::Handle;
use crate::sync::{Mutex, MutexGuard};

type Known = (u64, Handle);

/// Holds a bucket's state once it is known, for one version of what was asked.
#[derive(Debug)]
pub(crate) struct Slot(OnceLock<Held>);

#[derive(Debug)]
struct Held {
    first: Known,
    /// In use only after the first went out of date, which few ever do; boxed, as the slot is part of every bucket.
    later: Mutex<Option<Box<Known>>>,
}

impl Slot {
    /// A constant, so that the compiler evaluates it once and not for every call site.
    #[expect(clippy::declare_interior_mutable_const, reason = "each use is a slot of its own")]
    pub(crate) const EMPTY: Self = Slot(OnceLock::new());

    pub(crate) fn holding(version: u64, shared: Handle) -> Self {
        Slot(OnceLock::from(Held::new((version, shared))))
    }

    /// The state that became known first, if that was for `version`; it may be closed.
    #[inline]
    pub(crate) fn first(&self, version: u64) -> Option<&Handle> {
        let (known, shared) = &self.0.get()?.first;
        (*known == version).then_some(shared)
    }

    /// The state that is known for `version`; it may be closed.
    #[inline]
    pub(crate) fn get(&self, version: u64) -> Option<Handle> {
        let held = self.0.get()?;
        let (known, shared) = &held.first;
        if *known == version && !shared.is_closed() {
            return Some(shared.clone());
        }
        held.later(version)
    }

    /// Puts in what was looked up; where another thread was first with an open state of that version, that one is
    /// kept and returned.
    pub(crate) fn keep(&self, version: u64, shared: Handle) -> Handle {
        let Err(outdated) = self.0.set(Held::new((version, shared.clone()))) else { return shared };
        drop(outdated);
        if let Some(known) = self.get(version).filter(|known| !known.is_closed()) {
            return known;
        }
        if let Some(held) = self.0.get() {
            let outdated = held.lock().replace(Box::new((version, shared.clone())));
            drop(outdated);
        }
        shared
    }
}

impl Held {
    fn new(first: Known) -> Self {
        Held { first, later: Mutex::new(None) }
    }

    #[cold]
    fn later(&self, version: u64) -> Option<Handle> {
        let later = self.lock();
        let known = later.as_deref().unwrap_or(&self.first);
        (known.0 == version).then(|| known.1.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<Known>>> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
