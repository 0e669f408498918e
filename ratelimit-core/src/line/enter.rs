//! Coming into the line, taking a turn, leaving.

use std::num::NonZeroU32;
use std::task::Waker;

use super::due::{Due, Refusal};
use super::effects::Effects;
use super::events::Event;
use super::learning::{Flight, Held, Origin, Place, WindowId};
use super::remote::{Trip, Wish};
use super::state::{Grant, Reading, State};
use super::{KeyId, Line, PLAIN, Route, Ticket, Waiter};
use crate::error::{ErrorKind, ErrorScope};
use crate::policy::learned::Sent;
use crate::time::Timestamp;

/// What a caller asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) key: KeyId,
    pub(crate) origin: Origin,
    pub(crate) weight: u32,
    /// The allowance in nanoseconds: 0 = never wait, `u64::MAX` = however long.
    pub(crate) max_delay: u64,
    /// When the call began, if this is its second look.
    pub(crate) began: Option<Began>,
}

/// When a call began, by the clock of that epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Began {
    pub(in crate::line) epoch: NonZeroU32,
    pub(in crate::line) at: Timestamp,
    /// Its place in line, if it has asked a store before it took that.
    pub(in crate::line) ticket: Option<Ticket>,
}

/// The answer to a newcomer.
#[derive(Debug)]
pub(crate) enum Entered {
    Granted(Grant),
    Refused(Refusal),
    /// It may wait, but brought no waker: nothing was changed.
    MustWait(Began),
    Waits(Ticket),
    /// It is in line, and to ask the store.
    Asks(Ticket, Wish),
}

/// The answer to somebody in line.
#[derive(Debug)]
pub(crate) enum Claimed {
    Granted(Grant),
    Refused(Refusal),
    Waits,
    /// It is to ask the store, and waits.
    Asks(Wish),
}

impl State {
    /// Starts a newcomer, refuses it, or, given a waker, puts it in line.
    pub(super) fn enter(
        &mut self,
        ask: Ask,
        waker: &mut Option<Waker>,
        reading: Reading,
        effects: &mut Effects,
    ) -> Entered {
        if self.closed {
            return Entered::Refused(Refusal::of(ErrorKind::Closed));
        }
        let route = self.set_out(ask.origin);
        if ask.weight == 0 {
            return Entered::Granted(self.free_pass(ask.key, route, reading));
        }
        let by_store = || self.remote.as_ref().and_then(|remote| remote.too_heavy(ask.weight));
        if let Some(limit) = self.memory.too_heavy(ask.weight).or_else(by_store) {
            return Entered::Refused(Refusal::above(limit));
        }
        if let Some((start, born)) = self.take(ask.key, ask.weight, reading.now, 0) {
            let grant = Grant { start, born, weight: ask.weight, account: PLAIN, waited: 0 };
            return Entered::Granted(grant);
        }
        self.catch_up(ask.key, reading, effects);
        let window = self.window_of(route);
        let refusal = self.refused_by_own(ask, reading, effects);
        if let Some(refusal) = refusal.or_else(|| self.refused_by_server(ask, window, reading)) {
            return Entered::Refused(refusal);
        }
        if self.remote.is_some() {
            return self.enter_to_ask(ask, window, (waker, reading, effects));
        }
        if !self.is_anybody_before(ask.key, window, reading.now) {
            let due = self.due_alone(ask.key, window, reading.now, ask.weight);
            if due.at == Some(reading.now) {
                return self.start_at_once(ask, reading, effects);
            }
        }
        self.wait_or_refuse(ask, window, (waker, reading, effects))
    }

    /// What the server, as far as it is known, says to a newcomer for longer than anybody is to wait.
    fn refused_by_server(&self, ask: Ask, window: WindowId, reading: Reading) -> Option<Refusal> {
        self.windows.as_ref()?;
        if self.is_above_limit(ask.key, window, reading.now, ask.weight) {
            return Some(Refusal::above_servers());
        }
        let until = self.held_until(ask.key, window, reading, ask.weight);
        let due = self.held_too_long(reading.now, until)?;
        Some(Refusal::until(due, reading, ask.max_delay))
    }

