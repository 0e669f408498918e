//! A place for a state that was looked up once: one load a call, and another look-up where that state is of no use any
//! more.
//!
//! The state is looked up before it is put in, not by an initialiser of the cell: a look-up may replace a preset's
//! limits and so wake those who wait, and no lock, a cell's included, may be held while wakers run.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::line::Shared;

type Known = (u64, Arc<Shared>);

/// Holds a bucket's state once it is known, for one version of what was asked.
#[derive(Debug)]
pub(crate) struct Slot {
    first: OnceLock<Known>,
    /// In use only after the first went out of date, which few ever do.
    later: Mutex<Option<Known>>,
}

impl Slot {
    pub(crate) const fn new() -> Self {
        Slot { first: OnceLock::new(), later: Mutex::new(None) }
    }

    pub(crate) fn holding(version: u64, shared: Arc<Shared>) -> Self {
        Slot { first: OnceLock::from((version, shared)), later: Mutex::new(None) }
    }

    /// The state that is known for `version`; it may be closed.
    pub(crate) fn get(&self, version: u64) -> Option<Arc<Shared>> {
        match self.first.get() {
            None => None,
            Some((known, shared)) if *known == version && !shared.is_closed() => Some(Arc::clone(shared)),
            Some(first) => {
                let later = self.lock();
                let known = later.as_ref().unwrap_or(first);
                (known.0 == version).then(|| Arc::clone(&known.1))
            }
        }
    }

    /// Puts in what was looked up; where another thread was first with an open state of that version, that one is
    /// kept and returned.
    pub(crate) fn keep(&self, version: u64, shared: Arc<Shared>) -> Arc<Shared> {
        if self.first.set((version, Arc::clone(&shared))).is_ok() {
            return shared;
        }
        if let Some(known) = self.get(version).filter(|known| !known.is_closed()) {
            return known;
        }
        let outdated = self.lock().replace((version, Arc::clone(&shared)));
        drop(outdated);
        shared
    }

    fn lock(&self) -> MutexGuard<'_, Option<Known>> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
