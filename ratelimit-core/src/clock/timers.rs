//! Sleeps in order of their time: what the system clock's thread and the manual clock wake from.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::sync::{Mutex, MutexGuard};
use crate::time::Timestamp;

/// The sleeps that nobody has been woken from yet, by time, then by arrival.
#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: BTreeMap<(Timestamp, u64), Waker>,
    arrivals: u64,
}

impl Timers {
    /// The time of the earliest sleep.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes out the earliest sleep that is over at `now`.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<Waker> {
        let first = self.queue.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}

/// What owns timers and knows the time.
pub(super) trait Source: Send + Sync + 'static {
    fn timers(&self) -> &Mutex<Timers>;
    fn now(&self) -> Timestamp;
    /// Called without the lock when a sleep became the earliest, which ends at `at`.
    fn earliest_changed(&self, _at: Timestamp) {}

    fn lock(&self) -> MutexGuard<'_, Timers> {
        // Wakers run outside of the lock, so nothing can be half done under it.
        self.timers().lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One sleep; leaves the queue when dropped.
pub(super) struct QueuedSleep<S: Source> {
    source: Arc<S>,
    at: Timestamp,
    arrival: Option<u64>,
}

impl<S: Source> QueuedSleep<S> {
    pub(super) fn new(source: Arc<S>, at: Timestamp) -> Self {
        QueuedSleep { source, at, arrival: None }
    }
}

impl<S: Source> Future for QueuedSleep<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let this = &mut *self;
        let mut timers = this.source.lock();
        // Read under the lock: whoever moves the time on takes the lock afterwards and finds this sleep.
        if this.source.now() >= this.at {
            return Poll::Ready(());
        }
        let arrival = *this.arrival.get_or_insert_with(|| {
            timers.arrivals += 1;
            timers.arrivals
        });
        let replaced = timers.queue.insert((this.at, arrival), waker);
        let earliest = timers.next() == Some(this.at);
        drop(timers);
        drop(replaced);
        if earliest {
            this.source.earliest_changed(this.at);
        }
        Poll::Pending
    }
}

impl<S: Source> Drop for QueuedSleep<S> {
    fn drop(&mut self) {
        if let Some(arrival) = self.arrival {
            let removed = self.source.lock().queue.remove(&(self.at, arrival));
            // The waker is foreign code: dropped after the lock.
            drop(removed);
        }
    }
}
