//! What changes a bucket while others wait on it: pause, close, reset, other limits, another pace, another clock.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::due::Refusal;
use super::effects::Effects;
use super::events::Event;
use super::remote::{Courier, Remote};
use super::state::{Reading, State};
use super::{KeyId, Ticket};
use crate::error::ErrorKind;
use crate::key::Digest;
use crate::limits::Valid;
use crate::pace::{Pace, Tempo};
use crate::store::Memory;
use crate::sync::atomic::Ordering;
use crate::time::Timestamp;

impl State {
    /// Holds every start up until `nanos` from now; of several pauses the latest end wins.
    pub(super) fn pause(&mut self, nanos: u64, reading: Reading, effects: &mut Effects) {
        let until = reading.now.plus(nanos);
        if until > self.paused_until {
            let before = self.forecast_all(reading);
            self.paused_until = until;
            self.changes += 1;
            effects.note(|| Event::Paused { span: nanos, by_server: false, is_whole: true });
            self.judge_all(&before, reading, effects);
        }
    }

    /// Refuses everybody, now and for good. What it remembers of keys nobody asks for any more: it is given back, as a
    /// user's policies are foreign code to be dropped without a lock.
    pub(super) fn close(&mut self, effects: &mut Effects) -> Memory {
        let was_closed = std::mem::replace(&mut self.closed, true);
        let waiting: Vec<(KeyId, Ticket)> = self
            .lines
            .iter()
            .flat_map(|(key, line)| line.waiters.keys().map(|ticket| (*key, *ticket)))
            .collect();
        if !was_closed {
            effects.note(|| Event::Closed { waiting: waiting.len() });
        }
        for (key, ticket) in waiting {
            self.refuse(key, ticket, Refusal::of(ErrorKind::Closed), effects);
        }
        self.give_back_all_reserved(effects);
        let anew = self.memory.anew(&self.limits);
        std::mem::replace(&mut self.memory, anew)
    }

    /// Everything as fresh; those who wait are planned anew.
    pub(super) fn reset(&mut self, reading: Reading, effects: &mut Effects) {
        let before = self.has_unknown_turns().then(|| self.forecast_all(reading));
        self.memory.reset();
        let reading = self.start_anew(reading.clock);
        // The store was reset before: of what was reserved since it takes back all.
        self.give_back_all_reserved(effects);
        self.unlearn(None);
        self.make_room_for_lines(reading);
        match before {
            Some(before) => self.judge_all(&before, reading, effects),
            None => self.settle_all(reading, effects),
        }
    }

    /// One key as fresh; what it took from the total stays taken.
    pub(super) fn reset_key(&mut self, key: KeyId, reading: Reading, effects: &mut Effects) {
        let before = self.forecast_unknown(key, reading);
        self.memory.reset_key(key, self.tempo.policy_time(reading.now));
        self.give_back_reserved_of(key, effects);
        self.unlearn(Some(key));
        // Its entry is kept while it is in use.
        if self.is_in_use(key) {
            self.make_room(key, reading);
        }
        self.changes += 1;
        self.judge_unknown(key, before.as_ref(), reading, effects);
        self.settle(key, reading, effects);
    }

    /// Forgets all times but those of who waits; the reading to go on with.
    fn start_anew(&mut self, now: Timestamp) -> Reading {
        (self.paused_until, self.told_until) = (Timestamp::ZERO, Timestamp::ZERO);
        self.latest = Some(now);
        if let Some(seen) = &self.seen {
            seen.store(now.as_nanos(), Ordering::Relaxed);
        }
        self.stamped = Timestamp::ZERO;
        self.tempo = Tempo::default().changed(self.tempo.pace(), now);
        self.changes += 1;
        for line in self.lines.values_mut() {
            line.turn = None;
        }
        Reading { clock: now, now }
    }

    /// Other limits, over the store that `courier` goes to, or over none.
    pub(super) fn replace_over(
        &mut self,
        courier: Option<Arc<Courier>>,
        limits: Valid,
        reading: Reading,
        effects: &mut Effects,
    ) {
        if courier.is_some() || self.remote.is_some() {
            self.give_back_all_reserved(effects);
            let limits_here = self.put_over(courier, limits);
            self.replace(limits_here, reading, effects);
            self.ask_there(effects);
        } else {
            self.replace(limits, reading, effects);
        }
    }

