//! Bodies that run, where a bucket bounds how many, or a user's own policy hears of their ends.
//!
//! Of a permit that counts as in flight the bucket is told when it goes. Those who wait for such an end stand in the
//! same line as all others; when their turn comes is unknown until then.

use std::panic::resume_unwind;
use std::thread;

use super::KeyId;
use super::correct::Ended;
use super::effects::Effects;
use super::shared::Shared;
use super::state::{Reading, State};

impl Shared {
    /// A body of `key` has ended.
    ///
    /// It runs while permits are dropped: only what a user's own policy panics with gets out, and not while this thread
    /// unwinds already.
    pub(super) fn land(&self, key: KeyId, ended: Ended) {
        let mut met = None;
        self.change_while_dropping(|state, reading, effects| {
            state.land(key, ended, reading, effects);
            met = effects.panicked.take();
        });
        if let Some(panic) = met
            && !thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}

impl State {
    /// Counts a body that starts, if somebody has to hear of its end.
    pub(super) fn take_off(&mut self, key: KeyId) -> bool {
        let counts = self.hears_of_ends();
        if counts {
            *self.in_flight.entry(key).or_default() += 1;
        }
        counts
    }

    /// A body has ended: the next may have its turn.
    fn land(&mut self, key: KeyId, ended: Ended, reading: Reading, effects: &mut Effects) {
        // Where all have a place to come, no turn is unknown, and none is moved, unless by what the user's policy learns.
        let waiting = self.lines.get(&key).map_or(0, |line| line.waiters.len());
        let known = match ended {
            Ended::Plain(_) => None,
            Ended::Known(number) => self.accounts.get(&number).and_then(|known| known.flight),
        };
        let is_unheard = known.is_some_and(|flight| !flight.is_heard);
        let moves = self.memory.has_own() || is_unheard || waiting > self.room_in_flight(key);
        let before = moves.then(|| self.forecast(key, reading));
        let counted = match ended {
            Ended::Plain(part) => {
                self.end_parts(key, &[part], reading, effects);
                true
            }
            Ended::Known(number) => {
                let Some(known) = self.accounts.remove(&number) else { return };
                self.end_parts(key, &known.parts, reading, effects);
                if let Some(flight) = known.flight {
                    self.land_unheard(flight, true, (reading, effects));
                }
                known.in_flight
            }
        };
        if counted && let Some(running) = self.in_flight.get_mut(&key) {
            *running -= 1;
            if *running == 0 {
                self.in_flight.remove(&key);
            }
        }
        debug_assert!(
            !cfg!(feature = "test-util") || self.flights_add_up(),
            "a call lands once, where it is"
        );
        self.may_be_idle(key);
        self.outdate(key);
        if let Some(before) = before {
            // A turn may be known now, or moved, and be past its allowance.
            self.judge(key, &before, reading, effects);
        }
        self.settle(key, reading, effects);
    }

    /// How many bodies more may run.
    pub(super) fn room_in_flight(&self, key: KeyId) -> usize {
        let Some(most) = self.limits.in_flight else { return usize::MAX };
        most.saturating_sub(self.in_flight.get(&key).copied().unwrap_or(0))
    }

    /// Whether turns may be unknown, so that allowances have to be looked at as they end.
    pub(super) fn has_unknown_turns(&self) -> bool {
        self.hears_of_ends() || self.remote.is_some()
    }

    /// Whether somebody waits for what comes of bodies that run.
    pub(super) fn hears_of_ends(&self) -> bool {
        self.limits.in_flight.is_some() || self.memory.has_own() || self.is_learning()
    }

    /// Whether the entry of `key` is in use, whatever its rates say.
    pub(super) fn is_in_use(&self, key: KeyId) -> bool {
        self.lines.contains_key(&key) || self.in_flight.contains_key(&key)
    }

    /// After the entries have gone: those in flight have theirs again.
    pub(super) fn make_room_in_flight(&mut self, reading: Reading) {
        let keys: Vec<KeyId> = self.in_flight.keys().copied().collect();
        for key in keys {
            self.make_room(key, reading);
        }
    }
}
