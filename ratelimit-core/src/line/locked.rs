//! The state under its lock: how it is locked, changed and let go of.

use crate::sync::atomic::Ordering;
use crate::sync::{Mutex, MutexGuard};
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;

use super::alarm::Rest;
use super::effects::Effects;
use super::gate::{Gate, Terms};
use super::shared::Shared;
use super::state::{Reading, State};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind};
use crate::pace::Pace;
use crate::policy::own;
use crate::time::Timestamp;

/// What a change did, and what is still to be done about it without the lock.
pub(crate) struct Changed<R> {
    pub(crate) result: R,
    pub(crate) rest: Rest,
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
        self.state.find_calm();
        self.state.hand_over(self.gate);
    }
}

impl Shared {
    /// Takes the lock, and with it the state that was in the gate.
    pub(super) fn lock(&self) -> Locked<'_> {
        let mut state = lock(&self.state);
        state.take_over(&self.gate);
        Locked { state, gate: &self.gate }
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
        &self,
        change: impl FnOnce(&mut State, Reading, &mut Effects) -> R,
    ) -> R {
        let Changed { result, rest } = self.change(change);
        self.finish(rest);
        result
    }

    /// Makes a change whatever the clock does: if it panics, at the newest time seen.
    pub(super) fn change_anyway<R>(
        &self,
        change: impl FnOnce(&mut State, Reading, &mut Effects) -> R,
    ) -> Changed<R> {
        let (epoch, clock) = self.clock();
        let read = catch_unwind(AssertUnwindSafe(|| clock.now())).map_err(own::discard);
        let mut state = self.lock();
        // Of another clock that stands there by now only what was seen means anything.
        let reading = if let Some(now) = read.ok().filter(|_| state.epoch == epoch) {
            state.read(now)
        } else {
            let latest = state.latest.unwrap_or_default();
            Reading { clock: latest, now: latest }
        };
        let clock = if state.epoch == epoch { clock } else { self.clock().1 };
        let mut effects = Effects::default();
        let result = change(&mut state, reading, &mut effects);
        state.settle_total(reading, &mut effects);
        state.set_alarm(&mut effects);
        drop(state);
        Changed { result, rest: Rest { effects, clock } }
    }

    /// Makes a change whatever the clock does, and lets no panic out.
    pub(super) fn change_while_dropping(&self, change: impl FnOnce(&mut State, Reading, &mut Effects)) {
        let changed = catch_unwind(AssertUnwindSafe(|| self.change_anyway(change)));
        if let Ok(Changed { result: (), rest }) = changed {
            let _ = catch_unwind(AssertUnwindSafe(|| self.finish(rest))).map_err(own::discard);
        }
    }

    pub(super) fn if_open(
        &self,
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
}

impl State {
    /// Takes the state out of the gate.
    pub(super) fn take_over(&mut self, gate: &Gate) {
        if let (Some(word), Some(opened)) = (gate.shut(), self.opened) {
            self.greatest = self.greatest.max(word);
            // What was let through there may be newer than the reading that brought us here, whose thread may have stood
            // still since. The machine's own clock runs no foreign code: it may be read under the lock.
            let seen = match &self.seen {
                Some(seen) => Timestamp::from_nanos(seen.load(Ordering::Relaxed)),
                None => SystemClock.now(),
            };
            self.latest = self.latest.map(|latest| latest.max(seen));
            if let Some((rates, _)) = self.memory.only_token_bucket() {
                rates.set_token_bucket(opened.tat(word));
            }
        }
    }

    /// Finds out from when on a newcomer need ask nobody but the policies.
    fn find_calm(&mut self) {
        let calm = self.lines.is_empty() && !self.closed && !self.has_unknown_turns();
        self.calm_from = calm.then_some(self.paused_until);
    }

    /// Opens the gate, if nothing has to be asked but one token bucket.
    pub(super) fn hand_over(&mut self, gate: &Gate) {
        let Some(latest) = self.latest else { return };
        let waits = !self.lines.is_empty() && self.lines.contains_key(&None);
        let holds = self.closed || waits || self.paused_until > latest || self.tempo.pace() != Pace::Normal;
        if holds || self.has_unknown_turns() {
            return;
        }
        let Some((rates, born)) = self.memory.only_token_bucket() else { return };
        let Some((guarded, bucket)) = rates.only_token_bucket() else { return };
        let Some(tat) = bucket.packed() else { return };
        let (since, at) = self.tempo.since();
        let terms =
            Terms { since, at, numbers: bucket.numbers(), rate: guarded.rate, grain: self.grain, born };
        if let Some(seen) = &self.seen {
            seen.fetch_max(latest.as_nanos(), Ordering::Relaxed);
        }
        if let Some(opened) = gate.open(tat, &terms, latest, (self.opened, self.greatest)) {
            self.greatest = self.greatest.max(opened.shown);
            self.opened = Some(opened);
        }
    }
}

/// Nothing foreign runs under these locks, so a poisoned one still guards a whole state.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
