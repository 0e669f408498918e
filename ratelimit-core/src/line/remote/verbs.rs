//! What blocks for one trip: charging, looking, resetting; and what is told to the store afterwards.

use std::sync::Arc;
use std::time::Duration;

use super::courier::{Courier, is_no_room};
use crate::error::{Error, ErrorKind, Failure};
use crate::line::due::Refusal;
use crate::line::events::Event;
use crate::line::learning::Origin;
use crate::line::locked::Changed;
use crate::line::shared::Shared;
use crate::line::state::Grant;
use crate::line::{KeyId, Rest};
use crate::outlook::{Outlook, RateOutlook};
use crate::policy::reserved::{Counted, OfRoute, Taken};
use crate::store::{Heard, Said, Seen, SeenRate, Verb};

/// A key by its digest and its text.
pub(crate) type Named<'a> = (KeyId, Option<&'a str>);

/// What is told to a store once the lock is released.
#[derive(Debug)]
pub(in crate::line) enum Note {
    /// So much of what was counted so is given back, and in that window what the call weighs.
    Refund { counted: Counted, window: Option<Weighs>, given: u32 },
    /// So much more was taken.
    Charge { weight: u32 },
    /// What became of a call of that window that was counted then.
    Hear { text: Text, window: Box<str>, start: u64, weight: u32, heard: Heard },
    /// The server calls a window so; it is the same one, unless others are in the one of that name already.
    Rename { text: Text, from: Box<str>, to: Box<str>, joins: bool },
}

impl Note {
    /// A start that nobody uses is given back, all of it, in that window as well if it counts in any.
    pub(super) fn unused(counted: Counted, window: Option<Weighs>) -> Self {
        let window = window.filter(|_| counted.window.is_some());
        Note::Refund { counted, window, given: counted.taken.weight }
    }
}

/// One of the server's windows, and what a call weighs there.
pub(in crate::line) type Weighs = (Box<str>, u32);

/// A key's text, where the process may have started nothing of that key yet, so that nobody else knows it.
pub(in crate::line) type Text = Option<Box<str>>;

fn outlook(seen: &SeenRate) -> RateOutlook {
    let SeenRate { rate, used, remaining, resets_in } = *seen;
    RateOutlook::of_store(rate, used, remaining, resets_in.map_or(Duration::MAX, Duration::from_micros))
}

impl Shared {
    /// Who carries to this bucket's store.
    ///
    /// # Errors
    ///
    /// `Store` where there is none any more.
    fn courier(&self) -> Result<Arc<Courier>, Error> {
        let courier = self.lock().remote.as_ref().map(|remote| Arc::clone(&remote.courier));
        courier.ok_or_else(|| self.error(ErrorKind::Store))
    }