    /// What the user's policy, if there is one, says to a newcomer for good.
    fn refused_by_own(&self, ask: Ask, reading: Reading, effects: &mut Effects) -> Option<Refusal> {
        if !self.memory.has_own() {
            return None;
        }
        let is_never = self.is_never(ask.key, reading, ask.weight);
        if effects.meet_panic() {
            return Some(Refusal::of(ErrorKind::Limited));
        }
        is_never.then_some(Refusal::of(ErrorKind::TooHeavy))
    }

    /// It changes nothing, and there is nothing to settle unless it is corrected; but its answer may be heard, and what
    /// it is corrected to counts in its window.
    pub(super) fn free_pass(&mut self, key: KeyId, route: Route, reading: Reading) -> Grant {
        let start = self.tempo.policy_time(reading.now);
        let grant = Grant { start, born: self.memory.newest(), weight: 0, account: PLAIN, waited: 0 };
        if !self.is_learning() {
            return grant;
        }
        // Over a store what weighs nothing was not counted there: its answer is told of as of now.
        let at = if self.remote.is_some() { Timestamp::MAX } else { reading.now };
        let sent = Sent { at, weight: 0 };
        let flight = Flight { key, route, sent, is_heard: false };
        Grant { account: self.new_account(grant, Some(flight)), ..grant }
    }

    /// Whether somebody in line must start before a newcomer on `key`.
    fn is_anybody_before(&self, key: KeyId, window: WindowId, now: Timestamp) -> bool {
        let in_line = self.lines.get(&key).is_some_and(|line| match &self.windows {
            None => line.head().is_some(),
            // Who waits for another window holds up nobody before that lets it start.
            Some(_) => line.waits_for(window) || self.is_front_ready(key, now),
        });
        in_line || !self.contenders.is_empty()
    }

    fn start_at_once(&mut self, ask: Ask, reading: Reading, effects: &mut Effects) -> Entered {
        let route = self.route_of(ask.origin);
        if !self.make_room_to_start(ask.key, route, reading) {
            return Entered::Refused(Refusal::of(ErrorKind::TooManyKeys));
        }
        let grant = self.commit((ask.key, route), reading, ask.weight, reading.clock);
        effects.meet_panic();
        // Those it goes by may have no turn to come any more.
        self.settle(ask.key, reading, effects);
        grant.map_or(Entered::Refused(Refusal::of(ErrorKind::Limited)), Entered::Granted)
    }

