//! What a rate says, in numbers.

use ratelimit_core::Rate;

pub(crate) fn nanos(rate: Rate) -> i128 {
    i128::try_from(rate.per().as_nanos()).expect("a rate's span fits")
}

pub(crate) fn is_fixed(rate: Rate) -> bool {
    rate.burst_amount().is_none() && !is_sliding(rate)
}

pub(crate) fn is_sliding(rate: Rate) -> bool {
    rate == Rate::new(rate.amount(), rate.per())
}

/// Whether a token bucket may be a little slow: law 2.
pub(crate) fn is_rounded(rate: Rate) -> bool {
    rate.burst_amount().is_some() && speed(rate).0 > 64
}

/// Weight in so many nanoseconds, in lowest terms.
pub(crate) fn speed(rate: Rate) -> (i128, i128) {
    let (amount, per) = (i128::from(rate.amount()), nanos(rate));
    let (mut divisor, mut rest) = (amount, per);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (amount / divisor, per / divisor)
}

/// The heaviest call that fits.
pub(crate) fn most(rate: &Rate) -> u32 {
    rate.burst_amount().unwrap_or(rate.amount())
}

/// The span over which what was taken at once is given back.
pub(crate) fn window(rate: &Rate) -> u64 {
    let span = rate.per().as_nanos() * u128::from(most(rate)) / u128::from(rate.amount());
    u64::try_from(span).unwrap_or(u64::MAX)
}
