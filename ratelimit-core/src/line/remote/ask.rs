//! Who asks the store, and for what.

use std::sync::Arc;
use std::task::Waker;

use super::answer::{Asker, Told};
use super::courier::{Courier, Put};
use super::verbs::Named;
use super::{Stage, Trip};
use crate::error::{ErrorKind, ErrorScope};
use crate::key::Digest;
use crate::line::due::{Due, Refusal};
use crate::line::effects::Effects;
use crate::line::enter::{Ask, Began, Entered};
use crate::line::events::Event;
use crate::line::learning::{Held, Origin, Place, WindowId};
use crate::line::state::{Reading, State};
use crate::line::{KeyId, Ticket, Waiter};
use crate::policy::reserved::OfRoute;
use crate::time::Timestamp;

/// What somebody in line wants of the store, to be asked without the lock.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) courier: Arc<Courier>,
    /// Who wants it, and its place in line, which it may not have taken yet.
    pub(super) asker: Asker,
    /// What holds it up here, in nanoseconds.
    pub(super) after: u64,
    /// What is left of its allowance, in nanoseconds; `u64::MAX` = however long.
    pub(super) allowance: u64,
    /// For how many nanoseconds that is over: no call takes longer than its allowance and the time of one trip.
    pub(super) overdue: u64,
    pub(super) reserves: bool,
    /// In which of the server's windows it counts, where the bucket learns.
    pub(super) window: Option<Box<str>>,
}

impl Wish {
    /// Puts it on the way to the store, for whoever carries.
    pub(crate) fn put(&self, text: Option<&str>) -> Put<'_> {
        self.courier.put_wish(self, text)
    }

    /// Asks for somebody who waits here for the answer.
    pub(super) fn ask_here(&self, named: Named<'_>) -> Told {
        self.courier.ask_here(self, named)
    }

    /// It was answered so, and nobody has any use for that.
    pub(super) fn give_back(&self, told: Told) {
        self.courier.give_back(self, told);
    }
}

impl State {
    /// Puts a newcomer in line who is to ask the store, unless what is known here refuses it already.
    pub(in crate::line) fn enter_to_ask(
        &mut self,
        ask: Ask,
        window: WindowId,
        (waker, reading, effects): (&mut Option<Waker>, Reading, &mut Effects),
    ) -> Entered {
        let Ask { key, weight, max_delay, .. } = ask;
        let began =
            ask.began.filter(|began| began.epoch == self.epoch).map_or(reading.clock, |began| began.at);
        // Who has asked already came before those who have come meanwhile.
        let asked = ask.began.and_then(|began| began.ticket);
        let ends = began.plus(max_delay);
        if let Some(refusal) = self.refused_before_asking(&ask, window, ends, reading) {
            return Entered::Refused(refusal);
        }
        if waker.is_none() {
            return Entered::MustWait(Began { epoch: self.epoch, at: began, ticket: asked });
        }
        let Origin { site, .. } = ask.origin;
        let route = self.route_of(ask.origin);
        if !self.make_room(key, reading) || !self.reserve_window(key, route, reading) {
            return Entered::Refused(Refusal::of(ErrorKind::TooManyKeys));
        }
        let held = Held::on(None, self.held_until(key, window, reading, weight), reading.now);
        let place = self.is_learning().then(|| Box::new(Place { route, window, held }));
        let trip = Trip { stage: Stage::Asks, ends, allowed: ends, waits: false, tries: max_delay == 0 };
        let waiter = Waiter {
            weight,
            joined: began,
            // Until it is known whether it asks.
            deadline: Timestamp::MAX,
            // What comes of its coming it need not be woken for.
            waker: None,
            passed: false,
            site,
            place,
            trip,
        };
        effects.note(|| Event::Waits { weight, expected: None });
        let ticket = asked.unwrap_or_else(|| self.arrive());
        self.join(key, (ticket, waiter), None, reading, effects);
        self.await_turn(key, ticket, waker);
        // It asks even where somebody has asked who left since: what that comes to is not its own.
        if let Some(wish) = self.wish(key, ticket, reading, true) {
            return Entered::Asks(ticket, wish);
        }
        if self.has_turn(key, ticket) {
            self.set_turn(key, None);
        }
        self.let_in(key, ticket, (ends, Stage::Asks));
        self.settle(key, reading, effects);
        Entered::Waits(ticket)
    }

