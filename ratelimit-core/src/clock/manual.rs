//! A clock that stands still until it is told to move: for tests that never wait.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::timers::{QueuedSleep, Source, Timers};
use super::{Clock, Sleep};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard};
use crate::time::Timestamp;

/// A clock that moves only when it is told to; clones share the time.
///
/// # Examples
///
/// ```
/// use rate_limited::clock::{Clock, ManualClock};
/// use rate_limited::{Bucket, Rate};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let bucket = Bucket::named("api", Rate::per_second(1)).guard(Duration::ZERO).clock(clock.clone());
/// let _first = bucket.try_acquire()?;
/// let refused = bucket.try_acquire().unwrap_err();
///
/// clock.advance(refused.retry_after().unwrap());
/// assert!(bucket.try_acquire().is_ok());
/// # Ok::<(), rate_limited::Error>(())
/// ```
///
/// # A caller that waits
///
/// Let it begin to wait, then move the time. A thread:
///
/// ```
/// use rate_limited::clock::ManualClock;
/// use rate_limited::{Bucket, Rate};
/// use std::thread;
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let bucket = Bucket::named("api", Rate::per_hour(1)).max_delay(Duration::MAX).clock(clock.clone());
/// let _first = bucket.acquire()?;
/// let wait = bucket.peek()?.wait().unwrap(); // an hour, the guard, and the edge of the window
///
/// let second = thread::spawn({
///     let bucket = bucket.clone();
///     move || bucket.acquire()
/// });
/// clock.wait_for_sleepers(1);
/// clock.advance(wait);
/// assert_eq!(second.join().unwrap()?.waited(), wait);
/// # Ok::<(), rate_limited::Error>(())
/// ```
///
/// A task. The test shares its thread, so it must not block but let the task run until it waits, and look whether it
/// was refused instead:
///
/// ```
/// use rate_limited::clock::ManualClock;
/// use rate_limited::{Bucket, Rate};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rate_limited::Error> {
/// // in a #[tokio::test]
/// let clock = ManualClock::new();
/// let bucket = Bucket::named("api", Rate::per_hour(1)).max_delay(Duration::MAX).clock(clock.clone());
/// let _first = bucket.try_acquire()?;
/// let wait = bucket.peek()?.wait().unwrap();
///
/// let second = tokio::spawn(bucket.acquire_async());
/// while bucket.peek()?.waiting() == 0 {
///     assert!(!second.is_finished(), "refused");
///     tokio::task::yield_now().await;
/// }
/// clock.advance(wait);
/// assert_eq!(second.await.unwrap()?.waited(), wait);
/// # Ok(())
/// # }
/// ```
///
/// A grant is decided at the moment of the start. So between two advances wait until those whom the first one woke
/// have started: join them, or let [`peek`](crate::Bucket::peek) count fewer waiting. Otherwise they start at the
/// second time, and those behind them are due later than the test reckons.
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
    /// A future waits from its first poll on; in a runtime of one thread nobody polls it while this blocks.
    ///
    /// Who was refused does not wait, so this blocks for ever where fewer than `count` can: let such a caller end
    /// first, or look at [`Outlook::waiting`](crate::Outlook::waiting) instead. Those who were woken count until they
    /// have started.
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
