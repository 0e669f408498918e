//! What a call would meet now.

use std::time::Duration;

use crate::policy::{Builtin, Gauge, Policy};
use crate::rate::Rate;
use crate::time::Timestamp;

/// How a bucket looks to one key and weight at one moment; taken by `peek`, which takes and opens nothing.
///
/// # Examples
///
/// ```
/// use rate_limited::{Bucket, Rate};
///
/// let bucket = Bucket::named("api", Rate::per_minute(60));
/// let _permit = bucket.try_acquire()?;
/// let outlook = bucket.peek()?;
/// assert_eq!(outlook.rates()[0].remaining(), 59);
/// assert!(outlook.wait().unwrap().is_zero());
/// # Ok::<(), rate_limited::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Outlook {
    wait: Option<Duration>,
    rates: Box<[RateOutlook]>,
    waiting: usize,
    paused_for: Duration,
    guard: Duration,
    is_learning: bool,
}

/// One rate of an [`Outlook`].
#[derive(Clone, Debug)]
pub struct RateOutlook {
    rate: Rate,
    used: u32,
    remaining: u32,
    resets_in: Duration,
}

impl Outlook {
    pub(crate) fn new(
        wait: Option<Duration>,
        rates: Box<[RateOutlook]>,
        waiting: usize,
        paused_for: Duration,
        guard: Duration,
        is_learning: bool,
    ) -> Self {
        Outlook { wait, rates, waiting, paused_for, guard, is_learning }
    }

    /// The same with what a store knows, a pause of the server's too.
    pub(crate) fn over_store(
        self,
        wait: Option<Duration>,
        rates: Box<[RateOutlook]>,
        paused: Duration,
    ) -> Self {
        Outlook { wait, rates, paused_for: self.paused_for.max(paused), ..self }
    }

    /// How long the call would wait, behind those who wait already; `None` = it would never start, or nobody knows
    /// when: a call [in flight](crate::Bucket::in_flight) has to end or the server to [answer](crate::Bucket::learned) one
    /// first, or the bucket's [own policy](crate::Bucket::with_policy) waits for news.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.wait
    }

    /// The bucket's rates, then the rates over all its keys.
    #[must_use]
    pub fn rates(&self) -> &[RateOutlook] {
        &self.rates
    }

    /// How many wait on this key.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How long the bucket is still paused, or the server wants to be left alone by such calls; zero if neither.
    #[must_use]
    pub fn paused_for(&self) -> Duration {
        self.paused_for
    }

    /// The guard in force, of several rates the longest; one that nobody [set](crate::Bucket::guard) is as long as the
    /// network needs it, where the server's answers are observed.
    #[must_use]
    pub fn guard(&self) -> Duration {
        self.guard
    }

    /// Whether the bucket keeps to what the server says: it was made to [learn](crate::Bucket::learned), or an answer was
    /// [observed](crate::Permit::observe).
    #[must_use]
    pub fn is_learning(&self) -> bool {
        self.is_learning
    }
}

impl RateOutlook {
    pub(crate) fn new(
        rate: Rate,
        state: &Builtin,
        (now, stamped): (Timestamp, Timestamp),
        wait: impl Fn(Timestamp) -> Duration,
    ) -> Self {
        let resets_in = match state.idle_at() {
            Some(at) if at <= now => Duration::ZERO,
            Some(at) => wait(at),
            None => Duration::MAX,
        };
        RateOutlook { rate, used: state.used(stamped), remaining: state.remaining(now), resets_in }
    }

    /// As a store has it.
    pub(crate) fn of_store(rate: Rate, used: u32, remaining: u32, resets_in: Duration) -> Self {
        RateOutlook { rate, used, remaining, resets_in }
    }

    /// The rate.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// The weight that counts against it now; above what the rate admits after a [charge](crate::Bucket::charge).
    #[must_use]
    pub fn used(&self) -> u32 {
        self.used
    }

    /// The weight that it would let start now, at once.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        self.remaining
    }

    /// In how long nothing counts against it any more, a debt and the guard included; [`Duration::MAX`] for what is paid at no time
    /// that there is.
    #[must_use]
    pub fn resets_in(&self) -> Duration {
        self.resets_in
    }
}
