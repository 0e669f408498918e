//! The machine's monotonic clock, with a timer thread of its own.
//!
//! The thread makes waiting independent of the executor: it is the same under tokio with or without timers, under any
//! other executor, and for plain threads. It is started by the first sleep and lives as long as the process.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::thread;

use once_cell::sync::OnceCell;

use super::timers::{QueuedSleep, Source, Timers};
use super::{Clock, Sleep, counter, machine};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Condvar, Mutex};
use crate::time::Timestamp;

/// The machine's monotonic clock: the default.
///
/// It sleeps on a timer thread of its own, so it works under every async executor, with or without timers, and is not
/// moved by a paused test time. While the machine is suspended it may stand still; calls are then late, never early.
///
/// On Linux and x86-64, a bucket of one token bucket tells those who come too early again and again by the processor's
/// counter, where the kernel's own clock is read off it: in half the time, and a little behind the clock, by up to 5 µs.
/// Nothing starts by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn identity(&self) -> Option<usize> {
        // No allocation stands at the address of a static.
        static THE_ONE: u8 = 0;
        Some(std::ptr::from_ref(&THE_ONE).addr())
    }

    #[inline]
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(machine::now())
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        // A thread that cannot be started now may be next time.
        static TIMER: OnceCell<Arc<TimerThread>> = OnceCell::new();
        match TIMER.get_or_try_init(TimerThread::start) {
            Ok(timer) => Box::pin(QueuedSleep::new(Arc::clone(timer), at)),
            #[expect(clippy::panic, reason = "a caller that cannot be woken must not wait")]
            Err(error) => panic!("the timer thread of `rate-limited` cannot be started: {error}"),
        }
    }
}

impl SystemClock {
    /// A time that is not ahead and takes a fraction of the time to read.
    #[inline]
    pub(crate) fn coarse() -> Timestamp {
        Timestamp::from_nanos(machine::coarse())
    }

    /// For who is refused: a time that is a little [`BEHIND`](super::BEHIND); `None` where there is nothing quicker than the
    /// clock.
    #[inline]
    pub(crate) fn behind() -> Option<Timestamp> {
        counter::behind().map(Timestamp::from_nanos)
    }

    /// By how much, in nanoseconds, [`coarse`](Self::coarse) may lag; `None` where there is no coarse clock.
    pub(crate) fn grain() -> Option<u64> {
        machine::grain()
    }
}

#[derive(Default)]
struct TimerThread {
    timers: Mutex<Timers>,
    earliest_changed: Condvar,
    /// Until when the thread waits unless it is told: 0 = it is awake, and looks before it waits. Changes only under
    /// the lock.
    waits_until: AtomicU64,
}

impl Source for TimerThread {
    fn timers(&self) -> &Mutex<Timers> {
        &self.timers
    }

    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    fn earliest_changed(&self, at: Timestamp) {
        // Telling it is a call of the kernel and a switch of threads: only where it would come too late.
        if self.waits_until.load(Ordering::Relaxed) > at.as_nanos() {
            self.earliest_changed.notify_one();
        }
    }
}

impl TimerThread {
    fn start() -> io::Result<Arc<Self>> {
        let timer = Arc::new(TimerThread::default());
        let running = Arc::clone(&timer);
        thread::Builder::new().name("rate-limited timer".to_owned()).spawn(move || running.run())?;
        Ok(timer)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn run(&self) -> ! {
        let mut timers = self.lock();
        loop {
            let now = SystemClock.now();
            if let Some(waker) = timers.pop_due(now) {
                drop(timers);
                // A waker is foreign code; its panic must not end the sleeps of everybody else.
                let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
                timers = self.lock();
                continue;
            }
            let next = timers.next();
            self.waits_until.store(next.unwrap_or(Timestamp::MAX).as_nanos(), Ordering::Relaxed);
            let changed = &self.earliest_changed;
            timers = match next {
                None => changed.wait(timers).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let span = at.saturating_since(now);
                    changed.wait_timeout(timers, span).unwrap_or_else(PoisonError::into_inner).0
                }
            };
            self.waits_until.store(0, Ordering::Relaxed);
        }
    }
}
