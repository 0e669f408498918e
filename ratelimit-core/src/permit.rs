//! The right to start now.

use std::fmt;
use std::time::Duration;

use crate::line::{Grant, Handle, KeyId};

/// The right to start now, already paid.
///
/// Hold it while the call runs; the attribute does so until the function ends. Dropping it gives nothing back.
///
/// # Examples
///
/// ```
/// use rate_limited::{Bucket, Rate};
///
/// let bucket = Bucket::named("api", Rate::per_second(1));
/// let permit = bucket.try_acquire()?;
/// // It was answered from a cache after all:
/// permit.refund();
/// assert!(bucket.try_acquire().is_ok());
/// # Ok::<(), rate_limited::Error>(())
/// ```
#[must_use = "a permit is paid for: start the call, or `refund` it"]
pub struct Permit {
    shared: Handle,
    key: KeyId,
    grant: Grant,
}

impl Permit {
    #[inline]
    pub(crate) fn new(shared: Handle, key: KeyId, grant: Grant) -> Self {
        Permit { shared, key, grant }
    }

    /// How long the call waited.
    #[must_use]
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.grant.waited)
    }

    /// Gives it back: the call cost nothing after all.
    ///
    /// The limits hold over all calls that were not refunded. A sliding window gives back the whole weight; a token
    /// bucket gives back what time has not refilled already. Nothing is given back if the limits were replaced or
    /// reset since.
    pub fn refund(self) {
        if self.grant.weight > 0 {
            self.shared.refund(self.key, self.grant, self.grant.weight);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("bucket", self.shared.name())
            .field("weight", &self.grant.weight)
            .field("waited", &self.waited())
            .finish_non_exhaustive()
    }
}
