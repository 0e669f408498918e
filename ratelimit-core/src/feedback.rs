//! What a server's answer says about its limits, and how it is read off the answer.

#[cfg(feature = "http")]
mod answers;
mod headers;

use std::time::{Duration, SystemTime};

use self::headers::Headers;

/// What a server's answer says about its limits.
///
/// All times are spans that begin when the answer came: no clocks are compared. What the answer does not say is `None`.
///
/// It is read off an answer's headers ([`from_headers`](Feedback::from_headers)), or put together by hand where a server
/// says it elsewhere.
///
/// # Examples
///
/// ```
/// use rate_limited::feedback::{Feedback, Scope};
/// use std::time::Duration;
///
/// // A server that says in the answer's body how long to keep away:
/// let wait = Duration::from_millis(64_570);
/// let told = Feedback::default().rejected(true).retry_after(wait).scope(Scope::Global);
/// assert_eq!((told.rejected, told.retry_after, told.remaining), (true, Some(wait), None));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Feedback {
    /// The weight that the server admits in one window.
    pub limit: Option<u64>,
    /// The weight that it still admits in this window.
    pub remaining: Option<u64>,
    /// In how long the window is over.
    pub reset_after: Option<Duration>,
    /// For how long the server asks to keep away, said on whatever answer.
    pub retry_after: Option<Duration>,
    /// `reset_after` was sent in whole seconds, so the window may be over up to one second sooner or later.
    pub whole_seconds: bool,
    /// The call was refused because of a limit.
    pub rejected: bool,
    /// Whom the limit is for.
    pub scope: Scope,
    /// The server's own name for the limit.
    pub bucket: Option<Box<str>>,
}

/// Whom a limit that a server told is for.
///
/// # Examples
///
/// ```
/// use rate_limited::feedback::{Feedback, Scope};
///
/// assert_eq!(Feedback::default().scope, Scope::Bucket);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// For calls like this one, with the same key.
    #[default]
    Bucket,
    /// For all calls that this client makes.
    Global,
    /// For what was called, whoever calls it: others may have used it up.
    Shared,
}

impl Feedback {
    /// Reads an answer's headers: its status, names with values as they came, and the time when it came.
    ///
    /// `headers` is whatever gives names and values as text or bytes, such as an `http::HeaderMap` by reference. A value
    /// that makes no sense is as if it had not been sent, and leaves the others alone; nothing panics.
    ///
    /// Understood are, in this order, and only the first of them that says anything: `RateLimit` (of the IETF's drafts -10
    /// and -07, with `RateLimit-Policy`), `RateLimit-*`, `X-RateLimit-*`, `X-Rate-Limit-*`, `X-RateLimit-*-Requests`,
    /// `Anthropic-RateLimit-Requests-*`, `X-Shopify-Shop-Api-Call-Limit`; of each the limit, what remains (or was used), and
    /// the reset: seconds from now, a Unix time in seconds or milliseconds, a span such as `6m0s`, or a date. Beside
    /// them `Retry-After` and `Retry-After-Ms`, `X-RateLimit-Bucket`, `X-RateLimit-Resource`, `RateLimit-Name`,
    /// `X-RateLimit-Scope` and `X-RateLimit-Global`.
    ///
    /// Dates and Unix times are measured against the answer's `Date`, without one against `now`, the time by the wall
    /// clock; what is past is zero. Of an answer that comes from a cache (`Age`) only `Retry-After` counts.
    ///
    /// A call counts as `rejected` by status 429, by 503 with `Retry-After`, and
    /// by 403 or 420 with `Retry-After` or nothing remaining. `None`: the answer says nothing at all about limits.
    ///
    /// Milliseconds to go are not told from seconds: a server that sends those in its reset needs a reading of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::feedback::Feedback;
    /// use std::time::{Duration, SystemTime};
    ///
    /// let headers = [("X-RateLimit-Limit", "60"), ("X-RateLimit-Remaining", "59"), ("X-RateLimit-Reset", "42")];
    /// let told = Feedback::from_headers(200, headers, SystemTime::now()).unwrap();
    /// assert_eq!((told.limit, told.remaining), (Some(60), Some(59)));
    /// assert_eq!(told.reset_after, Some(Duration::from_secs(42)));
    /// assert!(told.whole_seconds && !told.rejected);
    ///
    /// assert_eq!(Feedback::from_headers(200, [("Content-Type", "text/html")], SystemTime::now()), None);
    /// ```
    #[must_use]
    pub fn from_headers<N, V>(
        status: u16,
        headers: impl IntoIterator<Item = (N, V)>,
        now: SystemTime,
    ) -> Option<Feedback>
    where
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let held: Vec<(N, V)> = headers.into_iter().collect();
        let headers = held.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
        headers::read(status, &Headers(headers), now)
    }

    /// The weight that the server admits in one window.
    #[must_use]
    pub fn limit(mut self, weight: u64) -> Self {
        self.limit = Some(weight);
        self
    }

    /// The weight that the server still admits in this window.
    #[must_use]
    pub fn remaining(mut self, weight: u64) -> Self {
        self.remaining = Some(weight);
        self
    }

    /// In how long the window is over.
    #[must_use]
    pub fn reset_after(mut self, span: Duration) -> Self {
        self.reset_after = Some(span);
        self
    }

    /// For how long the server asks to keep away.
    #[must_use]
    pub fn retry_after(mut self, span: Duration) -> Self {
        self.retry_after = Some(span);
        self
    }

    /// Whether the reset was sent in whole seconds.
    #[must_use]
    pub fn whole_seconds(mut self, whole: bool) -> Self {
        self.whole_seconds = whole;
        self
    }

    /// Whether the call was refused because of a limit.
    #[must_use]
    pub fn rejected(mut self, rejected: bool) -> Self {
        self.rejected = rejected;
        self
    }

    /// Whom the limit is for.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// The server's own name for the limit.
    #[must_use]
    pub fn bucket(mut self, name: impl Into<Box<str>>) -> Self {
        self.bucket = Some(name.into());
        self
    }
}

