//! Now, and sleeping: the only place of the crate that reads a clock.
//!
//! A bucket asks its clock what time it is before each decision, and lets it wake the line of those who wait: one
//! sleep a bucket, however many threads and futures wait.

mod counter;
mod machine;
mod manual;
mod system;
mod timers;
#[cfg(feature = "tokio")]
mod tokio;

use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
#[cfg(any(feature = "http", feature = "sqlite"))]
use std::time::SystemTime;

pub(crate) use self::counter::BEHIND;
pub use self::manual::ManualClock;
pub use self::system::SystemClock;
#[cfg(feature = "tokio")]
pub use self::tokio::TokioClock;
pub use crate::time::Timestamp;

/// A sleep that a clock was asked for; dropping it cancels it.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells the time and wakes sleepers.
///
/// Buckets use [`SystemClock`] unless they are given another. An implementation may be called from any thread; no lock
/// of the crate is held meanwhile, and a panic reaches only the caller whose call it was, or who was to wake others.
///
/// # Examples
///
/// A clock that runs one hour ahead:
///
/// ```
/// use rate_limited::clock::{Clock, Sleep, SystemClock, Timestamp};
/// use std::time::Duration;
///
/// const HOUR: Duration = Duration::from_secs(3600);
///
/// #[derive(Debug)]
/// struct Ahead(SystemClock);
///
/// impl Clock for Ahead {
///     fn now(&self) -> Timestamp {
///         self.0.now().saturating_add(HOUR)
///     }
///
///     fn sleep_until(&self, at: Timestamp) -> Sleep {
///         self.0.sleep_until(Timestamp::ZERO.saturating_add(at.saturating_since(Timestamp::ZERO.saturating_add(HOUR))))
///     }
/// }
/// ```
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// What time it is. A reading earlier than one before counts as that one: time in a bucket never goes back.
    fn now(&self) -> Timestamp;

    /// A future that is ready once [`now`](Clock::now) is at least `at`; late is fine, early is asked again.
    ///
    /// It is polled from whichever thread happens to need it, inside or outside of an async runtime.
    fn sleep_until(&self, at: Timestamp) -> Sleep;

    /// What tells this clock from others, the same for all handles of one clock; `None` = every handle counts as a clock
    /// of its own.
    ///
    /// Two buckets declared alike agree only if their clocks are the same.
    fn identity(&self) -> Option<usize> {
        None
    }

    /// A caller begins to wait on a bucket that uses this clock. Does nothing unless a clock counts its sleepers.
    fn sleeper_came(&self) {}

    /// A caller that began to wait has stopped waiting, for whatever reason.
    fn sleeper_left(&self) {}
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        (**self).sleep_until(at)
    }

    fn identity(&self) -> Option<usize> {
        (**self).identity().or_else(|| Some(Arc::as_ptr(self).cast::<()>().addr()))
    }

    fn sleeper_came(&self) {
        (**self).sleeper_came();
    }

    fn sleeper_left(&self) {
        (**self).sleeper_left();
    }
}

/// A clock that panics leaves nothing of a bucket half done: it is read before anything is changed.
impl UnwindSafe for ClockHandle {}
impl RefUnwindSafe for ClockHandle {}

/// The clock that a bucket uses.
#[derive(Clone, Debug, Default)]
pub(crate) enum ClockHandle {
    #[default]
    System,
    /// With its identity, asked for once: handles are compared where its code must not run.
    Other(Arc<dyn Clock>, Option<usize>),
}

impl ClockHandle {
    pub(crate) fn new(clock: impl Clock) -> Self {
        let identity = clock.identity();
        // The system's clock by whatever handle: what is done for it alone is done for all of them.
        if identity == SystemClock.identity() {
            return ClockHandle::System;
        }
        ClockHandle::Other(Arc::new(clock), identity)
    }

    pub(crate) fn now(&self) -> Timestamp {
        match self {
            ClockHandle::System => SystemClock.now(),
            ClockHandle::Other(clock, _) => clock.now(),
        }
    }

    pub(crate) fn sleep_until(&self, at: Timestamp) -> Sleep {
        match self {
            ClockHandle::System => SystemClock.sleep_until(at),
            ClockHandle::Other(clock, _) => clock.sleep_until(at),
        }
    }

    pub(crate) fn sleeper_came(&self) {
        if let ClockHandle::Other(clock, _) = self {
            clock.sleeper_came();
        }
    }

    pub(crate) fn sleeper_left(&self) {
        if let ClockHandle::Other(clock, _) = self {
            clock.sleeper_left();
        }
    }

    /// By how much the coarse reading that may stand in for this clock lags; `None` if it has none.
    pub(crate) fn grain(&self) -> Option<u64> {
        match self {
            ClockHandle::System => SystemClock::grain(),
            ClockHandle::Other(..) => None,
        }
    }

    pub(crate) fn is_system(&self) -> bool {
        matches!(self, ClockHandle::System)
    }

    /// Whether both are one and the same clock.
    pub(crate) fn is(&self, other: &ClockHandle) -> bool {
        if let (ClockHandle::Other(a, _), ClockHandle::Other(b, _)) = (self, other)
            && Arc::ptr_eq(a, b)
        {
            return true;
        }
        self.identity().is_some_and(|identity| other.identity() == Some(identity))
    }

    fn identity(&self) -> Option<usize> {
        match self {
            ClockHandle::System => SystemClock.identity(),
            ClockHandle::Other(_, identity) => *identity,
        }
    }
}

/// What the wall clock shows, for nothing but the dates that servers send: waiting never asks it.
#[cfg(feature = "http")]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}

/// The same in microseconds since 1970, for stores that are kept by it.
#[cfg(feature = "sqlite")]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub(crate) fn wall_micros() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Holds this thread up for `span`, where another program has what is needed for a moment more.
#[cfg(any(feature = "sqlite", feature = "redis"))]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub(crate) fn nap(span: std::time::Duration) {
    std::thread::sleep(span);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_clock_by_any_handle_is_the_systems_clock() {
        for handle in [ClockHandle::new(SystemClock), ClockHandle::new(Arc::new(Arc::new(SystemClock)))] {
            assert!(handle.is_system() && handle.is(&ClockHandle::System));
        }
        let manual = ClockHandle::new(ManualClock::new());
        assert!(!manual.is_system() && !manual.is(&ClockHandle::new(ManualClock::new())));
    }
}
