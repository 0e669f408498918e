//! Why a store gave no answer.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why a store did not answer an ask: what went wrong below it.
///
/// Whether the ask was played may be unknown: what it would have taken then counts as spent. Its cause is the
/// [source](std::error::Error::source) of the [error](crate::ErrorKind::Store) that the caller gets, who may downcast it
/// to what the store gave, and is told to subscribers of `tracing`: so no key and no password should stand in it.
///
/// # Examples
///
/// ```
/// use rate_limited::store::{Answer, Ask, Failure, Store};
/// use rate_limited::{Bucket, Rate};
/// use std::error::Error;
/// use std::io;
/// use std::time::Duration;
///
/// #[derive(Debug)]
/// struct Lost;
///
/// impl Store for Lost {
///     fn play(&self, asks: &[Ask], _timeout: Duration) -> Vec<Result<Answer, Failure>> {
///         vec![Err(Failure::new(io::Error::from(io::ErrorKind::ConnectionReset))); asks.len()]
///     }
/// }
///
/// let error = Bucket::named("api", Rate::per_second(10)).store(Lost).try_acquire().unwrap_err();
/// let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).unwrap();
/// assert_eq!(cause.kind(), io::ErrorKind::ConnectionReset);
/// ```
#[derive(Clone, Debug)]
pub struct Failure {
    cause: Arc<dyn Error + Send + Sync>,
    trouble: Trouble,
    /// What would help.
    advice: Option<Arc<str>>,
}

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It gives no answer.
    Away,
    /// It answers that it will not.
    #[cfg(any(test, feature = "sqlite", feature = "redis"))]
    Refuses,
    /// What it answers makes no sense.
    Strange,
    /// It is well but for one state in it.
    OfState,
}

impl Trouble {
    /// What the store does.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Trouble::Away => "does not answer",
            #[cfg(any(test, feature = "sqlite", feature = "redis"))]
            Trouble::Refuses => "refuses calls",
            Trouble::Strange => "does not answer as it should",
            Trouble::OfState => "cannot answer this call",
        }
    }
}

impl Failure {
    /// A failure by that cause, which may be a text: the store gave no answer.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Failure { cause: Arc::from(cause.into()), trouble: Trouble::Away, advice: None }
    }

    /// Where it did answer, and will not do what it is asked: somebody has to change something first. Nothing but the words
    /// of the error depends on it.
    #[cfg(any(test, feature = "sqlite", feature = "redis"))]
    pub(crate) fn refused(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Failure { trouble: Trouble::Refuses, ..Failure::new(cause) }
    }

    /// Where what it answered makes no sense.
    pub(crate) fn strange(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Failure { trouble: Trouble::Strange, ..Failure::new(cause) }
    }

    /// Of one state, where the store itself is well.
    pub(crate) fn of_state(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Failure { trouble: Trouble::OfState, ..Failure::new(cause) }
    }

    /// Nothing was sent, as what came before took all the time that there was.
    pub(crate) fn no_time() -> Self {
        Failure::new("the store had no time left to answer")
            .advise("give it longer by the store's `timeout` if it is far away")
    }

    /// With what would help.
    pub(crate) fn advise(self, advice: impl Into<Arc<str>>) -> Self {
        Failure { advice: Some(advice.into()), ..self }
    }

    /// Whether it is of the store, and not of one state in it.
    pub(crate) fn is_outage(&self) -> bool {
        self.trouble != Trouble::OfState
    }

    pub(crate) fn trouble(&self) -> Trouble {
        self.trouble
    }

    pub(crate) fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    pub(crate) fn cause(&self) -> &Arc<dyn Error + Send + Sync> {
        &self.cause
    }
}

/// The cause, and what would help.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)?;
        match self.advice() {
            Some(advice) => write!(f, ": {advice}"),
            None => Ok(()),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}
