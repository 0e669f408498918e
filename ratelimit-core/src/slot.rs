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
pub(crate) struct Slot(OnceLock<Held>);

#[derive(Debug)]
struct Held {
    first: Known,
    /// In use only after the first went out of date, which few ever do.
    later: Mutex<Option<Known>>,
}

impl Slot {
    /// A constant, so that the compiler evaluates it once and not for every call site.
    #[expect(clippy::declare_interior_mutable_const, reason = "each use is a slot of its own")]
    pub(crate) const EMPTY: Self = Slot(OnceLock::new());

    pub(crate) fn holding(version: u64, shared: Arc<Shared>) -> Self {
        Slot(OnceLock::from(Held::new((version, shared))))
    }

    /// The state that is known for `version`; it may be closed.
    pub(crate) fn get(&self, version: u64) -> Option<Arc<Shared>> {
        let held = self.0.get()?;
        let (known, shared) = &held.first;
        if *known == version && !shared.is_closed() {
            return Some(Arc::clone(shared));
        }
        let later = held.lock();
        let known = later.as_ref().unwrap_or(&held.first);
        (known.0 == version).then(|| Arc::clone(&known.1))
    }

    /// Puts in what was looked up; where another thread was first with an open state of that version, that one is
    /// kept and returned.
    pub(crate) fn keep(&self, version: u64, shared: Arc<Shared>) -> Arc<Shared> {
        let Err(outdated) = self.0.set(Held::new((version, Arc::clone(&shared)))) else { return shared };
        drop(outdated);
        if let Some(known) = self.get(version).filter(|known| !known.is_closed()) {
            return known;
        }
        if let Some(held) = self.0.get() {
            let outdated = held.lock().replace((version, Arc::clone(&shared)));
            drop(outdated);
        }
        shared
    }
}

impl Held {
    fn new(first: Known) -> Self {
        Held { first, later: Mutex::new(None) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Known>> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
