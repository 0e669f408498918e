//! The machine's monotonic clock as plain numbers, and its coarse neighbour.
//!
//! On Linux both are read without entering the kernel: the precise one takes about as long as a counter of the
//! processor and its scaling, the coarse one only fetches what the last timer interrupt wrote, and so lags by up to
//! [`grain`]. They show the same time. Elsewhere there is only the precise one.

#[cfg(all(target_os = "linux", not(miri)))]
mod platform {
    use std::sync::LazyLock;

    use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};

    #[inline]
    pub(in crate::clock) fn now() -> u64 {
        nanos(clock_gettime(ClockId::Monotonic))
    }

    #[inline]
    pub(in crate::clock) fn coarse() -> u64 {
        nanos(clock_gettime(ClockId::MonotonicCoarse))
    }

    pub(in crate::clock) fn grain() -> Option<u64> {
        static GRAIN: LazyLock<u64> = LazyLock::new(|| nanos(clock_getres(ClockId::MonotonicCoarse)));
        (*GRAIN > 0).then_some(*GRAIN)
    }

    /// Since the machine was started: neither number is ever negative, and 584 years are not reached.
    #[inline]
    #[expect(clippy::cast_sign_loss, reason = "a monotonic clock starts at zero")]
    fn nanos(time: Timespec) -> u64 {
        (time.tv_sec as u64) * 1_000_000_000 + time.tv_nsec as u64
    }
}

/// Also what is interpreted: miri knows only the clocks that the standard library reads.
#[cfg(any(not(target_os = "linux"), miri))]
mod platform {
    use std::sync::LazyLock;
    use std::time::Instant;

    use crate::time::nanos;

    pub(in crate::clock) fn now() -> u64 {
        static ZERO: LazyLock<Instant> = LazyLock::new(read);
        let zero = *ZERO;
        nanos(read().saturating_duration_since(zero))
    }

    pub(in crate::clock) fn coarse() -> u64 {
        now()
    }

    pub(in crate::clock) fn grain() -> Option<u64> {
        None
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn read() -> Instant {
        Instant::now()
    }
}

/// Nanoseconds since some time before the process was started.
pub(super) use platform::now;

/// The time of the last timer interrupt: never ahead of [`now`].
pub(super) use platform::coarse;

/// By how much [`coarse`] may lag behind [`now`]; `None` where there is no coarse clock.
pub(super) use platform::grain;
