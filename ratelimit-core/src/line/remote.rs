//! A bucket over a store: who asks it when, and what is made of its answers.
//!
//! Whoever comes takes a place in the key's line as ever, and asks the store for a start of its weight when it is polled.
//! What the store reserves is the key's: the line deals it out in its own order ([`Reserved`]), so that here, too, nobody
//! is granted anything by others. A start that is used later than the guard is void, given back, and asked for anew.
//!
//! What only this process knows of, a pause, what is in flight, what the server said, holds callers up before they
//! reserve anything: they would hold up other processes. They ask meanwhile what they would meet, as allowances are judged
//! at once.

mod answer;
mod ask;
mod behind;
mod courier;
mod direct;
mod learn;
mod stage;
mod verbs;

use std::sync::Arc;

use super::due::{Due, Holder};
use super::effects::Effects;
use super::plan::Forecast;
use super::state::{Reading, State};
use super::table::Table;
use super::{KeyId, Ticket};
use crate::error::ErrorScope;
use crate::limits::Valid;
use crate::policy::Earliest;
use crate::policy::reserved::{Counted, OfRoute, Reserved, Start, Taken, Want};
use crate::rate::Rate;
use crate::time::Timestamp;

pub(crate) use ask::Wish;
pub(crate) use courier::{Courier, Way};
pub(crate) use direct::{Brought, Direct};
use learn::Routes;
pub(super) use learn::counted_of;
pub(super) use stage::{Stage, Trip};
pub(crate) use verbs::Named;
pub(super) use verbs::Note;

/// The shortest guard with which starts are reserved, 5 ms in nanoseconds: with a shorter one most would be void, as
/// timers and schedulers are late.
const RESERVES: u64 = 5_000_000;

/// What a bucket's state knows of its store.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(super) courier: Arc<Courier>,
    /// The limits that are judged there.
    pub(super) limits: Valid,
    keys: Table<KeyId, Reserved>,
    routes: Routes,
}

impl Remote {
    pub(super) fn new(courier: Arc<Courier>, limits: Valid) -> Self {
        Remote { courier, limits, keys: Table::default(), routes: Routes::default() }
    }

    /// Whether starts later than now are reserved.
    pub(super) fn reserves(&self) -> bool {
        self.limits.least_guard() >= RESERVES
    }

    /// When a start of that kind is reserved for the key.
    pub(super) fn due(&self, key: KeyId, now: Timestamp, want: Want) -> Due {
        due_reserved(self.keys.get(&key).map_or(Earliest::WhenSettled, |known| known.earliest(now, want)))
    }

    pub(super) fn fork(&self, key: KeyId) -> Reserved {
        self.keys.get(&key).cloned().unwrap_or_default()
    }

    pub(super) fn take(&mut self, key: KeyId, now: Timestamp, want: Want) -> Option<Counted> {
        self.keys.get_mut(&key)?.take(now, want)
    }

    fn change<R>(&mut self, key: KeyId, change: impl FnOnce(&mut Reserved) -> R) -> R {
        let known = self.keys.entry(key).or_default();
        let result = change(known);
        if known.is_empty() {
            self.keys.remove(&key);
        }
        result
    }

    pub(super) fn come(&mut self, key: KeyId, want: Want) {
        self.change(key, |known| known.come(want));
    }

    pub(super) fn go(&mut self, key: KeyId, want: Want) {
        self.change(key, |known| known.go(want));
    }

    fn ask(&mut self, key: KeyId, want: Want) {
        self.change(key, |known| known.ask(want));
    }

    fn answered(&mut self, key: KeyId, want: Want, start: Option<Start>) {
        self.change(key, |known| known.answered(want, start));
    }

    /// Gives back a start that was reserved and is not used.
    fn giving_back(&self, (weight, counted): (u32, Counted)) -> Note {
        let window = counted.window.and_then(|OfRoute(route)| self.routes.window(route));
        Note::unused(counted, window.map(|window| (window, weight)))
    }

    /// How many starts of that kind are there.
    fn starts(&self, key: KeyId, want: Want) -> usize {
        self.keys.get(&key).map_or(0, |known| known.starts(want))
    }

    fn lacks(&self, key: KeyId, want: Want) -> bool {
        self.keys.get(&key).is_some_and(|known| known.lacks(want))
    }

    fn lacks_any(&self, key: KeyId) -> bool {
        self.keys.get(&key).is_some_and(Reserved::lacks_any)
    }

    /// A rate that `weight` can never fit into, and whose it is.
    pub(super) fn too_heavy(&self, weight: u32) -> Option<(ErrorScope, Rate)> {
        let is_above = |rate: &Rate| weight > rate.max_weight();
        let of_key = self.limits.rates.iter().map(|guarded| guarded.rate).find(is_above);
        let of_all = || self.limits.totals.iter().map(|guarded| guarded.rate).find(is_above);
        let by_key = of_key.map(|rate| (ErrorScope::Key, rate));
        by_key.or_else(|| of_all().map(|rate| (ErrorScope::Bucket, rate)))
    }
}

