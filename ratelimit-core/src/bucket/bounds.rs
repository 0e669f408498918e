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
}
