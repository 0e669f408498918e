//! A clock that stands still until it is told to move: for tests that never wait.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::timers::{QueuedSleep, Source, Timers};
use super::{Clock, Sleep};
use crate::time::Timestamp;

/// A clock that moves only when it is told to; clones share the time.
///
/// # Examples
///
/// ```
/// use ratelimit_core::clock::{Clock, ManualClock};
/// use ratelimit_core::{Bucket, Rate};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let bucket = Bucket::named("api", Rate::per_second(1)).guard(Duration::ZERO).clock(clock.clone());
/// let _first = bucket.try_acquire()?;
/// let refused = bucket.try_acquire().unwrap_err();
///
/// clock.advance(refused.retry_after().unwrap());
/// assert!(bucket.try_acquire().is_ok());
/// # Ok::<(), ratelimit_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    now: AtomicU64,
    timers: Mutex<Timers>,
    sleepers: Mutex<usize>,
    sleepers_changed: Condvar,
}

impl Source for Shared {
    fn timers(&self) -> &Mutex<Timers> {
        &self.timers
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.now.load(Ordering::SeqCst))
    }
}

impl Shared {
    fn sleepers(&self) -> MutexGuard<'_, usize> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ManualClock {
    /// A clock that stands at [`Timestamp::ZERO`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the time on by `span` in one step, then wakes those whose time has come, in the order of their times.
    pub fn advance(&self, span: Duration) {
        self.set(self.now().saturating_add(span));
    }

    /// Sets the time, also backwards, then wakes those whose time has come, in the order of their times.
    pub fn set(&self, now: Timestamp) {
        self.shared.now.store(now.as_nanos(), Ordering::SeqCst);
        let mut panicked = None;
        loop {
            let due = self.shared.lock().pop_due(self.now());
            let Some(waker) = due else { break };
            // One that panics must not leave the others asleep.
            panicked = catch_unwind(AssertUnwindSafe(|| waker.wake())).err().or(panicked);
        }
        if let Some(panic) = panicked {
            resume_unwind(panic);
        }
    }

    /// When the next sleep ends; `None` if nobody sleeps until a known time.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.shared.lock().next()
    }

    /// Blocks this thread until at least `count` callers, threads and futures together, wait on buckets that use
    /// this clock.
    ///
    /// A future waits from its first poll on.
    pub fn wait_for_sleepers(&self, count: usize) {
        let mut sleepers = self.shared.sleepers();
        while *sleepers < count {
            sleepers = self.shared.sleepers_changed.wait(sleepers).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.shared.now()
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        Box::pin(QueuedSleep::new(Arc::clone(&self.shared), at))
    }

    fn identity(&self) -> Option<usize> {
        Some(Arc::as_ptr(&self.shared).addr())
    }

    fn sleeper_came(&self) {
        *self.shared.sleepers() += 1;
        self.shared.sleepers_changed.notify_all();
    }

    fn sleeper_left(&self) {
        let mut sleepers = self.shared.sleepers();
        *sleepers = sleepers.saturating_sub(1);
        drop(sleepers);
        self.shared.sleepers_changed.notify_all();
    }
}
