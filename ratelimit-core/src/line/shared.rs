//! The shared half of a bucket: its name, clock and state, and the way in for everybody.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, PoisonError};
use std::task::Waker;
use std::time::Duration;

use super::alarm::{Alarm, Rest};
use super::effects::Effects;
use super::enter::{Ask, Claimed, Entered};
use super::gate::{Gate, Passage};
use super::state::{Grant, Reading, Seen, State};
use super::{KeyId, Ticket};
use crate::clock::{Clock, ClockHandle, SystemClock};
use crate::error::{BucketName, Error, ErrorKind, Extra};
use crate::limits::{Limits, Valid};
use crate::outlook::Outlook;
use crate::pace::Pace;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard, RwLock};
use crate::time::{Timestamp, nanos};

/// The state that all handles of one bucket share.
pub(crate) struct Shared {
    name: BucketName,
    /// What was declared; replaced together with the limits in force.
    declared: Mutex<Declared>,
    /// Nanoseconds of allowance for those who come by name and say none: the one declared or registered with.
    max_delay: AtomicU64,
    /// The registry's default, for handles that say none.
    default_delay: AtomicU64,
    closed: AtomicBool,
    /// Whether some table of names holds it: no state is in two.
    claimed: AtomicBool,
    /// Read without the state's lock.
    clock: RwLock<Running>,
    /// Whether that is the system's clock, which need not be asked for.
    on_system: AtomicBool,
    gate: Gate,
    /// By how much a coarse reading lags that may stand in on the granted path, as [`State::grain`]; 0 = none may.
    grain: AtomicU64,
    /// The reference that statics use, once one does.
    pub(super) kept: OnceLock<&'static Arc<Shared>>,
    /// Its name as errors carry it who may outlive it.
    named: Arc<Extra>,
    pub(super) state: Mutex<State>,
    pub(super) alarm: Mutex<Alarm>,
}

/// The clock that a bucket runs on.
#[derive(Clone)]
struct Running {
    epoch: NonZeroU32,
    clock: ClockHandle,
    seen: Seen,
}

impl Running {
    fn new(epoch: NonZeroU32, clock: ClockHandle) -> Self {
        let seen = (!clock.is_system()).then(Arc::default);
        Running { epoch, clock, seen }
    }
}

/// What a bucket was declared with: two declarations of one name must agree in it.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) limits: Limits,
    /// The bucket's own clock, if it brought one.
    pub(crate) clock: Option<ClockHandle>,
    /// The annotated function that declared it, if one did.
    pub(crate) site: Option<&'static str>,
}

impl Declared {
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

/// What a change did, and what is still to be done about it without the lock.
pub(crate) struct Changed<R> {
    pub(crate) result: R,
    pub(crate) rest: Rest,
}

impl Shared {
    /// # Errors
    ///
    /// `Config` where the limits make no sense.
    pub(crate) fn new(
        name: BucketName,
        declared: Declared,
        max_delay: Option<Duration>,
        defaults: &Defaults,
    ) -> Result<Arc<Self>, Error> {
        let valid = validate(&name, &declared.limits, defaults)?;
        let clock = declared.clock.clone().unwrap_or_else(|| defaults.clock.clone());
        let mut state = State::new(valid);
        state.tempo = state.tempo.changed(defaults.pace, Timestamp::ZERO);
        state.allow_coarse(clock.grain());
        let running = Running::new(state.epoch, clock.clone());
        state.seen.clone_from(&running.seen);
        let default_delay = defaults.max_delay.unwrap_or_default();
        let max_delay = max_delay.unwrap_or(default_delay);
        Ok(Arc::new(Shared {
            declared: Mutex::new(declared),
            max_delay: AtomicU64::new(nanos(max_delay)),
            default_delay: AtomicU64::new(nanos(default_delay)),
            closed: AtomicBool::new(false),
            claimed: AtomicBool::new(false),
            on_system: AtomicBool::new(clock.is_system()),
            clock: RwLock::new(running),
            gate: Gate::new(),
            grain: AtomicU64::new(state.grain),
            kept: OnceLock::new(),
            named: Extra::of_bucket(&name),
            name,
            state: Mutex::new(state),
            alarm: Mutex::default(),
        }))
    }

    pub(crate) fn name(&self) -> &BucketName {
        &self.name
    }

    pub(crate) fn named(&self) -> &Arc<Extra> {
        &self.named
    }

    pub(crate) fn declared(&self) -> Declared {
        lock(&self.declared).clone()
    }

    /// Nanoseconds of allowance for those who come by name and say none.
    #[inline]
    pub(crate) fn max_delay(&self) -> u64 {
        self.max_delay.load(Ordering::Relaxed)
    }

    /// Nanoseconds of allowance for handles that say none.
    #[inline]
    pub(crate) fn default_delay(&self) -> u64 {
        self.default_delay.load(Ordering::Relaxed)
    }

