//! One call's own key, weight and allowance.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use super::Bucket;
use crate::acquire::{Acquire, Asked};
use crate::error::Error;
use crate::key::Key;
use crate::outlook::Outlook;
use crate::permit::Permit;
use crate::time::nanos;

/// A call with a key, a weight or an allowance of its own; ends in one of the verbs.
///
/// # Examples
///
/// ```
/// use rate_limited::{Bucket, Rate};
/// use std::time::Duration;
///
/// static DISCORD: Bucket = Bucket::new("discord", Rate::new(5, Duration::from_secs(2)));
///
/// let channel = 42;
/// let permit = DISCORD.request().key(channel).weight(2).max_delay(Duration::from_millis(500)).acquire()?;
/// # drop(permit);
/// # Ok::<(), rate_limited::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a request does nothing until one of its verbs is called"]
pub struct Request<'b> {
    bucket: &'b Bucket,
    key: Option<Key>,
    weight: u32,
    max_delay: Option<Duration>,
}

impl<'b> Request<'b> {
    pub(super) fn new(bucket: &'b Bucket) -> Self {
        Request { bucket, key: None, weight: 1, max_delay: None }
    }

    /// Who is counted together: the text of `key`, rendered here.
    pub fn key(mut self, key: impl Display) -> Self {
        self.key = Some(Key::new(&key));
        self
    }

    /// What the call costs, by default 1. A weight of 0 is a free pass: it is granted and changes nothing.
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// The longest wait that the caller accepts; zero = never wait, `Duration::MAX` = however long.
    pub fn max_delay(mut self, max_delay: Duration) -> Self {
        self.max_delay = Some(max_delay);
        self
    }

    /// Takes a permit now or is refused; never waits. As [`Bucket::try_acquire`].
    ///
    /// # Errors
    ///
    /// [`Limited`](crate::ErrorKind::Limited), [`TooHeavy`](crate::ErrorKind::TooHeavy),
    /// [`TooManyKeys`](crate::ErrorKind::TooManyKeys), [`Closed`](crate::ErrorKind::Closed),
    /// [`Config`](crate::ErrorKind::Config).
    pub fn try_acquire(self) -> Result<Permit, Error> {
        self.asked()?.start()
    }

    /// Takes a permit, waiting on this thread up to the allowance. As [`Bucket::acquire`].
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Request::try_acquire), and [`DelayTooLong`](crate::ErrorKind::DelayTooLong) where the wait
    /// exceeds the allowance.
    ///
    /// # Fairness
    ///
    /// First come, first served per key, threads and futures in one line.
    pub fn acquire(self) -> Result<Permit, Error> {
        Acquire::new(self.asked()).block()
    }

    /// Takes a permit, waiting up to the allowance. As [`Bucket::acquire_async`]; the place in line and the allowance
    /// begin with the first poll.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Request::acquire).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line as if it had never come.
    ///
    /// # Fairness
    ///
    /// First come, first served per key, threads and futures in one line.
    pub fn acquire_async(self) -> impl Future<Output = Result<Permit, Error>> + Send + 'static + use<> {
        Acquire::new(self.asked())
    }

    /// What the call would meet now; takes and opens nothing. As [`Bucket::peek`], for this key and weight.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), [`Config`](crate::ErrorKind::Config).
    pub fn peek(self) -> Result<Outlook, Error> {
        let key = self.key.as_ref().map(Key::digest);
        self.bucket.shared()?.peek(key, self.weight)
    }

    /// This key as fresh. What it took from a total over all keys stays taken.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), [`Config`](crate::ErrorKind::Config).
    pub fn reset(self) -> Result<(), Error> {
        let key = self.key.as_ref().map(Key::digest);
        self.bucket.shared()?.reset_key(key)
    }

    fn asked(self) -> Result<Asked, Error> {
        let shared = self.bucket.shared()?;
        let max_delay = self.max_delay.map_or_else(|| self.bucket.allowance(&shared), nanos);
        Ok(Asked { shared, key: self.key, weight: Some(self.weight), max_delay, site: None })
    }
}
