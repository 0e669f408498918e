//! When each of those in line would start, if all before it start when due.
//!
//! A plan is made on forks of the policies' states, so it takes nothing. It is made again only when something changed
//! since, and only if somebody asks: before a refusal, or for an allowance that ends.

mod windows;

use std::collections::BTreeMap;

use super::due::{Due, Refusal};
use super::effects::Effects;
use super::learning::WindowId;
use super::remote::due_reserved;
use super::state::{Reading, State};
use super::table::Table;
use super::{GRACE, KeyId, Line, Ticket, Waiter};
use crate::error::ErrorScope;
use crate::policy::reserved::{Reserved, Want};
use crate::policy::{All, own};
use crate::time::Timestamp;

/// When each waiter would start; `None` = never. Of whom that is unknown is not in it.
pub(super) type Forecast = Table<Ticket, Option<Timestamp>>;

/// The states after the last in line has started.
#[derive(Debug)]
pub(super) struct Plan {
    rates: All,
    /// Of other keys' waiters only the heads that stand before are in it: with a total, times are lower bounds.
    total: All,
    /// Over a store: what is reserved there, in place of both.
    reserved: Option<Reserved>,
    /// How many bodies more may run then: each that starts takes a place, and nobody knows when it ends.
    room: usize,
    /// When the last in line starts, by the clock.
    last: Due,
    /// When the first in line starts: past that, whoever is due has not started yet and the plan is out of date.
    first: Timestamp,
    changes: u64,
}

impl State {
    /// When a newcomer to the line of `key` would start.
    pub(super) fn due_behind_line(
        &mut self,
        key: KeyId,
        window: WindowId,
        reading: Reading,
        weight: u32,
    ) -> Due {
        let has_line = self.lines.contains_key(&key);
        if !has_line && self.contenders.is_empty() {
            return self.due_alone(key, window, reading.now, weight);
        }
        if self.windows.is_some() {
            return self.due_behind_windows(key, window, reading, weight);
        }
        if !has_line {
            return self.due_after(&self.plan(key, reading, |_, _| Step::Count), window.want(weight));
        }
        if !self.is_planned(key, reading) {
            let plan = self.plan(key, reading, |_, _| Step::Count);
            if let Some(line) = self.lines.get_mut(&key) {
                line.plan = Some(plan);
            }
        }
        match self.lines.get(&key).and_then(|line| line.plan.as_ref()) {
            Some(plan) => self.due_after(plan, window.want(weight)),
            None => self.due_alone(key, window, reading.now, weight),
        }
    }

    /// Whether the plan of `key` is up to date, so that asking it costs nothing more.
    pub(super) fn is_planned(&self, key: KeyId, reading: Reading) -> bool {
        let plan = self.lines.get(&key).and_then(|line| line.plan.as_ref());
        plan.is_some_and(|plan| plan.changes == self.changes && reading.now <= plan.first)
    }

    /// Adds a newcomer that joins the line of `key` at `due` to its plan, if there is one.
    pub(super) fn extend_plan(&mut self, key: KeyId, due: Option<Due>, want: Want) {
        let (tempo, changes) = (self.tempo, self.changes);
        let Some(line) = self.lines.get_mut(&key) else { return };
        let Some(mut plan) = line.plan.take().filter(|plan| plan.changes == changes) else { return };
        let Some((at, holder)) = due.and_then(|due| Some((due.at?, due.holder))) else { return };
        let planned = plan.commit((at, tempo.policy_time(at)), want);
        own::set_aside();
        if !planned {
            return;
        }
        plan.last = Due::at(at, holder);
        line.plan = Some(plan);
    }

    /// Walks the line in order, but for who is passed over; `step` is told when each would start and says whether to count
    /// on it.
    fn plan(&self, key: KeyId, reading: Reading, step: impl FnMut(Ticket, Due) -> Step) -> Plan {
        self.walk(key, reading, self.lines.get(&key).into_iter().flat_map(Line::active), step)
    }

