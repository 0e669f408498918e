//! Whose limit it was.

use std::fmt;

use super::ErrorKind;

/// Whose limit refused a call: what [`Error::scope`](crate::Error::scope) says.
///
/// Where several would not let it start, it is the one that holds it up for longest.
///
/// # Examples
///
/// ```
/// use rate_limited::{Bucket, ErrorScope, Rate};
///
/// let mail = Bucket::named("mail", Rate::per_hour(1)).total(Rate::per_hour(2));
/// let send = |user| mail.request().key(user).try_acquire();
/// let _permit = send("ann")?;
/// // Others may go on:
/// assert_eq!(send("ann").unwrap_err().scope(), Some(ErrorScope::Key));
/// let _permit = send("bob")?;
/// // Nobody may:
/// assert_eq!(send("eve").unwrap_err().scope(), Some(ErrorScope::Bucket));
/// # Ok::<(), rate_limited::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorScope {
    /// What counts for this key alone, or for calls without one: its rates, how many of it may be in flight or wait,
    /// the bucket's [own policy](crate::Bucket::with_policy).
    Key,
    /// What all keys share: a [total](crate::Bucket::total), a [pause](crate::Bucket::pause), the room for keys, or that
    /// the bucket is closed.
    Bucket,
    /// What the server said: a limit that was [observed](crate::Permit::observe), or that it wants to be left alone.
    Server,
}

impl ErrorScope {
    /// The scope in snake case, for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorScope::Key => "key",
            ErrorScope::Bucket => "bucket",
            ErrorScope::Server => "server",
        }
    }

    /// Whose limit it is that such an error speaks of, unless something else is known; `None` = of none.
    pub(crate) const fn of(kind: ErrorKind) -> Option<Self> {
        match kind {
            ErrorKind::Limited
            | ErrorKind::DelayTooLong
            | ErrorKind::TooHeavy
            | ErrorKind::TooManyWaiting => Some(ErrorScope::Key),
            ErrorKind::TooManyKeys | ErrorKind::Closed | ErrorKind::Store => Some(ErrorScope::Bucket),
            ErrorKind::UnknownBucket | ErrorKind::Config => None,
        }
    }
}

impl fmt::Display for ErrorScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
