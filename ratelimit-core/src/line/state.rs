//! The state of a bucket, and what it says about starting now.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use super::correct::{Account, IN_FLIGHT, PLAIN};
use super::due::{Due, Holder, Refusal};
use super::gate::Opened;
use super::learning::{Route, WindowId, Windows};
use super::remote::Remote;
use super::table::Table;
use super::{KeyId, Line, Ticket};
use crate::error::ErrorScope;
use crate::limits::Valid;
use crate::pace::Tempo;
use crate::policy::all::Verdict;
use crate::policy::{Earliest, own};
use crate::store::Memory;
use crate::sync::atomic::AtomicU64;
use crate::time::Timestamp;

/// Everything under a bucket's lock; in front and together what every call reads.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct State {
    /// From when on a newcomer may start at once as far as anything but the policies is concerned: nobody waits, no
    /// pause holds, and no call's end has to be heard of. `None` = not before something changes. Found out as the lock
    /// is released.
    pub(super) calm_from: Option<Timestamp>,
    /// The newest commit, in the policies' time: a coarse reading is taken for one grain later than it is read, and no
    /// commit comes before another.
    pub(super) stamped: Timestamp,
    /// The newest time seen; `None` before the first.
    pub(super) latest: Option<Timestamp>,
    pub(super) tempo: Tempo,
    pub(super) memory: Memory,
    /// Which clock the times are of.
    pub(super) epoch: NonZeroU32,
    pub(super) seen: Seen,
    /// How the gate was opened last, and the greatest word it has shown.
    pub(super) opened: Option<Opened>,
    pub(super) greatest: u64,
    /// By how much the clock's coarse readings lag at most, if it has any: here, as it changes with the clock.
    pub(super) lag: Option<u64>,
    /// By how much the coarse clock lags that may stand in for the bucket's own; 0 = none may.
    pub(super) grain: u64,
    pub(super) paused_until: Timestamp,
    /// Until when the server wants to hear from nobody.
    pub(super) told_until: Timestamp,
    /// What the server has said of its limits, once it has said anything that counts.
    pub(super) windows: Option<Box<Windows>>,
    pub(super) closed: bool,
    /// Where a store keeps its states: what is reserved there. The limits here are then without rates.
    pub(super) remote: Option<Box<Remote>>,
    /// Counts what makes void whatever a store was asked for before.
    pub(super) era: u64,
    pub(super) limits: Valid,
    /// Only keys on which somebody waits.
    pub(super) lines: Table<KeyId, Line>,
    /// The line for the total: heads that only the total may still hold up.
    pub(super) contenders: BTreeMap<Ticket, KeyId>,
    /// The first of the contenders as it was looked at last; `None` after the total has changed.
    pub(super) served: Option<(Ticket, KeyId)>,
    /// Lines that have to be looked at again, by time.
    pub(super) agenda: BTreeSet<(Timestamp, KeyId)>,
    /// Why those were refused who are no longer in line and do not know it yet.
    pub(super) refused: Table<Ticket, Refusal>,
    /// How many bodies run, of those that count: only keys of which one does.
    pub(super) in_flight: Table<KeyId, usize>,
    /// What calls count that were corrected, by the number their permits hold; the newest number.
    pub(super) accounts: Table<u32, Account>,
    pub(super) numbered: u32,
    /// The ticket of the next who joins.
    pub(super) arrivals: Ticket,
    /// Counts what makes the plans of all keys out of date.
    pub(super) changes: u64,
    pub(super) alarm: Wanted,
}

/// The newest time that the clock has shown to anybody, at the gate or under the lock; `None` for the system's clock,
/// which never goes back.
pub(super) type Seen = Option<Arc<AtomicU64>>;

/// The alarm as it was asked for last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    /// How often one was asked for: a later request replaces an earlier one.
    pub(super) requests: u64,
    pub(super) at: Option<Timestamp>,
    /// By how many nanoseconds alarms rang late of late: the last, or half of what it was before if that is more.
    pub(super) late: u64,
}

/// A reading of the clock.
///
/// Time in a bucket never goes back, so that a clock that does admits nothing more; waits are counted from what the
/// clock really showed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// What the clock showed.
    pub(crate) clock: Timestamp,
    /// The newest time the bucket has seen: never before `clock`.
    pub(crate) now: Timestamp,
}

/// A permit's receipt: what was taken, when, from which states.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant {
    /// In the policies' time; of a store's, in which records it was counted.
    pub(crate) start: Timestamp,
    /// The entry it was taken from; of a store's, when that counts the start.
    pub(crate) born: u64,
    pub(crate) weight: u32,
    /// Whether and how the bucket has to be told of its end: what its permit holds.
    pub(crate) account: u32,
    /// Nanoseconds.
    pub(crate) waited: u64,
}

