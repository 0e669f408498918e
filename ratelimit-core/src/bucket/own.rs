//! Buckets that run a policy of the user's own.

use std::sync::Arc;

use super::{Bucket, Name};
use crate::limits::Limits;
use crate::policy::{Policy, Prototype};

impl Bucket {
    /// A bucket made at run time that runs a policy of the user's own; it belongs to nobody until it is registered.
    ///
    /// Each key begins with a [`fork`](Policy::fork) of `policy`, which stays as it is. What starts is taken from the
    /// policy, and from the rates that are [added](Bucket::and), all or nothing. How each call ended the policy is told by
    /// [`settle`](Policy::settle): once, as its permit is dropped or [refunded](crate::Permit::refund), and in parts where
    /// it was [corrected](crate::Permit::correct).
    ///
    /// Where the policy answers [`WhenSettled`](crate::policy::Earliest::WhenSettled), nobody knows how long a call has
    /// to wait: it is refused without a `retry_after`, or waits until something changes or its allowance ends. The
    /// [guard](Bucket::guard) applies to rates alone, and an [`Outlook`](crate::Outlook) tells of no amounts of the policy.
    ///
    /// # Panics
    ///
    /// Never itself. Everything is done to a fork that is then put in place, so a policy that panics has taken nothing:
    /// not from the rates beside it either. The caller whose call it was meets the panic after everybody else was
    /// served. Where the policy panics as others are looked after, the answer counts as unknown, or as not idle; the one
    /// whose turn it is about is woken, asks by itself and meets the panic if there is one again. A call or a permit that
    /// ends while its thread unwinds already is refused with [`Limited`](crate::ErrorKind::Limited), or ends, instead.
    ///
    /// The policy runs under the bucket's lock: neither it nor its `Drop`, nor a panic hook that it sets off, may use the
    /// bucket. Calls that started before it was registered under the bucket's name are not settled with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::Bucket;
    /// use rate_limited::clock::ManualClock;
    /// use rate_limited::policy::LeakyBucket;
    /// use std::time::Duration;
    ///
    /// // Holds two calls, of which one leaks away per second.
    /// let policy = LeakyBucket::new(2.0, 1.0).fixed_factor();
    /// let bucket = Bucket::with_policy("leaky", policy).clock(ManualClock::new());
    /// let _first = bucket.try_acquire()?;
    /// let _second = bucket.try_acquire()?;
    /// let refused = bucket.try_acquire().unwrap_err();
    /// assert_eq!(refused.retry_after(), Some(Duration::from_secs(1)));
    /// # Ok::<(), rate_limited::Error>(())
    /// ```
    #[must_use]
    pub fn with_policy(name: impl Into<String>, policy: impl Policy) -> Self {
        let name: Box<str> = name.into().into();
        Self::declared(Name::Shared(Arc::new(name)), Limits::own(Prototype::new(policy)), false)
    }
}
