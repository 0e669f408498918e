//! The peers that a shared reference is enough for.

use std::hint::black_box;
use std::io::{self, Write};
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use rate_net::{Decision, DirectLimiter};
use ratelimit::{Ratelimiter, TryWaitError};

use super::{ASYNC_RATE_LIMITER, GOVERNOR, Limiter, Made, Plan, Waiting};
use crate::measure::Failure;

impl Plan {
    pub(super) fn of_governor(self) -> Result<Quota, Failure> {
        let zero = "a plan of nothing";
        let amount = NonZeroU32::new(self.amount).ok_or(zero)?;
        let quota = Quota::with_period(self.per / amount.get()).ok_or(zero)?;
        Ok(quota.allow_burst(NonZeroU32::new(self.burst).ok_or(zero)?))
    }

    pub(super) fn of_rate_net(self) -> Result<rate_net::Quota, Failure> {
        Ok(rate_net::Quota::rate(self.amount, self.per)?.with_burst(self.burst))
    }
}

pub(crate) type Governor = DefaultDirectRateLimiter;

impl Made for Governor {
    const NAME: &'static str = GOVERNOR;

    fn new(plan: Plan) -> Result<Self, Failure> {
        Ok(RateLimiter::direct(plan.of_governor()?))
    }
}

impl Limiter for Governor {
    /// The refusal tells the time when to come back, and not, as ours does, how long that is: see [`GovernorAsked`].
    #[inline]
    fn take(&self) -> bool {
        match self.check() {
            Ok(()) => true,
            Err(refusal) => {
                black_box(refusal.earliest_possible());
                false
            }
        }
    }

    fn look(&self) {
        drop(write!(io::sink(), "{:?}", black_box(self)));
    }
}

impl Waiting for Governor {
    async fn wait(&self) -> Result<(), Failure> {
        self.until_ready().await;
        Ok(())
    }
}

/// Governor, asked how long to wait, for which it wants the time once more.
pub(crate) struct GovernorAsked(Governor, DefaultClock);

impl Made for GovernorAsked {
    const NAME: &'static str = "governor, wait_time_from";

    fn new(plan: Plan) -> Result<Self, Failure> {
        let clock = DefaultClock::default();
        Ok(GovernorAsked(RateLimiter::direct_with_clock(plan.of_governor()?, clock.clone()), clock))
    }
}

impl Limiter for GovernorAsked {
    #[inline]
    fn take(&self) -> bool {
        match self.0.check() {
            Ok(()) => true,
            Err(refusal) => {
                black_box(refusal.wait_time_from(self.1.now()));
                false
            }
        }
    }
}

fn leaky_bucket(plan: Plan, fair: bool) -> Result<leaky_bucket::RateLimiter, Failure> {
    let (refill, interval) = plan.refill();
    let burst = usize::try_from(plan.burst)?;
    let refill = usize::try_from(refill)?;
    Ok(leaky_bucket::RateLimiter::builder()
        .max(burst)
        .initial(burst)
        .refill(refill)
        .interval(interval)
        .fair(fair)
        .build())
}

pub(crate) struct LeakyBucket(leaky_bucket::RateLimiter);

impl Made for LeakyBucket {
    const NAME: &'static str = "leaky-bucket";

    fn new(plan: Plan) -> Result<Self, Failure> {
        leaky_bucket(plan, true).map(LeakyBucket)
    }
}

impl Limiter for LeakyBucket {
    #[inline]
    fn take(&self) -> bool {
        self.0.try_acquire(1)
    }

    fn look(&self) {
        black_box(self.0.balance());
    }
}

impl Waiting for LeakyBucket {
    async fn wait(&self) -> Result<(), Failure> {
        self.0.acquire_one().await;
        Ok(())
    }
}

pub(crate) struct LeakyBucketUnfair(leaky_bucket::RateLimiter);

impl Made for LeakyBucketUnfair {
    const NAME: &'static str = "leaky-bucket, fair=false";

    fn new(plan: Plan) -> Result<Self, Failure> {
        leaky_bucket(plan, false).map(LeakyBucketUnfair)
    }
}

impl Limiter for LeakyBucketUnfair {
    #[inline]
    fn take(&self) -> bool {
        self.0.try_acquire(1)
    }

    fn look(&self) {
        black_box(self.0.balance());
    }
}

impl Waiting for LeakyBucketUnfair {
    async fn wait(&self) -> Result<(), Failure> {
        self.0.acquire_one().await;
        Ok(())
    }
}

pub(crate) type Ratelimit = Ratelimiter;

impl Made for Ratelimit {
    const NAME: &'static str = "ratelimit";

    fn new(plan: Plan) -> Result<Self, Failure> {
        let (amount, burst) = (u64::from(plan.amount), u64::from(plan.burst));
        Ok(Ratelimiter::builder(amount)
            .period(plan.per)
            .max_tokens(burst)
            .initial_available(burst)
            .build()?)
    }
}

impl Limiter for Ratelimit {
    #[inline]
    fn take(&self) -> bool {
        match self.try_wait() {
            Ok(()) => true,
            Err(refusal) => {
                if let TryWaitError::Insufficient(wait) = refusal {
                    black_box(wait);
                }
                false
            }
        }
    }

    fn look(&self) {
        black_box(self.available());
    }
}

pub(crate) struct AsyncRateLimiter(async_rate_limiter::RateLimiter);

impl Made for AsyncRateLimiter {
    const NAME: &'static str = ASYNC_RATE_LIMITER;

    /// Knows whole numbers a second only.
    fn new(plan: Plan) -> Result<Self, Failure> {
        let nanos = u128::from(plan.amount) * 1_000_000_000;
        let a_second = usize::try_from(nanos / plan.per.as_nanos().max(1))?.max(1);
        let limiter = async_rate_limiter::RateLimiter::new(a_second);
        limiter.burst(usize::try_from(plan.burst)?);
        Ok(AsyncRateLimiter(limiter))
    }
}

impl Limiter for AsyncRateLimiter {
    #[inline]
    fn take(&self) -> bool {
        self.0.try_acquire().map_err(black_box).is_ok()
    }
}

impl Waiting for AsyncRateLimiter {
    async fn wait(&self) -> Result<(), Failure> {
        self.0.acquire().await;
        Ok(())
    }
}

pub(crate) type RateNet = DirectLimiter;

impl Made for RateNet {
    const NAME: &'static str = "rate-net";

    fn new(plan: Plan) -> Result<Self, Failure> {
        Ok(DirectLimiter::with_quota(plan.of_rate_net()?))
    }
}

impl Limiter for RateNet {
    #[inline]
    fn take(&self) -> bool {
        is_granted(self.check())
    }

    fn look(&self) {
        black_box(self.peek());
    }
}

#[inline]
pub(super) fn is_granted(decision: Decision) -> bool {
    if let Some(wait) = decision.retry_after() {
        black_box(wait);
    }
    decision.is_allow()
}

impl Waiting for RateNet {
    async fn wait(&self) -> Result<(), Failure> {
        Ok(self.try_until_ready().await?)
    }
}
