//! Who stands behind somebody that the store told to ask later, or where nothing is reserved behind anybody: until that one
//! has asked, nothing is reserved for those behind it, and they are told what they would meet.

use super::Stage;
use crate::line::state::State;
use crate::line::{KeyId, Line, Ticket};
use crate::policy::reserved::Want;
use crate::time::Timestamp;

impl State {
    /// What a start of `weight` takes there, for somebody who stands behind others without a start: with all that theirs take,
    /// as far as that can ever fit. Where some stand behind only some of the others, or rates are the user's to tell, nobody
    /// knows that.
    pub(super) fn taken_with_those_before(&self, key: KeyId, ticket: Ticket, weight: u32) -> u32 {
        let taken = self.taken_there(weight).weight;
        let limits = self.remote.as_ref().map(|remote| &remote.limits);
        let Some(limits) = limits.filter(|limits| limits.own.is_none() && !self.is_learning()) else {
            return taken;
        };
        let line = self.lines.get(&key).into_iter().flat_map(Line::active);
        // The first of a kind have the starts that are there.
        let mut with_start: Vec<Want> = Vec::new();
        let mut together = taken;
        for (_, other) in line.take_while(|(other, _)| **other < ticket) {
            let want = other.want();
            if with_start.iter().filter(|known| **known == want).count() < self.starts_there(key, want) {
                with_start.push(want);
            } else if other.trip.stage != (Stage::Asked { is_behind: false }) {
                // What is being asked for the store counts first.
                together = together.saturating_add(self.taken_there(other.weight).weight);
            }
        }
        together.min(limits.max_weight()).max(taken)
    }

    fn starts_there(&self, key: KeyId, want: Want) -> usize {
        self.remote.as_ref().map_or(0, |remote| remote.starts(key, want))
    }

    /// When `ticket` asks again, if it was told when, and nobody behind it may start before. Not under a user's policy, which
    /// may say so of a start whose time nobody knows, and not where the bucket learns: some stand behind only some others.
    pub(in crate::line) fn asks_again_at(&self, key: KeyId, ticket: Ticket) -> Option<Timestamp> {
        let waiter = self.lines.get(&key)?.waiters.get(&ticket)?;
        let Stage::AsksAt(at) = waiter.trip.stage else { return None };
        let has_own = self.remote.as_ref().is_none_or(|remote| remote.limits.own.is_some());
        (!has_own && !self.is_learning() && !self.has_start(key, ticket)).then_some(at)
    }

    /// The same of the first in the line of `key`: what is reserved for those behind it and over before that is of no use.
    pub(super) fn head_asks_again_at(&self, key: KeyId) -> Option<Timestamp> {
        let line = self.lines.get(&key).filter(|line| line.asking_later > 0)?;
        let (ticket, _) = line.active().next()?;
        self.asks_again_at(key, *ticket)
    }

    /// Who stands behind a head that is to ask again later, and has no start any more, is not to ask before it.
    pub(super) fn stand_behind(&mut self, key: KeyId) {
        if self.head_asks_again_at(key).is_none() {
            return;
        }
        let line = self.lines.get(&key).into_iter().flat_map(Line::active).skip(1);
        let asks = line.filter(|(ticket, waiter)| {
            waiter.trip.stage == Stage::Asks && self.lacks_start(key, **ticket, waiter.want())
        });
        let asks: Vec<Ticket> = asks.map(|(ticket, _)| *ticket).collect();
        for ticket in asks {
            self.change_trip(key, ticket, |trip| trip.stage = Stage::Behind);
        }
    }

    /// When the first asks of those in the line of `key` who stand before `ticket`, or before a newcomer, and are to ask
    /// before it: what it got would be over before they have started, and not be there for them.
    pub(super) fn has_to_let_ask(
        &self,
        key: KeyId,
        ticket: Option<Ticket>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let remote = self.remote.as_ref()?;
        let reserves = remote.reserves();
        if reserves && !remote.lacks_any(key) {
            return None;
        }
        let line = self.lines.get(&key)?;
        if reserves && line.asking_later == 0 {
            return None;
        }
        let before = line.active().take_while(|(other, _)| ticket.is_none_or(|ticket| **other < ticket));
        let mut asks = before.filter_map(|(ticket, waiter)| match waiter.trip.stage {
            Stage::AsksAt(at) if self.lacks_start(key, *ticket, waiter.want()) => Some(at),
            Stage::Behind if self.lacks_start(key, *ticket, waiter.want()) => Some(now),
            // Who has just come is counted first, and does not wait yet.
            Stage::Asked { is_behind: false } if !waiter.trip.waits => None,
            // Who reserves nothing has no order but that of this line.
            _ => (!reserves).then_some(now),
        });
        asks.next().map(|at| at.max(now.plus(1)))
    }
}
