//! The shared half of a bucket: its name, clock and state, and the way in for everybody.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock, PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

use super::alarm::{Alarm, Rest};
use super::declared::{Declared, Defaults, validate};
use super::effects::Effects;
use super::enter::{Ask, Claimed, Entered};
use super::gate::{Gate, Passage, Start};
use super::learning::Origin;
use super::locked::{Changed, lock};
use super::state::{Reading, Seen, State};
use super::{KeyId, Ticket};
use crate::clock::{Clock, ClockHandle, SystemClock};
use crate::error::{BucketName, Error, ErrorKind, Extra};
use crate::outlook::Outlook;
use crate::pace::Pace;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, RwLock};
use crate::time::{Timestamp, nanos};

/// The state that all handles of one bucket share.
///
/// In this order, so that what every call reads lies together, the front of the state included, and the gate, which
/// calls write, apart from it.
#[repr(C)]
pub(crate) struct Shared {
    pub(super) gate: Gate,
    closed: AtomicBool,
    /// Whether some table of names holds it: no state is in two.
    claimed: AtomicBool,
    /// Whether it runs on the system's clock, which need not be asked for.
    on_system: AtomicBool,
    /// Nanoseconds of allowance for those who come by name and say none: the one declared or registered with.
    max_delay: AtomicU64,
    /// By how much a coarse reading lags that may stand in on the granted path, as [`State::grain`]; 0 = none may.
    /// Written under the state's lock only.
    pub(super) grain: AtomicU64,
    /// Whether it is known to learn from the server; once it does it does for good.
    pub(super) learns: AtomicBool,
    /// Whether a store keeps its states.
    pub(super) has_store: AtomicBool,
    pub(super) state: Mutex<State>,
    /// Read without the state's lock.
    clock: RwLock<Running>,
    pub(super) name: BucketName,
    /// Its name as errors carry it who may outlive it.
    named: Arc<Extra>,
    /// For what has to find it later, and not to keep it.
    pub(super) me: Weak<Shared>,
    /// The reference that is never let go of, once a static names it.
    pub(super) kept: OnceLock<&'static Arc<Shared>>,
    /// What was declared; replaced together with the limits in force.
    pub(super) declared: Mutex<Declared>,
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
        let valid = validate(&name, &declared, defaults)?;
        let clock = declared.clock.clone().unwrap_or_else(|| defaults.clock.clone());
        let store = declared.store.clone().or_else(|| defaults.store.clone());
        let mut state = State::new(valid.clone());
        state.tempo = state.tempo.changed(defaults.pace, Timestamp::ZERO);
        state.lag = clock.grain();
        state.allow_coarse();
        let running = Running::new(state.epoch, clock.clone());
        state.seen.clone_from(&running.seen);
        let max_delay = max_delay.or(defaults.max_delay).unwrap_or_default();
        let shared = Arc::new_cyclic(|me| Shared {
            me: Weak::clone(me),
            declared: Mutex::new(declared),
            max_delay: AtomicU64::new(nanos(max_delay)),
            closed: AtomicBool::new(false),
            claimed: AtomicBool::new(false),
            on_system: AtomicBool::new(clock.is_system()),
            clock: RwLock::new(running),
            gate: Gate::new(),
            grain: AtomicU64::new(state.grain),
            learns: AtomicBool::new(false),
            has_store: AtomicBool::new(store.is_some()),
            kept: OnceLock::new(),
            named: Extra::of_bucket(&name),
            name,
            state: Mutex::new(state),
            alarm: Mutex::default(),
        });
        if let Some(store) = &store {
            let courier = shared.courier_for(store, &valid, None);
            let mut state = shared.lock();
            state.put_over(Some(courier), valid);
            state.allow_coarse();
            shared.grain.store(state.grain, Ordering::Relaxed);
        }
        Ok(shared)
    }

    /// Whether a store keeps its states.
    #[inline]
    pub(crate) fn is_remote(&self) -> bool {
        self.has_store.load(Ordering::Relaxed)
    }

    pub(crate) fn name(&self) -> &BucketName {
        &self.name
    }

    pub(crate) fn named(&self) -> &Arc<Extra> {
        &self.named
    }

    /// Nanoseconds of allowance for those who come by name and say none.
    #[inline]
    pub(crate) fn max_delay(&self) -> u64 {
        self.max_delay.load(Ordering::Relaxed)
    }

    pub(crate) fn set_max_delay(&self, own: Option<Duration>, default: Option<Duration>) {
        self.max_delay.store(nanos(own.or(default).unwrap_or_default()), Ordering::Relaxed);
    }

    #[inline]
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

    /// Lets a call without a key through that surely need not wait; else it is to be found out.
    #[inline(never)]
    pub(crate) fn pass(&self, weight: u32) -> Option<Start> {
        if self.gate.is_shut() {
            return self.take(None, weight);
        }
        self.gate.pass(weight, SystemClock::coarse)
    }

    /// The same under the lock, for a call of `key`.
    #[inline(never)]
    pub(crate) fn take(&self, key: KeyId, weight: u32) -> Option<Start> {
        let grain = self.grain.load(Ordering::Relaxed);
        if grain == 0 {
            return None;
        }
        let now = SystemClock::coarse();
        let mut state = lock(&self.state);
        // The gate is left as it is: what may be in it is not asked for.
        if self.grain.load(Ordering::Relaxed) != grain
            || key.is_none() && state.memory.only_token_bucket().is_some()
        {
            return None;
        }
        let now = state.read(now).now;
        let (at, born) = state.take(key, weight, now, grain)?;
        Start::new(at, born)
    }

    /// Lets a call without a key through, or refuses it, where that takes no lock.
    #[inline]
    pub(crate) fn decide(&self, weight: u32) -> Passage {
        self.gate.decide(weight, || self.read_behind(), || self.read_at_gate())
    }

    /// A quick reading for who was refused before.
    #[inline]
    fn read_behind(&self) -> Option<Timestamp> {
        if self.on_system.load(Ordering::Relaxed) { SystemClock::behind() } else { None }
    }

    /// The time now; a clock that went back counts as it did before.
    #[inline]
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

    pub(crate) fn enter(&self, ask: Ask, waker: &mut Option<Waker>) -> Changed<Entered> {
        self.change(|state, reading, effects| state.enter(ask, waker, reading, effects))
    }

    pub(crate) fn claim_turn(
        &self,
        key: KeyId,
        ticket: Ticket,
        waker: &mut Option<Waker>,
    ) -> Changed<Claimed> {
        self.change(|state, reading, effects| state.claim(key, ticket, waker, reading, effects))
    }

    /// Takes a waiter out of the line; must not panic, as it runs when futures are dropped.
    pub(crate) fn leave(&self, key: KeyId, ticket: Ticket) {
        self.change_while_dropping(|state, reading, effects| state.leave(key, ticket, reading, effects));
    }

    pub(crate) fn peek(&self, key: KeyId, origin: Origin, weight: u32) -> Result<Outlook, Error> {
        self.change_and_finish(|state, reading, effects| {
            state.outlook((key, origin), weight, reading, effects)
        })
        .ok_or_else(|| self.error(ErrorKind::Closed))
    }

    pub(crate) fn pause(&self, span: Duration) -> Result<(), Error> {
        self.if_open(|state, reading, effects| state.pause(nanos(span), reading, effects))
    }

    pub(crate) fn reset(&self) -> Result<(), Error> {
        self.if_open(State::reset)
    }

    pub(crate) fn reset_key(&self, key: KeyId) -> Result<(), Error> {
        self.if_open(|state, reading, effects| state.reset_key(key, reading, effects))
    }

    /// Needs no time, so that it works under any clock.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let clock = self.clock().1;
        let mut effects = Effects::default();
        let mut state = self.lock();
        let memory = state.close(&mut effects);
        state.set_alarm(&mut effects);
        drop(state);
        drop(memory);
        self.finish(Rest { effects, clock });
    }

    pub(crate) fn set_pace(&self, pace: Pace) {
        self.change_and_finish(|state, reading, effects| state.set_pace(pace, reading, effects));
    }

    /// Another clock, unless it is the same one.
    pub(crate) fn set_clock(&self, clock: ClockHandle) {
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
            let mut running = Running::new(state.epoch, clock.clone());
            state.seen.clone_from(&running.seen);
            state.change_clock(old_now, new_now, &mut effects);
            state.alarm.at = None;
            state.set_alarm(&mut effects);
            running.epoch = state.epoch;
            state.lag = clock.grain();
            state.allow_coarse();
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

    pub(crate) fn runs_on(&self, clock: &ClockHandle) -> bool {
        self.clock().1.is(clock)
    }

    pub(crate) fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind).with_extra(&self.named)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("name", &self.name).finish_non_exhaustive()
    }
}
