//! The line of those who wait, and the state that all handles of a bucket share.
//!
//! Each key has a line of its own, first in, first out, for threads and futures alike (a thread waits by polling the
//! same future). Nobody is granted anything by others: the one in front is woken when its turn comes, asks the policies
//! at that moment, takes and leaves, and the next is told. So a waiter that is dropped takes nothing with it, and a
//! stalled executor or a suspended machine delays starts but never bunches more of them than the policies admit.
//!
//! A waiter whose turn has come and who does not take it within [`GRACE`] is passed over: it keeps its place in front
//! but holds nobody up until it is polled again.
//!
//! With a `total` over all keys, the heads whose own rates would let them start stand in a second line, in order of
//! arrival; only the first of them may take from the total.
//!
//! One mutex guards a bucket's state. Under it runs nothing but our own arithmetic and, if there is one, the user's own
//! policy, whose panics end there: the clock is read before, wakers are called and dropped after, and errors are
//! rendered after. One sleep of the clock serves the whole bucket: the
//! earliest time at which anything has to happen.

mod alarm;
mod change;
mod charge;
mod correct;
mod declared;
mod due;
mod effects;
mod enter;
mod events;
mod flight;
mod gate;
mod handle;
mod learning;
mod locked;
mod look;
mod observe;
mod own;
mod plan;
pub(crate) mod remote;
mod shared;
pub(crate) mod sites;
mod state;
mod table;
mod turn;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::ops::Bound;
use std::task::Waker;

use crate::error::SiteName;
use crate::key::Digest;
use crate::policy::reserved::Want;
use crate::time::Timestamp;

pub(crate) use alarm::Rest;
pub(crate) use correct::{PLAIN, is_known, is_told_of_end, with_site};
pub(crate) use declared::{Declared, Defaults};
pub(crate) use due::Refusal;
pub(crate) use enter::{Ask, Began, Claimed, Entered};
pub(crate) use events::tell_refused;
pub(crate) use gate::Passage;
pub(crate) use handle::Handle;
pub(crate) use learning::{Origin, Route};
pub(crate) use locked::Changed;
pub(crate) use shared::Shared;
pub(crate) use state::Grant;

use learning::{Place, WindowId};
use plan::Plan;
use remote::Trip;

/// How long a turn is kept for a waiter that is not polled, and how far past its allowance a waiter may still start:
/// 10 ms in nanoseconds.
const GRACE: u64 = 10_000_000;

/// A place in line: the order of arrival over all keys of a bucket.
pub(crate) type Ticket = NonZeroU64;

/// Whose line: `None` is the call without a key.
pub(crate) type KeyId = Option<Digest>;

/// Somebody in line.
#[derive(Debug)]
struct Waiter {
    weight: u32,
    joined: Timestamp,
    /// When its allowance ends; `MAX` = never.
    deadline: Timestamp,
    /// `None` between being woken and being polled again.
    waker: Option<Waker>,
    /// Its turn came and went without it.
    passed: bool,
    /// The annotated function that calls.
    site: Option<SiteName>,
    /// Where the bucket learns.
    place: Option<Box<Place>>,
    /// Over a store: what is asked of that.
    trip: Trip,
}

impl Waiter {
    /// Somebody who is asked about and does not wait.
    fn newcomer(weight: u32, window: WindowId, now: Timestamp) -> Self {
        let place = Some(Box::new(Place { route: None, window, held: None }));
        Waiter {
            weight,
            joined: now,
            deadline: Timestamp::MAX,
            waker: None,
            passed: false,
            site: None,
            place,
            trip: Trip::none(Timestamp::MAX),
        }
    }

    fn window(&self) -> WindowId {
        self.place.as_ref().map_or(WindowId::Of(None), |place| place.window)
    }

    /// What it wants of a store.
    fn want(&self) -> Want {
        self.window().want(self.weight)
    }
}

/// Those who wait on one key, in order of arrival.
#[derive(Debug, Default)]
struct Line {
    waiters: BTreeMap<Ticket, Waiter>,
    /// The allowances that end, earliest first.
    deadlines: BTreeSet<(Timestamp, Ticket)>,
    /// Whose turn it is, and since when.
    turn: Option<(Ticket, Timestamp)>,
    /// The head's place in the line for the total.
    contending: Option<Ticket>,
    /// When this line has to be looked at next: its entry in the agenda.
    agenda: Option<Timestamp>,
    /// Whether it is up to date until then: nothing has changed since it was looked at.
    is_settled: bool,
    /// When each of them would start, as far as it is known.
    plan: Option<Plan>,
    /// Where the bucket learns: those who are not passed over, by the window they wait for.
    queues: BTreeSet<(WindowId, Ticket)>,
    /// How many were told by a store to ask later, or stand behind those.
    asking_later: usize,
    /// How many were granted a start that they may use since somebody was told so last: by so many more of those who are to
    /// ask later are called at once.
    granted: usize,
}

