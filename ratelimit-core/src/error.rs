//! One opaque error for every refusal: small, cloneable, and free of allocation where an unkeyed call is refused.

use std::fmt;
use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::key::Key;
use crate::rate::{Rate, Shape};

mod display;
mod failure;
mod scope;

pub use failure::Failure;
pub use scope::ErrorScope;

/// Why a call was not started, or a bucket could not be had.
///
/// A refusal changes no state: whoever catches it may drop the call, answer something else, or try again after
/// [`retry_after`](Error::retry_after). It is cheap to clone and converts into [`std::io::Error`].
///
/// # Examples
///
/// ```
/// use rate_limited::{Bucket, ErrorKind, Rate};
///
/// let bucket = Bucket::named("mail", Rate::per_hour(1));
/// let _permit = bucket.try_acquire()?;
/// let error = bucket.try_acquire().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Limited);
/// assert!(error.retry_after().is_some());
/// # Ok::<(), rate_limited::Error>(())
/// ```
///
/// # What it says
///
/// | behind the bucket's name | kind | what to do |
/// |---|---|---|
/// | is limited to 10/s: retry after 340ms | `Limited` | come back then, or give the call a `max_delay` |
/// | is limited to 10/s: retry after 340ms (allowed 200ms) | `DelayTooLong` | come back then, or allow more |
/// | is held up: retry after 30s | `Limited`, `DelayTooLong` | as above; the bucket is [paused](crate::Bucket::pause), or its [own policy](crate::Bucket::with_policy) says so |
/// | is held up by other calls: when to retry is unknown | `Limited`, `DelayTooLong` | allow a wait; as many are [in flight](crate::Bucket::in_flight) as may, others wait in front, or the bucket's [own policy](crate::Bucket::with_policy) does not know when |
/// | is held up by the server: retry after 30s | `Limited`, `DelayTooLong` | come back then; the server [said](crate::Permit::observe) so |
/// | is held up until the server has answered | `Limited`, `DelayTooLong` | allow a wait: what the server says next to a call that is on its way decides |
/// | is limited to 10/s: weight 11 can never fit | `TooHeavy` | cut the call into parts, or raise the rate |
/// | can never fit weight 11 | `TooHeavy` | as above; the bucket's [own policy](crate::Bucket::with_policy) says so |
/// | can never fit weight 11 into the server's limit | `TooHeavy` | cut the call into parts |
/// | can never fit a weight below zero or above 4294967295 | `TooHeavy` | look where the weight is computed |
/// | holds as many keys as it may, all of them in use | `TooManyKeys` | raise [`max_keys`](crate::Bucket::max_keys) |
/// | has as many waiting as may: retry after 30s | `TooManyWaiting` | come back then, or raise [`max_waiting`](crate::Bucket::max_waiting) |
/// | unknown bucket: did you mean .. | `UnknownBucket` | the name, or the registry, is another one |
/// | unknown bucket: register it, or give the attribute a `rate` | `UnknownBucket` | do so before the first call |
/// | is kept in a store that does not answer: .. | `Store` | what follows, if anything does; the error's [source](std::error::Error::source) says why; see [`OnOutage`](crate::store::OnOutage) |
/// | is kept in a store that refuses calls: .. | `Store` | as above; the source is what the store said |
/// | is kept in a store that does not answer as it should: .. | `Store` | as above; something else answers there, or its file is damaged |
/// | is kept in a store that cannot answer this call: .. | `Store` | as above; other calls may well be answered: as a rule it is about one state, or one policy |
/// | is closed | `Closed` | it, or its registry, was closed or removed |
/// | is registered as .. and declared as .. | `Config` | say the same limits everywhere, or name it only |
/// | cannot be: .. | `Config` | what follows says which limit makes no sense |
///
/// What a store failed with stands in the source, so that who prints an error with its sources has it once. `{:#}`, and
/// `Debug`, tell both in one line:
///
/// ```
/// use rate_limited::store::{Answer, Ask, Failure, Store};
/// use rate_limited::{Bucket, Rate};
/// use std::error::Error;
/// use std::time::Duration;
///
/// #[derive(Debug)]
/// struct Away;
///
/// impl Store for Away {
///     fn play(&self, asks: &[Ask], _timeout: Duration) -> Vec<Result<Answer, Failure>> {
///         vec![Err(Failure::new("connection refused")); asks.len()]
///     }
/// }
///
/// let error = Bucket::named("api", Rate::per_second(10)).store(Away).try_acquire().unwrap_err();
/// assert_eq!(error.to_string(), "bucket `api` is kept in a store that does not answer");
/// assert_eq!(error.source().unwrap().to_string(), "connection refused");
/// assert_eq!(
///     format!("{error:#}"),
///     "bucket `api` is kept in a store that does not answer: connection refused"
/// );
/// ```
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    scope: Option<ErrorScope>,
    /// The name of a bucket that a static names; others' stand in `extra`.
    bucket: Option<&'static BucketName>,
    site: Option<SiteName>,
    extra: Option<Arc<Extra>>,
    /// Nanoseconds; `u64::MAX` = unknown.
    retry_after: u64,
    /// Nanoseconds; `u64::MAX` = forever. Only read where there is a weight.
    max_delay: u64,
    /// A [`Rate`] in the room that is left, so that the whole stays within 64 bytes; `per` zero = none.
    per: u64,
    amount: u32,
    burst: u32,
    weight: Option<NonZeroU32>,
    fixed: bool,
}