    /// What refuses a newcomer whose allowance ends then, as far as is known here.
    fn refused_before_asking(
        &self,
        &Ask { key, weight, max_delay, began, .. }: &Ask,
        window: WindowId,
        ends: Timestamp,
        reading: Reading,
    ) -> Option<Refusal> {
        let ticket = began.and_then(|began| began.ticket);
        let due = self.due_here((key, window), reading.now, weight, self.before(key, ticket));
        let due = self.no_sooner(due, (key, window), ends, reading);
        let is_held = due.at.is_none_or(|at| at > reading.now);
        let is_behind = || self.has_to_let_ask(key, ticket, reading.now).is_some();
        // Of who is held up by others alone nobody knows until when: the store was not asked.
        let known = if is_held { due } else { Due::UNKNOWN };
        if max_delay == 0 && (is_held || is_behind()) || due.misses(ends, reading) {
            return Some(Refusal::until(known, reading, max_delay));
        }
        if max_delay > 0 && self.is_crowded(key, 1) {
            let refusal = Refusal::until(known, reading, max_delay);
            let (kind, scope) = (ErrorKind::TooManyWaiting, ErrorScope::Key);
            return Some(Refusal { kind, scope, ..refusal });
        }
        None
    }

    /// What somebody in line is to ask the store now, if anything; it is being asked for then.
    pub(in crate::line) fn wish(
        &mut self,
        key: KeyId,
        ticket: Ticket,
        reading: Reading,
        is_new: bool,
    ) -> Option<Wish> {
        let remote = self.remote.as_ref()?;
        let line = self.lines.get(&key)?;
        let waiter = line.waiters.get(&ticket)?;
        let is_first = || line.head().is_some_and(|(head, _)| head == ticket) || self.has_turn(key, ticket);
        let lets_ask = self.has_to_let_ask(key, Some(ticket), reading.now);
        let may_again = || if remote.reserves() { lets_ask.is_none() } else { is_first() };
        let may = match waiter.trip.stage {
            Stage::Local | Stage::Asked { .. } => false,
            Stage::Asks => is_new || may_again(),
            Stage::Behind => may_again(),
            Stage::AsksAt(at) => at <= reading.now && may_again(),
        };
        if !may || !is_new && !self.lacks_start(key, ticket, waiter.want()) {
            return None;
        }
        let (weight, want, ends) = (waiter.weight, waiter.want(), waiter.trip.ends);
        let before = self.before(key, Some(ticket));
        let held = self.due_here((key, waiter.window()), reading.now, weight, before).at?;
        // Behind those it is only told what it would meet.
        let (held, taken) = (held.max(lets_ask.unwrap_or(held)), self.taken_there(weight));
        let behind = lets_ask.map(|_| self.taken_with_those_before(key, ticket, weight));
        let after = held.as_nanos().saturating_sub(reading.now.as_nanos());
        let allowance = match ends {
            Timestamp::MAX => u64::MAX,
            ends => ends.as_nanos().saturating_sub(reading.clock.as_nanos()),
        };
        let overdue = reading.clock.as_nanos().saturating_sub(waiter.trip.allowed.as_nanos());
        let reserves = after == 0 && remote.reserves();
        let courier = Arc::clone(&remote.courier);
        let by_site = || waiter.site.map(Digest::of_site);
        let route = waiter.place.as_ref().map_or_else(by_site, |place| place.route);
        let window = self.window_there(route);
        if let Some(remote) = &mut self.remote {
            remote.ask(key, want);
        }
        let has_turn = self.has_turn(key, ticket);
        if has_turn {
            // It has taken it by asking.
            self.set_turn(key, None);
        }
        let is_last = self.lines.get(&key).is_some_and(|line| line.is_last(ticket));
        self.change_trip(key, ticket, |trip| trip.stage = Stage::Asked { is_behind: behind.is_some() });
        if is_new && is_last && !has_turn {
            // Who is put behind all others and is being asked for at once changes nothing for them.
            self.set_settled(key);
        }
        let of_route = window.as_ref().map(|_| OfRoute(route));
        let asker = Asker { key, ticket, want, taken, era: self.era, window: of_route, behind };
        Some(Wish { courier, asker, after, allowance, overdue, reserves, window })
    }
}
