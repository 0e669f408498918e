//! What the server answered, told while a call runs or without a permit.

use super::learning::Flight;
use super::remote::Named;
use super::shared::Shared;
use super::state::Grant;
use super::{KeyId, Route, sites};
use crate::error::Error;
use crate::feedback::Feedback;
use crate::policy::learned::Sent;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::time::Timestamp;

impl Shared {
    /// From now on what the server says counts.
    pub(crate) fn learn(&self) {
        if !self.learns.load(Ordering::Relaxed) {
            self.change_and_finish(|state, _, _| state.begin_learning());
            self.learns.store(true, Ordering::Relaxed);
        }
    }

    /// Learns what the server answered to the call of `grant`; `None` = nothing about limits.
    pub(crate) fn observe(&self, key: KeyId, grant: Grant, account: &AtomicU32, answer: Option<&Feedback>) {
        self.change_and_finish(|state, reading, effects| {
            // Written under the lock only.
            let account = account.load(Ordering::Relaxed);
            let grant = Grant { account, ..grant };
            if state.closed || answer.is_none() && !state.is_learning() {
                return;
            }
            if let Some(answer) = answer {
                state.tell_own(key, grant, answer, (reading, effects));
            }
            let known = state.accounts.get_mut(&account).and_then(|account| account.flight.as_mut());
            let flight = if let Some(flight) = known {
                let first = *flight;
                // Whatever else is heard of it is no end of it.
                (flight.is_heard, flight.sent.weight) = (true, 0);
                if !first.is_heard && answer.is_some() && state.remote.is_none() {
                    let time = reading.now.as_nanos().saturating_sub(first.sent.at.as_nanos());
                    state.tune_guard(time, reading, effects);
                }
                first
            } else {
                // It began before anything was learned.
                let route = state.set_out_of(sites::named(state.site_of(account)));
                let at = match state.remote {
                    Some(_) => Timestamp::from_nanos(grant.born),
                    None => state.tempo.clock_time(grant.start).min(reading.now),
                };
                Flight { key, route, sent: Sent { at, weight: 0 }, is_heard: true }
            };
            state.hear(flight, answer, (reading, effects));
        });
    }

    /// The same for an answer to a call without a permit.
    pub(crate) fn observe_apart(
        &self,
        (key, text): Named<'_>,
        route: Route,
        answer: Option<&Feedback>,
    ) -> Result<(), Error> {
        self.if_open(|state, reading, effects| {
            if answer.is_none() && !state.is_learning() {
                return;
            }
            let there = state.remote.is_some();
            let sent = Sent { at: if there { Timestamp::MAX } else { reading.now }, weight: 0 };
            let flight = Flight { key, route, sent, is_heard: true };
            if there {
                state.hear_there(flight, text, answer, effects);
            } else {
                state.hear(flight, answer, (reading, effects));
            }
        })
    }
}
