//! What a bucket has learned of the limits that its server keeps: in which window a call counts, and what is known of
//! each.
//!
//! A window is told by the key and by the name that the server gives its limit, as long as it gives none by the route.
//! Its waiters stand in the key's line, where they hold up nobody of another window but by what the key's own rates
//! admit.

mod held;
mod names;
mod news;
mod spread;
mod windows;

use super::due::Due;
use super::effects::Effects;
use super::events::Event;
use super::plan::Forecast;
use super::state::{Reading, State};
use super::table::Table;
use super::{KeyId, Line, Ticket};
use crate::error::SiteName;
use crate::feedback::{Feedback, Scope};
use crate::key::Digest;
use crate::policy::learned::{Learned, Sent};
use crate::time::Timestamp;

pub(super) use held::Held;
use news::{Before, note_pause};
use windows::FEW;
pub(super) use windows::{WindowId, Windows};

/// What a server may tell apart: an annotated function or what a request names, `None` = the bucket itself.
pub(crate) type Route = Option<Digest>;

/// Whose call it is, as far as a server may tell calls apart.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Origin {
    /// What a request names: then its answer will be told of, and the bucket learns from now on.
    pub(crate) route: Route,
    /// The annotated function, which is the route where no other is named.
    pub(crate) site: Option<SiteName>,
}

impl Origin {
    fn route(self) -> Route {
        self.route.or_else(|| self.site.map(Digest::of_site))
    }
}

/// A call, as far as the server's windows are concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    pub(super) key: KeyId,
    pub(super) route: Route,
    pub(super) sent: Sent,
    /// Its answer was heard of: it is in flight no more.
    pub(super) is_heard: bool,
}

/// Where a waiter of a bucket that learns stands: what it asks for, and in which window that is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) route: Route,
    pub(super) window: WindowId,
    /// Whether the server holds it up.
    pub(super) held: Option<Held>,
}

/// The one in a line whose turn is next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Front {
    pub(super) ticket: Ticket,
    pub(super) weight: u32,
    pub(super) window: WindowId,
    /// When somebody who came before it may be ready, and stands before it then.
    pub(super) sooner: Option<Timestamp>,
}

impl State {
    /// From now on what the server says counts.
    pub(super) fn begin_learning(&mut self) {
        if self.remote.is_some() {
            self.begin_learning_there();
        } else if self.windows.is_none() {
            self.windows = Some(Box::new(Windows::new(self.limits.learning)));
            self.calm_from = None;
            self.lines.values_mut().for_each(Line::place_all);
            // Plans are kept by nobody from now on.
            self.changes += 1;
        }
    }

    /// What the server may tell the calls of `origin` by, once anything counts that it says.
    pub(super) fn route_of(&self, origin: Origin) -> Route {
        if self.is_learning() { origin.route() } else { None }
    }

    /// The route of a call that is made now, and not only looked at.
    pub(super) fn set_out(&mut self, origin: Origin) -> Route {
        if origin.route.is_some() {
            self.begin_learning();
        }
        if self.remote.is_some() {
            self.know_site(origin.site);
        }
        self.route_of(origin)
    }

    /// The same of a call that has set out before, when nothing had been learned.
    pub(super) fn set_out_of(&mut self, site: Option<SiteName>) -> Route {
        let origin = Origin { route: None, site };
        self.set_out(origin);
        origin.route()
    }

    pub(super) fn window_of(&self, route: Route) -> WindowId {
        let unnamed = WindowId::Of(route.filter(|_| self.remote.is_some()));
        self.windows.as_ref().map_or(unnamed, |windows| windows.of(route))
    }

    /// When the server's window and a pause would let `weight` start, not before `now`.
    pub(super) fn due_by_window(&self, key: KeyId, window: WindowId, now: Timestamp, weight: u32) -> Due {
        let start = self.due_unpaused(now);
        let Some(windows) = &self.windows else { return start };
        start.and(Due::by_server(windows.earliest(key, window, self.unpaused(now), weight)))
    }

    /// The later of what the rates say of `weight` and what the server's window and a pause say.
    #[inline]
    pub(super) fn and_by_window(
        &self,
        by_rates: Due,
        (key, window): (KeyId, WindowId),
        now: Timestamp,
        weight: u32,
    ) -> Due {
        // Rates are asked from a pause's end on.
        if self.windows.is_none() {
            return by_rates;
        }
        by_rates.and(self.due_by_window(key, window, now, weight))
    }

