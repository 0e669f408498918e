//! What a bucket was declared with, and what its registry gives to it beside.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::locked::lock;
use super::shared::Shared;
use crate::clock::ClockHandle;
use crate::error::{BucketName, Error};
use crate::limits::{Limits, Valid};
use crate::pace::Pace;
use crate::sync::atomic::Ordering;

/// What a bucket was declared with: two declarations of one name must agree in it.
///
/// Counted, as limits are some hundred bytes and more than one has to hold them.
#[derive(Clone, Debug)]
pub(crate) struct Declared(Arc<Said>);

#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) limits: Limits,
    /// The bucket's own clock, if it brought one.
    pub(crate) clock: Option<ClockHandle>,
    /// The annotated function that declared it, if one did.
    pub(crate) site: Option<&'static str>,
}

impl Deref for Declared {
    type Target = Said;

    fn deref(&self) -> &Said {
        &self.0
    }
}

impl Declared {
    pub(crate) fn new(limits: Limits, clock: Option<ClockHandle>, site: Option<&'static str>) -> Self {
        Declared(Arc::new(Said { limits, clock, site }))
    }

    /// Whether both declare the same: same limits, same clock.
    pub(crate) fn agrees_with(&self, other: &Declared) -> bool {
        let same_clock = match (&self.clock, &other.clock) {
            (None, None) => true,
            (Some(a), Some(b)) => a.is(b),
            _ => false,
        };
        same_clock && self.limits.same(&other.limits)
    }
}

/// What a registry gives to buckets that set none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) clock: ClockHandle,
    pub(crate) guard: Option<Duration>,
    pub(crate) max_delay: Option<Duration>,
    pub(crate) pace: Pace,
}

impl Shared {
    pub(crate) fn declared(&self) -> Declared {
        lock(&self.declared).clone()
    }

    /// The clock that it was declared with, if any.
    pub(crate) fn own_clock(&self) -> Option<ClockHandle> {
        lock(&self.declared).clock.clone()
    }

    /// Declares other limits, which [`apply`](Self::apply) then puts in force, and gives back the old declaration: it may
    /// hold a clock, foreign code to be dropped without a lock.
    ///
    /// # Errors
    ///
    /// `Config` where the limits make no sense; nothing is changed then.
    pub(crate) fn redeclare(&self, declared: Declared, defaults: &Defaults) -> Result<Declared, Error> {
        validate(&self.name, &declared.limits, defaults)?;
        Ok(std::mem::replace(&mut *lock(&self.declared), declared))
    }

    /// Runs under the limits that were declared last; `guard` is the registry's.
    pub(crate) fn apply(&self, guard: Option<Duration>) {
        self.change_and_finish(|state, reading, effects| {
            // Read under the state's lock, so that of two who apply the later declaration stays in force.
            let declared = lock(&self.declared).clone();
            if let Ok(valid) = declared.limits.validate(guard) {
                state.replace(valid, reading, effects);
                self.grain.store(state.grain, Ordering::Relaxed);
            }
        });
    }
}

pub(super) fn validate(name: &BucketName, limits: &Limits, defaults: &Defaults) -> Result<Valid, Error> {
    if name.is_empty() {
        return Err(Error::config("a bucket's name must not be empty"));
    }
    limits
        .validate(defaults.guard)
        .map_err(|problem| Error::config(format!("bucket `{name}` cannot be: {problem}")).with_bucket(name))
}
