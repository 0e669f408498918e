//! The handle that users hold.

mod bounds;
mod find;
mod learned;
mod own;
mod request;
mod run;
mod spend;
mod store;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::acquire::Acquire;
use crate::clock::{Clock, ClockHandle};
use crate::error::{BucketName, Error};
use crate::limits::Limits;
use crate::line::{Handle, Shared};
use crate::outlook::Outlook;
use crate::permit::Permit;
use crate::rate::Rate;
use crate::slot::Slot;
use crate::store::StoreHandle;
use crate::time::nanos;

pub use request::Request;

/// A named set of rates that callers acquire from; a handle, whose clones share the state.
///
/// A bucket made by a `const` constructor ([`new`](Bucket::new), [`unlimited`](Bucket::unlimited)) joins the
/// [global registry](crate::Registry::global) under its name at its first use, wherever it stands: two of the same name
/// and limits are one. A bucket that is [`named`](Bucket::named) at run time, or made
/// [with a policy](Bucket::with_policy), belongs to nobody until it is [registered](crate::Registry::register).
///
/// # Examples
///
/// ```
/// use rate_limited::{Bucket, Rate};
/// use std::time::Duration;
///
/// static GITHUB: Bucket =
///     Bucket::new("github", Rate::per_hour(5000)).and(Rate::per_second(10)).max_delay(Duration::from_secs(2));
///
/// let permit = GITHUB.acquire()?;
/// // .. the call ..
/// drop(permit);
/// # Ok::<(), rate_limited::Error>(())
/// ```
///
/// A `const` item is copied at each use, so each use has to find the state by its name again: write `static`.
// In front, and in one line of the processor's cache, what a call needs that surely need not wait.
#[repr(C, align(64))]
pub struct Bucket {
    slot: Slot,
    /// Counts the builder's steps: a state made before one of them is not this bucket's.
    version: u64,
    /// Nanoseconds.
    max_delay: Option<u64>,
    /// Whether it joins the global registry at its first use.
    joins: bool,
    name: Name,
    limits: Limits,
    clock: Option<ClockHandle>,
    store: Option<StoreHandle>,
}

#[derive(Clone)]
enum Name {
    Static(&'static str),
    Shared(BucketName),
}

impl Name {
    fn as_str(&self) -> &str {
        match self {
            Name::Static(name) => name,
            Name::Shared(name) => name,
        }
    }

    fn shared(&self) -> BucketName {
        match self {
            Name::Static(name) => Arc::new((*name).into()),
            Name::Shared(name) => Arc::clone(name),
        }
    }
}

impl Bucket {
    /// A bucket for a `static`, which joins the global registry as `name` at its first use.
    #[must_use]
    pub const fn new(name: &'static str, rate: Rate) -> Self {
        Self::declared(Name::Static(name), Limits::of(rate), true)
    }

    /// A bucket for a `static` that grants everything, and can still be paused and closed.
    #[must_use]
    pub const fn unlimited(name: &'static str) -> Self {
        Self::declared(Name::Static(name), Limits::UNLIMITED, true)
    }

    /// A bucket made at run time, which belongs to nobody until it is registered.
    #[must_use]
    pub fn named(name: impl Into<String>, rate: Rate) -> Self {
        let name: Box<str> = name.into().into();
        Self::declared(Name::Shared(Arc::new(name)), Limits::of(rate), false)
    }

    const fn declared(name: Name, limits: Limits, joins: bool) -> Self {
        Bucket {
            name,
            limits,
            clock: None,
            store: None,
            max_delay: None,
            joins,
            version: 0,
            slot: Slot::EMPTY,
        }
    }

    /// The handle of a state that is in a registry.
    pub(crate) fn of(shared: Arc<Shared>) -> Self {
        let declared = shared.declared();
        let name = Name::Shared(Arc::clone(shared.name()));
        Bucket {
            clock: declared.clock.clone(),
            store: declared.store.clone(),
            slot: Slot::holding(0, Handle::Counted(shared)),
            ..Self::declared(name, declared.limits.clone(), false)
        }
    }

