//! A way to a bucket's state.

use std::ops::Deref;
use std::sync::Arc;

use super::Shared;
use super::learning::{Origin, Route};
use crate::error::{Named, SiteName};
use crate::key::Digest;

/// Holds a bucket's state.
///
/// What a static of the program names is never let go of, so that a permit of it need not count itself: two threads
/// that count would take the counter out of each other's cache with each call.
#[derive(Clone, Debug)]
pub(crate) enum Handle {
    Static(&'static Shared),
    Counted(Arc<Shared>),
    /// For the calls of one route.
    Routed(Arc<Routed>),
}

/// A state, and what the server tells the calls on it by.
#[derive(Debug)]
pub(crate) struct Routed {
    shared: Arc<Shared>,
    route: Digest,
    is_answered: bool,
}

impl Deref for Handle {
    type Target = Shared;

    #[inline]
    fn deref(&self) -> &Shared {
        match self {
            Handle::Static(shared) => shared,
            Handle::Counted(shared) => shared,
            Handle::Routed(routed) => &routed.shared,
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
            Handle::Routed(routed) => Named::Counted(routed.shared.named()),
        }
    }

    /// The same state for calls of `route`, whose answers will be told of if the call `is_answered`.
    pub(crate) fn routed(&self, route: Digest, is_answered: bool) -> Handle {
        let shared = match self {
            Handle::Static(shared) => shared.me.upgrade(),
            Handle::Counted(shared) => Some(Arc::clone(shared)),
            Handle::Routed(routed) => Some(Arc::clone(&routed.shared)),
        };
        debug_assert!(shared.is_some(), "what a handle leads to is there");
        shared.map_or_else(
            || self.clone(),
            |shared| Handle::Routed(Arc::new(Routed { shared, route, is_answered })),
        )
    }

    /// Where a call may start without the bucket keeping it in mind; `None` where its answer will be told of, for which
    /// it has to be known from its start.
    #[inline]
    pub(crate) fn quick(&self) -> Option<&Shared> {
        match self {
            Handle::Static(shared) => Some(shared),
            Handle::Counted(shared) => Some(shared),
            Handle::Routed(routed) => (!routed.is_answered).then_some(&*routed.shared),
        }
    }

    pub(crate) fn route(&self) -> Route {
        match self {
            Handle::Static(_) | Handle::Counted(_) => None,
            Handle::Routed(routed) => Some(routed.route),
        }
    }

    /// Whose call it is that comes by this handle, from `site` if from any.
    pub(crate) fn origin(&self, site: Option<SiteName>) -> Origin {
        let is_answered = matches!(self, Handle::Routed(routed) if routed.is_answered);
        Origin { route: self.route(), site, is_answered }
    }

    /// For what a static names: of each state one reference is leaked, however many statics name it.
    pub(crate) fn of_static(shared: &Arc<Shared>) -> Self {
        Handle::Static(shared.kept.get_or_init(|| Box::leak(Box::new(Arc::clone(shared)))))
    }
}
