//! A way to a bucket's state.

use std::ops::Deref;
use std::sync::Arc;

use super::Shared;
use crate::error::Named;

/// Holds a bucket's state.
///
/// What a static of the program names is never let go of, so that a permit of it need not count itself: two threads
/// that count would take the counter out of each other's cache with each call.
#[derive(Clone, Debug)]
pub(crate) enum Handle {
    Static(&'static Shared),
    Counted(Arc<Shared>),
}

impl Deref for Handle {
    type Target = Shared;

    #[inline]
    fn deref(&self) -> &Shared {
        match self {
            Handle::Static(shared) => shared,
            Handle::Counted(shared) => shared,
        }
    }
}

impl Handle {
    /// Where an error takes the bucket's name from.
    #[inline]
    pub(crate) fn named_by(&self) -> Named<'_> {
        match self {
            Handle::Static(shared) => Named::Static(shared.name()),
            Handle::Counted(shared) => Named::Counted(shared.named()),
        }
    }

    /// For what a static names: of each state one reference is leaked, however many statics name it.
    pub(crate) fn of_static(shared: &Arc<Shared>) -> Self {
        Handle::Static(shared.kept.get_or_init(|| Box::leak(Box::new(Arc::clone(shared)))))
    }
}