    /// Adds a rate; a call starts when all of them let it. At most 8, in any order.
    #[must_use]
    pub const fn and(mut self, rate: Rate) -> Self {
        self.limits.add(rate);
        self.version += 1;
        self
    }

    /// Adds a rate over all keys together, calls without a key included. At most 8.
    #[must_use]
    pub const fn total(mut self, rate: Rate) -> Self {
        self.limits.add_total(rate);
        self.version += 1;
        self
    }

    /// How much later a started call may still reach the server.
    ///
    /// A window, sliding or fixed, runs that much longer. A token bucket starts the weight that would empty it that much later; one
    /// that was idle for as long never waits. By default the smaller of 20 ms and 2 % of the window (of a token bucket: of
    /// the time in which it fills). Zero is exact, for limits that nobody else measures.
    ///
    /// Where none is set, and the server's answers are [observed](crate::Permit::observe), it is what the network needs: a
    /// quarter more than the last 64 calls differed in how long they took to be answered, but for the slowest; at least
    /// the default, and at most the smaller of 250 ms and 5 % of the window. It is looked at after every 16th answer;
    /// [`Outlook::guard`](crate::Outlook::guard) tells what it is. One that is set is never changed.
    ///
    /// So of a whole [burst](Rate::burst) of single calls the last waits for the guard, and where nothing may wait it
    /// is refused: `burst(5)` lets four calls through at once and the fifth 20 ms later. Give such a bucket a
    /// `max_delay` of at least the guard, or no guard.
    ///
    /// ```
    /// use rate_limited::clock::ManualClock;
    /// use rate_limited::{Bucket, Rate};
    /// use std::time::Duration;
    ///
    /// let bucket = Bucket::named("api", Rate::per_hour(1).burst(5)).clock(ManualClock::new());
    /// for _ in 0..4 {
    ///     let _permit = bucket.try_acquire()?;
    /// }
    /// let refused = bucket.try_acquire().unwrap_err();
    /// assert_eq!(refused.retry_after(), Some(Duration::from_millis(20)));
    /// # Ok::<(), rate_limited::Error>(())
    /// ```
    #[must_use]
    pub const fn guard(mut self, guard: Duration) -> Self {
        self.limits.set_guard(guard);
        self.version += 1;
        self
    }

    /// How many keys it may hold, by default 65,536. A key is forgotten once that loosens nothing; while all are
    /// needed, a new one is refused with [`TooManyKeys`](crate::ErrorKind::TooManyKeys). Without any limit only keys are
    /// held of which calls wait, or run and are [counted](Bucket::in_flight). Over a [store](Bucket::store) it bounds the keys
    /// of this process: those in which something counts that it has started itself.
    #[must_use]
    pub const fn max_keys(mut self, max_keys: usize) -> Self {
        self.limits.set_max_keys(max_keys);
        self.version += 1;
        self
    }

    /// The allowance of calls through this handle that name none; `Duration::MAX` = however long.
    ///
    /// It belongs to the handle, not to the state. Unless set, calls never wait.
    #[must_use]
    pub const fn max_delay(mut self, max_delay: Duration) -> Self {
        self.max_delay = Some(nanos(max_delay));
        self
    }

    /// Runs on a clock of its own. A `static` that needs one is a `LazyLock<Bucket>`.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(ClockHandle::new(clock));
        self.version += 1;
        self
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// The rates in force, without those over all keys.
    #[must_use]
    pub fn rates(&self) -> Vec<Rate> {
        match self.shared() {
            Ok(shared) => shared.declared().limits.rates().collect(),
            Err(_) => self.limits.rates().collect(),
        }
    }

    fn limits_in_force(&self) -> Limits {
        self.slot
            .get(self.version)
            .map_or_else(|| self.limits.clone(), |shared| shared.declared().limits.clone())
    }

    /// Starts a request with a key, a weight or an allowance of its own.
    pub fn request(&self) -> Request<'_> {
        Request::new(self.asked())
    }

    /// Takes a permit now or is refused; never waits.
    ///
    /// # Errors
    ///
    /// [`Limited`](crate::ErrorKind::Limited) where it would have to wait, also for those who wait already.
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit, Error> {
        match self.pass() {
            Some(permit) => Ok(permit),
            None => self.decide().0,
        }
    }

