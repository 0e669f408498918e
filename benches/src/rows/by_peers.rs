//! Other limiters, as one writes them by hand into a function.

use std::error::Error;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::LazyLock;

use governor::clock::{DefaultClock, QuantaInstant};
use governor::{DefaultDirectRateLimiter, NotUntil, Quota, RateLimiter};

/// What an application would make of a refusal.
#[derive(Debug)]
pub(super) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("refused")
    }
}

impl Error for Refused {}

impl From<NotUntil<QuantaInstant>> for Refused {
    fn from(_: NotUntil<QuantaInstant>) -> Self {
        Refused
    }
}

/// As [`ALWAYS`](crate::limiters::ALWAYS).
static GOVERNOR: LazyLock<DefaultDirectRateLimiter> = LazyLock::new(|| {
    const AMOUNT: NonZeroU32 = NonZeroU32::new(1_000_000_000).unwrap();
    let quota = Quota::per_second(AMOUNT).allow_burst(NonZeroU32::MAX);
    RateLimiter::direct_with_clock(quota, DefaultClock::default())
});

#[inline(never)]
pub(super) fn governor(user: u32) -> Result<u32, Refused> {
    GOVERNOR.check()?;
    Ok(user)
}
