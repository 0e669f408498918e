//! How much weight per time: plain data, made in constants, parsed from text and printed as text.

mod parse;

use std::fmt;
use std::time::Duration;

use crate::error::Error;
use crate::time::{low, nanos};

/// So much weight per time, as in `10/s`.
///
/// Amounts are whole weights (`u32`), spans are whole nanoseconds (up to 584 years). A plain rate is a **sliding
/// window**: in no span of its length is more than the amount started. [`burst`](Rate::burst) makes it a **token
/// bucket**, [`fixed`](Rate::fixed) a **fixed window**.
///
/// A sliding window remembers each start. Of more than 3,072 in one window, neighbours count together, all from the
/// last of them: no more than 48 KiB a key are needed, and never is more started than the amount. What they free is
/// free later by less than 1/2048 of the window (42 s of a day), and `retry_after` says so. Starts of one moment are
/// one.
///
/// # Examples
///
/// ```
/// use rate_limited::Rate;
///
/// const API: Rate = Rate::per_hour(500);
/// let bursty: Rate = "1/s burst 5".parse()?;
/// assert_eq!(bursty, Rate::per_second(1).burst(5));
/// assert_eq!(API.to_string(), "500/h");
/// # Ok::<(), rate_limited::Error>(())
/// ```
///
/// A zero does not compile in a constant:
///
/// ```compile_fail
/// use rate_limited::Rate;
///
/// const NOTHING: Rate = Rate::per_second(0);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    per: u64,
    amount: u32,
    shape: Shape,
}

/// Which policy stands behind a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    Sliding,
    /// The most that may start at once, at least 1.
    Burst(u32),
    Fixed,
}

const SECOND: u64 = 1_000_000_000;
/// The longest [`Rate::leeway`], 2 ms in nanoseconds: as late as timers of one millisecond are.
const LEEWAY: u64 = 2_000_000;
/// What is left to timers and schedulers at least: 200 us in nanoseconds.
const LATENESS: u64 = 200_000;

impl Rate {
    /// `amount` in any second.
    ///
    /// # Panics
    ///
    /// If `amount` is zero; in a constant that is a compile error.
    #[must_use]
    pub const fn per_second(amount: u32) -> Self {
        Self::checked(amount, SECOND)
    }

    /// `amount` in any minute.
    ///
    /// # Panics
    ///
    /// If `amount` is zero; in a constant that is a compile error.
    #[must_use]
    pub const fn per_minute(amount: u32) -> Self {
        Self::checked(amount, 60 * SECOND)
    }

    /// `amount` in any hour.
    ///
    /// # Panics
    ///
    /// If `amount` is zero; in a constant that is a compile error.
    #[must_use]
    pub const fn per_hour(amount: u32) -> Self {
        Self::checked(amount, 3600 * SECOND)
    }

    /// `amount` in any 24 hours.
    ///
    /// # Panics
    ///
    /// If `amount` is zero; in a constant that is a compile error.
    #[must_use]
    pub const fn per_day(amount: u32) -> Self {
        Self::checked(amount, 86_400 * SECOND)
    }

    /// `amount` in any span of the length `per`.
    ///
    /// # Panics
    ///
    /// If `amount` or `per` is zero, or `per` is longer than `u64::MAX` nanoseconds (584 years); in a constant
    /// that is a compile error. [`try_new`](Rate::try_new) errs instead.
    #[must_use]
    pub const fn new(amount: u32, per: Duration) -> Self {
        assert!(per.as_nanos() <= u64::MAX as u128, "a rate's span must be at most 584 years");
        Self::checked(amount, nanos(per))
    }

    /// `amount` in any span of the length `per`, for numbers that are only known at run time.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) where [`new`](Rate::new) would panic.
    pub fn try_new(amount: u32, per: Duration) -> Result<Self, Error> {
        if amount == 0 {
            return Err(Error::config("a rate's amount must be at least 1"));
        }
        if per.is_zero() {
            return Err(Error::config("a rate's span must be at least 1ns"));
        }
        if per.as_nanos() > u128::from(u64::MAX) {
            return Err(Error::config("a rate's span must be at most 584 years"));
        }
        Ok(Self::checked(amount, nanos(per)))
    }

    const fn checked(amount: u32, per: u64) -> Self {
        assert!(amount > 0, "a rate's amount must be at least 1");
        assert!(per > 0, "a rate's span must be at least 1ns");
        Rate { per, amount, shape: Shape::Sliding }
    }

    /// Makes it a token bucket: up to `burst` at once, refilled at this rate.
    ///
    /// In any span `d` no more than `burst + rate × d` is started: within one window up to the burst *and* the
    /// amount, where a plain rate keeps to the amount.
    ///
    /// The last of a whole burst starts no earlier than the bucket's [guard](crate::Bucket::guard), at most 20 ms,
    /// after the first. Where nothing may wait, it is refused.
    ///
    /// # Panics
    ///
    /// If `burst` is zero, or the rate is a [fixed](Rate::fixed) window; in a constant that is a compile error.
    #[must_use]
    pub const fn burst(self, burst: u32) -> Self {
        assert!(burst > 0, "a rate's burst must be at least 1");
        assert!(!matches!(self.shape, Shape::Fixed), "a fixed window has no burst");
        Rate { shape: Shape::Burst(burst), ..self }
    }

