//! One call's own key, weight and allowance.

use std::fmt::Display;
use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

use super::Bucket;
use crate::acquire::{AcquireWith, Asked};
use crate::error::Error;
use crate::feedback::ServerFeedback;
use crate::key::Key;
use crate::line::{Origin, Route};
use crate::outlook::Outlook;
use crate::permit::Permit;
use crate::policy::Policy;
use crate::time::{Timestamp, nanos};

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
    pub(super) asked: Asked,
    route: Route,
    bucket: PhantomData<&'b Bucket>,
}

impl Request<'_> {
    #[inline]
    pub(super) fn new(asked: Asked) -> Self {
        Request { asked, route: None, bucket: PhantomData }
    }

    /// Who is counted together: the text of `key`, rendered here.
    #[inline]
    pub fn key(self, key: impl Display) -> Self {
        let key = Some(Key::new(&key));
        // Put together once: moving what was just written takes longer than writing it.
        let Asked { shared, weight, max_delay, site, .. } = self.asked;
        let asked = Asked { shared, key, weight, max_delay, site };
        Request { asked, route: self.route, bucket: PhantomData }
    }

    /// What the server tells apart beside the key: the text of `route`, such as a method and a path; by default the
    /// bucket itself.
    ///
    /// Of account where the server's answer is [observed](crate::Permit::observe), for which a call with a route is kept
    /// in mind until it ends. What was said is known for each key and route, of no more than
    /// [`max_keys`](crate::Bucket::max_keys) and some: let there be a number of routes, not one for each page.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::Bucket;
    ///
    /// static DISCORD: Bucket = Bucket::learned("discord");
    ///
    /// let channel = 42;
    /// let permit = DISCORD.request().route("POST /channels/{id}/messages").key(channel).acquire()?;
    /// // Of another route nothing is known either: it need not wait for the answer of the first.
    /// let other = DISCORD.request().route("GET /channels/{id}").key(channel).try_acquire()?;
    /// # drop((permit, other));
    /// # Ok::<(), rate_limited::Error>(())
    /// ```
    pub fn route(mut self, route: impl Display) -> Self {
        let route = Key::new(&route);
        if let Ok(shared) = &self.asked.shared {
            shared.know_route(route.digest(), route.whole());
        }
        self.route = Some(route.digest());
        self
    }

    /// What the call costs, by default 1. A weight of 0 is a free pass: it is granted and changes nothing.
    #[inline]
    pub fn weight(mut self, weight: u32) -> Self {
        self.asked.weight = Some(weight);
        self
    }

    /// The longest wait that the caller accepts; zero = never wait, `Duration::MAX` = however long.
    #[inline]
    pub fn max_delay(mut self, max_delay: Duration) -> Self {
        self.asked.max_delay = nanos(max_delay);
        self
    }

    /// Takes a permit now or is refused; never waits. As [`Bucket::try_acquire`].
    ///
    /// # Errors
    ///
    /// [`Limited`](crate::ErrorKind::Limited), [`TooHeavy`](crate::ErrorKind::TooHeavy),
    /// [`TooManyKeys`](crate::ErrorKind::TooManyKeys), [`Closed`](crate::ErrorKind::Closed),
    /// [`Config`](crate::ErrorKind::Config), [`Store`](crate::ErrorKind::Store) where the bucket's store fails.
    #[inline]
    pub fn try_acquire(self) -> Result<Permit, Error> {
        match self.route {
            None => self.asked.start(),
            route => self.asked.start_on(route),
        }
    }

    /// Takes a permit, waiting on this thread up to the allowance. As [`Bucket::acquire`].
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Request::try_acquire), and [`DelayTooLong`](crate::ErrorKind::DelayTooLong) where the wait
    /// exceeds the allowance, [`TooManyWaiting`](crate::ErrorKind::TooManyWaiting) where nobody more may wait.
    ///
    /// # Fairness
    ///
    /// First come, first served per key, threads and futures in one line.
    #[inline]
    pub fn acquire(self) -> Result<Permit, Error> {
        match self.route {
            None => self.asked.block(),
            route => self.asked.block_on(route),
        }
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
        match self.route {
            None => AcquireWith::new(self.asked),
            route => AcquireWith::on(self.asked, route),
        }
    }

    /// Takes it now, even into debt; never waits. As [`Bucket::charge`], for this key and weight: one above what can
    /// ever fit is a debt as well, and 0 changes nothing.
    ///
    /// # Errors
    ///
    /// [`TooManyKeys`](crate::ErrorKind::TooManyKeys), [`Closed`](crate::ErrorKind::Closed),
    /// [`Config`](crate::ErrorKind::Config), [`Store`](crate::ErrorKind::Store) where the bucket's store fails.
    pub fn charge(self) -> Result<Permit, Error> {
        self.asked.charge(self.route)
    }

    /// What the call would meet now; takes and opens nothing. As [`Bucket::peek`], for this key and weight.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), [`Config`](crate::ErrorKind::Config), [`Store`](crate::ErrorKind::Store) where
    /// the bucket's store fails.
    pub fn peek(self) -> Result<Outlook, Error> {
        let Request { asked, route, .. } = self;
        let origin = Origin { route, site: None };
        let (shared, weight) = (asked.shared()?, asked.weight.unwrap_or(u32::MAX));
        if shared.is_remote() {
            return shared.peek_there(asked.named(), origin, weight);
        }
        shared.peek(asked.key_id(), origin, weight)
    }

    /// Looks at, or changes, this key's state of the bucket's [own policy](Bucket::with_policy), such as to read a
    /// level or to set a factor.
    ///
    /// `change` is given a fork and the time as the policy knows it, and runs without a lock; then the fork is put in
    /// place and those who wait are looked at again. It runs once more, on a newer fork, where something was taken or
    /// given back meanwhile, as often as that happens: keep it short. If it panics nothing is changed.
    ///
    /// It counts as a use of the key, also where it only looks: a key that is not known takes room. A pause does not
    /// hold it up, and weight and allowance of the request are of no account.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) where the bucket has no policy of its own or one of another type,
    /// [`TooManyKeys`](crate::ErrorKind::TooManyKeys), [`Closed`](crate::ErrorKind::Closed).
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::Bucket;
    /// use rate_limited::clock::ManualClock;
    /// use rate_limited::policy::LeakyBucket;
    ///
    /// let bucket = Bucket::with_policy("leaky", LeakyBucket::new(10.0, 2.0)).clock(ManualClock::new());
    /// let _permit = bucket.request().key("ann").weight(4).acquire()?;
    /// let filled = bucket.request().key("ann").with_policy(|leaky: &mut LeakyBucket, now| {
    ///     leaky.set_factor(0.5);
    ///     leaky.level(now.as_nanos() as f64 / 1e9)
    /// })?;
    /// assert_eq!(filled, 4.0);
    /// # Ok::<(), rate_limited::Error>(())
    /// ```
    pub fn with_policy<P: Policy, R>(self, change: impl FnMut(&mut P, Timestamp) -> R) -> Result<R, Error> {
        self.asked.shared()?.with_own(self.asked.key_id(), change)
    }

    /// Tells what the server answered to a call that had no permit, as [`Permit::observe`] does of one that had. It is
    /// taken for the answer to a call that was sent just now.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), [`Config`](crate::ErrorKind::Config), [`Store`](crate::ErrorKind::Store) where
    /// the bucket's store fails.
    pub fn observe(self, answer: &impl ServerFeedback) -> Result<(), Error> {
        let feedback = answer.feedback();
        let Request { asked, route, .. } = self;
        asked.shared()?.observe_apart(asked.named(), route, feedback.as_ref())
    }

    /// This key as fresh. What it took from a total over all keys stays taken.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), [`Config`](crate::ErrorKind::Config), [`Store`](crate::ErrorKind::Store) where
    /// the bucket's store fails.
    pub fn reset(self) -> Result<(), Error> {
        let shared = self.asked.shared()?;
        if shared.is_remote() {
            return shared.reset_key_there(self.asked.named());
        }
        shared.reset_key(self.asked.key_id())
    }
}