    /// Who in the line of `key` is next: of each window the first, and of those whose windows let them start the one that
    /// came first.
    pub(super) fn front(&self, key: KeyId, now: Timestamp) -> Option<Front> {
        let line = self.lines.get(&key)?;
        if self.windows.is_none() {
            let (ticket, waiter) = line.first()?;
            return Some(Front { ticket, weight: waiter.weight, window: waiter.window(), sooner: None });
        }
        let firsts: Vec<_> = line
            .firsts()
            .map(|(window, ticket, weight)| {
                (ticket, weight, window, self.due_by_window(key, window, now, weight))
            })
            .collect();
        let is_ready = |due: &Due| due.at.is_some_and(|at| at <= now);
        let ready = firsts.iter().filter(|(.., due)| is_ready(due)).min_by_key(|(ticket, ..)| *ticket);
        let next =
            || firsts.iter().min_by_key(|(ticket, _, _, due)| (due.at.unwrap_or(Timestamp::MAX), *ticket));
        let (ticket, weight, window, _) = *ready.or_else(next)?;
        let before = firsts.iter().filter(|(other, _, _, due)| *other < ticket && !is_ready(due));
        let sooner = before.filter_map(|(.., due)| due.at).min();
        Some(Front { ticket, weight, window, sooner })
    }

    /// Whether somebody in the line of `key` is let start by the server's windows.
    pub(super) fn is_front_ready(&self, key: KeyId, now: Timestamp) -> bool {
        self.front(key, now).is_some_and(|front| {
            self.due_by_window(key, front.window, now, front.weight).at.is_some_and(|at| at <= now)
        })
    }

    /// Sees to it that the window has room; `false` if there is none.
    pub(super) fn make_room_in_windows(&mut self, key: KeyId, route: Route, reading: Reading) -> bool {
        let Some(windows) = &self.windows else { return true };
        self.make_room_for_window(key, windows.of(route), reading)
    }

    /// Sees to it that there is a window for who waits, which is not forgotten while he does; `false` if there is no room.
    pub(super) fn reserve_window(&mut self, key: KeyId, route: Route, reading: Reading) -> bool {
        let has_room = self.make_room_in_windows(key, route, reading);
        if let Some(windows) = self.windows.as_mut().filter(|_| has_room) {
            let window = windows.of(route);
            windows.window_mut(key, window);
        }
        has_room
    }

    fn make_room_for_window(&mut self, key: KeyId, id: WindowId, reading: Reading) -> bool {
        let Some(mut windows) = self.windows.take() else { return true };
        // Routes and the calls without a key have some room beside the keys.
        let most = self.limits.max_keys.saturating_add(FEW);
        let is_known = windows.known.contains_key(&(key, id));
        let is_needed = |key| self.lines.contains_key(&key);
        if !is_known && windows.known.len() >= windows.look_at {
            windows.forget(reading.now, false, is_needed);
        }
        if !is_known && windows.known.len() >= most {
            windows.forget(reading.now, true, is_needed);
        }
        let has_room = is_known || windows.known.len() < most;
        self.windows = Some(windows);
        has_room
    }

    /// Counts a call that starts, in the window of its route.
    pub(super) fn fly(&mut self, key: KeyId, route: Route, now: Timestamp, weight: u32) -> Option<Flight> {
        let windows = self.windows.as_mut()?;
        let window = windows.of(route);
        windows.window_mut(key, window).commit(now, weight);
        Some(Flight { key, route, sent: Sent { at: now, weight }, is_heard: false })
    }

    /// A call that is on its way weighs `cost`.
    pub(super) fn weigh(&mut self, flight: &mut Flight, cost: u32, effects: &mut Effects) {
        if self.remote.is_some() {
            self.weigh_there(flight, cost, effects);
        } else if let Some(windows) = self.windows.as_mut() {
            let id = windows.of(flight.route);
            let known = windows.window_mut(flight.key, id);
            known.land(flight.sent.weight);
            known.board(cost);
            flight.sent.weight = cost;
        }
    }

    /// The forecast before a call weighs something else in its window, or is taken out of it; `None` where no window is
    /// known.
    pub(super) fn forecast_windows(&self, key: KeyId, reading: Reading) -> Option<Forecast> {
        self.windows.as_ref().map(|_| self.forecast_sharers(key, reading))
    }

    /// Refuses those whom that has moved past their allowance, whatever the rates made of it.
    pub(super) fn judge_windows(
        &mut self,
        key: KeyId,
        before: Option<&Forecast>,
        reading: Reading,
        effects: &mut Effects,
    ) {
        if let Some(before) = before {
            self.judge_sharers(key, before, reading, effects);
        }
    }

    /// A call ends of which nothing was heard, or that never reached the server.
    pub(super) fn land_unheard(
        &mut self,
        flight: Flight,
        is_sent: bool,
        (reading, effects): (Reading, &mut Effects),
    ) {
        if self.remote.is_some() && !flight.is_heard {
            return self.land_there(flight, is_sent, effects);
        }
        let Some(windows) = self.windows.as_mut().filter(|_| !flight.is_heard) else { return };
        let window = windows.of(flight.route);
        let known = windows.window_mut(flight.key, window);
        if is_sent {
            known.no_news(flight.sent, reading.now);
        } else {
            known.land(flight.sent.weight);
        }
    }

