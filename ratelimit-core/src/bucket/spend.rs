//! How what a call spends is taken: at once, by being judged, or without.

use super::Bucket;
use crate::acquire::Answer;
use crate::error::{Error, ErrorKind, ErrorScope, Refused};
use crate::line::{Handle, Passage, tell_refused};
use crate::permit::Permit;
use crate::rate::Rate;

impl Bucket {
    /// The way through the gate, which stays shut where the state is closed.
    #[inline]
    pub(crate) fn pass(&self) -> Option<Permit> {
        self.slot.first(self.version).and_then(Permit::at_once)
    }

    #[inline(never)]
    pub(super) fn decide(&self) -> Answer<Result<Permit, Error>> {
        let Some(shared) = self.slot.first(self.version) else { return Answer(self.asked().start()) };
        match shared.decide(1) {
            Passage::Granted(grant) => Answer(Ok(Permit::plain(shared.clone(), None, grant))),
            Passage::Refused(rate, wait) => Answer(Err(refused(shared, rate, wait))),
            Passage::Shut => Answer(self.asked().decide()),
        }
    }

    #[inline(never)]
    pub(super) fn wait(&self) -> Answer<Result<Permit, Error>> {
        Answer(self.asked().wait())
    }

    /// Takes a permit now, even into debt: for what was spent already, or cannot wait.
    ///
    /// It never waits and is never refused for the limit, not even while the bucket is [paused](Bucket::pause). It
    /// counts from now on, so those who come later wait until the debt is paid. Those who wait already stay in front of
    /// them; whose turn it moves past their allowance is refused at once.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), or [`Config`](crate::ErrorKind::Config) where the bucket cannot be.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::clock::ManualClock;
    /// use rate_limited::{Bucket, Rate};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let bucket = Bucket::named("api", Rate::per_second(10).burst(10)).guard(Duration::ZERO).clock(clock);
    /// // Somebody else has spent 30 with the same account:
    /// let _permit = bucket.request().weight(30).charge()?;
    /// assert_eq!(bucket.peek()?.wait(), Some(Duration::from_millis(2100)));
    /// # Ok::<(), rate_limited::Error>(())
    /// ```
    pub fn charge(&self) -> Result<Permit, Error> {
        self.asked().charge(None)
    }
}

/// Put together at once, as it takes as long as copying it would.
#[inline]
fn refused(shared: &Handle, rate: Rate, wait: u64) -> Error {
    let error = Error::refused(Refused {
        kind: ErrorKind::Limited,
        scope: ErrorScope::Key,
        handle: shared.named_by(),
        rate: Some(rate),
        retry_after: Some(wait),
        weight: 1,
        max_delay: 0,
        site: None,
    });
    tell_refused(&error);
    error
}
