//! Limiters as the rows see them: ours and the peers, each used as its documentation says.

mod keyed;
mod peers;
mod tower;

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rate_limited::{Bucket, ErrorKind, Rate};

pub(crate) use self::keyed::{GovernorAhash, GovernorSip, Keyed, RateNetKeyed};
pub(crate) use self::peers::{
    AsyncRateLimiter, Governor, GovernorAsked, LeakyBucket, LeakyBucketUnfair, RateNet, Ratelimit,
};
pub(crate) use self::tower::{TowerBuffered, TowerOwned};
use crate::measure::Failure;

pub(crate) const OURS: &str = "ours";
pub(crate) const GOVERNOR: &str = "governor";
pub(crate) const ASYNC_RATE_LIMITER: &str = "async-rate-limiter";
pub(crate) const THROTTLE_MY_FN: &str = "throttle_my_fn";

/// A token bucket: so many at once, refilled at so many per time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) amount: u32,
    pub(crate) per: Duration,
    pub(crate) burst: u32,
}

impl Plan {
    pub(crate) const fn per_second(amount: u32, burst: u32) -> Self {
        Plan { amount, per: Duration::from_secs(1), burst }
    }

    pub(crate) const fn rate(self) -> Rate {
        Rate::new(self.amount, self.per).burst(self.burst)
    }

    pub(crate) fn a_second(self) -> f64 {
        f64::from(self.amount) / self.per.as_secs_f64()
    }

    /// For limiters that refill at intervals: so much in each, and how long it is. As short as a timer of 1 ms allows,
    /// because all that falls due in an interval comes at its end.
    fn refill(self) -> (u32, Duration) {
        let spacing = self.per / self.amount;
        if spacing >= Duration::from_millis(1) {
            return (1, spacing);
        }
        let milliseconds = u32::try_from(self.per.as_millis()).unwrap_or(u32::MAX).max(1);
        (self.amount / milliseconds, Duration::from_millis(1))
    }
}

/// Grants as often as it is called.
pub(crate) const ALWAYS: Plan = Plan::per_second(1_000_000_000, u32::MAX);

pub(crate) trait Made: Sized + Send + Sync + 'static {
    const NAME: &'static str;

    fn new(plan: Plan) -> Result<Self, Failure>;
}

pub(crate) trait Limiter: Made {
    /// Whether a call was granted, without waiting. A refusal is looked at as who wants to come back in time would.
    fn take(&self) -> bool;

    /// Reads the state and takes nothing, so that it lies in the cache. Who offers no way stays as cold as it is.
    fn look(&self) {}
}

pub(crate) trait Waiting: Made {
    fn wait(&self) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// As in a `static`, which is how it is used: made by its `const` constructor, so that permits of it count nothing.
impl Made for Bucket {
    const NAME: &'static str = OURS;

    fn new(plan: Plan) -> Result<Self, Failure> {
        Ok(Bucket::new(new_name(), plan.rate()).max_delay(Duration::MAX))
    }
}

impl Limiter for Bucket {
    #[inline]
    fn take(&self) -> bool {
        match self.try_acquire() {
            Ok(_permit) => true,
            Err(error) => {
                black_box(error.retry_after());
                error.kind() != ErrorKind::Limited
            }
        }
    }

    fn look(&self) {
        drop(black_box(self.peek()));
    }
}

impl Waiting for Bucket {
    async fn wait(&self) -> Result<(), Failure> {
        let _permit = self.acquire_async().await?;
        Ok(())
    }
}

/// Ours with a plain rate: never more than the amount in any span of that length.
#[derive(Debug)]
pub(crate) struct SlidingWindow(Bucket);

impl Made for SlidingWindow {
    const NAME: &'static str = OURS;

    fn new(plan: Plan) -> Result<Self, Failure> {
        Ok(SlidingWindow(Bucket::new(new_name(), Rate::new(plan.amount, plan.per))))
    }
}

impl Limiter for SlidingWindow {
    #[inline]
    fn take(&self) -> bool {
        self.0.take()
    }

    fn look(&self) {
        self.0.look();
    }
}

fn new_name() -> &'static str {
    static MADE: AtomicU64 = AtomicU64::new(0);
    format!("benches-{}", MADE.fetch_add(1, Ordering::Relaxed)).leak()
}

/// `$make::<L>(..)` for every limiter that can be asked without waiting.
macro_rules! each_limiter {
    ($make:ident ( $($argument:expr),* )) => {
        [
            $make::<rate_limited::Bucket>($($argument),*),
            $make::<$crate::limiters::Governor>($($argument),*),
            $make::<$crate::limiters::LeakyBucket>($($argument),*),
            $make::<$crate::limiters::LeakyBucketUnfair>($($argument),*),
            $make::<$crate::limiters::Ratelimit>($($argument),*),
            $make::<$crate::limiters::AsyncRateLimiter>($($argument),*),
            $make::<$crate::limiters::RateNet>($($argument),*),
        ]
    };
}

/// `$make::<L>(..)` for every limiter that tasks can wait for.
macro_rules! each_waiting {
    ($make:ident ( $($argument:expr),* )) => {
        [
            $make::<rate_limited::Bucket>($($argument),*),
            $make::<$crate::limiters::Governor>($($argument),*),
            $make::<$crate::limiters::LeakyBucket>($($argument),*),
            $make::<$crate::limiters::LeakyBucketUnfair>($($argument),*),
            $make::<$crate::limiters::AsyncRateLimiter>($($argument),*),
            $make::<$crate::limiters::RateNet>($($argument),*),
            $make::<$crate::limiters::TowerBuffered>($($argument),*),
        ]
    };
}

pub(crate) use {each_limiter, each_waiting};

#[cfg(test)]
mod tests {
    use super::*;

    /// Grants its burst and then refuses.
    fn bursts<L: Limiter>(plan: Plan) -> Result<(&'static str, u32), Failure> {
        let limiter = L::new(plan)?;
        let granted = (0..3 * plan.burst).filter(|_| limiter.take()).count();
        Ok((L::NAME, u32::try_from(granted)?))
    }

    #[test]
    fn all_run_the_plan_that_they_are_given() -> Result<(), Failure> {
        let plan = Plan { amount: 1, per: Duration::from_secs(3600), burst: 20 };
        for granted in each_limiter!(bursts(plan)) {
            let (name, granted) = granted?;
            let expected = match name {
                // The guard keeps the last of a burst back until it is over.
                OURS => 19,
                // Its slowest rate is 1/s, and a new one holds 1, whatever its burst.
                ASYNC_RATE_LIMITER => 1,
                _ => 20,
            };
            assert_eq!(granted, expected, "{name}");
        }
        assert_eq!(bursts::<SlidingWindow>(Plan { amount: 20, ..plan })?, (OURS, 20));
        Ok(())
    }

    #[test]
    fn refills_are_as_fine_as_a_timer() {
        let refill = |amount, per| Plan { amount, per, burst: 1 }.refill();
        assert_eq!(refill(1_000, Duration::from_secs(1)), (1, Duration::from_millis(1)));
        assert_eq!(refill(50_000, Duration::from_secs(1)), (50, Duration::from_millis(1)));
        assert_eq!(refill(1, Duration::from_secs(3600)), (1, Duration::from_secs(3600)));
    }
}