impl State {
    pub(super) fn new(limits: Valid) -> Self {
        State {
            calm_from: None,
            stamped: Timestamp::ZERO,
            latest: None,
            tempo: Tempo::default(),
            epoch: NonZeroU32::MIN,
            seen: None,
            opened: None,
            greatest: 0,
            lag: None,
            grain: 0,
            paused_until: Timestamp::ZERO,
            told_until: Timestamp::ZERO,
            windows: limits.learning.is_declared.then(|| Box::new(Windows::new(limits.learning))),
            closed: false,
            remote: None,
            era: 0,
            memory: Memory::new(&limits),
            limits,
            lines: Table::default(),
            contenders: BTreeMap::new(),
            served: None,
            agenda: BTreeSet::new(),
            refused: Table::default(),
            in_flight: Table::default(),
            accounts: Table::default(),
            numbered: 0,
            arrivals: Ticket::MIN,
            changes: 0,
            alarm: Wanted::default(),
        }
    }

    /// Takes note of what the clock shows. The policies' time begins with the first reading.
    pub(super) fn read(&mut self, clock: Timestamp) -> Reading {
        if self.latest.is_none() {
            self.tempo = Tempo::default().changed(self.tempo.pace(), clock);
        }
        let latest = self.latest.map_or(clock, |latest| latest.max(clock));
        self.latest = Some(latest);
        Reading { clock, now: latest }
    }

    /// The first moment from `now` on at which no pause holds.
    pub(super) fn unpaused(&self, now: Timestamp) -> Timestamp {
        now.max(self.paused_until)
    }

    /// The same, and who holds everybody up until then.
    pub(super) fn due_unpaused(&self, now: Timestamp) -> Due {
        let holder = if self.told_until >= self.paused_until { Holder::SERVER } else { Holder::BUCKET };
        Due::at(self.unpaused(now), (self.paused_until > now).then_some(holder))
    }

    /// When the key's own rates, what it has in flight and a pause would let `weight` start, not before `now`.
    pub(super) fn due_by_key(&self, key: KeyId, window: WindowId, now: Timestamp, weight: u32) -> Due {
        if self.room_in_flight(key) == 0 {
            return Due::UNKNOWN;
        }
        let by_rates = if let Some(remote) = &self.remote {
            self.due_unpaused(now).and(remote.due(key, now, window.want(weight)))
        } else {
            let by_key = self.memory.earliest(key, self.policy_now(now), weight);
            self.due_from(by_key, ErrorScope::Key, self.due_unpaused(now))
        };
        self.and_by_window(by_rates, (key, window), now, weight)
    }

    /// When the total and a pause would let `weight` start, not before `now`.
    pub(super) fn due_by_total(&self, now: Timestamp, weight: u32) -> Due {
        let by_total = self.memory.total().earliest(self.policy_now(now), weight);
        self.due_from(by_total, ErrorScope::Bucket, self.due_unpaused(now))
    }

    /// When a newcomer could start if nobody waited.
    pub(super) fn due_alone(&self, key: KeyId, window: WindowId, now: Timestamp, weight: u32) -> Due {
        if self.room_in_flight(key) == 0 {
            return Due::UNKNOWN;
        }
        if self.remote.is_some() {
            return self.due_by_key(key, window, now, weight);
        }
        let asked = self.policy_now(now);
        let by_key = self.memory.earliest(key, asked, weight);
        let by_total = self.memory.total().earliest(asked, weight);
        let by_rates = self.due_by_both((by_key, by_total), self.due_unpaused(now));
        self.and_by_window(by_rates, (key, window), now, weight)
    }

    /// Whether the policies of `key` would never let `weight` start.
    pub(super) fn is_never(&self, key: KeyId, reading: Reading, weight: u32) -> bool {
        self.memory.earliest(key, self.policy_now(reading.now), weight).earliest == Earliest::Never
    }

    fn policy_now(&self, now: Timestamp) -> Timestamp {
        self.tempo.policy_time(self.unpaused(now))
    }

    /// What the key's rates and the total answer, both asked from `start` on.
    #[inline]
    pub(super) fn due_by_both(&self, (by_key, by_total): (Verdict, Verdict), start: Due) -> Due {
        if by_total.earliest > by_key.earliest {
            self.due_from(by_total, ErrorScope::Bucket, start)
        } else {
            self.due_from(by_key, ErrorScope::Key, start)
        }
    }

    /// A policy's answer in the clock's time, if it was asked from `start` on, and whose policy it is.
    #[inline]
    pub(super) fn due_from(&self, verdict: Verdict, scope: ErrorScope, start: Due) -> Due {
        let holder = Some(Holder::by(scope, verdict.rate));
        let never = Due { at: None, is_unknown: false, holder };
        match verdict.earliest {
            // Only the user's policy says so, which is no rate.
            Earliest::WhenSettled => Due::UNKNOWN,
            Earliest::Never => never,
            Earliest::At(at) if start.at.is_some_and(|start| at <= self.tempo.policy_time(start)) => start,
            Earliest::At(at) => match self.tempo.clock_time(at) {
                Timestamp::MAX => never,
                at => Due::at(at, holder),
            },
        }
    }

