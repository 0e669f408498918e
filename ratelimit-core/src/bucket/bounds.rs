//! Bounds on what happens at once, beside the rates.

use super::Bucket;

impl Bucket {
    /// At most so many bodies run at once per key, beside what the rates say; at least 1, unlimited unless set.
    ///
    /// A call is in flight as long as its [`Permit`](crate::Permit) lives: until the annotated function has ended,
    /// returned, panicked or been dropped. Who comes while all places are taken waits in the same line as everybody
    /// else, up to its allowance; as nobody knows when a call ends, a refusal then has no
    /// [`retry_after`](crate::Error::retry_after), and [`peek`](Bucket::peek) no wait. A [charge](Bucket::charge) is in
    /// flight too, also beyond the bound. A [reset](Bucket::reset) ends no call, and where this is
    /// [registered](crate::Registry::register) anew, calls that were not counted when they started are not counted.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::{Bucket, ErrorKind, Rate};
    ///
    /// static DOWNLOADS: Bucket = Bucket::new("downloads", Rate::per_second(50)).in_flight(2);
    ///
    /// let (first, _second) = (DOWNLOADS.try_acquire()?, DOWNLOADS.try_acquire()?);
    /// let refused = DOWNLOADS.try_acquire().unwrap_err();
    /// assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::Limited, None));
    /// drop(first);
    /// assert!(DOWNLOADS.try_acquire().is_ok());
    /// # Ok::<(), rate_limited::Error>(())
    /// ```
    #[must_use]
    pub const fn in_flight(mut self, in_flight: usize) -> Self {
        self.limits.set_in_flight(in_flight);
        self.version += 1;
        self
    }

    /// At most so many may wait at once per key; 0 = nobody waits, unlimited unless set.
    ///
    /// Who would be the next is refused at once with [`TooManyWaiting`](crate::ErrorKind::TooManyWaiting), however long
    /// it would wait: a line that only grows serves nobody. Who need not wait, or may not, is not concerned.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::{Bucket, ErrorKind, Rate};
    /// use std::time::Duration;
    ///
    /// static MAIL: Bucket = Bucket::new("mail", Rate::per_hour(1)).max_delay(Duration::MAX).max_waiting(0);
    ///
    /// let _permit = MAIL.acquire()?;
    /// assert_eq!(MAIL.acquire().unwrap_err().kind(), ErrorKind::TooManyWaiting);
    /// # Ok::<(), rate_limited::Error>(())
    /// ```
    #[must_use]
    pub const fn max_waiting(mut self, max_waiting: usize) -> Self {
        self.limits.set_max_waiting(max_waiting);
        self.version += 1;
        self
    }
}