    pub(crate) fn set_max_delay(&self, own: Option<Duration>, default: Option<Duration>) {
        let default = default.unwrap_or_default();
        self.default_delay.store(nanos(default), Ordering::Relaxed);
        self.max_delay.store(nanos(own.unwrap_or(default)), Ordering::Relaxed);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Claims it for a table of names; `false` if it belongs to one already.
    pub(crate) fn claim(&self) -> bool {
        !self.claimed.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn clock(&self) -> (NonZeroU32, ClockHandle) {
        let running = self.running();
        (running.epoch, running.clock)
    }

    fn running(&self) -> Running {
        self.clock.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the lock, and with it the state that was in the gate.
    pub(super) fn lock(&self) -> Locked<'_> {
        let mut state = lock(&self.state);
        state.take_over(&self.gate);
        Locked { state, gate: &self.gate }
    }

    /// Lets a call through that need not wait, or refuses one that may not, where that takes no lock.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what it gives is put together where it is to be, and not copied"
    )]
    pub(crate) fn pass(&self, weight: u32) -> Passage {
        self.gate.pass(weight, SystemClock::coarse, || self.read_at_gate())
    }

    /// The time now; a clock that went back counts as it did before.
    #[inline(never)]
    fn read_at_gate(&self) -> Reading {
        if self.on_system.load(Ordering::Relaxed) {
            let now = SystemClock.now();
            return Reading { clock: now, now };
        }
        let Running { clock, seen, .. } = self.running();
        let clock = clock.now();
        let latest = seen.map_or(0, |seen| seen.fetch_max(clock.as_nanos(), Ordering::Relaxed));
        Reading { clock, now: clock.max(Timestamp::from_nanos(latest)) }
    }

    /// Takes weight for a caller who may start at once by a coarse reading; `None` if that is to be found out.
    #[inline]
    pub(crate) fn take(&self, ask: Ask) -> Option<Grant> {
        let grain = self.grain.load(Ordering::Relaxed);
        if grain == 0 {
            return None;
        }
        let now = SystemClock::coarse();
        let mut state = lock(&self.state);
        // The gate is left as it is: what may be in it is not asked for.
        if state.grain != grain || ask.key.is_none() && state.memory.only_token_bucket().is_some() {
            return None;
        }
        let reading = state.read(now);
        state.take(ask, Reading { clock: now, ..reading }, grain)
    }

    /// Reads the clock, then changes the state; the rest of the work waits in the answer.
    pub(super) fn change<R>(
        &self,
        change: impl FnOnce(&mut State, Reading, &mut Effects) -> R,
    ) -> Changed<R> {
        loop {
            let (epoch, clock) = self.clock();
            let now = clock.now();
            let mut state = self.lock();
            if state.epoch != epoch {
                // The clock was changed meanwhile: its reading means nothing here.
                continue;
            }
            let reading = state.read(now);
            let mut effects = Effects::default();
            let result = change(&mut state, reading, &mut effects);
            state.settle_total(reading, &mut effects);
            state.set_alarm(&mut effects);
            drop(state);
            return Changed { result, rest: Rest { effects, clock } };
        }
    }

    pub(super) fn change_and_finish<R>(
        self: &Arc<Self>,
        change: impl FnOnce(&mut State, Reading, &mut Effects) -> R,
    ) -> R {
        let Changed { result, rest } = self.change(change);
        self.finish(rest);
        result
    }

    pub(crate) fn enter(&self, ask: Ask, waker: &mut Option<Waker>) -> Changed<Entered> {
        self.change(|state, reading, effects| state.enter(ask, waker, reading, effects))
    }

    pub(crate) fn claim_turn(&self, key: KeyId, ticket: Ticket, waker: Waker) -> Changed<Claimed> {
        self.change(|state, reading, effects| state.claim(key, ticket, waker, reading, effects))
    }

    /// Takes a waiter out of the line; must not panic, as it runs when futures are dropped.
    pub(crate) fn leave(self: &Arc<Self>, key: KeyId, ticket: Ticket) {
        self.change_while_dropping(|state, reading, effects| state.leave(key, ticket, reading, effects));
    }

    /// Makes a change whatever the clock does, and lets no panic out.
    pub(super) fn change_while_dropping(
        self: &Arc<Self>,
        change: impl FnOnce(&mut State, Reading, &mut Effects),
    ) {
        let mut change = Some(change);
        let mut make = |state: &mut State, reading, effects: &mut Effects| {
            if let Some(change) = change.take() {
                change(state, reading, effects);
            }
        };
        if catch_unwind(AssertUnwindSafe(|| self.change_and_finish(&mut make))).is_err() {
            // If it was the clock that panicked, nothing is done yet: the newest time seen has to do.
            let clock = self.clock().1;
            let mut state = self.lock();
            let mut effects = Effects::default();
            let latest = state.latest.unwrap_or_default();
            let reading = Reading { clock: latest, now: latest };
            make(&mut state, reading, &mut effects);
            state.settle_total(reading, &mut effects);
            state.set_alarm(&mut effects);
            drop(state);
            let _ = catch_unwind(AssertUnwindSafe(|| self.finish(Rest { effects, clock })));
        }
    }

