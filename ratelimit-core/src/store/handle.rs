//! The store that a bucket uses.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use super::Store;

/// A store with its identity, asked for once: handles are compared where its code must not run.
#[derive(Clone, Debug)]
pub(crate) struct StoreHandle {
    store: Arc<dyn Store>,
    identity: Option<usize>,
}

/// Its panics are taken for failures.
impl UnwindSafe for StoreHandle {}
impl RefUnwindSafe for StoreHandle {}

impl StoreHandle {
    pub(crate) fn new(store: impl Store) -> Self {
        let identity = store.identity();
        StoreHandle { store: Arc::new(store), identity }
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Whether both are one and the same store.
    pub(crate) fn is(&self, other: &StoreHandle) -> bool {
        Arc::ptr_eq(&self.store, &other.store) || self.identity.is_some() && self.identity == other.identity
    }
}