    /// The same for these of its `waiters`.
    pub(super) fn walk<'a>(
        &self,
        key: KeyId,
        reading: Reading,
        waiters: impl Iterator<Item = (&'a Ticket, &'a Waiter)>,
        mut step: impl FnMut(Ticket, Due) -> Step,
    ) -> Plan {
        if self.windows.is_some() {
            return self.walk_windows(key, reading, waiters, step);
        }
        let mut plan = self.empty_plan(key, reading);
        for (ticket, waiter) in waiters {
            let due = self.due_after(&plan, waiter.want());
            match step(*ticket, due) {
                Step::Stop => break,
                Step::Skip => continue,
                Step::Count => {}
            }
            if due.is_unknown {
                // And so are the turns of all behind it.
                plan.first = plan.first.min(waiter.deadline);
                plan.last = due;
                continue;
            }
            let last_chance = waiter.deadline.plus(GRACE);
            let Some(at) = due.at.filter(|_| due.is_by(last_chance, reading)) else {
                // It will be refused, and those behind it stand until then.
                plan.last.at = plan.last.at.max(Some(last_chance.plus(1)));
                plan.first = plan.first.min(last_chance);
                continue;
            };
            if !plan.commit((at, self.tempo.policy_time(at)), waiter.want()) {
                // The user's policy panicked: it may start at any time, or never.
                plan.first = plan.first.min(waiter.deadline);
                plan.last = Due { holder: due.holder, ..Due::UNKNOWN };
                continue;
            }
            plan.first = plan.first.min(at);
            plan.last = Due::at(at, due.holder);
        }
        // Those who are planned will ask by themselves; whoever has the plan made goes on as if theirs were unknown.
        own::set_aside();
        // Of an empty line only this very moment is planned.
        plan.first = if plan.first == Timestamp::MAX { reading.now } else { plan.first };
        plan
    }

    /// The states as they are, but for the heads of other keys that stand before.
    fn empty_plan(&self, key: KeyId, reading: Reading) -> Plan {
        let mut plan = Plan {
            rates: self.memory.fork(key),
            total: self.memory.total().clone(),
            reserved: self.remote.as_ref().map(|remote| remote.fork(key)),
            room: self.room_in_flight(key),
            last: self.due_unpaused(reading.now),
            first: Timestamp::MAX,
            changes: self.changes,
        };
        self.plan_contenders_before(key, reading, &mut plan);
        plan
    }

    /// Counts the heads of other keys that may take from the total before anybody of `key`.
    fn plan_contenders_before(&self, key: KeyId, reading: Reading, plan: &mut Plan) {
        let head = self.lines.get(&key).and_then(Line::head).map_or(Ticket::MAX, |(ticket, _)| ticket);
        for (ticket, other) in self.contenders.range(..head) {
            let waiter = self.lines.get(other).and_then(|line| line.waiters.get(ticket));
            let (Some(waiter), Some(start)) = (waiter, plan.last.at) else { continue };
            let by_total = plan.total.earliest(self.tempo.policy_time(start), waiter.weight);
            let due = self.due_from(by_total, ErrorScope::Bucket, plan.last);
            let Some(at) = due.at.filter(|_| due.is_by(waiter.deadline.plus(GRACE), reading)) else {
                continue;
            };
            plan.total.commit(self.tempo.policy_time(at), waiter.weight);
            plan.last = Due::at(at, due.holder);
        }
    }

    /// When what is wanted starts after all that is planned.
    fn due_after(&self, plan: &Plan, want: Want) -> Due {
        let Some(start) = plan.last.at else { return plan.last };
        if plan.room == 0 {
            return Due::UNKNOWN;
        }
        if let Some(reserved) = &plan.reserved {
            return plan.last.and(due_reserved(reserved.earliest(start, want)));
        }
        let asked = self.tempo.policy_time(start);
        let verdicts = (plan.rates.earliest(asked, want.weight), plan.total.earliest(asked, want.weight));
        self.due_by_both(verdicts, plan.last)
    }

    /// When each in the line of `key` would start; taken before something that may move turns.
    ///
    /// Empty where no allowance ends: nobody there is judged.
    pub(super) fn forecast(&self, key: KeyId, reading: Reading) -> Forecast {
        let mut forecast = Forecast::default();
        if !self.has_deadlines(key) {
            return forecast;
        }
        let unknown = self.behind_unknown();
        self.plan(key, reading, |ticket, due| {
            if due.is_unknown {
                return unknown;
            }
            forecast.insert(ticket, due.at);
            Step::Count
        });
        forecast
    }

    pub(super) fn forecast_all(&self, reading: Reading) -> Forecast {
        self.lines.keys().flat_map(|key| self.forecast(*key, reading)).collect()
    }

    /// Refuses those in the line of `key` whose turn was moved past their allowance since `before`.
    ///
    /// Who is late alone has not been moved, and stays; so does who has no known turn, until its allowance ends.
    pub(super) fn judge(&mut self, key: KeyId, before: &Forecast, reading: Reading, effects: &mut Effects) {
        if !self.has_deadlines(key) {
            return;
        }
        let (mut refused, mut not_before) = (Vec::new(), None);
        let unknown = self.behind_unknown();
        self.plan(key, reading, |ticket, due| {
            let waiter = self.lines.get(&key).and_then(|line| line.waiters.get(&ticket));
            let deadline = waiter.map_or(Timestamp::MAX, |waiter| waiter.deadline);
            let window = waiter.map_or(WindowId::Of(None), Waiter::window);
            let mut due = self.no_sooner(due, (key, window), deadline, reading);
            if due.is_unknown && not_before > Some(deadline.max(reading.now)) {
                due = Due { at: not_before, is_unknown: false, ..due };
            }
            if due.is_unknown {
                // Nobody behind it starts before it has asked.
                not_before = not_before.max(self.asks_again_at(key, ticket));
                return if not_before.is_some() { Step::Count } else { unknown };
            }
            // Later than it was (never is later than any time), or not in the forecast, since it was passed over or its
            // turn was unknown.
            let moved = match before.get(&ticket) {
                None => true,
                Some(was) => was.is_some_and(|was| due.at.is_none_or(|is| is > was)),
            };
            if !moved || deadline == Timestamp::MAX || !due.misses(deadline, reading) {
                return Step::Count;
            }
            refused.push((ticket, Refusal::until(due, reading, u64::MAX)));
            Step::Skip
        });
        for (ticket, refusal) in refused {
            self.refuse(key, ticket, refusal, effects);
        }
    }

    /// The forecast before something that moves no turn further away, but may make one known; `None` where all are.
    pub(super) fn forecast_unknown(&self, key: KeyId, reading: Reading) -> Option<Forecast> {
        self.has_unknown_turns().then(|| self.forecast(key, reading))
    }

    /// Refuses those in the line of `key` whose turn is known since `before`, and past their allowance.
    pub(super) fn judge_unknown(
        &mut self,
        key: KeyId,
        before: Option<&Forecast>,
        reading: Reading,
        effects: &mut Effects,
    ) {
        if let Some(before) = before {
            self.judge(key, before, reading, effects);
        }
    }

    /// What is to be made of those behind one whose turn is unknown: so are theirs, unless they wait for other windows.
    fn behind_unknown(&self) -> Step {
        if self.windows.is_some() { Step::Count } else { Step::Stop }
    }

    fn has_deadlines(&self, key: KeyId) -> bool {
        self.lines.get(&key).is_some_and(|line| !line.deadlines.is_empty())
    }

    pub(super) fn judge_all(&mut self, before: &Forecast, reading: Reading, effects: &mut Effects) {
        let keys: Vec<KeyId> = self.lines.keys().copied().collect();
        for key in keys {
            self.judge(key, before, reading, effects);
        }
        self.settle_all(reading, effects);
    }

    /// Refuses those whose allowance has ended and who cannot start any more.
    pub(super) fn expire(&mut self, key: KeyId, reading: Reading, effects: &mut Effects) {
        let mut before = None;
        loop {
            let expired = self.expired(key, reading);
            if expired.is_empty() {
                break;
            }
            before = before.or_else(|| self.forecast_unknown(key, reading));
            for (_, ticket, due) in expired {
                self.refuse(key, ticket, Refusal::until(due, reading, u64::MAX), effects);
            }
        }
        self.judge_unknown(key, before.as_ref(), reading, effects);
    }

    /// Those whose allowance ended more than [`GRACE`] ago, and, where turns may be unknown, those whose allowance is over
    /// while their own is: one that is known as the allowance ends is in time. With when they would start, and in the
    /// order in which their allowances ended.
    ///
    /// One walk along the line finds them. Only that the first goes whose turn is unknown may make known those of others
    /// behind it, under a user's own policy: whose allowance ended after that one's is looked at again.
    fn expired(&self, key: KeyId, reading: Reading) -> Vec<(Timestamp, Ticket, Due)> {
        let mut expired = Vec::new();
        let Some(line) = self.lines.get(&key) else { return expired };
        let waits_for_ends = self.has_unknown_turns();
        let is_late = |deadline: Timestamp| reading.clock > deadline.plus(GRACE);
        let is_over = |deadline: Timestamp| is_late(deadline) || waits_for_ends && reading.clock > deadline;
        // As a rule there is none.
        if line.deadlines.first().is_none_or(|(deadline, _)| !is_over(*deadline)) {
            return expired;
        }
        let over = line.deadlines.iter().take_while(|(deadline, _)| is_over(*deadline));
        let mut over: BTreeMap<Ticket, Timestamp> =
            over.map(|(deadline, ticket)| (*ticket, *deadline)).collect();
        let mut first_unknown = None;
        let unknown = self.behind_unknown();
        self.walk(key, reading, line.waiters.iter(), |ticket, due| {
            let deadline = over.remove(&ticket);
            expired.extend(
                deadline.filter(|at| is_late(*at) || due.is_unknown).map(|deadline| (deadline, ticket, due)),
            );
            let is_passed = line.waiters.get(&ticket).is_some_and(|waiter| waiter.passed);
            if is_passed || deadline.is_some_and(is_late) {
                return if over.is_empty() { Step::Stop } else { Step::Skip };
            }
            first_unknown = due.is_unknown.then_some(ticket);
            if due.is_unknown {
                unknown
            } else if over.is_empty() {
                Step::Stop
            } else {
                Step::Count
            }
        });
        // Whom it did not come to stands behind one whose turn is unknown.
        expired.extend(over.into_iter().map(|(ticket, deadline)| (deadline, ticket, Due::UNKNOWN)));
        expired.sort_unstable_by_key(|(deadline, ticket, _)| (*deadline, *ticket));
        let last = expired.iter().position(|(_, ticket, _)| Some(*ticket) == first_unknown);
        if let Some(last) = last.filter(|_| self.memory.has_own()) {
            expired.truncate(last + 1);
        }
        expired
    }

    /// Takes `ticket` out of the line of `key` and leaves word why.
    pub(super) fn refuse(&mut self, key: KeyId, ticket: Ticket, refusal: Refusal, effects: &mut Effects) {
        if let Some(waiter) = self.unlink(key, ticket) {
            self.may_be_idle(key);
            self.refused.insert(ticket, refusal);
            effects.wake(waiter.waker);
        }
    }
}

impl Plan {
    /// Counts a start, by the clock and by the policies' time; `false` if the user's policy panicked.
    fn commit(&mut self, (at, policy_at): (Timestamp, Timestamp), want: Want) -> bool {
        if let Some(reserved) = &mut self.reserved {
            reserved.take(at, want);
        } else if !self.rates.commit(policy_at, want.weight) {
            return false;
        }
        self.total.commit(policy_at, want.weight);
        self.room = self.room.saturating_sub(1);
        true
    }
}

/// What a plan makes of one waiter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Count,
    Skip,
    Stop,
}
