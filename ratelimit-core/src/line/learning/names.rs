//! What the server calls windows.

use super::windows::FEW;
use super::{Flight, WindowId};
use crate::feedback::Feedback;
use crate::key::Digest;
use crate::line::state::{Reading, State};

impl State {
    /// The name of the answer's window, if it is new and there is room for another window.
    pub(super) fn new_name(
        &mut self,
        flight: &Flight,
        answer: Option<&Feedback>,
        reading: Reading,
    ) -> Option<Digest> {
        let name = answer.and_then(|answer| answer.bucket.as_deref());
        let windows = self.windows.as_ref()?;
        let name = windows.new_name(flight.route, name)?;
        // As many routes have names as there may be windows.
        let most = self.limits.max_keys.saturating_add(FEW);
        if windows.names.len() >= most && !windows.names.contains_key(&flight.route) {
            return None;
        }
        self.make_room_for_window(flight.key, WindowId::Named(name), reading).then_some(name)
    }

    /// The server has another name for the window of a call's route: its calls and waiters go there.
    pub(super) fn rename(&mut self, heard: &Flight, name: Digest) {
        let Some(windows) = self.windows.as_mut() else { return };
        let flights = self.accounts.values().filter_map(|account| account.flight).chain([*heard]);
        let of_it = flights.filter(|flight| flight.route == heard.route && !flight.is_heard);
        windows.rename(heard.route, name, &of_it.collect::<Vec<_>>());
        for line in self.lines.values_mut() {
            line.place_route(heard.route, WindowId::Named(name));
        }
    }
}
