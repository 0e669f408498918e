//! What the server says, where several processes hear it: windows are known in the store, and here only what they are
//! called.

use super::Note;
use crate::error::SiteName;
use crate::feedback::Feedback;
use crate::key::Digest;
use crate::limits::Learning;
use crate::line::KeyId;
use crate::line::effects::Effects;
use crate::line::events::Event;
use crate::line::learning::{Flight, Route};
use crate::line::shared::Shared;
use crate::line::state::{Grant, Reading, State};
use crate::line::table::Table;
use crate::pace::Pace;
use crate::policy::learned::Sent;
use crate::policy::reserved::{Counted, OfRoute, Taken};
use crate::store::Heard;
use crate::time::Timestamp;

/// The routes of a bucket, as its store knows them.
#[derive(Debug, Default)]
pub(in crate::line) struct Routes {
    /// What tells a route in all processes alike.
    texts: Table<Digest, Box<str>>,
    /// What the server calls the window of a route; `None` = nothing counts yet that it says.
    names: Option<Table<Route, Box<str>>>,
}

/// So many routes are known, and have names: as many as there are keys.
const MOST: usize = 65_536;

impl Routes {
    /// The window of a route, as its entry in the store is named; `None` where the bucket does not learn.
    pub(super) fn window(&self, route: Route) -> Option<Box<str>> {
        let name = self.names.as_ref()?.get(&route);
        Some(name.map_or_else(|| self.unnamed(route), |name| named(name)))
    }

    /// All windows that are known, if the bucket learns.
    pub(super) fn windows(&self) -> Vec<Box<str>> {
        let Some(names) = &self.names else { return Vec::new() };
        let by_name = names.values().map(|name| named(name));
        let by_route = self.texts.keys().map(|route| self.unnamed(Some(*route)));
        std::iter::once(Box::default()).chain(by_name).chain(by_route).collect()
    }

    /// The same as long as the server has given it no name.
    fn unnamed(&self, route: Route) -> Box<str> {
        let text = route.and_then(|route| self.texts.get(&route));
        text.map_or_else(Box::default, |text| format!("~{text}").into())
    }
}

fn named(name: &str) -> Box<str> {
    format!("={name}").into()
}

/// How a permit remembers a start that a store has counted: policies' times are of no use there.
fn receipt(Counted { at, born: [key, total], .. }: Counted) -> (Timestamp, u64) {
    (Timestamp::from_nanos(u64::from(key) | u64::from(total) << 32), at)
}

/// How the store has counted what a permit remembers so, of which so much is taken still.
pub(in crate::line) fn counted_of((start, at): (Timestamp, u64), taken: Taken) -> Counted {
    let cut = |number: u64| u32::try_from(number & u64::from(u32::MAX)).unwrap_or(0);
    Counted { at, born: [cut(start.as_nanos()), cut(start.as_nanos() >> 32)], window: None, taken }
}

impl Shared {
    /// Remembers how a route is told from others in all processes, if that will be of any use.
    pub(crate) fn know_route(&self, route: Digest, text: &str) {
        if self.is_remote() {
            self.lock().know_route(route, text);
        }
    }

    /// The store says that the server has given a window another name.
    pub(super) fn renamed(&self, window: &str, name: &str) {
        let mut state = self.lock();
        let Some(Routes { texts, names: Some(names) }) =
            state.remote.as_mut().map(|remote| &mut remote.routes)
        else {
            return;
        };
        let is_it = |text: &str| window.strip_prefix('~') == Some(text);
        let route = texts.iter().find(|(_, text)| is_it(text)).map(|(route, _)| *route);
        if (route.is_some() || window.is_empty()) && names.len() < MOST {
            // As its entry is named.
            names.insert(route, name.strip_prefix('=').unwrap_or(name).into());
        }
    }
}

impl State {
    /// Whether anything counts that the server says.
    pub(in crate::line) fn is_learning(&self) -> bool {
        self.windows.is_some() || self.remote.as_ref().is_some_and(|remote| remote.routes.names.is_some())
    }

    fn know_route(&mut self, route: Digest, text: &str) {
        if let Some(remote) = &mut self.remote
            && remote.routes.texts.len() < MOST
        {
            remote.routes.texts.entry(route).or_insert_with(|| text.into());
        }
    }

