//! The right to start now.

use std::fmt;
use std::time::Duration;

use crate::feedback::ServerFeedback;
use crate::line::{Changed, Grant, Handle, KeyId, PLAIN, is_known, is_told_of_end, with_site};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::time::Timestamp;

/// The right to start now, already paid.
///
/// Hold it while the call runs; the attribute does so until the function ends. Dropping it gives nothing back
/// and ends the call's time [in flight](crate::Bucket::in_flight); a
/// [policy of the user's own](crate::Bucket::with_policy) is told then that the call ended.
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
    /// As the [`Grant`]'s.
    start: Timestamp,
    born: u64,
    /// Nanoseconds.
    waited: u64,
    /// What was taken.
    weight: u32,
    /// The number under which the bucket knows what the call counts, or what it need not know of it; see [`PLAIN`].
    account: AtomicU32,
}

impl Permit {
    pub(crate) fn new(shared: Handle, key: KeyId, grant: Grant) -> Self {
        let mut permit = Permit::plain(shared, key, grant);
        *permit.account.get_mut() = grant.account;
        permit
    }

    /// Of a call that is not in flight as far as the bucket is concerned.
    #[inline]
    pub(crate) fn plain(
        shared: Handle,
        key: KeyId,
        Grant { start, born, weight, waited, .. }: Grant,
    ) -> Self {
        Permit { shared, key, start, born, waited, weight, account: AtomicU32::new(PLAIN) }
    }

    /// Of a call that costs one, has no key and surely need not wait; else that is to be found out.
    #[inline]
    pub(crate) fn at_once(shared: &Handle) -> Option<Self> {
        let start = shared.pass(1)?;
        Some(Permit::plain(shared.clone(), None, start.grant(1)))
    }

    /// Of an annotated function by its number, which its answers are told by.
    pub(crate) fn of_site(self, site: u32) -> Self {
        let mut permit = self;
        let account = permit.account.get_mut();
        if is_known(*account) && permit.shared.is_remote() {
            permit.shared.tell_site(*account, site);
        }
        *account = with_site(*account, site);
        permit
    }

    #[cold]
    #[inline(never)]
    fn end(&self, account: u32) {
        self.shared.end(self.key, self.grant(), account);
    }

    fn grant(&self) -> Grant {
        let Permit { start, born, waited, weight, .. } = *self;
        Grant { start, born, weight, account: self.account.load(Ordering::Relaxed), waited }
    }

    /// When a store counts the call as started, in its microseconds.
    #[cfg(feature = "test-util")]
    #[doc(hidden)]
    #[must_use]
    pub fn counted(&self) -> Option<u64> {
        self.shared.is_remote().then_some(self.born)
    }

    /// How long the call waited.
    #[must_use]
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited)
    }

    /// Gives it back: the call cost nothing after all.
    ///
    /// The limits hold over all calls that were not refunded. A sliding window gives back the whole weight; a token
    /// bucket gives back what time has not refilled already. Nothing is given back if the limits were replaced or
    /// reset since.
    pub fn refund(self) {
        let mut permit = self;
        let account = *permit.account.get_mut();
        if permit.weight > 0 || is_known(account) {
            let Changed { rest, .. } = permit.shared.refund(permit.key, permit.grant(), account);
            // Nothing is settled twice, whatever comes of the rest.
            permit.weight = 0;
            permit.shared.finish(rest);
        }
    }

    /// Tells what the call really cost: the difference to what it counts now is given back, or charged.
    ///
    /// What it cost more counts from this moment, even into debt: those who come later wait until it is paid, and who
    /// waits already and is moved past its allowance by it is refused at once. What it cost less is given back as by
    /// [`refund`](Permit::refund), and may let somebody start. It may be told several times, also after a free pass
    /// (weight 0); together they never give back more than was taken. Of what one call was corrected upwards, the newest
    /// 64 corrections can be given back.
    ///
    /// What it cost more counts under the limits in force, whatever was replaced or reset since the call began; only
    /// where the key was forgotten and all the room for keys ([`max_keys`](crate::Bucket::max_keys)) is taken there is
    /// nowhere to count it; over a [store](crate::Bucket::store), wherever it was forgotten for others. Of what was taken before the limits were replaced, or the bucket or the key was reset, nothing
    /// is given back. After a replacement or a reset of the bucket the call counts that on, and only what it cost above
    /// it is charged; rates beside a [policy of the user's own](crate::Bucket::with_policy), which is told of each
    /// correction, then count again what was corrected down and up.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::clock::ManualClock;
    /// use rate_limited::{Bucket, Rate};
    ///
    /// let bucket = Bucket::named("graph", Rate::per_hour(100)).clock(ManualClock::new());
    /// let permit = bucket.request().weight(20).try_acquire()?;
    /// // The answer says what the query cost:
    /// permit.correct(7);
    /// assert_eq!(bucket.peek()?.rates()[0].used(), 7);
    /// permit.correct(130);
    /// assert_eq!(bucket.peek()?.rates()[0].used(), 130);
    /// # Ok::<(), rate_limited::Error>(())
    /// ```
    pub fn correct(&self, n: u32) {
        self.shared.correct(self.key, self.grant(), &self.account, n);
    }

    /// Tells what the server answered, so that the bucket keeps to the limits that the server really has.
    ///
    /// The first answer ends the time in which the call counts as on its way; what is told later is news all the same.
    /// A permit that ends unheard may have been counted by the server: where windows are
    /// [learned](crate::Bucket::learned) it is charged. An answer that says nothing of limits, `None`, is heard as well.
    /// A server that rejected the call holds back all who call with this key and [route](crate::Request::route), or
    /// everybody if it says so; who waits and is moved past its allowance by it is refused at once. A
    /// [policy of the user's own](crate::Bucket::with_policy) is [told](crate::policy::Outcome::Feedback), too.
    ///
    /// From the first answer that says something on, the bucket keeps all its calls in mind until they end, and each takes
    /// its lock: some hundred nanoseconds instead of some ten. Calls that began before are not known to be on their way.
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::clock::ManualClock;
    /// use rate_limited::feedback::Feedback;
    /// use rate_limited::{Bucket, Rate};
    /// use std::time::Duration;
    ///
    /// let bucket = Bucket::named("api", Rate::per_second(100)).clock(ManualClock::new());
    /// let permit = bucket.try_acquire()?;
    /// permit.observe(&Feedback::default().rejected(true).retry_after(Duration::from_secs(5)));
    /// let refused = bucket.try_acquire().unwrap_err();
    /// assert_eq!(refused.retry_after(), Some(Duration::from_secs(5)));
    /// # Ok::<(), rate_limited::Error>(())
    /// ```
    pub fn observe(&self, answer: &impl ServerFeedback) {
        let feedback = answer.feedback();
        self.shared.observe(self.key, self.grant(), &self.account, feedback.as_ref());
    }
}

/// Gives nothing back, and ends the call's time in flight.
impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        let account = *self.account.get_mut();
        if is_told_of_end(account) {
            self.end(account);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("bucket", self.shared.name())
            .field("weight", &self.weight)
            .field("waited", &self.waited())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Permit;

    #[test]
    fn is_small_and_can_go_to_another_thread() {
        fn sent<T: Send + Sync + 'static>() {}
        sent::<Permit>();
        assert!(size_of::<Permit>() <= 64, "{}", size_of::<Permit>());
    }
}