    /// Sets the store; the limits that are judged here.
    pub(super) fn put_over(&mut self, courier: Option<Arc<Courier>>, limits: Valid) -> Valid {
        let Some(courier) = courier else {
            self.remote = None;
            return limits;
        };
        let here = limits.without_rates();
        if let Some(remote) = &mut self.remote {
            (remote.courier, remote.limits) = (courier, limits);
        } else {
            let mut remote = Remote::new(courier, limits);
            for (key, line) in &mut self.lines {
                // What the server calls windows is not known there.
                line.place_by_route();
                line.waiters.values().for_each(|waiter| remote.come(*key, waiter.want()));
            }
            self.remote = Some(Box::new(remote));
        }
        self.memory = self.memory.anew(&here);
        self.limits = here.clone();
        self.learn_there(here.learning);
        here
    }

    /// Other limits: all starts that the old ones still remember count under them.
    pub(super) fn replace(&mut self, limits: Valid, reading: Reading, effects: &mut Effects) {
        let reading = if limits.own.is_some() { self.after_stamps(reading) } else { reading };
        let before = self.forecast_all(reading);
        let limits = match &self.windows {
            Some(windows) => limits.tuned(windows.guard()).unwrap_or(limits),
            None => limits,
        };
        let needed = |key: &Digest| self.is_in_use(Some(*key));
        self.memory = self.memory.under(&limits, self.tempo.policy_time(reading.now), needed);
        effects.meet_panic();
        self.limits = limits;
        self.learn_under_limits();
        self.changes += 1;
        self.allow_coarse();
        if !self.memory.has_total() {
            let keys: Vec<KeyId> = self.contenders.values().copied().collect();
            for key in keys {
                self.contend(key, None);
            }
        }
        self.refuse_too_heavy(effects);
        let keys: Vec<KeyId> = self.lines.keys().copied().collect();
        self.refuse_hopeless(&keys, reading, effects);
        self.judge_all(&before, reading, effects);
    }

    /// A user's policy is asked about no time before a start that it was told of, and those may be stamped a grain
    /// ahead: time stands still until then.
    fn after_stamps(&mut self, reading: Reading) -> Reading {
        let now = reading.now.max(self.tempo.clock_time(self.stamped));
        self.latest = Some(now);
        if let Some(seen) = &self.seen {
            seen.store(now.as_nanos(), Ordering::Relaxed);
        }
        Reading { now, ..reading }
    }

    /// Lets the clock's coarse readings stand in on the granted path: only where every guard covers by how much they
    /// lag, as a start is then taken for so much later. Over a store nothing is granted without asking that.
    pub(super) fn allow_coarse(&mut self) {
        let is_judged_here = !self.memory.has_own() && self.remote.is_none();
        let covered = |lag: &u64| is_judged_here && self.limits.least_guard() >= *lag;
        let grain = self.lag.filter(covered);
        self.grain = grain.unwrap_or(0);
    }

    fn refuse_too_heavy(&mut self, effects: &mut Effects) {
        let mut heavy = Vec::new();
        for (key, line) in &self.lines {
            for (ticket, waiter) in &line.waiters {
                if let Some(limit) = self.memory.too_heavy(waiter.weight) {
                    heavy.push((*key, *ticket, Refusal::above(limit)));
                }
            }
        }
        for (key, ticket, refusal) in heavy {
            self.refuse(key, ticket, refusal, effects);
        }
    }

    pub(super) fn set_pace(&mut self, pace: Pace, reading: Reading, effects: &mut Effects) {
        if pace != self.tempo.pace() {
            let before = self.forecast_all(reading);
            self.tempo = self.tempo.changed(pace, reading.now);
            self.changes += 1;
            self.judge_all(&before, reading, effects);
        }
    }

