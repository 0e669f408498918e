//! Whom the server holds up, and for how long anybody lets himself be held up.

use super::{WindowId, Windows};
use crate::line::KeyId;
use crate::line::due::{Due, Holder, Refusal};
use crate::line::effects::Effects;
use crate::line::state::{Reading, State};
use crate::policy::Earliest;
use crate::policy::learned::Learned;
use crate::time::Timestamp;

/// For how long the server holds somebody up: a pause that begins before another is over goes on with it.
#[derive(Clone, Copy, Debug)]
pub(in crate::line) struct Held {
    since: Timestamp,
    until: Timestamp,
}

impl Held {
    /// Who was held up as it was `before` is so until `until`, if that is not before `now`.
    pub(in crate::line) fn on(before: Option<Held>, until: Timestamp, now: Timestamp) -> Option<Held> {
        let since = before.filter(|held| held.until >= now).map_or(now, |held| held.since);
        (until > now).then_some(Held { since, until })
    }
}

impl State {
    /// Whether the server will never let so much start.
    pub(in crate::line) fn is_above_limit(
        &self,
        key: KeyId,
        window: WindowId,
        now: Timestamp,
        weight: u32,
    ) -> bool {
        let due = self.due_by_window(key, window, now, weight);
        due.at.is_none() && !due.is_unknown
    }

    /// Until when the server has asked to be left alone by a window.
    pub(in crate::line) fn paused_by_server(&self, key: KeyId, window: WindowId) -> Timestamp {
        let known = self.windows.as_ref().and_then(|windows| windows.known.get(&(key, window)));
        known.map_or(Timestamp::ZERO, Learned::paused_until)
    }

    /// Until when the server surely lets no call of `weight` start; now, if it may.
    pub(in crate::line) fn held_until(
        &self,
        key: KeyId,
        window: WindowId,
        reading: Reading,
        weight: u32,
    ) -> Timestamp {
        let now = reading.now.max(self.told_until);
        let earliest = |windows: &Windows| windows.earliest(key, window, now, weight);
        match self.windows.as_deref().map(earliest) {
            Some(Earliest::At(at)) => at,
            Some(Earliest::WhenSettled | Earliest::Never) | None => now,
        }
    }

    /// When the server lets somebody start whom it holds up until `until`, and has since `since`, if nobody waits that
    /// long for it.
    pub(in crate::line) fn held_too_long(&self, since: Timestamp, until: Timestamp) -> Option<Due> {
        let windows = self.windows.as_ref()?;
        (until > since.plus(windows.max_pause)).then(|| Due::at(until, Some(Holder::SERVER)))
    }

    /// What is known of a turn that nobody knows as answers are on their way, or a store has not answered: if a pause goes on
    /// until after `deadline`, that it is no sooner than that.
    pub(in crate::line) fn no_sooner(
        &self,
        due: Due,
        (key, window): (KeyId, WindowId),
        deadline: Timestamp,
        reading: Reading,
    ) -> Due {
        if self.windows.is_none() && self.remote.is_none() || !due.is_unknown {
            return due;
        }
        let by_server = Due::at(self.paused_by_server(key, window), Some(Holder::SERVER));
        let paused = self.due_unpaused(reading.now).and(by_server);
        if paused.at > Some(deadline.max(reading.now)) { paused } else { due }
    }

    /// Refuses those whom the server will never let start, and those whom it holds up for too long.
    pub(in crate::line) fn refuse_hopeless(
        &mut self,
        keys: &[KeyId],
        reading: Reading,
        effects: &mut Effects,
    ) {
        let (mut hopeless, mut held) = (Vec::new(), Vec::new());
        for (key, line) in keys.iter().filter_map(|key| Some((key, self.lines.get(key)?))) {
            for (ticket, waiter, window) in line.placed() {
                if self.is_above_limit(*key, window, reading.now, waiter.weight) {
                    hopeless.push((*key, ticket, Refusal::above_servers()));
                    continue;
                }
                let before = waiter.place.as_ref().and_then(|place| place.held);
                let until = self.held_until(*key, window, reading, waiter.weight);
                let now = Held::on(before, until, reading.now);
                held.push((*key, ticket, now));
                if let Some(due) = now.and_then(|held| self.held_too_long(held.since, until)) {
                    hopeless.push((*key, ticket, Refusal::until(due, reading, u64::MAX)));
                }
            }
        }
        for (key, ticket, held) in held {
            let waiter = self.lines.get_mut(&key).and_then(|line| line.waiters.get_mut(&ticket));
            if let Some(place) = waiter.and_then(|waiter| waiter.place.as_mut()) {
                place.held = held;
            }
        }
        for (key, ticket, refusal) in hopeless {
            self.refuse(key, ticket, refusal, effects);
        }
    }
}