/// A bucket's name behind one thin pointer, shared by the bucket and its errors.
pub(crate) type BucketName = Arc<Box<str>>;

/// An annotated function's path behind one thin pointer.
pub(crate) type SiteName = &'static &'static str;

/// What does not lie in the error itself: a bucket has one of these ready that tells its name, so that its refusals
/// allocate nothing, and what few errors have is made for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extra {
    bucket: Option<BucketName>,
    message: Option<Box<str>>,
    key: Option<Box<str>>,
    failure: Option<Failure>,
}

impl Extra {
    pub(crate) fn of_bucket(name: &BucketName) -> Arc<Self> {
        Arc::new(Extra { bucket: Some(Arc::clone(name)), ..Extra::default() })
    }
}

/// What a refusal by a bucket says.
pub(crate) struct Refused<'a> {
    pub(crate) kind: ErrorKind,
    pub(crate) scope: ErrorScope,
    pub(crate) handle: Named<'a>,
    pub(crate) rate: Option<Rate>,
    /// Nanoseconds.
    pub(crate) retry_after: Option<u64>,
    pub(crate) weight: u32,
    /// Nanoseconds.
    pub(crate) max_delay: u64,
    pub(crate) site: Option<SiteName>,
}

/// Where an error takes the bucket's name from.
pub(crate) enum Named<'a> {
    Static(&'static BucketName),
    Counted(&'a Arc<Extra>),
}

/// A rate's span, amount, burst, and whether it is fixed.
fn parts(rate: Rate) -> (u64, u32, u32, bool) {
    let fixed = matches!(rate.shape(), Shape::Fixed);
    (rate.per_nanos(), rate.amount(), rate.burst_amount().unwrap_or(0), fixed)
}

/// What kind of refusal an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call would have to wait, and no wait was allowed.
    Limited,
    /// The wait exceeds the allowance (`max_delay`).
    DelayTooLong,
    /// The weight can never fit, however long one waits.
    TooHeavy,
    /// The bucket holds as many keys as it may, and none of them can be forgotten yet.
    TooManyKeys,
    /// The call would have to wait, and as many wait on its key as may.
    TooManyWaiting,
    /// No bucket is registered under that name.
    UnknownBucket,
    /// The bucket, or its registry, is closed.
    Closed,
    /// The bucket's [store](crate::Bucket::store) did not answer, not as it should, or that it will not or cannot; the
    /// error's [source](std::error::Error::source) tells why.
    Store,
    /// A rate, a bucket or an attribute says something that cannot be.
    Config,
}

