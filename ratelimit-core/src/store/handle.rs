//! The store that a bucket uses.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use super::Store;

/// A store with what is asked of it once: handles are looked at where its code must not run.
#[derive(Clone, Debug)]
pub(crate) struct StoreHandle {
    store: Arc<dyn Store>,
    identity: Option<usize>,
    has_time: bool,
}

/// Its panics are taken for failures.
impl UnwindSafe for StoreHandle {}
impl RefUnwindSafe for StoreHandle {}

impl StoreHandle {
    pub(crate) fn new(store: impl Store) -> Self {
        let (identity, has_time) = (store.identity(), !store.timeout().is_zero());
        StoreHandle { store: Arc::new(store), identity, has_time }
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Whether it may take any time to answer.
    pub(crate) fn has_time(&self) -> bool {
        self.has_time
    }

    /// Whether both are one and the same store.
    pub(crate) fn is(&self, other: &StoreHandle) -> bool {
        Arc::ptr_eq(&self.store, &other.store) || self.identity.is_some() && self.identity == other.identity
    }
}