    pub(crate) fn peek(self: &Arc<Self>, key: KeyId, weight: u32) -> Result<Outlook, Error> {
        self.change_and_finish(|state, reading, effects| state.outlook(key, weight, reading, effects))
            .ok_or_else(|| self.error(ErrorKind::Closed))
    }

    pub(crate) fn pause(self: &Arc<Self>, span: Duration) -> Result<(), Error> {
        self.if_open(|state, reading, effects| state.pause(nanos(span), reading, effects))
    }

    pub(crate) fn reset(self: &Arc<Self>) -> Result<(), Error> {
        self.if_open(State::reset)
    }

    pub(crate) fn reset_key(self: &Arc<Self>, key: KeyId) -> Result<(), Error> {
        self.if_open(|state, reading, effects| state.reset_key(key, reading, effects))
    }

    fn if_open(
        self: &Arc<Self>,
        change: impl FnOnce(&mut State, Reading, &mut Effects),
    ) -> Result<(), Error> {
        let open = self.change_and_finish(|state, reading, effects| {
            let open = !state.closed;
            if open {
                change(state, reading, effects);
            }
            open
        });
        if open { Ok(()) } else { Err(self.error(ErrorKind::Closed)) }
    }

    /// Needs no time, so that it works under any clock.
    pub(crate) fn close(self: &Arc<Self>) {
        self.closed.store(true, Ordering::Release);
        let clock = self.clock().1;
        let mut effects = Effects::default();
        let mut state = self.lock();
        state.close(&mut effects);
        state.set_alarm(&mut effects);
        drop(state);
        self.finish(Rest { effects, clock });
    }

    pub(crate) fn set_pace(self: &Arc<Self>, pace: Pace) {
        self.change_and_finish(|state, reading, effects| state.set_pace(pace, reading, effects));
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
    pub(crate) fn apply(self: &Arc<Self>, guard: Option<Duration>) {
        let grain = self.clock().1.grain();
        self.change_and_finish(|state, reading, effects| {
            // Read under the state's lock, so that of two who apply the later declaration stays in force.
            let limits = lock(&self.declared).limits.clone();
            if let Ok(valid) = limits.validate(guard) {
                state.replace(valid, grain, reading, effects);
                self.grain.store(state.grain, Ordering::Relaxed);
            }
        });
    }

    /// Another clock, unless it is the same one.
    pub(crate) fn set_clock(self: &Arc<Self>, clock: ClockHandle) {
        loop {
            let (epoch, old) = self.clock();
            if old.is(&clock) {
                return;
            }
            let (old_now, new_now) = (old.now(), clock.now());
            let mut state = self.lock();
            if state.epoch != epoch {
                continue;
            }
            let mut effects = Effects::default();
            state.change_clock(old_now, new_now, &mut effects);
            state.alarm.at = None;
            state.set_alarm(&mut effects);
            let running = Running::new(state.epoch, clock.clone());
            state.allow_coarse(clock.grain());
            state.seen.clone_from(&running.seen);
            self.grain.store(state.grain, Ordering::Relaxed);
            self.on_system.store(clock.is_system(), Ordering::Relaxed);
            let mut current = self.clock.write().unwrap_or_else(PoisonError::into_inner);
            let old = std::mem::replace(&mut *current, running);
            drop(current);
            drop(state);
            // A clock is foreign code: dropped after the locks.
            drop(old);
            return self.finish(Rest { effects, clock });
        }
    }

    /// The clock that it was declared with, if any.
    pub(crate) fn own_clock(&self) -> Option<ClockHandle> {
        lock(&self.declared).clock.clone()
    }

    pub(crate) fn runs_on(&self, clock: &ClockHandle) -> bool {
        self.clock().1.is(clock)
    }

    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind).with_extra(&self.named)
    }
}

fn validate(name: &BucketName, limits: &Limits, defaults: &Defaults) -> Result<Valid, Error> {
    if name.is_empty() {
        return Err(Error::config("a bucket's name must not be empty"));
    }
    limits
        .validate(defaults.guard)
        .map_err(|problem| Error::config(format!("bucket `{name}` cannot be: {problem}")).with_bucket(name))
}

/// The state, while it is locked: what the gate held is in it, and goes back when the lock is released.
pub(super) struct Locked<'a> {
    state: MutexGuard<'a, State>,
    gate: &'a Gate,
}

impl Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.state.hand_over(self.gate);
    }
}

/// Nothing foreign runs under these locks, so a poisoned one still guards a whole state.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("name", &self.name).finish_non_exhaustive()
    }
}