/// Answers that say something about the server's limits.
///
/// `None` stands for an answer that says nothing, which is not the same as one that says that all is well. An
/// [`Error`](crate::Error), with which a call was refused here, says nothing either: no server was asked.
///
/// With the feature `http` it is there for `http::Response` and for a status with an `http::HeaderMap`, with the feature
/// `reqwest` for `reqwest::Response` and `reqwest::Error`.
///
/// # Examples
///
/// ```
/// use rate_limited::feedback::{Feedback, ServerFeedback};
/// use std::time::Duration;
///
/// enum ApiError {
///     Busy { seconds: u64 },
///     NotFound,
/// }
///
/// impl ServerFeedback for ApiError {
///     fn feedback(&self) -> Option<Feedback> {
///         match self {
///             ApiError::Busy { seconds } => {
///                 Some(Feedback::default().rejected(true).retry_after(Duration::from_secs(*seconds)))
///             }
///             ApiError::NotFound => None,
///         }
///     }
/// }
///
/// // What is made of such answers speaks for them:
/// let answer: Result<Option<Feedback>, ApiError> = Err(ApiError::Busy { seconds: 5 });
/// assert_eq!(answer.feedback().unwrap().retry_after, Some(Duration::from_secs(5)));
/// let answer: Result<Option<Feedback>, ApiError> = Err(ApiError::NotFound);
/// assert!(answer.feedback().is_none());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not tell what the server said of its limits",
    label = "not an answer that can be read",
    note = "implement `ServerFeedback` for a type of your own, or make a `Feedback` of it with a closure, as in `feedback = |page| page.as_ref().ok().map(|page| page.limits())`",
    note = "the answers of `http` and `reqwest` are read with the features of these names; of a `Result` both sides are read"
)]
pub trait ServerFeedback {
    /// What the answer says; `None` = nothing.
    fn feedback(&self) -> Option<Feedback>;
}

impl ServerFeedback for Feedback {
    fn feedback(&self) -> Option<Feedback> {
        Some(self.clone())
    }
}

#[diagnostic::do_not_recommend]
impl<T: ServerFeedback + ?Sized> ServerFeedback for &T {
    fn feedback(&self) -> Option<Feedback> {
        (**self).feedback()
    }
}

impl<T: ServerFeedback> ServerFeedback for Option<T> {
    fn feedback(&self) -> Option<Feedback> {
        self.as_ref().and_then(T::feedback)
    }
}

/// Both sides: a refusal is usually the error.
impl<T: ServerFeedback, E: ServerFeedback> ServerFeedback for Result<T, E> {
    fn feedback(&self) -> Option<Feedback> {
        match self {
            Ok(answer) => answer.feedback(),
            Err(error) => error.feedback(),
        }
    }
}