    /// Another clock, which shows `new` where the old one showed `old`: the states start anew, and those who wait keep
    /// what is left of their allowances. Everybody is woken to wait on the new clock.
    pub(super) fn change_clock(&mut self, old: Timestamp, new: Timestamp, effects: &mut Effects) {
        self.epoch = self.epoch.checked_add(1).unwrap_or(NonZeroU32::MIN);
        self.memory = self.memory.anew(&self.limits);
        let reading = self.start_anew(new);
        // Over a store they are in its time.
        let flights = self.accounts.values_mut().filter_map(|account| account.flight.as_mut());
        for flight in flights.filter(|_| self.remote.is_none()) {
            flight.sent.at = moved(flight.sent.at, old, new);
        }
        self.unlearn(None);
        self.give_back_all_reserved(effects);
        self.agenda.clear();
        for line in self.lines.values_mut() {
            line.agenda = None;
            line.deadlines.clear();
            for (ticket, waiter) in &mut line.waiters {
                waiter.joined = moved(waiter.joined, old, new);
                waiter.trip.move_to(old, new);
                if waiter.deadline < Timestamp::MAX {
                    waiter.deadline = moved(waiter.deadline, old, new);
                    line.deadlines.insert((waiter.deadline, *ticket));
                }
                effects.wake(waiter.waker.take());
            }
        }
        self.make_room_for_lines(reading);
        self.settle_all(reading, effects);
    }

    /// After all entries have gone: who waits or runs has one again.
    fn make_room_for_lines(&mut self, reading: Reading) {
        let keys: Vec<KeyId> = self.lines.keys().copied().collect();
        for key in keys {
            self.make_room(key, reading);
        }
        self.make_room_in_flight(reading);
    }
}

/// `time` of a clock that showed `old`, for one that shows `new` at the same moment.
pub(super) fn moved(time: Timestamp, old: Timestamp, new: Timestamp) -> Timestamp {
    let nanos = i128::from(time.as_nanos()) - i128::from(old.as_nanos()) + i128::from(new.as_nanos());
    // Just short of never: an allowance that ends goes on ending.
    Timestamp::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX).min(u64::MAX - 1))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Reading, State};
    use crate::limits::Limits;
    use crate::policy::{LeakyBucket, Prototype};
    use crate::rate::Rate;
    use crate::time::Timestamp;

    /// A start by a coarse reading is stamped later than it was.
    #[test]
    fn a_policy_that_comes_is_asked_about_no_time_before_the_newest_stamp() {
        let mut state =
            State::new(Limits::of(Rate::per_second(1)).validate(None).expect("limits that can be"));
        let at = Timestamp::from_nanos;
        let reading = state.read(at(50));
        state.stamped = at(40);
        assert_eq!(state.after_stamps(reading).now, at(50));
        let stamp = state.tempo.policy_time(at(90));
        state.stamped = stamp;
        let Reading { clock, now } = state.after_stamps(reading);
        assert_eq!((clock, now), (at(50), at(90)));
        assert_eq!(state.read(at(60)).now, at(90), "and so it stays");
    }

    /// The grain of a bucket on a clock whose coarse readings lag by at most `lag` nanoseconds.
    fn grain(mut limits: Limits, guard: Duration, lag: Option<u64>) -> u64 {
        limits.set_guard(guard);
        let mut state = State::new(limits.validate(None).expect("limits that can be"));
        // As it was under other limits.
        (state.lag, state.grain) = (lag, 1);
        state.allow_coarse();
        state.grain
    }

    #[test]
    fn coarse_readings_stand_in_where_every_guard_covers_by_how_much_they_lag() {
        let lag = Duration::from_millis(4);
        let known = u64::try_from(lag.as_nanos()).ok();
        let rate = || Limits::of(Rate::per_second(1).burst(5));
        assert_eq!(grain(rate(), Duration::from_millis(20), known), 4_000_000);
        assert_eq!(grain(rate(), lag, known), 4_000_000);
        assert_eq!(grain(rate(), lag.saturating_sub(Duration::from_nanos(1)), known), 0);
        assert_eq!(grain(rate(), Duration::ZERO, known), 0);
        assert_eq!(grain(rate(), Duration::from_millis(20), None), 0, "the clock has none");
    }

    /// It is asked at the times that the clock shows, and told of no other.
    #[test]
    fn coarse_readings_never_stand_in_for_a_policy_of_the_user() {
        let mut own = Limits::own(Prototype::new(LeakyBucket::new(10.0, 5.0)));
        assert_eq!(grain(own.clone(), Duration::from_millis(20), Some(4_000_000)), 0);
        own.add(Rate::per_second(1));
        assert_eq!(grain(own, Duration::from_millis(20), Some(4_000_000)), 0);
    }
}
