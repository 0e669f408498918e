//! Leaky bucket as a meter whose leak adapts itself to how full it is.
//!
//! Source: `LeakyBucket` of the Python package asyncutils (py-asyncutils 1.3.4). What a call costs is poured in, if it
//! fits, and leaks away at `leak × factor` a second. Adapting makes the factor greater where the bucket is nearly empty,
//! and smaller where it is nearly full, by a [table](FillLevel). Two things are not copied: there a bucket starts full,
//! so that at first everything is refused, and how fast it adapts depends on how many wait and poll.

mod adapt;
mod policy;

pub use adapt::FillLevel;

/// A bucket that leaks, faster the emptier it is found: an algorithm for limits that nobody told.
///
/// As a [`Policy`](super::Policy) it counts in whole weights of a [`unit`](Self::unit) each, and adapts once for each
/// call that cost something, as it ends: not when calls start, as a call that is refunded must not have made it leak
/// faster. Between that, what it promises stands. When it has been dry for as long as a full bucket takes to leak away at
/// the least factor, a factor below the one it started with is forgotten, so that idle keys can be. A refund gives back
/// what cannot have leaked away since at the greatest factor, less a billionth of the bucket for the rounding of floats.
///
/// Its own methods count in any amount and in seconds, and adapt when they are told to, as the original does.
///
/// # Examples
///
/// ```
/// use rate_limited::policy::LeakyBucket;
///
/// let mut bucket = LeakyBucket::new(2.0, 1.0);
/// assert!(bucket.acquire(0.0, 1.5));
/// assert!(!bucket.acquire(0.0, 1.0));
/// assert!(bucket.acquire(0.5, 1.0));
/// assert_eq!(bucket.level(1.0), 1.5);
/// ```
///
/// As a policy:
///
/// ```
/// use rate_limited::clock::Timestamp;
/// use rate_limited::policy::{Earliest, LeakyBucket, Policy};
///
/// let mut bucket = LeakyBucket::new(10.0, 2.0);
/// bucket.commit(Timestamp::ZERO, 10);
/// let second = Timestamp::from_nanos(1_000_000_000);
/// assert_eq!(bucket.earliest(Timestamp::ZERO, 2), Earliest::At(second));
/// assert_eq!(bucket.earliest(Timestamp::ZERO, 11), Earliest::Never);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LeakyBucket {
    capacity: f64,
    /// Amount per second, at factor 1.
    leak: f64,
    min_factor: f64,
    max_factor: f64,
    /// The row of the table that is for this capacity.
    row: FillLevel,
    /// Amount per weight.
    unit: f64,
    is_adaptive: bool,

    /// The fill level at `last`.
    filled: f64,
    factor: f64,
    /// The factor that it starts with and returns to at rest.
    home: f64,
    /// Seconds.
    last: f64,
    /// Nothing was done to it yet.
    is_fresh: bool,
}

/// The longest that a wait sleeps before it looks again, in seconds.
const WAIT_TICK: f64 = 0.1;
/// The longest from one adaptation to the next of a bucket that is kept adapting, in seconds.
const ADAPT_TICK: f64 = 1.0;

#[expect(clippy::float_arithmetic, reason = "the algorithm is defined in floats")]
impl LeakyBucket {
    /// An empty bucket that holds `capacity` and leaks `leak` a second at factor 1, with the original's table and a
    /// factor from 0.1 to 10.
    ///
    /// # Panics
    ///
    /// If either is not from 1e-75 to 1e75.
    #[must_use]
    pub fn new(capacity: f64, leak: f64) -> Self {
        positive("the capacity", capacity);
        positive("the leak", leak);
        LeakyBucket {
            capacity,
            leak,
            min_factor: 0.1,
            max_factor: 10.0,
            row: adapt::row(FillLevel::TABLE, capacity),
            unit: 1.0,
            is_adaptive: true,
            filled: 0.0,
            factor: 1.0,
            home: 1.0,
            last: 0.0,
            is_fresh: true,
        }
    }

    /// What one weight pours in; 1 unless set.
    ///
    /// # Panics
    ///
    /// If it is not from 1e-75 to 1e75.
    #[must_use]
    pub fn unit(mut self, amount: f64) -> Self {
        positive("the unit", amount);
        self.unit = amount;
        self
    }

    /// The least and the greatest factor.
    ///
    /// # Panics
    ///
    /// Unless both are from 1e-75 to 1e75, and 1 lies between them or is one of them.
    #[must_use]
    pub fn factors(mut self, min: f64, max: f64) -> Self {
        positive("the least factor", min);
        positive("the greatest factor", max);
        assert!(
            min <= 1.0 && 1.0 <= max,
            "1 must be a factor that is permitted, and is not from {min} to {max}"
        );
        (self.min_factor, self.max_factor) = (min, max);
        self.home = self.home.clamp(min, max);
        self.factor = self.factor.clamp(min, max);
        self
    }

