//! Why a store gave no answer.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why a store did not answer an ask: what went wrong below it.
///
/// Whether the ask was played may be unknown: what it would have taken then counts as spent. It is the
/// [source](std::error::Error::source) of the [error](crate::ErrorKind::Store) that the caller gets, and is told to
/// subscribers of `tracing`: so no key and no password should stand in it.
///
/// # Examples
///
/// ```
/// use rate_limited::store::Failure;
/// use std::error::Error;
///
/// let failure = Failure::new(std::io::Error::other("the disk is full"));
/// assert_eq!(failure.to_string(), "the disk is full");
/// ```
#[derive(Clone, Debug)]
pub struct Failure {
    cause: Arc<dyn Error + Send + Sync>,
    /// Whether it is of the store, and not of one state in it.
    is_outage: bool,
}

impl Failure {
    /// A failure by that cause, which may be a text.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Failure { cause: Arc::from(cause.into()), is_outage: true }
    }

    /// Of one state, where the store itself is well.
    pub(crate) fn of_state(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Failure { is_outage: false, ..Failure::new(cause) }
    }

    pub(crate) fn is_outage(&self) -> bool {
        self.is_outage
    }

    pub(crate) fn cause(&self) -> &Arc<dyn Error + Send + Sync> {
        &self.cause
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}