    /// What the store failed with last.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.courier().ok()?.failure()
    }

    /// The store does not answer any more, or answers again.
    pub(super) fn tell_of_store(&self, is_away: bool) -> Rest {
        // Ours is the last to be dropped, and without the lock: what a store failed with is foreign.
        let failure = is_away.then(|| self.failure()).flatten();
        let event = || if is_away { Event::StoreAway { failure: failure.clone() } } else { Event::StoreBack };
        self.change_anyway(|_, _, effects| effects.note(event)).rest
    }

    /// Somebody else has other limits of the same generation in the store.
    pub(super) fn tell_of_others(&self) -> Rest {
        self.change_anyway(|_, _, effects| effects.note(|| Event::LimitsDiffer)).rest
    }

    fn failed(&self, failure: Failure) -> Error {
        if is_no_room(&failure) {
            return self.error(ErrorKind::TooManyKeys);
        }
        self.error(ErrorKind::Store).with_failure(Some(failure))
    }

    /// One trip that this thread waits for.
    fn call(&self, key: Named<'_>, window: Option<Weighs>, verb: Verb) -> Result<Said, Error> {
        if self.is_closed() {
            return Err(self.error(ErrorKind::Closed));
        }
        self.courier()?.call(key, window, verb).map_err(|failure| self.failed(failure))
    }

    /// Takes `weight` in the store, whatever the limits say.
    pub(crate) fn charge_there(
        &self,
        (key, text): Named<'_>,
        origin: Origin,
        weight: u32,
    ) -> Result<Changed<Result<Grant, Refusal>>, Error> {
        if weight == 0 {
            return Ok(self.charge(key, origin, 0));
        }
        let mut state = self.lock();
        let route = state.set_out(origin);
        let window = state.window_there(route);
        let taken = Taken::by_charge(weight, state.tempo.pace());
        drop(state);
        let there = window.clone().map(|window| (window, weight));
        match self.call((key, text), there, Verb::Charge { weight: taken.weight })? {
            Said::Granted { start: at, born, .. } => Ok(self.change(|state, reading, _| {
                if state.closed {
                    return Err(Refusal::of(ErrorKind::Closed));
                }
                // In the store's place it was counted in none of its windows.
                let window = window.filter(|_| born != [0; 2]).map(|_| OfRoute(route));
                let counted = Counted { at, born, window, taken };
                Ok(state.started_there((key, route), counted, reading, weight, reading.clock))
            })),
            _ => Err(self.error(ErrorKind::Store)),
        }
    }

    /// What a call of `weight` would meet, as the store has it.
    pub(crate) fn peek_there(
        &self,
        (key, text): Named<'_>,
        origin: Origin,
        weight: u32,
    ) -> Result<Outlook, Error> {
        let state = self.lock();
        let window = state.window_there(state.route_of(origin)).map(|window| (window, weight));
        let taken = state.taken_there(weight);
        drop(state);
        let said = self.call((key, text), window, Verb::Peek { weight: taken.weight })?;
        let Said::Outlook(seen) = said else { return Err(self.error(ErrorKind::Store)) };
        // What is known here: who waits, and a pause.
        let here = self.peek(key, origin, weight)?;
        let waits = seen.iter().map(|seen| seen.wait);
        let there = waits.reduce(|a, b| Some(a?.max(b?))).flatten().map(Duration::from_micros);
        let wait = if weight == 0 {
            here.wait()
        } else {
            there.zip(here.wait()).map(|(there, here)| there.max(here))
        };
        let rates = seen.iter().flat_map(|Seen { rates, .. }| rates).map(outlook);
        let paused = seen.iter().map(|seen| seen.paused).max().unwrap_or(0);
        Ok(here.over_store(wait, rates.collect(), Duration::from_micros(paused)))
    }

    /// A key as fresh, in the store and here.
    pub(crate) fn reset_key_there(&self, (key, text): Named<'_>) -> Result<(), Error> {
        self.reset_each(&[(key, text.map(str::to_owned))], &Verb::ResetKey)?;
        self.reset_key(key)
    }

    /// The bucket as fresh, wherever its states are.
    pub(crate) fn reset_whole(&self) -> Result<(), Error> {
        if self.is_remote() { self.reset_there() } else { self.reset() }
    }

    /// The bucket as fresh, in the store and here: the calls without a key, all together, and every key that this process
    /// has used of late.
    pub(crate) fn reset_there(&self) -> Result<(), Error> {
        let mut keys = vec![(None, None)];
        keys.extend(self.courier()?.keys());
        self.reset_each(&keys, &Verb::Reset)?;
        self.reset()
    }

    /// Those keys, and what was learned of their windows; with a whole reset what the server said to everybody, too.
    fn reset_each(&self, keys: &[(KeyId, Option<String>)], verb: &Verb) -> Result<(), Error> {
        if self.is_closed() {
            return Err(self.error(ErrorKind::Closed));
        }
        let windows = self.lock().remote.as_ref().map(|remote| remote.routes.windows()).unwrap_or_default();
        self.courier()?.reset(keys, &windows, verb).map_err(|failure| self.failed(failure))
    }
}
