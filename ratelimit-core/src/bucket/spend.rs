//! Verbs that take without being judged first.

use super::Bucket;
use crate::error::Error;
use crate::permit::Permit;

impl Bucket {
    /// Takes a permit now, even into debt: for what was spent already, or cannot wait.
    ///
    /// It never waits and is never refused for the limit, not even while the bucket is [paused](Bucket::pause). It
    /// counts from now on, so those who come later wait until the debt is paid. Those who wait already stay in front of
    /// them; whose turn it moves past their allowance is refused at once.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), or [`Config`](crate::ErrorKind::Config) where the bucket cannot be.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::clock::ManualClock;
    /// use rate_limited::{Bucket, Rate};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let bucket = Bucket::named("api", Rate::per_second(10).burst(10)).guard(Duration::ZERO).clock(clock);
    /// // Somebody else has spent 30 with the same account:
    /// let _permit = bucket.request().weight(30).charge()?;
    /// assert_eq!(bucket.peek()?.wait(), Some(Duration::from_millis(2100)));
    /// # Ok::<(), rate_limited::Error>(())
    /// ```
    pub fn charge(&self) -> Result<Permit, Error> {
        self.asked().charge(None)
    }
}
