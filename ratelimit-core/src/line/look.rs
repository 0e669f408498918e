//! A look at the state that takes nothing.

use std::time::Duration;

use super::KeyId;
use super::due::Due;
use super::effects::Effects;
use super::learning::Origin;
use super::state::{Reading, State};
use crate::outlook::{Outlook, RateOutlook};
use crate::time::Timestamp;

impl State {
    /// What a call of `weight` would meet; `None` if the bucket is closed.
    pub(super) fn outlook(
        &mut self,
        (key, origin): (KeyId, Origin),
        weight: u32,
        reading: Reading,
        effects: &mut Effects,
    ) -> Option<Outlook> {
        if self.closed {
            return None;
        }
        self.catch_up(key, reading, effects);
        let window = self.window_of(self.route_of(origin));
        let due = if weight == 0 {
            Due::at(reading.clock, None)
        } else if self.remote.is_some() {
            // The rest the store knows.
            self.due_here((key, window), reading.now, weight, self.before(key, None))
        } else {
            self.due_behind_line(key, window, reading, weight)
        };
        effects.meet_panic();
        let policy_now = self.tempo.policy_time(reading.now);
        // A start by a coarse reading was taken for up to one grain later than it was: it counts once, not twice.
        let stamped = self.tempo.policy_time(reading.now.plus(self.grain));
        let clock_wait = |at: Timestamp| at.saturating_since(reading.clock);
        let rates = self.memory.fork(key);
        let states = rates.states().chain(self.memory.total().states());
        let rates = states.map(|(rate, state)| {
            RateOutlook::new(rate, state, (policy_now, stamped), |at| clock_wait(self.tempo.clock_time(at)))
        });
        let limits = self.remote.as_ref().map_or(&self.limits, |remote| &remote.limits);
        Some(Outlook::new(
            due.wait(reading).map(Duration::from_nanos),
            rates.collect(),
            self.lines.get(&key).map_or(0, |line| line.waiters.len()),
            clock_wait(self.paused_until.max(self.paused_by_server(key, window))),
            Duration::from_nanos(limits.guard()),
            self.is_learning(),
        ))
    }
}