impl ErrorKind {
    /// The kind in snake case, for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Limited => "limited",
            ErrorKind::DelayTooLong => "delay_too_long",
            ErrorKind::TooHeavy => "too_heavy",
            ErrorKind::TooManyKeys => "too_many_keys",
            ErrorKind::TooManyWaiting => "too_many_waiting",
            ErrorKind::UnknownBucket => "unknown_bucket",
            ErrorKind::Closed => "closed",
            ErrorKind::Store => "store",
            ErrorKind::Config => "config",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Error {
            kind,
            scope: ErrorScope::of(kind),
            bucket: None,
            site: None,
            extra: None,
            retry_after: u64::MAX,
            max_delay: 0,
            per: 0,
            amount: 0,
            burst: 0,
            weight: None,
            fixed: false,
        }
    }

    /// A refusal by a bucket, put together at once: it takes less time than waiting would for what it says.
    pub(crate) fn refused(refused: Refused<'_>) -> Self {
        let Refused { kind, scope, handle, rate, retry_after, weight, max_delay, site } = refused;
        let (bucket, extra) = match handle {
            Named::Static(name) => (Some(name), None),
            Named::Counted(extra) => (None, Some(Arc::clone(extra))),
        };
        let (per, amount, burst, fixed) = rate.map_or((0, 0, 0, false), parts);
        let weight = NonZeroU32::new(weight);
        let retry_after = retry_after.unwrap_or(u64::MAX);
        let scope = Some(scope);
        Error { kind, scope, bucket, site, extra, retry_after, max_delay, per, amount, burst, weight, fixed }
    }

    pub(crate) fn config(message: impl Into<Box<str>>) -> Self {
        Error::new(ErrorKind::Config).with_message(message.into())
    }

    pub(crate) fn with_message(mut self, message: Box<str>) -> Self {
        self.extra_mut().message = Some(message);
        self
    }

    pub(crate) fn with_bucket(mut self, bucket: &BucketName) -> Self {
        self.extra_mut().bucket = Some(Arc::clone(bucket));
        self
    }

    /// Comes before anything else that is [`Extra`].
    pub(crate) fn with_extra(mut self, extra: &Arc<Extra>) -> Self {
        debug_assert!(self.extra.is_none(), "nothing is lost");
        self.extra = Some(Arc::clone(extra));
        self
    }

    pub(crate) fn with_site(mut self, site: Option<SiteName>) -> Self {
        self.site = site.or(self.site);
        self
    }

    pub(crate) fn with_key(mut self, key: &Key) -> Self {
        self.extra_mut().key = Some(key.text().into());
        self
    }

    pub(crate) fn with_failure(mut self, failure: Option<Failure>) -> Self {
        if failure.is_some() {
            self.extra_mut().failure = failure;
        }
        self
    }

    fn failure(&self) -> Option<&Failure> {
        self.extra.as_ref()?.failure.as_ref()
    }

    fn extra_mut(&mut self) -> &mut Extra {
        Arc::make_mut(self.extra.get_or_insert_default())
    }

    /// What kind of refusal this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whose limit refused: the key's, the bucket's or the server's; `None` where none did, as for an unknown bucket.
    #[must_use]
    pub fn scope(&self) -> Option<ErrorScope> {
        self.scope
    }

    /// The bucket's name; `None` where there is none, as for a rate that cannot be read.
    #[must_use]
    pub fn bucket(&self) -> Option<&str> {
        let extra = || self.extra.as_ref().and_then(|extra| extra.bucket.as_deref());
        self.bucket.map(|name| &***name).or_else(|| extra().map(AsRef::as_ref))
    }

    /// The key's text, cut at 64 bytes; not part of `Display`, as keys often name people.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.extra.as_ref()?.key.as_deref()
    }

    /// The weight that was asked for.
    #[must_use]
    pub fn weight(&self) -> Option<u32> {
        self.weight.map(NonZeroU32::get)
    }

    /// The rate that refused; `None` where something else did: a pause, the
    /// [server](ErrorScope::Server), or the bucket's [own policy](crate::Bucket::with_policy).
    #[must_use]
    pub fn rate(&self) -> Option<Rate> {
        if self.per == 0 {
            return None;
        }
        let rate = Rate::try_new(self.amount, Duration::from_nanos(self.per)).ok()?;
        Some(match (self.burst, self.fixed) {
            (0, false) => rate,
            (0, true) => rate.fixed(),
            (burst, _) => rate.burst(burst),
        })
    }

    /// How long to wait from the refusal until the same call is granted, if everyone before it starts when due and
    /// nobody else comes; `None` where that is unknown or never.
    ///
    /// With a `total` over all keys on which other keys wait, and while calls are on their way whose answers are
    /// [learned](crate::Bucket::learned) from, it is a lower bound. On the
    /// [system's clock](crate::clock::SystemClock) it may be up to 5 µs too long.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        (self.retry_after != u64::MAX).then(|| Duration::from_nanos(self.retry_after))
    }

    /// The allowance that the call had; `Duration::MAX` = however long.
    #[must_use]
    pub fn max_delay(&self) -> Option<Duration> {
        self.weight?;
        Some(if self.max_delay == u64::MAX { Duration::MAX } else { Duration::from_nanos(self.max_delay) })
    }

    /// The annotated function that made the call, as `path::function`.
    #[must_use]
    pub fn site(&self) -> Option<&'static str> {
        self.site.copied()
    }

    pub(crate) fn message(&self) -> Option<&str> {
        self.extra.as_ref()?.message.as_deref()
    }
}

/// The source is what the bucket's [store](crate::Bucket::store) failed with.
impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&**self.failure()?.cause())
    }
}

/// `WouldBlock` where waiting would help, `InvalidInput` where nothing would, `Other` for the rest.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind {
            ErrorKind::Limited | ErrorKind::DelayTooLong | ErrorKind::TooManyWaiting => {
                io::ErrorKind::WouldBlock
            }
            ErrorKind::TooHeavy | ErrorKind::UnknownBucket | ErrorKind::Config => io::ErrorKind::InvalidInput,
            ErrorKind::TooManyKeys | ErrorKind::Closed | ErrorKind::Store => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_small_and_can_go_anywhere() {
        fn anywhere<T: Clone + Send + Sync + std::error::Error + 'static>() {}
        anywhere::<Error>();
        assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
    }

    #[test]
    fn carries_every_shape_of_rate() {
        for rate in ["10/s", "1/s burst 5", "60/m fixed"] {
            let rate: Rate = rate.parse().unwrap();
            let (per, amount, burst, fixed) = parts(rate);
            let error = Error { per, amount, burst, fixed, ..Error::new(ErrorKind::Limited) };
            assert_eq!(error.rate(), Some(rate));
        }
    }
}