/// What is reserved, as an answer in the clock's time: the time of a start that is not there is unknown.
pub(super) fn due_reserved(earliest: Earliest) -> Due {
    match earliest {
        Earliest::At(at) => Due::at(at, Some(Holder::by(ErrorScope::Key, None))),
        Earliest::WhenSettled | Earliest::Never => Due::UNKNOWN,
    }
}

impl State {
    /// What a start of `weight` takes there, at the pace of today.
    pub(super) fn taken_there(&self, weight: u32) -> Taken {
        let most = self.remote.as_ref().map_or(u32::MAX, |remote| remote.limits.max_weight());
        Taken::by_start(weight, self.tempo.pace(), most)
    }

    /// Gives back to the store what is over of what it reserved for `key`, or will be before a pause is, and what nobody
    /// there wants any more.
    ///
    /// Who loses a start by that is later, and refused where that is too late.
    pub(super) fn give_back_reserved(&mut self, key: KeyId, reading: Reading, effects: &mut Effects) {
        let first = self.unpaused(reading.now);
        let first = self.head_asks_again_at(key).map_or(first, |at| first.max(at));
        loop {
            let Some(remote) = &mut self.remote else { return };
            let Some(known) = remote.keys.get_mut(&key) else { return };
            let is_any_over = known.first_over().is_some_and(|over| over <= first);
            // As a rule there is nothing.
            if !is_any_over && !known.has_more() && !known.is_empty() {
                return;
            }
            let back = known.give_back(first);
            if known.is_empty() {
                remote.keys.remove(&key);
            }
            for start in back {
                effects.tell(&remote.courier, key, remote.giving_back(start));
            }
            if !is_any_over {
                return;
            }
            self.stand_behind(key);
            self.outdate(key);
            self.judge(key, &Forecast::default(), reading, effects);
        }
    }

    /// Times, limits or what the store knows are others now: all that is reserved is given back, whatever is being asked for
    /// is nobody's, and who waits is to ask anew.
    pub(super) fn give_back_all_reserved(&mut self, effects: &mut Effects) {
        self.era += 1;
        let Some(remote) = &mut self.remote else { return };
        let mut back = Vec::new();
        for (key, known) in &mut remote.keys {
            back.extend(known.forget().into_iter().map(|start| (*key, start)));
        }
        remote.keys.retain(|_, known| !known.is_empty());
        for (key, start) in back {
            effects.tell(&remote.courier, key, remote.giving_back(start));
        }
        self.ask_anew();
    }

    /// The same for one key.
    pub(super) fn give_back_reserved_of(&mut self, key: KeyId, effects: &mut Effects) {
        let Some(remote) = &mut self.remote else { return };
        let back = remote.keys.get_mut(&key).map(Reserved::forget_starts).unwrap_or_default();
        for start in back {
            effects.tell(&remote.courier, key, remote.giving_back(start));
        }
        if let Some(line) = self.lines.get_mut(&key) {
            line.ask_sooner();
        }
        self.outdate(key);
    }

    /// Whether one of the starts that are reserved is for `ticket`: the first of its kind are for the first.
    pub(super) fn has_start(&self, key: KeyId, ticket: Ticket) -> bool {
        let Some(remote) = &self.remote else { return false };
        let Some(line) = self.lines.get(&key) else { return false };
        let Some(waiter) = line.waiters.get(&ticket) else { return false };
        let starts = remote.starts(key, waiter.want());
        let before = line.active().take_while(|(other, _)| **other < ticket);
        // Most have none.
        starts > 0 && before.filter(|(_, other)| other.want() == waiter.want()).count() < starts
    }

    /// Whether nobody's turn is known to be later than now: all starts that are reserved for `key` may be used, and nobody was
    /// told to ask later.
    fn may_use_all(&self, key: KeyId, now: Timestamp) -> bool {
        let known = self.remote.as_ref().and_then(|remote| remote.keys.get(&key));
        let asks_later = self.lines.get(&key).is_some_and(|line| line.asking_later > 0);
        self.windows.is_none()
            && !asks_later
            && self.paused_until <= now
            && known.is_none_or(|known| known.are_due(now))
    }

    /// Whether `ticket` lacks a start that is there or asked for.
    pub(super) fn lacks_start(&self, key: KeyId, ticket: Ticket, want: Want) -> bool {
        self.remote.as_ref().is_some_and(|remote| remote.lacks(key, want)) && !self.has_start(key, ticket)
    }