    fn wait_or_refuse(
        &mut self,
        ask: Ask,
        window: WindowId,
        (waker, reading, effects): (&mut Option<Waker>, Reading, &mut Effects),
    ) -> Entered {
        let began =
            ask.began.filter(|began| began.epoch == self.epoch).map_or(reading.clock, |began| began.at);
        let deadline = began.plus(ask.max_delay);
        let ends = deadline < Timestamp::MAX;
        // Whoever waits however long needs no plan, and extends one that is there.
        let plans = ends || self.is_planned(ask.key, reading);
        let due = plans.then(|| {
            let due = self.due_behind_line(ask.key, window, reading, ask.weight);
            self.no_sooner(due, (ask.key, window), deadline, reading)
        });
        if effects.meet_panic() {
            return Entered::Refused(Refusal::of(ErrorKind::Limited));
        }
        if let Some(due) = due
            && (ask.max_delay == 0
                || ends && due.misses(deadline, reading)
                || due.is_unknown && deadline < reading.clock)
        {
            return Entered::Refused(Refusal::until(due, reading, ask.max_delay));
        }
        if self.is_crowded(ask.key, 0) {
            let due = due.unwrap_or_else(|| self.due_behind_line(ask.key, window, reading, ask.weight));
            effects.meet_panic();
            let refusal = Refusal::until(due, reading, ask.max_delay);
            return Entered::Refused(Refusal {
                kind: ErrorKind::TooManyWaiting,
                scope: ErrorScope::Key,
                ..refusal
            });
        }
        if waker.is_none() {
            return Entered::MustWait(Began { epoch: self.epoch, at: began, ticket: None });
        }
        let Origin { site, .. } = ask.origin;
        let route = self.route_of(ask.origin);
        if !self.make_room(ask.key, reading) || !self.reserve_window(ask.key, route, reading) {
            return Entered::Refused(Refusal::of(ErrorKind::TooManyKeys));
        }
        let held = Held::on(None, self.held_until(ask.key, window, reading, ask.weight), reading.now);
        let place = self.windows.is_some().then(|| Box::new(Place { route, window, held }));
        let (waker, passed) = (waker.take(), false);
        let (weight, joined, trip) = (ask.weight, began, Trip::none(deadline));
        let waiter = Waiter { weight, joined, deadline, waker, passed, site, place, trip };
        effects.note(|| Event::Waits { weight: ask.weight, expected: due.and_then(|due| due.wait(reading)) });
        let ticket = self.arrive();
        self.join(ask.key, (ticket, waiter), due, reading, effects);
        Entered::Waits(ticket)
    }

    /// Whether as many wait on `key` as may, and at least `least`. Who is being asked for first does not wait yet.
    pub(super) fn is_crowded(&self, key: KeyId, least: usize) -> bool {
        let waiting = |line: &Line| match self.remote {
            None => line.waiters.len(),
            Some(_) => line.waiters.values().filter(|waiter| waiter.trip.waits).count(),
        };
        self.limits.max_waiting.is_some_and(|most| self.lines.get(&key).map_or(0, waiting) >= most.max(least))
    }

    /// The next place in line, behind all others.
    pub(super) fn arrive(&mut self) -> Ticket {
        let ticket = self.arrivals;
        self.arrivals = self.arrivals.saturating_add(1);
        ticket
    }

    /// Somebody takes its place in line.
    pub(super) fn join(
        &mut self,
        key: KeyId,
        (ticket, waiter): (Ticket, Waiter),
        due: Option<Due>,
        reading: Reading,
        effects: &mut Effects,
    ) {
        let ends = waiter.deadline < Timestamp::MAX;
        self.extend_plan(key, due, waiter.want());
        if let Some(remote) = &mut self.remote {
            remote.come(key, waiter.want());
        }
        let line = self.lines.entry(key).or_default();
        debug_assert!(!line.waiters.contains_key(&ticket), "each has a place of its own");
        let is_first = line.head().is_none();
        let has_place = waiter.place.is_some();
        line.insert(ticket, waiter);
        // The line was brought up to date just before, and one more at its end moves nobody's turn.
        if ends || is_first || has_place || !line.is_last(ticket) {
            self.settle(key, reading, effects);
        }
    }