    /// From now on what the server says counts, in the store.
    pub(in crate::line) fn begin_learning_there(&mut self) {
        if let Some(remote) = &mut self.remote {
            remote.routes.names.get_or_insert_default();
        }
    }

    /// A call of an annotated function, which is a route of its own, is made.
    pub(in crate::line) fn know_site(&mut self, site: Option<SiteName>) {
        if let Some(site) = site {
            self.know_route(Digest::of_site(site), site);
        }
    }

    /// In which window of the store's a call of that route counts, if the bucket learns.
    pub(super) fn window_there(&self, route: Route) -> Option<Box<str>> {
        self.remote.as_ref()?.routes.window(route)
    }

    /// An answer was heard of; `None` = it said nothing. `text` is the key's, if the call had no permit.
    pub(in crate::line) fn hear_there(
        &mut self,
        flight: Flight,
        text: Option<&str>,
        answer: Option<&Feedback>,
        effects: &mut Effects,
    ) {
        self.begin_learning_there();
        let server_names = self.limits.learning.server_names;
        let Some(remote) = &mut self.remote else { return };
        let name = answer.and_then(|answer| answer.bucket.as_deref()).filter(|_| server_names);
        let from = remote.routes.unnamed(flight.route);
        if let (Some(name), Some(names)) = (name, &mut remote.routes.names)
            && names.get(&flight.route).is_none_or(|known| **known != *name)
            && names.len() < MOST
        {
            let joins = names.insert(flight.route, name.into()).is_none();
            let to = named(name);
            effects.note(|| Event::Remapped { is_first: joins });
            effects.tell(
                &remote.courier,
                flight.key,
                Note::Rename { text: text.map(Into::into), from, to, joins },
            );
        }
        self.tell_there(flight, text, Heard::Answer(answer.cloned()), effects);
    }

    /// A call ends of which nothing was heard, or that never reached the server.
    pub(in crate::line) fn land_there(&mut self, flight: Flight, is_sent: bool, effects: &mut Effects) {
        let heard = if is_sent { Heard::Nothing } else { Heard::Unsent };
        self.tell_there(flight, None, heard, effects);
    }

    /// A call that is on its way weighs `cost`.
    pub(in crate::line) fn weigh_there(&mut self, flight: &mut Flight, cost: u32, effects: &mut Effects) {
        if cost != flight.sent.weight {
            self.tell_there(*flight, None, Heard::Weighs(cost), effects);
        }
        flight.sent.weight = cost;
    }

    /// A call starts that the store has counted so.
    pub(in crate::line) fn started_there(
        &mut self,
        (key, route): (KeyId, Route),
        counted: Counted,
        reading: Reading,
        weight: u32,
        joined: Timestamp,
    ) -> Grant {
        let mut grant = self.granted(key, receipt(counted), reading, weight, joined);
        let flight = self.is_learning().then(|| {
            // What was asked for before anything was learned is in no window.
            let (route, weight) = counted.window.map_or((route, 0), |OfRoute(route)| (route, weight));
            let sent = Sent { at: Timestamp::from_nanos(counted.at), weight };
            Flight { key, route, sent, is_heard: false }
        });
        // A permit has no room for what it took beside what it weighs.
        if flight.is_some() || counted.taken.pace != Pace::Normal {
            grant.account = self.new_account_of(grant, counted.taken, flight);
        }
        grant
    }

    fn tell_there(
        &mut self,
        Flight { key, route, sent, .. }: Flight,
        text: Option<&str>,
        heard: Heard,
        effects: &mut Effects,
    ) {
        let Some(window) = self.window_there(route) else { return };
        let Some(remote) = &self.remote else { return };
        let text = text.map(Into::into);
        let note = Note::Hear { text, window, start: sent.at.as_nanos(), weight: sent.weight, heard };
        effects.tell(&remote.courier, key, note);
        self.ask_sooner(key);
    }

    /// Those who wait for news ask again.
    fn ask_sooner(&mut self, key: KeyId) {
        if let Some(line) = self.lines.get_mut(&key) {
            line.ask_sooner();
        }
    }

    /// Goes on learning as the limits say.
    pub(in crate::line) fn learn_there(&mut self, learning: Learning) {
        self.windows = None;
        if learning.is_declared {
            self.begin_learning_there();
        }
    }
}