impl Line {
    /// The first who is not passed over.
    fn first(&self) -> Option<(Ticket, &Waiter)> {
        let first = self.waiters.first_key_value().filter(|(_, waiter)| !waiter.passed);
        first.or_else(|| self.active().next()).map(|(ticket, waiter)| (*ticket, waiter))
    }

    /// The same, and its weight.
    fn head(&self) -> Option<(Ticket, u32)> {
        self.first().map(|(ticket, waiter)| (ticket, waiter.weight))
    }

    /// Whether nobody stands behind `ticket`.
    fn is_last(&self, ticket: Ticket) -> bool {
        self.waiters.last_key_value().is_some_and(|(last, _)| *last == ticket)
    }

    /// Those who are not passed over.
    fn active(&self) -> impl Iterator<Item = (&Ticket, &Waiter)> {
        self.waiters.iter().filter(|(_, waiter)| !waiter.passed)
    }

    /// Of each window the first who is not passed over, and its weight.
    fn firsts(&self) -> impl Iterator<Item = (WindowId, Ticket, u32)> {
        let mut next = self.queues.first().copied();
        let firsts = std::iter::from_fn(move || {
            let first = next?;
            let behind = (Bound::Excluded((first.0, Ticket::MAX)), Bound::Unbounded);
            next = self.queues.range(behind).next().copied();
            Some(first)
        });
        firsts.filter_map(|(window, ticket)| Some((window, ticket, self.waiters.get(&ticket)?.weight)))
    }

    /// Whether anybody who is not passed over waits for `window`.
    fn waits_for(&self, window: WindowId) -> bool {
        self.queues.range((window, Ticket::MIN)..=(window, Ticket::MAX)).next().is_some()
    }

    /// Everybody, with the window they wait for.
    fn placed(&self) -> impl Iterator<Item = (Ticket, &Waiter, WindowId)> {
        self.waiters.iter().map(|(ticket, waiter)| (*ticket, waiter, waiter.window()))
    }

    /// Places those who stand nowhere yet, as the server has named nothing yet.
    fn place_all(&mut self) {
        for waiter in self.waiters.values_mut() {
            let route = waiter.site.map(Digest::of_site);
            let place = Place { route, window: WindowId::Of(route), held: None };
            waiter.place.get_or_insert_with(|| Box::new(place));
        }
        self.queue_up();
    }

    /// Who waits on `route` waits for another window.
    fn place_route(&mut self, route: Route, window: WindowId) {
        let places = self.waiters.values_mut().filter_map(|waiter| waiter.place.as_mut());
        for place in places.filter(|place| place.route == route) {
            place.window = window;
        }
        self.queue_up();
    }

    /// The windows have no names any more.
    fn place_by_route(&mut self) {
        for place in self.waiters.values_mut().filter_map(|waiter| waiter.place.as_mut()) {
            place.window = WindowId::Of(place.route);
        }
        self.queue_up();
    }

    /// The server holds up nobody here any more.
    fn release(&mut self) {
        for place in self.waiters.values_mut().filter_map(|waiter| waiter.place.as_mut()) {
            place.held = None;
        }
    }

    fn queue_up(&mut self) {
        let active = self.waiters.iter().filter(|(_, waiter)| !waiter.passed && waiter.place.is_some());
        self.queues = active.map(|(ticket, waiter)| (waiter.window(), *ticket)).collect();
    }

    /// Passes over somebody, or lets it have its place again.
    fn set_passed(&mut self, ticket: Ticket, passed: bool) {
        let Some(waiter) = self.waiters.get_mut(&ticket) else { return };
        waiter.passed = passed;
        if waiter.place.is_none() {
            return;
        }
        let queued = (waiter.window(), ticket);
        if passed {
            self.queues.remove(&queued);
        } else {
            self.queues.insert(queued);
        }
    }

    fn insert(&mut self, ticket: Ticket, waiter: Waiter) {
        if waiter.place.is_some() {
            self.queues.insert((waiter.window(), ticket));
        }
        if waiter.deadline < Timestamp::MAX {
            self.deadlines.insert((waiter.deadline, ticket));
        }
        self.waiters.insert(ticket, waiter);
    }

    fn remove(&mut self, ticket: Ticket) -> Option<Waiter> {
        let waiter = self.waiters.remove(&ticket)?;
        self.asking_later -= usize::from(waiter.trip.stage.is_later());
        debug_assert_eq!(
            self.asking_later,
            self.waiters.values().filter(|waiter| waiter.trip.stage.is_later()).count(),
        );
        self.deadlines.remove(&(waiter.deadline, ticket));
        self.queues.remove(&(waiter.window(), ticket));
        Some(waiter)
    }
}