    /// Somebody in line is polled: it starts if its turn has come, and waits on otherwise.
    pub(super) fn claim(
        &mut self,
        key: KeyId,
        ticket: Ticket,
        waker: &mut Option<Waker>,
        reading: Reading,
        effects: &mut Effects,
    ) -> Claimed {
        let came_back = self.is_passed(key, ticket).then(|| self.forecast(key, reading));
        if let Some(waiter) = self.lines.get_mut(&key).and_then(|line| line.waiters.get_mut(&ticket)) {
            // What comes of this look it need not be woken for.
            effects.drop(waiter.waker.take());
        }
        if came_back.is_some() {
            self.set_passed(key, ticket, false);
            self.outdate(key);
        }
        self.keep_turn(key, ticket, reading);
        effects.caller = Some(ticket);
        self.catch_up(key, reading, effects);
        if effects.panicked.is_some() {
            self.leave(key, ticket, reading, effects);
            return Claimed::Refused(Refusal::of(ErrorKind::Limited));
        }
        if let Some(refusal) = self.refused.remove(&ticket) {
            return Claimed::Refused(refusal);
        }
        let has_turn = self.has_turn(key, ticket) && !self.is_called(key, ticket, reading.now);
        let claimed = if has_turn || self.goes_by(key, ticket, reading) {
            self.take_turn(key, ticket, reading, effects)
        } else {
            self.await_turn(key, ticket, waker);
            self.wish(key, ticket, reading, false).map_or(Claimed::Waits, Claimed::Asks)
        };
        if let Some(before) = came_back {
            // Those behind it were planned without it.
            self.judge(key, &before, reading, effects);
            self.settle(key, reading, effects);
        }
        claimed
    }

    /// From here on it is woken when something comes of its waiting.
    pub(super) fn await_turn(&mut self, key: KeyId, ticket: Ticket, waker: &mut Option<Waker>) {
        if let Some(waiter) = self.lines.get_mut(&key).and_then(|line| line.waiters.get_mut(&ticket)) {
            waiter.waker = waker.take();
        }
    }

    /// Being polled is what a turn waits for: it is not over while its holder is here.
    fn keep_turn(&mut self, key: KeyId, ticket: Ticket, reading: Reading) {
        let turn = self.lines.get_mut(&key).and_then(|line| line.turn.as_mut());
        if let Some((_, since)) = turn.filter(|(holder, _)| *holder == ticket) {
            *since = reading.now;
        }
    }

    fn is_passed(&self, key: KeyId, ticket: Ticket) -> bool {
        let waiter = self.lines.get(&key).and_then(|line| line.waiters.get(&ticket));
        waiter.is_some_and(|waiter| waiter.passed)
    }

    fn take_turn(&mut self, key: KeyId, ticket: Ticket, reading: Reading, effects: &mut Effects) -> Claimed {
        // While the key waits, its entry is kept; only a reset of that key may have removed it.
        let waiter = self.lines.get(&key).and_then(|line| line.waiters.get(&ticket));
        let route = waiter.and_then(|waiter| waiter.place.as_ref()).and_then(|place| place.route);
        if !self.make_room_to_start(key, route, reading) {
            self.refuse(key, ticket, Refusal::of(ErrorKind::TooManyKeys), effects);
        }
        let Some(waiter) = self.unlink(key, ticket) else {
            // Whoever is next has the turn.
            self.settle(key, reading, effects);
            let refusal = self.refused.remove(&ticket);
            return Claimed::Refused(refusal.unwrap_or(Refusal::of(ErrorKind::Closed)));
        };
        effects.drop(waiter.waker);
        let grant = self.commit((key, route), reading, waiter.weight, waiter.joined);
        effects.meet_panic();
        if let Some(Grant { weight, waited, .. }) = grant {
            effects.note(|| Event::Started { weight, waited });
        }
        self.may_be_idle(key);
        self.settle(key, reading, effects);
        grant.map_or(Claimed::Refused(Refusal::of(ErrorKind::Limited)), Claimed::Granted)
    }

    /// Somebody in line goes away, as if it had never come.
    pub(super) fn leave(&mut self, key: KeyId, ticket: Ticket, reading: Reading, effects: &mut Effects) {
        self.refused.remove(&ticket);
        let before = self.forecast_unknown(key, reading);
        if let Some(waiter) = self.unlink(key, ticket) {
            effects.note(|| Event::Left {
                weight: waiter.weight,
                waited: reading.clock.as_nanos().saturating_sub(waiter.joined.as_nanos()),
            });
            effects.drop(waiter.waker);
            self.may_be_idle(key);
            self.judge_unknown(key, before.as_ref(), reading, effects);
            self.settle(key, reading, effects);
        }
    }
}
