//! tokio's own timer, which follows a paused time.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::{Clock, Sleep};
use crate::time::{Timestamp, nanos};

/// The clock of one tokio runtime: sleeps by its timer and follows its paused time.
///
/// Use it for tests under `tokio::time::pause`, or where no timer thread is wanted. The runtime must have its timer
/// enabled and must outlive the buckets that use the clock.
///
/// # Deadlocks
///
/// The runtime's thread must be free to drive its timer. A call that *blocks* a current-thread runtime, or any runtime's
/// last free thread, waits for ever: under this clock wait with `acquire_async`.
///
/// # Examples
///
/// ```
/// use rate_limited::clock::TokioClock;
/// use rate_limited::{Bucket, Rate};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), rate_limited::Error> {
/// let bucket = Bucket::named("api", Rate::per_hour(1)).max_delay(Duration::MAX).clock(TokioClock::current());
/// for _ in 0..24 {
///     bucket.acquire_async().await?; // the paused time jumps a day
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TokioClock {
    runtime: Handle,
    zero: Instant,
    /// Shared by the clones of one clock, whose zero is the same.
    identity: Arc<()>,
}

impl TokioClock {
    /// The clock of the runtime in whose context this is called.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn current() -> Self {
        Self::of(Handle::current())
    }

    /// The clock of the runtime behind `runtime`.
    #[must_use]
    pub fn of(runtime: Handle) -> Self {
        let context = runtime.enter();
        let zero = read();
        drop(context);
        TokioClock { runtime, zero, identity: Arc::new(()) }
    }
}

impl Clock for TokioClock {
    fn identity(&self) -> Option<usize> {
        Some(Arc::as_ptr(&self.identity).addr())
    }

    fn now(&self) -> Timestamp {
        let _context = self.runtime.enter();
        Timestamp::from_nanos(nanos(read().saturating_duration_since(self.zero)))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn sleep_until(&self, at: Timestamp) -> Sleep {
        let _context = self.runtime.enter();
        let span = Duration::from_nanos(at.as_nanos());
        match self.zero.checked_add(span) {
            // Not part of the budget of whichever task happens to set the alarm.
            Some(deadline) => Box::pin(tokio::task::unconstrained(tokio::time::sleep_until(deadline))),
            None => Box::pin(std::future::pending()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn read() -> Instant {
    Instant::now()
}
