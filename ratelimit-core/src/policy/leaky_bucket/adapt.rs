//! How the factor follows the fill level.

use super::LeakyBucket;

/// A row of the table by which a [`LeakyBucket`] adapts: what is nearly empty, what is nearly full, and what is done then.
///
/// Between the two, a factor below 1 becomes 1.05 times as great, up to 1, and one above 1 stays.
///
/// # Examples
///
/// A bucket that is quick to slow down and slow to recover:
///
/// ```
/// use rate_limited::policy::{FillLevel, LeakyBucket};
///
/// let row = FillLevel::new(0.0).low(0.1, 1.05).high(0.5, 0.5);
/// let mut bucket = LeakyBucket::new(10.0, 1.0).table(&[row]).starting(8.0, 0.0);
/// bucket.tick(0.0);
/// assert_eq!(bucket.factor(), 0.5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FillLevel {
    pub(super) from_capacity: f64,
    low: f64,
    faster: f64,
    high: f64,
    slower: f64,
}

/// What a factor below 1 is multiplied by where the bucket is neither nearly empty nor nearly full.
const RECOVERY: f64 = 1.05;

impl FillLevel {
    /// The original's rows, for capacities from 256, from 128, and for all others.
    pub const TABLE: &[FillLevel] = &[
        FillLevel { from_capacity: 256.0, low: 0.15, faster: 1.1, high: 0.85, slower: 0.9 },
        FillLevel { from_capacity: 128.0, low: 0.23, faster: 1.2, high: 0.77, slower: 0.81 },
        FillLevel { from_capacity: 0.0, low: 0.3, faster: 1.4, high: 0.7, slower: 0.73 },
    ];

    /// A row for buckets that hold at least so much, with the numbers of the original's last row.
    #[must_use]
    pub fn new(from_capacity: f64) -> Self {
        FillLevel { from_capacity, low: 0.3, faster: 1.4, high: 0.7, slower: 0.73 }
    }

    /// Up to `level`, a part of the capacity, the factor is multiplied by `faster`.
    ///
    /// # Panics
    ///
    /// Unless the level is from 0 to 1 and `faster` is at least 1.05, which is what a factor below 1 recovers by at
    /// higher levels.
    #[must_use]
    pub fn low(mut self, level: f64, faster: f64) -> Self {
        assert!((0.0..=1.0).contains(&level), "the level {level} is not from 0 to 1");
        assert!(faster >= RECOVERY && faster.is_finite(), "{faster} is less than {RECOVERY}, or no number");
        (self.low, self.faster) = (level, faster);
        self
    }

    /// From `level` on, a part of the capacity, the factor is multiplied by `slower`.
    ///
    /// # Panics
    ///
    /// Unless the level is from 0 to 1, and `slower` above 0 and at most 1.
    #[must_use]
    pub fn high(mut self, level: f64, slower: f64) -> Self {
        assert!((0.0..=1.0).contains(&level), "the level {level} is not from 0 to 1");
        assert!(slower > 0.0 && slower <= 1.0, "{slower} is not above 0, or more than 1");
        (self.high, self.slower) = (level, slower);
        self
    }
}

/// Of `rows` the one for the greatest capacity that is reached.
pub(super) fn row(rows: &[FillLevel], capacity: f64) -> FillLevel {
    let reached = rows.iter().filter(|row| capacity >= row.from_capacity);
    let greatest = reached.max_by(|a, b| a.from_capacity.total_cmp(&b.from_capacity));
    greatest.copied().unwrap_or(FillLevel::new(0.0))
}

#[expect(clippy::float_arithmetic, reason = "the algorithm is defined in floats")]
impl LeakyBucket {
    /// What the table makes of the factor at the present level.
    ///
    /// The fuller the bucket and the smaller the factor, the smaller the result, which lies within the bounds: so a call
    /// never makes anything after it possible earlier. It takes that an empty bucket gains at least what others recover
    /// by, and that 1 lies within the bounds.
    fn adapted(&self) -> f64 {
        let level = self.filled / self.capacity;
        if level <= self.row.low {
            (self.factor * self.row.faster).min(self.max_factor)
        } else if level >= self.row.high {
            (self.factor * self.row.slower).max(self.min_factor)
        } else if self.factor < 1.0 {
            (self.factor * RECOVERY).min(1.0)
        } else {
            self.factor
        }
    }

    /// As the original adapts: changes of one percent or less are dropped.
    pub(super) fn adapt(&mut self) {
        let adapted = self.adapted();
        if self.is_adaptive && 100.0 * (adapted - self.factor).abs() > self.factor {
            self.factor = adapted;
        }
    }

    /// As the policy adapts: also by one percent and less. Otherwise, where two states are compared, the one with the
    /// smaller factor could gain what the other drops, and overtake it.
    pub(super) fn adapt_always(&mut self) {
        if self.is_adaptive {
            self.factor = self.adapted();
        }
    }
}