    /// Takes `weight` now; the policies were asked at this same reading. `None` if the user's policy panicked, and nothing
    /// was taken.
    pub(super) fn commit(
        &mut self,
        (key, route): (KeyId, Route),
        reading: Reading,
        weight: u32,
        joined: Timestamp,
    ) -> Option<Grant> {
        if let Some(remote) = &mut self.remote {
            // It was counted where it was reserved.
            let counted = remote.take(key, reading.now, WindowId::Of(route).want(weight))?;
            self.outdate(key);
            return Some(self.started_there((key, route), counted, reading, weight, joined));
        }
        let counted = self.count(key, reading, weight)?;
        let mut grant = self.granted(key, counted, reading, weight, joined);
        if let Some(flight) = self.fly(key, route, reading.now, weight) {
            grant.account = self.new_account(grant, Some(flight));
        }
        Some(grant)
    }

    /// A call starts that was counted then, from that entry.
    pub(super) fn granted(
        &mut self,
        key: KeyId,
        (start, born): (Timestamp, u64),
        reading: Reading,
        weight: u32,
        joined: Timestamp,
    ) -> Grant {
        let waited = reading.clock.as_nanos().saturating_sub(joined.as_nanos());
        let account = if self.take_off(key) { IN_FLIGHT } else { PLAIN };
        Grant { start, born, weight, account, waited }
    }

    /// Takes `weight` now, whatever the policies say: when, in their time, and from which entry. `None` if the user's
    /// policy panicked, and nothing was taken.
    pub(super) fn count(&mut self, key: KeyId, reading: Reading, weight: u32) -> Option<(Timestamp, u64)> {
        let start = self.stamp_of(reading.now);
        let born = self.memory.commit(key, start, weight)?;
        self.stamped = start;
        self.outdate(key);
        self.served = None;
        Some((start, born))
    }

    /// The time of a commit at `now`, in the policies' time.
    pub(super) fn stamp_of(&self, now: Timestamp) -> Timestamp {
        self.stamped.max(self.tempo.policy_time(now))
    }

    /// Takes weight for a caller who may start at once, where nobody waits and nothing holds the bucket up: when, in the
    /// policies' time, and from which entry; `None` if that is to be found out.
    ///
    /// `grain` = by how much the reading `now` lags at most: it is taken for so much later.
    #[inline]
    pub(super) fn take(
        &mut self,
        key: KeyId,
        weight: u32,
        now: Timestamp,
        grain: u64,
    ) -> Option<(Timestamp, u64)> {
        if self.calm_from.is_none_or(|from| now < from) || weight == 0 {
            return None;
        }
        let start = self.stamp_of(now.plus(grain));
        let born = self.memory.take(key, (self.tempo.policy_time(now), start), weight, |_| false)?;
        self.stamped = start;
        Some((start, born))
    }

    /// Something changed that makes the plan of `key` out of date, and with a total those of all keys.
    pub(super) fn outdate(&mut self, key: KeyId) {
        if self.memory.has_total() {
            self.changes += 1;
        } else if let Some(line) = self.lines.get_mut(&key) {
            (line.plan, line.is_settled) = (None, false);
        }
    }

    /// Sees to it that `key`, which starts something, has room among the keys: where nothing is remembered of keys only
    /// those take room up who run, if somebody has to hear of their ends, or wait.
    pub(super) fn make_room_to_start(&mut self, key: KeyId, route: Route, reading: Reading) -> bool {
        let leaves_nothing = !self.memory.remembers_keys() && !self.has_unknown_turns();
        leaves_nothing || self.make_room(key, reading) && self.make_room_in_windows(key, route, reading)
    }

    /// Sees to it that `key` has room among the keys.
    pub(super) fn make_room(&mut self, key: KeyId, reading: Reading) -> bool {
        let now = self.tempo.policy_time(reading.now);
        let (lines, in_flight) = (&self.lines, &self.in_flight);
        let made = self.memory.make_room(key, now, |digest| {
            lines.contains_key(&Some(*digest)) || in_flight.contains_key(&Some(*digest))
        });
        // What panics when asked whether it is idle is not, and that is nobody's call.
        own::set_aside();
        made
    }

    /// Somebody of `key` left the line, ended or gave something back: its entry may be forgotten from when on it is idle,
    /// unless others need it.
    pub(super) fn may_be_idle(&mut self, key: KeyId) {
        if !self.is_in_use(key) {
            self.memory.may_be_idle(key);
            own::set_aside();
        }
    }
}

#[cfg(test)]
mod tests;