    /// Makes it a fixed window, one that opens at its first use and is over one length later; the next opens at the
    /// next use.
    ///
    /// In one window no more than the amount is started. Around its end up to twice the amount may start within less
    /// than its length, so this is for servers that count so; the plain rate keeps to every fixed window as well,
    /// whenever it opens. With a [guard](crate::Bucket::guard) the window is that much longer, and a start in that time
    /// counts in it, though to the server it may be the first of the next.
    ///
    /// What is charged beyond the amount counts in the window in which it is charged. A refund gives back what was
    /// taken in the window that is still open; if it was what had opened it, that window is over one length after its
    /// last start.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::{Bucket, Rate, clock::ManualClock};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let bucket = Bucket::named("api", Rate::per_minute(2).fixed()).guard(Duration::ZERO).clock(clock.clone());
    /// bucket.try_acquire()?; // opens it
    /// clock.advance(Duration::from_secs(59));
    /// bucket.try_acquire()?;
    /// let refused = bucket.try_acquire().unwrap_err();
    /// assert_eq!(refused.retry_after(), Some(Duration::from_secs(1)));
    /// # Ok::<(), rate_limited::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If the rate has a [burst](Rate::burst); in a constant that is a compile error.
    #[must_use]
    pub const fn fixed(self) -> Self {
        assert!(!matches!(self.shape, Shape::Burst(_)), "a fixed window has no burst");
        Rate { shape: Shape::Fixed, ..self }
    }

    /// How much weight, at least 1.
    #[must_use]
    pub const fn amount(&self) -> u32 {
        self.amount
    }

    /// The span in which the amount may be started, at least one nanosecond.
    #[must_use]
    pub const fn per(&self) -> Duration {
        Duration::from_nanos(self.per)
    }

    /// How much may start at once, if this is a token bucket.
    #[must_use]
    pub const fn burst_amount(&self) -> Option<u32> {
        match self.shape {
            Shape::Burst(burst) => Some(burst),
            Shape::Sliding | Shape::Fixed => None,
        }
    }

    /// A token bucket's rate from numbers that were one before.
    #[inline]
    pub(crate) const fn of_token_bucket(amount: u32, per: u64, burst: u32) -> Self {
        Rate { per, amount, shape: Shape::Burst(burst) }
    }

    /// The same over another span, of at least 1.
    pub(crate) fn with_per(self, per: u64) -> Self {
        debug_assert!(per > 0, "a rate is over some time");
        Rate { per, ..self }
    }

    /// The same with another amount, and another burst if it has one; at least 1 each.
    pub(crate) fn with_amounts(self, of: impl Fn(u32) -> u32) -> Self {
        let shape = match self.shape {
            Shape::Burst(burst) => Shape::Burst(of(burst)),
            shape => shape,
        };
        Rate { amount: of(self.amount), shape, ..self }
    }

    pub(crate) const fn per_nanos(&self) -> u64 {
        self.per
    }

    pub(crate) const fn shape(&self) -> Shape {
        self.shape
    }

    /// The heaviest single call that this rate can ever let through.
    pub(crate) const fn max_weight(&self) -> u32 {
        match self.shape {
            Shape::Burst(burst) => burst,
            Shape::Sliding | Shape::Fixed => self.amount,
        }
    }

    /// By how many nanoseconds a waiting call of `weight` may start late and no start is lost, where at least two more
    /// become due meanwhile; 0 = none.
    ///
    /// A token bucket goes on filling up: three quarters of what it lacks of being full may pass. The rest, and at least
    /// twice the `late` nanoseconds by which alarms rang late before, is left to timers and schedulers. Of a window what
    /// starts late comes back late.
    pub(crate) fn leeway(&self, weight: u32, late: u64) -> u64 {
        let Shape::Burst(burst) = self.shape else { return 0 };
        let spacing = self.per / u64::from(self.amount);
        let spare = spacing.saturating_mul(u64::from(burst.saturating_sub(weight)));
        let reserve = late.saturating_mul(2).max(LATENESS).max(spare / 4);
        let leeway = spare.saturating_sub(reserve).min(LEEWAY);
        if leeway / 2 < spacing { 0 } else { leeway }
    }

    /// The span over which a full state empties: a window's length, a token bucket's `burst × per / amount`.
    pub(crate) fn window_nanos(&self) -> u64 {
        match self.shape {
            Shape::Sliding | Shape::Fixed => self.per,
            Shape::Burst(burst) => {
                let span = u128::from(burst) * u128::from(self.per) / u128::from(self.amount);
                low(span.min(u128::from(u64::MAX)))
            }
        }
    }
}

/// As in `10/s`, `5/2s`, `1/s burst 5`, `60/m fixed`: what [`FromStr`](std::str::FromStr) reads.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = parse::largest_unit(self.per);
        write!(f, "{}/", self.amount)?;
        if count != 1 {
            write!(f, "{count}")?;
        }
        f.write_str(unit)?;
        match self.shape {
            Shape::Sliding => Ok(()),
            Shape::Burst(burst) => write!(f, " burst {burst}"),
            Shape::Fixed => f.write_str(" fixed"),
        }
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rate({self})")
    }
}

#[cfg(test)]
mod tests;
