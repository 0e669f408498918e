//! The short way of a thread that asks the store where nobody stands in line: it makes the trip itself, and takes a place
//! only if it has to wait.

use std::sync::Arc;

use super::answer::{Asker, Told};
use super::ask::Wish;
use super::verbs::Named;
use crate::error::ErrorKind;
use crate::line::due::Refusal;
use crate::line::enter::Began;
use crate::line::locked::{Changed, lock};
use crate::line::shared::Shared;
use crate::line::state::{Grant, State};
use crate::line::{KeyId, Route};
use crate::policy::reserved::{Counted, Want};
use crate::time::Timestamp;

/// What a thread was answered that has no place in line.
#[derive(Debug)]
pub(crate) enum Direct {
    Granted(Grant),
    Refused(Refusal),
    /// It has to wait, with what it was answered.
    Waits(Box<Brought>),
}

/// An answer of the store's that is still to be made something of; if nothing is, by whatever panic, what was reserved goes
/// back.
#[derive(Debug)]
pub(crate) struct Brought {
    wish: Wish,
    told: Told,
    /// When the call did.
    pub(crate) began: Began,
    is_used: bool,
}

impl Shared {
    /// Asks the store for who has no place in line; `None` where there is more to consider than the store.
    pub(crate) fn ask_directly(&self, named: Named<'_>, weight: u32, max_delay: u64) -> Option<Direct> {
        // The gate is left as it is: over a store it is shut.
        let wish = lock(&self.state).direct_wish(named.0, weight, max_delay)?;
        let (epoch, clock) = self.clock();
        let began = Began { epoch, at: clock.now(), ticket: Some(wish.asker.ticket) };
        let told = wish.ask_here(named);
        let brought = Brought { wish, told, began, is_used: false };
        let refusal = match told {
            Told::Granted { wait: 0, counted, .. } => return Some(self.start_brought(counted, brought)),
            Told::Granted { .. } | Told::Later { .. } => return Some(Direct::Waits(Box::new(brought))),
            Told::Refused { retry_after, rate, scope } => {
                Refusal::by_store(max_delay, retry_after, rate, scope)
            }
            Told::Never { rate, scope } => Refusal::never_by_store(rate, scope),
            Told::NoRoom => Refusal::of(ErrorKind::TooManyKeys),
            Told::Failed => Refusal::of(ErrorKind::Store),
        };
        Some(Direct::Refused(refusal))
    }

    /// Starts a call that was granted for now, unless something has come up meanwhile.
    fn start_brought(&self, counted: Counted, mut brought: Brought) -> Direct {
        let Asker { key, want: Want { weight, .. }, era, .. } = brought.wish.asker;
        let (epoch, clock) = self.clock();
        let now = clock.now();
        let mut state = lock(&self.state);
        if state.epoch != epoch {
            // It has been given another clock, by which that is no time.
            return Direct::Waits(Box::new(brought));
        }
        let reading = state.read(now);
        let is_in_time =
            state.start_of(brought.told, reading).is_some_and(|start| start.until >= reading.now);
        let grant = (is_in_time && state.era == era && state.may_ask_directly(key))
            .then(|| state.started_there((key, Route::None), counted, reading, weight, reading.clock));
        drop(state);
        match grant {
            Some(grant) => {
                brought.is_used = true;
                Direct::Granted(grant)
            }
            None => Direct::Waits(Box::new(brought)),
        }
    }

    /// Gives somebody who has got a place in line, and a wish of its own there, what it was answered before; whether that
    /// still holds.
    pub(crate) fn bring(&self, mut brought: Brought, place: &Wish) -> Changed<bool> {
        let Asker { ticket, want, .. } = place.asker;
        let asker = Asker { ticket, want, ..brought.wish.asker };
        let Changed { result: used, rest } = self.told(&[(asker, brought.told)]);
        brought.is_used = used == [true];
        Changed { result: brought.is_used, rest }
    }
}

impl Drop for Brought {
    fn drop(&mut self) {
        if !self.is_used {
            self.wish.give_back(self.told);
        }
    }
}

impl State {
    /// Whether nothing here holds up a call of `key`, and nobody stands in line.
    fn may_ask_directly(&self, key: KeyId) -> bool {
        let is_free = !self.closed && !self.is_learning() && self.limits.in_flight.is_none();
        let may_be_paused = self.paused_until > self.latest.unwrap_or(Timestamp::ZERO);
        is_free && !may_be_paused && !self.lines.contains_key(&key)
    }

    fn direct_wish(&mut self, key: KeyId, weight: u32, max_delay: u64) -> Option<Wish> {
        let remote = self.remote.as_ref()?;
        if weight == 0 || !self.may_ask_directly(key) || remote.too_heavy(weight).is_some() {
            return None;
        }
        let courier = Arc::clone(&remote.courier);
        let reserves = max_delay > 0 && remote.reserves();
        let want = Want { weight, route: None };
        let taken = self.taken_there(weight);
        let asker =
            Asker { key, ticket: self.arrive(), want, taken, era: self.era, window: None, behind: None };
        Some(Wish { courier, asker, after: 0, allowance: max_delay, overdue: 0, reserves, window: None })
    }
}

#[cfg(test)]
mod tests;
