//! Names and the buckets behind them.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::bucket::Bucket;
use crate::clock::{Clock, ClockHandle};
use crate::error::Error;
use crate::line::Defaults;
use crate::line::Handle;
use crate::names::Names;
use crate::pace::Pace;
use crate::store::{Store, StoreHandle};

/// Buckets by name; clones share it.
///
/// One is [global](Registry::global): attributes look their names up there unless told otherwise. Others serve tests and
/// limits per instance. When the last handle of a registry is dropped, it is [closed](Registry::close).
///
/// # Examples
///
/// ```
/// use rate_limited::{Bucket, ErrorKind, Rate, Registry};
///
/// let registry = Registry::new();
/// registry.register(Bucket::named("github", Rate::per_hour(5000)))?;
/// assert!(registry.get("github")?.try_acquire().is_ok());
///
/// let error = registry.get("gihtub").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::UnknownBucket);
/// assert_eq!(error.to_string(), "unknown bucket `gihtub`: did you mean `github`?");
/// # Ok::<(), rate_limited::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Registry {
    names: Arc<Names>,
}

impl Registry {
    /// The registry of the process, built at its first use; it holds the [presets](crate::presets).
    #[must_use]
    pub fn global() -> &'static Registry {
        static GLOBAL: LazyLock<Registry> = LazyLock::new(|| Registry { names: Arc::clone(Names::global()) });
        &GLOBAL
    }

    /// An empty registry.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "`default` would read as the global one")]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// An empty registry with defaults for buckets that set none.
    #[must_use]
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder { defaults: Defaults::default() }
    }

    /// Adds `bucket`, or makes its limits those of the bucket that has the name already, and returns the handle.
    ///
    /// Every start that the old limits still remember counts under the new ones, call sites that found the bucket
    /// before obey, and those who wait are planned anew. Call sites that *declare* other limits and come only later are
    /// refused with `Config`: where limits come from a file, let call sites name the bucket and not declare it.
    ///
    /// A [policy of the user's own](Bucket::with_policy) is told what the rates before it remember, by
    /// [`commit`](crate::policy::Policy::commit); the same one goes on as it is. What another one remembers nobody else
    /// can read. Under another clock everything starts as fresh.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) where the limits make no sense, [`Closed`](crate::ErrorKind::Closed) if the registry is.
    #[expect(clippy::needless_pass_by_value, reason = "the handle to go on with is the one returned")]
    pub fn register(&self, bucket: Bucket) -> Result<Bucket, Error> {
        let max_delay = bucket.own_max_delay();
        let shared = match bucket.free_state() {
            Some(Err(error)) => return Err(error),
            Some(Ok(Handle::Counted(state))) if self.names.adopt(&state, max_delay)? => state,
            _ => self.names.register(bucket.name(), bucket.declaration())?,
        };
        let handle = Bucket::of(shared);
        Ok(match max_delay {
            Some(max_delay) => handle.max_delay(max_delay),
            None => handle,
        })
    }

    /// The bucket of that name.
    ///
    /// # Errors
    ///
    /// [`UnknownBucket`](crate::ErrorKind::UnknownBucket) naming the nearest name, [`Closed`](crate::ErrorKind::Closed) if the registry
    /// is closed.
    pub fn get(&self, name: &str) -> Result<Bucket, Error> {
        self.names.get(name).map(Bucket::of)
    }

    /// All names, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.names.names()
    }

    /// Closes the bucket of that name and forgets it; whether there was one. The name may be registered anew.
    #[expect(clippy::must_use_candidate, reason = "few care whether there was one")]
    pub fn remove(&self, name: &str) -> bool {
        self.names.remove(name)
    }

    /// Gives `clock` to all buckets that brought none of their own, those to come included; their states start anew,
    /// unless a [store](Bucket::store) keeps them, and those who wait are planned again with what is left of their
    /// allowances.
    pub fn set_clock(&self, clock: impl Clock) {
        self.names.set_clock(&ClockHandle::new(clock));
    }

    /// Runs every bucket at that pace, those to come included. Nothing is ever faster than declared.
    pub fn set_pace(&self, pace: Pace) {
        self.names.set_pace(pace);
    }

    /// Every bucket as fresh; nothing is removed. Where a [store](Bucket::store) does not answer, what is in it stays, of
    /// which only [`Bucket::reset`] tells.
    pub fn reset(&self) {
        self.names.reset();
    }

    /// Closes every bucket and refuses all who come, for good, with [`Closed`](crate::ErrorKind::Closed).
    pub fn close(&self) {
        self.names.close();
    }

    pub(crate) fn names_table(&self) -> &Names {
        &self.names
    }
}

/// Sets what buckets of a registry have that set none of their own; made by [`Registry::builder`].
#[derive(Clone, Debug)]
pub struct RegistryBuilder {
    defaults: Defaults,
}

impl RegistryBuilder {
    /// The clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.defaults.clock = ClockHandle::new(clock);
        self
    }

    /// The store. Its buckets are those of that name for all who have the same store.
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        self.defaults.store = Some(StoreHandle::new(store));
        self
    }

    /// The guard; it does not apply to a rate whose window is not longer.
    #[must_use]
    pub fn guard(mut self, guard: Duration) -> Self {
        self.defaults.guard = Some(guard);
        self
    }

    /// The allowance.
    #[must_use]
    pub fn max_delay(mut self, max_delay: Duration) -> Self {
        self.defaults.max_delay = Some(max_delay);
        self
    }

    /// The registry.
    #[must_use]
    pub fn build(self) -> Registry {
        Registry { names: Arc::new(Names::new(self.defaults)) }
    }
}