    /// The table by which it adapts: of several rows the one for the greatest capacity that this bucket has counts.
    ///
    /// # Panics
    ///
    /// If no row is for this capacity.
    #[must_use]
    pub fn table(mut self, rows: &[FillLevel]) -> Self {
        assert!(
            rows.iter().any(|row| self.capacity >= row.from_capacity),
            "no row is for a capacity of {}",
            self.capacity
        );
        self.row = adapt::row(rows, self.capacity);
        self
    }

    /// Begins filled to `level` at `at` seconds, and not empty.
    ///
    /// As a policy, every key of a bucket begins so, at that time of the clock.
    ///
    /// # Panics
    ///
    /// If the level is negative or above the capacity, or the time is negative or no number.
    #[must_use]
    pub fn starting(mut self, level: f64, at: f64) -> Self {
        assert!((0.0..=self.capacity).contains(&level), "the level {level} does not fit");
        assert!(at >= 0.0 && at.is_finite(), "the time {at} is none");
        (self.filled, self.last) = (level, at);
        self
    }

    /// Keeps the factor as it is: nothing adapts it, and [`set_factor`](Self::set_factor) refuses.
    #[must_use]
    pub fn fixed_factor(mut self) -> Self {
        self.is_adaptive = false;
        self
    }

    /// What it holds at most.
    #[must_use]
    pub fn capacity(&self) -> f64 {
        self.capacity
    }

    /// How many times as fast as declared it leaks at present.
    #[must_use]
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// Sets the factor, as near to `factor` as the bounds permit, and what it returns to at rest; whether it did, as a
    /// [fixed](Self::fixed_factor) one stays.
    ///
    /// It counts from the last time that anything was done to the bucket: [`leak_until`](Self::leak_until) now comes
    /// first where the time since then is to leak at the old factor.
    ///
    /// # Panics
    ///
    /// If it is no number.
    pub fn set_factor(&mut self, factor: f64) -> bool {
        assert!(!factor.is_nan(), "the factor is no number");
        if self.is_adaptive {
            self.factor = factor.clamp(self.min_factor, self.max_factor);
            self.home = self.factor;
        }
        self.is_adaptive
    }

    /// As [`set_factor`](Self::set_factor) to 1; whether it did, as a [fixed](Self::fixed_factor) one stays.
    pub fn reset_factor(&mut self) -> bool {
        self.set_factor(1.0)
    }

    /// How full it is at `now` seconds.
    #[must_use]
    pub fn level(&self, now: f64) -> f64 {
        // Never negative, so that a time that goes back leaks nothing.
        let since = (now - self.last).max(0.0);
        (self.filled - since * self.leak * self.factor).max(0.0)
    }

    /// Lets leak away what does up to `now` seconds.
    pub fn leak_until(&mut self, now: f64) {
        self.filled = self.level(now);
        self.last = self.last.max(now);
        self.is_fresh = false;
    }

    /// Pours in `amount` at `now` seconds if it fits; never adapts.
    pub fn acquire(&mut self, now: f64, amount: f64) -> bool {
        self.leak_until(now);
        let fits = self.filled + amount <= self.capacity;
        if fits {
            self.filled += amount;
        }
        fits
    }

    /// One look of a wait for `amount` at `now` seconds: adapts, and pours it in if it fits.
    ///
    /// # Errors
    ///
    /// How many seconds to sleep before the next look, at most a tenth. It may end a little early, as floats do: look
    /// again a little later then. More than the capacity never fits.
    pub fn try_wait(&mut self, now: f64, amount: f64) -> Result<(), f64> {
        self.leak_until(now);
        self.adapt();
        if self.filled + amount <= self.capacity {
            self.filled += amount;
            return Ok(());
        }
        Err(WAIT_TICK.min((amount - self.capacity + self.filled) / (self.leak * self.factor)))
    }

    /// One round of whoever keeps the bucket adapting although nobody waits: adapts at `now` seconds, and gives the
    /// seconds until the next round.
    pub fn tick(&mut self, now: f64) -> f64 {
        self.leak_until(now);
        self.adapt();
        ADAPT_TICK.min(1.0 / (self.leak * self.factor))
    }
}

/// So far from the ends of what floats can hold that no sum, product or quotient of these is infinite.
fn positive(what: &str, number: f64) {
    assert!((1e-75..=1e75).contains(&number), "{what} must lie from 1e-75 to 1e75, and is {number}");
}
