//! Limiters with one state a key.

use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;

use governor::clock::DefaultClock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use rate_limited::Bucket;
use rate_net::Eviction;

use super::peers::is_granted;
use super::{GOVERNOR, Made, OURS, Plan, RateNet, new_name};
use crate::measure::Failure;

pub(crate) trait Keyed: Sized + 'static {
    const NAME: &'static str;

    /// Where keys can be bounded, to so many.
    fn new(plan: Plan, max_keys: usize) -> Result<Self, Failure>;

    /// Whether a call for this key was granted.
    #[expect(clippy::ptr_arg, reason = "governor looks for the type that it keeps")]
    fn take_key(&self, key: &String) -> bool;
}

impl Keyed for Bucket {
    const NAME: &'static str = OURS;

    fn new(plan: Plan, max_keys: usize) -> Result<Self, Failure> {
        Ok(Bucket::new(new_name(), plan.rate()).max_keys(max_keys))
    }

    #[inline]
    fn take_key(&self, key: &String) -> bool {
        self.request().key(key.as_str()).try_acquire().is_ok()
    }
}

type KeyedGovernor<S> = RateLimiter<
    String,
    DashMapStateStore<String, S>,
    DefaultClock,
    NoOpMiddleware<governor::clock::QuantaInstant>,
>;

fn governor<S: BuildHasher + Clone + Default>(quota: Quota, hasher: S) -> KeyedGovernor<S> {
    RateLimiter::dashmap_with_hasher(quota, hasher)
}

pub(crate) struct GovernorAhash(KeyedGovernor<ahash::RandomState>);

impl Keyed for GovernorAhash {
    const NAME: &'static str = "governor, ahash";

    fn new(plan: Plan, _max_keys: usize) -> Result<Self, Failure> {
        Ok(GovernorAhash(governor(plan.of_governor()?, ahash::RandomState::new())))
    }

    #[inline]
    fn take_key(&self, key: &String) -> bool {
        self.0.check_key(key).map_err(black_box).is_ok()
    }
}

pub(crate) struct GovernorSip(KeyedGovernor<RandomState>);

impl Keyed for GovernorSip {
    const NAME: &'static str = GOVERNOR;

    fn new(plan: Plan, _max_keys: usize) -> Result<Self, Failure> {
        Ok(GovernorSip(governor(plan.of_governor()?, RandomState::new())))
    }

    #[inline]
    fn take_key(&self, key: &String) -> bool {
        self.0.check_key(key).map_err(black_box).is_ok()
    }
}

pub(crate) struct RateNetKeyed(rate_net::RateLimiter);

impl Keyed for RateNetKeyed {
    const NAME: &'static str = <RateNet as Made>::NAME;

    fn new(plan: Plan, max_keys: usize) -> Result<Self, Failure> {
        let limiter = rate_net::RateLimiter::with_quota(plan.of_rate_net()?);
        Ok(RateNetKeyed(limiter.with_eviction(Eviction::capacity(max_keys))))
    }

    #[inline]
    fn take_key(&self, key: &String) -> bool {
        is_granted(self.0.check_bytes(key))
    }
}