    /// An answer was heard of: `None` = it said nothing.
    pub(super) fn hear(
        &mut self,
        flight: Flight,
        answer: Option<&Feedback>,
        (reading, effects): (Reading, &mut Effects),
    ) {
        self.begin_learning();
        if self.remote.is_some() {
            return self.hear_there(flight, None, answer, effects);
        }
        let key = flight.key;
        let name = self.new_name(&flight, answer, reading);
        // A name moves the calls and waiters of a route on all keys.
        let concerns_all =
            name.is_some() || answer.is_some_and(|answer| answer.rejected && answer.scope == Scope::Global);
        let before =
            if concerns_all { self.forecast_all(reading) } else { self.forecast_sharers(key, reading) };
        if let Some(name) = name {
            let is_first = self.window_of(flight.route) == WindowId::Of(flight.route);
            effects.note(|| Event::Remapped { is_first });
            self.rename(&flight, name);
        }
        let has_room = self.make_room_in_windows(key, flight.route, reading);
        let Some(windows) = self.windows.as_mut().filter(|_| has_room) else { return };
        let window = windows.of(flight.route);
        let known = windows.window_mut(key, window);
        if let Some(answer) = answer {
            let was = Before::of(known);
            let until = known.answer(flight.sent, reading.now, answer).unwrap_or_default();
            was.note(known, answer, reading.now, effects);
            if until > self.told_until {
                note_pause(until, true, reading.now, effects);
            }
            self.told_until = self.told_until.max(until);
            self.paused_until = self.paused_until.max(until);
        } else {
            known.answer_without_news(flight.sent, reading.now);
        }
        let keys = if concerns_all { self.lines.keys().copied().collect() } else { vec![key] };
        self.refuse_hopeless(&keys, reading, effects);
        if concerns_all {
            self.judge_all(&before, reading, effects);
        } else {
            self.judge_sharers(key, &before, reading, effects);
        }
        debug_assert!(
            !cfg!(feature = "test-util") || self.flights_add_up(),
            "a call lands once, where it is"
        );
    }

    /// A call was answered `time` nanoseconds after it started: the guard is to be what this network needs.
    pub(super) fn tune_guard(&mut self, time: u64, reading: Reading, effects: &mut Effects) {
        if !self.limits.tunes_guard {
            return;
        }
        let needed = self.windows.as_mut().and_then(|windows| windows.spread.hear(time));
        if let Some(limits) = needed.and_then(|needed| self.limits.tuned(needed)) {
            let before = self.forecast_all(reading);
            self.memory.set_guards(&limits);
            self.limits = limits;
            self.judge_all(&before, reading, effects);
        }
    }

    /// Whether each window counts what was sent in it and not heard of.
    pub(super) fn flights_add_up(&self) -> bool {
        let Some(windows) = &self.windows else { return true };
        let mut sums = Table::<(KeyId, WindowId), u64>::default();
        for flight in self.accounts.values().filter_map(|account| account.flight.as_ref()) {
            if !flight.is_heard {
                let window = (flight.key, windows.of(flight.route));
                *sums.entry(window).or_default() += u64::from(flight.sent.weight);
            }
        }
        let is_right =
            |(window, known): (_, &Learned)| sums.get(window).copied().unwrap_or(0) == known.in_flight();
        let has_window = |(window, sum): (_, &u64)| *sum == 0 || windows.known.contains_key(window);
        windows.known.iter().all(is_right) && sums.iter().all(has_window)
    }

    /// Goes on learning as the limits in force say.
    pub(super) fn learn_under_limits(&mut self) {
        let learning = self.limits.learning;
        if self.remote.is_some() {
            return self.learn_there(learning);
        }
        if learning.is_declared {
            self.begin_learning();
        }
        let renames = self.windows.as_mut().is_some_and(|windows| windows.set(learning));
        if renames {
            self.unlearn(None);
        }
    }

    /// Forgets what was learned, of one key or of all, but for the calls that are in flight.
    pub(super) fn unlearn(&mut self, of: Option<KeyId>) {
        let Some(windows) = self.windows.as_mut() else { return };
        let is_meant = |key: KeyId| of.is_none_or(|of| of == key);
        windows.known.retain(|(key, _), _| !is_meant(*key));
        for (_, line) in self.lines.iter_mut().filter(|(key, _)| is_meant(**key)) {
            line.release();
        }
        if of.is_none() {
            windows.names.clear();
            for line in self.lines.values_mut() {
                line.place_by_route();
            }
        }
        let flights = self.accounts.values().filter_map(|account| account.flight.as_ref());
        for &Flight { key, route, sent, .. } in
            flights.filter(|flight| is_meant(flight.key) && !flight.is_heard)
        {
            let window = windows.of(route);
            windows.window_mut(key, window).board(sent.weight);
        }
    }
}
