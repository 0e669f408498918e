//! The windows of a bucket: which one a route's calls count in, and what is known of each.

use std::collections::BTreeSet;

use super::spread::Spread;
use super::{Flight, Route};
use crate::key::Digest;
use crate::limits;
use crate::line::KeyId;
use crate::line::table::Table;
use crate::policy::Earliest;
use crate::policy::learned::{Learned, Manner};
use crate::policy::reserved::Want;
use crate::time::{Timestamp, nanos};

/// Which of the windows of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::line) enum WindowId {
    Of(Route),
    Named(Digest),
}

impl WindowId {
    /// What a call of `weight` wants of a store, which tells windows by their routes.
    pub(in crate::line) fn want(self, weight: u32) -> Want {
        let route = match self {
            WindowId::Of(route) => route,
            WindowId::Named(_) => None,
        };
        Want { weight, route }
    }
}

/// So few windows are not worth a look.
pub(super) const FEW: usize = 64;

/// The windows of a bucket.
#[derive(Debug)]
pub(in crate::line) struct Windows {
    manner: Manner,
    server_names: bool,
    pub(super) max_pause: u64,
    pub(super) known: Table<(KeyId, WindowId), Learned>,
    /// What the server calls the window of a route.
    pub(super) names: Table<Route, Digest>,
    /// At how many windows to look which can be forgotten.
    pub(super) look_at: usize,
    /// How differently long its calls are on their way.
    pub(super) spread: Spread,
}

impl Windows {
    pub(in crate::line) fn new(learning: limits::Learning) -> Self {
        let limits::Learning { is_declared, remember, server_names, max_pause } = learning;
        Windows {
            manner: Manner { probes: is_declared, remember: nanos(remember) },
            server_names,
            max_pause: nanos(max_pause),
            known: Table::default(),
            names: Table::default(),
            look_at: FEW,
            spread: Spread::default(),
        }
    }

    /// Goes on in another manner; whether names count that did not, or the other way round.
    pub(super) fn set(&mut self, learning: limits::Learning) -> bool {
        let before = self.server_names;
        let Windows { manner, server_names, max_pause, .. } = Windows::new(learning);
        (self.manner, self.server_names, self.max_pause) = (manner, server_names, max_pause);
        self.known.values_mut().for_each(|known| known.set_manner(manner));
        before != server_names
    }

    /// What the guard was widened to.
    pub(in crate::line) fn guard(&self) -> u64 {
        self.spread.guard()
    }

    pub(in crate::line) fn of(&self, route: Route) -> WindowId {
        self.names.get(&route).map_or(WindowId::Of(route), |name| WindowId::Named(*name))
    }

    /// What is known of a window, to be planned with.
    pub(in crate::line) fn fork(&self, key: KeyId, window: WindowId) -> Learned {
        self.known.get(&(key, window)).cloned().unwrap_or_else(|| Learned::new(self.manner))
    }

    pub(super) fn earliest(&self, key: KeyId, window: WindowId, now: Timestamp, weight: u32) -> Earliest {
        match self.known.get(&(key, window)) {
            Some(known) => known.earliest(now, weight),
            None => Earliest::At(now),
        }
    }

    pub(super) fn window_mut(&mut self, key: KeyId, window: WindowId) -> &mut Learned {
        let manner = self.manner;
        self.known.entry((key, window)).or_insert_with(|| Learned::new(manner))
    }

    /// Forgets windows of which nothing is remembered, or, if room is `wanted`, nothing but that; and nobody needs.
    pub(super) fn forget(&mut self, now: Timestamp, wanted: bool, is_needed: impl Fn(KeyId) -> bool) {
        let is_over = |known: &Learned| {
            let is_idle = known.idle_at().is_some_and(|at| at <= now);
            is_idle && (wanted || known.is_forgotten(now))
        };
        self.known.retain(|(key, _), known| is_needed(*key) || !is_over(known));
        let routes: BTreeSet<WindowId> = self.known.keys().map(|(_, window)| *window).collect();
        self.names.retain(|_, name| routes.contains(&WindowId::Named(*name)));
        self.look_at = FEW.max(2 * self.known.len());
    }

    /// What the server calls the window of `route`, if that is new.
    pub(super) fn new_name(&self, route: Route, name: Option<&str>) -> Option<Digest> {
        let name = Digest::of_text(name.filter(|_| self.server_names)?.as_bytes());
        (self.of(route) != WindowId::Named(name)).then_some(name)
    }

    /// The window of `route` has another name from now on, and its `flights` go there: with all that is known of it, if
    /// it had no name.
    pub(super) fn rename(&mut self, route: Route, name: Digest, flights: &[Flight]) {
        let (before, after) = (self.of(route), WindowId::Named(name));
        self.names.insert(route, name);
        let keys: Vec<_> = self.known.keys().filter(|(_, id)| *id == before).map(|(key, _)| *key).collect();
        if before == WindowId::Of(route) {
            // It is the same window, and nobody else was in it.
            for key in keys {
                if let Some(known) = self.known.remove(&(key, before)) {
                    match self.known.get_mut(&(key, after)) {
                        Some(there) => there.join(&known),
                        None => drop(self.known.insert((key, after), known)),
                    }
                }
            }
            return;
        }
        for key in &keys {
            // What the server wants to be left alone for is not over by another name.
            let until = self.known.get(&(*key, before)).map_or(Timestamp::ZERO, Learned::paused_until);
            if until > Timestamp::ZERO {
                self.window_mut(*key, after).pause(until);
            }
        }
        for Flight { key, sent, .. } in flights {
            self.window_mut(*key, before).land(sent.weight);
            self.window_mut(*key, after).board(sent.weight);
        }
        if !self.names.values().any(|name| before == WindowId::Named(*name)) {
            for key in keys {
                self.known.remove(&(key, before));
            }
        }
    }
}