    /// Takes a permit, waiting on this thread up to the allowance.
    ///
    /// In an async function it blocks the executor's thread: use [`acquire_async`](Bucket::acquire_async) there.
    ///
    /// # Errors
    ///
    /// [`DelayTooLong`](crate::ErrorKind::DelayTooLong) at once, without waiting, where the wait exceeds the allowance;
    /// [`TooManyWaiting`](crate::ErrorKind::TooManyWaiting) where nobody more [may wait](Bucket::max_waiting).
    ///
    /// # Fairness
    ///
    /// First come, first served, threads and futures in one line.
    #[inline]
    pub fn acquire(&self) -> Result<Permit, Error> {
        match self.pass() {
            Some(permit) => Ok(permit),
            None => self.wait().0,
        }
    }

    /// Takes a permit, waiting up to the allowance, under any executor.
    ///
    /// # Errors
    ///
    /// [`DelayTooLong`](crate::ErrorKind::DelayTooLong) at once, without waiting, where the wait exceeds the allowance;
    /// [`TooManyWaiting`](crate::ErrorKind::TooManyWaiting) where nobody more [may wait](Bucket::max_waiting).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the line as if it had never come; those behind it move up.
    ///
    /// # Fairness
    ///
    /// First come, first served by the first poll, threads and futures in one line. A future whose turn has come and
    /// that is not polled within 10 ms is passed over until it is.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the future is put together where it is to be, and not copied")]
    pub fn acquire_async(&self) -> impl Future<Output = Result<Permit, Error>> + Send + 'static + use<> {
        Acquire::new(self.found(), None)
    }

    /// What a call would meet now; takes and opens nothing.
    ///
    /// It is the call of no function and no [route](Request::route): what the server said of those is theirs alone, as
    /// long as it gives their limit no name. Of a route `request().route(..).peek()` tells. An annotated function is by
    /// itself the route of its path, as in `crate::module::function`, over a [store](Bucket::store); without one nobody else
    /// can name its route, as there may be two functions of one path.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), [`Store`](crate::ErrorKind::Store) where its store fails, or
    /// [`Config`](crate::ErrorKind::Config) where the bucket cannot be.
    pub fn peek(&self) -> Result<Outlook, Error> {
        self.request().peek()
    }

    /// Holds every start up for `span` from now, as after a `429` with `Retry-After`; of several pauses the latest end
    /// wins.
    ///
    /// It holds for all keys. Those who wait and whose turn it moves past their allowance are refused at once.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), [`Store`](crate::ErrorKind::Store) where its store fails, or
    /// [`Config`](crate::ErrorKind::Config) where the bucket cannot be.
    pub fn pause(&self, span: Duration) -> Result<(), Error> {
        self.shared()?.pause(span)
    }

    /// Everything as fresh: all keys, the total, a pause. Those who wait are planned anew.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), [`Store`](crate::ErrorKind::Store) where its store fails, or
    /// [`Config`](crate::ErrorKind::Config) where the bucket cannot be.
    pub fn reset(&self) -> Result<(), Error> {
        self.shared()?.reset_whole()
    }

    /// Refuses all who wait and all who come, for good, with [`Closed`](crate::ErrorKind::Closed).
    pub fn close(&self) {
        // A bucket that cannot be refuses everybody already.
        if let Ok(shared) = self.shared() {
            shared.close();
        }
    }
}

/// The clone shares the state, if need be by making it now.
impl Clone for Bucket {
    fn clone(&self) -> Self {
        let slot = match self.shared() {
            Ok(shared) => Slot::holding(self.version, shared),
            // What cannot be is found out again by whoever uses the clone.
            Err(_) => Slot::EMPTY,
        };
        Bucket {
            name: self.name.clone(),
            limits: self.limits.clone(),
            clock: self.clock.clone(),
            store: self.store.clone(),
            max_delay: self.max_delay,
            joins: self.joins,
            version: self.version,
            slot,
        }
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket")
            .field("name", &self.name())
            .field("limits", &format_args!("{}", self.limits_in_force()))
            .finish_non_exhaustive()
    }
}