    /// Whether `ticket` is to ask the store for a start before anything comes of its waiting, and may.
    pub(super) fn is_called(&self, key: KeyId, ticket: Ticket, now: Timestamp) -> bool {
        let Some(remote) = &self.remote else { return false };
        let Some(waiter) = self.lines.get(&key).and_then(|line| line.waiters.get(&ticket)) else {
            return false;
        };
        let may = match waiter.trip.stage {
            Stage::Local | Stage::Asked { .. } => false,
            Stage::Asks | Stage::Behind => true,
            Stage::AsksAt(at) => at <= now,
        };
        may && self.lacks_start(key, ticket, waiter.want())
            && remote.due(key, now, waiter.want()).at.is_none()
            && self
                .due_here((key, waiter.window()), now, waiter.weight, self.before(key, Some(ticket)))
                .at
                .is_some_and(|at| at <= now)
    }

    /// Wakes those in the line of `key` who lack a start and may ask for one now; when others may, as far as it is known.
    ///
    /// Nobody is called before who stands in front of it and was told to ask later; those behind that one are called once it
    /// was granted a start, one, and as long as all of them are, twice as many each time: each who asks in vain costs a trip
    /// its time, and each trip those who wait for it theirs. Where nothing is reserved, the first alone.
    pub(super) fn call_to_ask(
        &mut self,
        key: KeyId,
        reading: Reading,
        effects: &mut Effects,
    ) -> Option<Timestamp> {
        let remote = self.remote.as_ref()?;
        let line = self.lines.get(&key)?;
        // What is reserved and not used in time is given back then.
        let mut next = remote.keys.get(&key).and_then(Reserved::first_over);
        if !remote.lacks_any(key) {
            return next;
        }
        let (mut called, mut later, mut is_asked_before) = (Vec::new(), 0, false);
        for (before, (ticket, waiter)) in line.active().enumerate() {
            let stage = waiter.trip.stage;
            is_asked_before |= stage.is_asked();
            let first = match stage {
                Stage::Local | Stage::Asked { .. } => continue,
                Stage::Asks | Stage::Behind => reading.now,
                Stage::AsksAt(at) => at,
            };
            if !self.lacks_start(key, *ticket, waiter.want()) {
                continue;
            }
            if stage.is_later() && is_asked_before {
                break;
            }
            let here = self.due_here((key, waiter.window()), reading.now, waiter.weight, before);
            let Some(free) = here.at else { continue };
            let at = first.max(free);
            later += usize::from(stage.is_later());
            if at > reading.now {
                next = Some(next.map_or(at, |next| next.min(at)));
            } else {
                called.push(*ticket);
            }
            if stage.is_later() && (at > reading.now || later > line.granted) || !remote.reserves() {
                break;
            }
        }
        for ticket in called {
            if effects.caller != Some(ticket)
                && let Some(waiter) = self.lines.get_mut(&key).and_then(|line| line.waiters.get_mut(&ticket))
            {
                effects.wake(waiter.waker.take());
            }
        }
        next
    }

    /// When what this process knows of would let `weight` start behind so many others, whatever the store says.
    pub(super) fn due_here(
        &self,
        (key, window): (KeyId, super::learning::WindowId),
        now: Timestamp,
        weight: u32,
        before: usize,
    ) -> Due {
        // Who comes first takes the room first, or those behind would hold it up with what is reserved for them.
        if self.room_in_flight(key) <= before {
            return Due::UNKNOWN;
        }
        self.and_by_window(self.due_unpaused(now), (key, window), now, weight)
    }

    /// How many stand before `ticket` in the line of `key`, as far as anybody has to know; before a newcomer for `None`.
    pub(super) fn before(&self, key: KeyId, ticket: Option<Ticket>) -> usize {
        let line = self.lines.get(&key).filter(|_| self.limits.in_flight.is_some());
        let is_before = |other: &Ticket| ticket.is_none_or(|ticket| *other < ticket);
        line.map_or(0, |line| line.active().take_while(|(other, _)| is_before(other)).count())
    }

    /// Everybody in line is to ask the store, or none: there is none any more.
    fn ask_anew(&mut self) {
        let stage = if self.remote.is_some() { Stage::Asks } else { Stage::Local };
        for line in self.lines.values_mut() {
            line.set_stage_of_all(stage);
        }
    }

    /// There is a store now, or none any more: everybody in line is told.
    pub(super) fn ask_there(&mut self, effects: &mut Effects) {
        self.ask_anew();
        for waiter in self.lines.values_mut().flat_map(|line| line.waiters.values_mut()) {
            effects.wake(waiter.waker.take());
        }
    }

    /// Somebody's trip to the store goes on in another way.
    fn change_trip(&mut self, key: KeyId, ticket: Ticket, change: impl FnOnce(&mut Trip)) {
        if let Some(line) = self.lines.get_mut(&key) {
            line.change_trip(ticket, change);
        }
        self.outdate(key);
    }
}
