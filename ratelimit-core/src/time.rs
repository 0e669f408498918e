//! Points in time as plain numbers: nanoseconds that saturate, so that no arithmetic on them can wrap.

use std::time::Duration;

/// A point in time on one [`Clock`](crate::clock::Clock): nanoseconds since that clock's own zero.
///
/// Timestamps of different clocks must not be compared. All arithmetic saturates: what lies beyond
/// [`Timestamp::MAX`] (584 years) is never.
///
/// # Examples
///
/// ```
/// # use rate_limited::clock::Timestamp;
/// use std::time::Duration;
///
/// let later = Timestamp::ZERO.saturating_add(Duration::from_secs(1));
/// assert_eq!(later.as_nanos(), 1_000_000_000);
/// assert_eq!(Timestamp::ZERO.saturating_since(later), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The clock's own zero.
    pub const ZERO: Timestamp = Timestamp(0);
    /// The end of time; as a time to wake at it means never.
    pub const MAX: Timestamp = Timestamp(u64::MAX);

    /// The point `nanos` nanoseconds after the clock's zero.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Timestamp(nanos)
    }

    /// Nanoseconds since the clock's zero.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// This point moved `span` later, at most to [`Timestamp::MAX`].
    #[must_use]
    pub const fn saturating_add(self, span: Duration) -> Self {
        self.plus(nanos(span))
    }

    /// The span from `earlier` to this point; zero if `earlier` is in fact later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    pub(crate) const fn plus(self, nanos: u64) -> Self {
        Timestamp(self.0.saturating_add(nanos))
    }
}

/// A span in nanoseconds, at most `u64::MAX`.
#[inline]
pub(crate) const fn nanos(span: Duration) -> u64 {
    let nanos = span.as_nanos();
    if nanos > u64::MAX as u128 { u64::MAX } else { low(nanos) }
}

/// The low half, of a number already known to fit.
#[expect(clippy::cast_possible_truncation, reason = "callers have compared with `u64::MAX`")]
pub(crate) const fn low(number: u128) -> u64 {
    debug_assert!(number <= u64::MAX as u128);
    number as u64
}
