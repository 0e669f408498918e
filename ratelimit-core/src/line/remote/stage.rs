//! How far somebody in line is with the store.

use super::super::change::moved;
use super::super::{Line, Ticket};
use crate::time::Timestamp;

/// What somebody in line has to do with the store.
#[derive(Clone, Copy, Debug)]
pub(in crate::line) struct Trip {
    pub(in crate::line) stage: Stage,
    /// When its allowance ends; its deadline is that only while nothing is asked.
    pub(in crate::line) ends: Timestamp,
    /// The same, whatever it was answered: what is asked later is no trip of its own.
    pub(in crate::line) allowed: Timestamp,
    /// Whether it is known that it has to wait: before the first answer nobody knows.
    pub(in crate::line) waits: bool,
    /// Whether it waits for nothing but the answer.
    pub(in crate::line) tries: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::line) enum Stage {
    /// There is no store.
    Local,
    /// It asks as soon as it is polled and nothing here holds it up.
    Asks,
    /// It asks again then.
    AsksAt(Timestamp),
    /// It was told what it would meet, or has lost its start, and asks for itself once those before it have who were told to
    /// ask later.
    Behind,
    /// It is being asked for, or what it would meet behind others.
    Asked { is_behind: bool },
}

impl Stage {
    pub(in crate::line) fn is_later(self) -> bool {
        matches!(self, Stage::AsksAt(_) | Stage::Behind)
    }

    pub(in crate::line) fn is_asked(self) -> bool {
        matches!(self, Stage::Asked { .. })
    }
}

impl Trip {
    /// Of who has no store to ask, for whenever there is one.
    pub(in crate::line) const fn none(ends: Timestamp) -> Self {
        Trip { stage: Stage::Local, ends, allowed: ends, waits: true, tries: false }
    }

    /// To a clock that shows `new` where the old one showed `old`.
    pub(in crate::line) fn move_to(&mut self, old: Timestamp, new: Timestamp) {
        for end in [&mut self.ends, &mut self.allowed] {
            if *end < Timestamp::MAX {
                *end = moved(*end, old, new);
            }
        }
    }
}

impl Line {
    pub(super) fn change_trip(&mut self, ticket: Ticket, change: impl FnOnce(&mut Trip)) {
        let Some(waiter) = self.waiters.get_mut(&ticket) else { return };
        self.is_settled = false;
        let was = waiter.trip.stage;
        change(&mut waiter.trip);
        let Trip { stage, ends, .. } = waiter.trip;
        self.asking_later += usize::from(stage.is_later());
        self.asking_later -= usize::from(was.is_later());
        // A trip is not waiting: who is being asked for is not refused before the answer.
        let deadline = if stage.is_asked() { Timestamp::MAX } else { ends };
        let before = std::mem::replace(&mut waiter.deadline, deadline);
        if before < Timestamp::MAX {
            self.deadlines.remove(&(before, ticket));
        }
        if deadline < Timestamp::MAX {
            self.deadlines.insert((deadline, ticket));
        }
    }

    /// Who was told to ask later may ask now.
    pub(super) fn ask_sooner(&mut self) {
        let later = self.waiters.iter().filter(|(_, waiter)| waiter.trip.stage.is_later());
        let later: Vec<Ticket> = later.map(|(ticket, _)| *ticket).collect();
        for ticket in later {
            self.change_trip(ticket, |trip| trip.stage = Stage::Asks);
        }
    }

    pub(super) fn set_stage_of_all(&mut self, stage: Stage) {
        let tickets: Vec<Ticket> = self.waiters.keys().copied().collect();
        for ticket in tickets {
            self.change_trip(ticket, |trip| trip.stage = stage);
        }
    }
}
