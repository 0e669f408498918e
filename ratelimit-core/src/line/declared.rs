//! What a bucket was declared with, and what its registry gives to it beside.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::locked::lock;
use super::remote::Courier;
use super::shared::Shared;
use crate::clock::ClockHandle;
use crate::error::{BucketName, Error};
use crate::limits::{Limits, Valid};
use crate::pace::Pace;
use crate::store::StoreHandle;
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
    /// The bucket's own store, if it brought one.
    pub(crate) store: Option<StoreHandle>,
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
    /// By limits alone, of an annotated function if one declared it.
    pub(crate) fn new(limits: Limits, site: Option<&'static str>) -> Self {
        Declared(Arc::new(Said { limits, clock: None, store: None, site }))
    }

    /// By a bucket that may bring a clock and a store.
    pub(crate) fn bringing(limits: Limits, clock: Option<ClockHandle>, store: Option<StoreHandle>) -> Self {
        Declared(Arc::new(Said { limits, clock, store, site: None }))
    }

    /// Whether both declare the same: same limits, same clock, same store.
    pub(crate) fn agrees_with(&self, other: &Declared) -> bool {
        let same_clock = match (&self.clock, &other.clock) {
            (None, None) => true,
            (Some(a), Some(b)) => a.is(b),
            _ => false,
        };
        let same_store = match (&self.store, &other.store) {
            (None, None) => true,
            (Some(a), Some(b)) => a.is(b),
            _ => false,
        };
        same_clock && same_store && self.limits.same(&other.limits)
    }
}

/// What a registry gives to buckets that set none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) clock: ClockHandle,
    pub(crate) store: Option<StoreHandle>,
    pub(crate) guard: Option<Duration>,
    pub(crate) max_delay: Option<Duration>,
    pub(crate) pace: Pace,
}

/// Said at once: else each call would fail, or each would start where an outage allows that.
const NO_TIME: &str =
    "its store is given no time to answer; say `.timeout(..)` above zero, or leave it out for 250 ms";

impl Shared {
    /// Whether it can be in a registry that gives it that.
    ///
    /// # Errors
    ///
    /// `Config` where it cannot.
    pub(crate) fn fits(&self, defaults: &Defaults) -> Result<(), Error> {
        validate(&self.name, &self.declared(), defaults).map(drop)
    }

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
        validate(&self.name, &declared, defaults)?;
        Ok(std::mem::replace(&mut *lock(&self.declared), declared))
    }

    /// Runs under the limits that were declared last; guard and store are the registry's, for who brings none.
    pub(crate) fn apply(&self, guard: Option<Duration>, store: Option<&StoreHandle>) {
        let replaced = self.change_and_finish(|state, reading, effects| {
            // Read under the state's lock, so that of two who apply the later declaration stays in force.
            let declared = lock(&self.declared).clone();
            let valid = declared.limits.validate(guard).ok()?;
            let store = declared.store.as_ref().or(store);
            let before = state.remote.as_ref().map(|remote| Arc::clone(&remote.courier));
            let courier = store.map(|store| self.courier_for(store, &valid, before.as_ref()));
            self.has_store.store(courier.is_some(), Ordering::Relaxed);
            state.replace_over(courier, valid, reading, effects);
            self.grain.store(state.grain, Ordering::Relaxed);
            before
        });
        // A store is foreign code: dropped after the lock.
        drop(replaced);
    }

    /// Who carries to that store under those limits: the same as before, if it is the same store, so that what is given back
    /// under the old limits arrives before anything is asked under the new ones.
    pub(super) fn courier_for(
        &self,
        store: &StoreHandle,
        valid: &Valid,
        before: Option<&Arc<Courier>>,
    ) -> Arc<Courier> {
        if let Some(before) = before.filter(|before| before.goes_to(store)) {
            before.set_limits(valid);
            return Arc::clone(before);
        }
        let courier = Courier::new(store.clone(), self.me.clone(), valid, &self.name);
        if let Some(before) = before {
            courier.remember(before);
        }
        Arc::new(courier)
    }
}

pub(super) fn validate(name: &BucketName, declared: &Said, defaults: &Defaults) -> Result<Valid, Error> {
    if name.is_empty() {
        return Err(Error::config("a bucket's name must not be empty"));
    }
    let store = declared.store.as_ref().or(defaults.store.as_ref());
    let has_time = |valid| match store {
        Some(store) if !store.has_time() => Err(NO_TIME.to_owned()),
        _ => Ok(valid),
    };
    declared
        .limits
        .validate(defaults.guard)
        .and_then(has_time)
        .map_err(|problem| Error::config(format!("bucket `{name}` cannot be: {problem}")).with_bucket(name))
}
