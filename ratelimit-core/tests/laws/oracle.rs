//! What the contract says about a line: who may start when, whose turn it is, who fails. It follows what happened to
//! the real bucket event by event and says where that differs.
//!
//! Where the contract leaves open what exactly follows (a token bucket's refund gives back less, replaced limits of
//! another kind, lateness judged by a change), `exact` is dropped: from there on only what must never happen is looked
//! for: a start above a limit, or past an allowance.
//!
//! A time that is unknown before a started call ends is `None`, and one that never comes `u64::MAX`.

use ratelimit_core::ErrorKind;

use crate::calls::{Call, Part};
use crate::model::Model;
use crate::own::Own;
use crate::schedule::{KEYS, Limits};
use crate::tempo::Tempo;
use crate::world::Ended;

pub(crate) const GRACE: u64 = 10_000_000;

#[derive(Clone, Debug)]
pub(crate) struct Waiter {
    pub id: usize,
    pub key: usize,
    pub weight: u64,
    pub joined: u64,
    pub deadline: u64,
    pub passed: bool,
    /// It has failed and does not know it yet.
    pub failed: bool,
}

#[derive(Debug)]
pub(crate) struct Oracle {
    pub model: Model,
    /// In order of arrival.
    pub waiters: Vec<Waiter>,
    /// Whose turn it is on each key, and since when.
    pub turns: [Option<(usize, u64)>; KEYS],
    /// The newest time seen, which is the bucket's: it never goes back.
    pub now: u64,
    /// What the clock shows, from which waits are counted.
    pub shown: u64,
    pub paused: u64,
    pub tempo: Tempo,
    pub exact: bool,
    /// Something may be due beyond the end of time.
    pub extreme: bool,
    /// How many bodies may run on each key, and how many do that count.
    pub in_flight: Option<usize>,
    pub running: [usize; KEYS],
    pub calls: Vec<Call>,
    pub parts: Vec<Part>,
    /// Parts before this one were taken under other limits or before everything was reset: nothing of them is given
    /// back any more.
    pub settled: usize,
    /// When those in line would have started, had nobody come back.
    before: Vec<(usize, Option<u64>)>,
}

/// What has to become of a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Starts,
    Waits,
    /// How long it says to wait, `u64::MAX` for ever; `None` where only a lower bound is promised.
    Refused(ErrorKind, Option<u64>),
    /// Refused, for a reason that came later.
    Failed,
    /// Behind other keys: in line, or refused because it surely has to wait longer than that.
    Open(u64),
}

impl Oracle {
    pub(crate) fn new(limits: &Limits) -> Self {
        let (rates, totals) = (limits.rates.clone(), limits.totals.clone());
        let exact = limits.are_exact();
        Oracle {
            model: Model {
                rates,
                totals,
                guard: limits.guard,
                own: limits.own.map(Own::new),
                ..Model::default()
            },
            waiters: Vec::new(),
            turns: [None; KEYS],
            now: 0,
            shown: 0,
            paused: 0,
            tempo: Tempo::default(),
            exact,
            extreme: limits.are_extreme(),
            in_flight: limits.in_flight,
            running: [0; KEYS],
            calls: Vec::new(),
            parts: Vec::new(),
            settled: 0,
            before: Vec::new(),
        }
    }

    /// Those in line on `key` who are not passed over.
    pub(crate) fn active(&self, key: usize) -> impl Iterator<Item = &Waiter> {
        self.waiters.iter().filter(move |waiter| waiter.key == key && !waiter.passed && !waiter.failed)
    }

    /// Whether turns may be unknown, as they wait for a call to end.
    pub(crate) fn has_unknown_turns(&self) -> bool {
        self.in_flight.is_some() || self.model.own.is_some()
    }

    /// How many bodies more may run on `key`.
    pub(crate) fn room(&self, key: usize) -> usize {
        self.in_flight.map_or(usize::MAX, |most| most.saturating_sub(self.running[key]))
    }

    fn key_is_ready(&self, key: usize, weight: u64) -> bool {
        let now = self.tempo.policy(self.now);
        self.paused <= self.now && self.room(key) > 0 && self.model.key_lets(key, now, weight)
    }

    fn total_is_ready(&self, weight: u64) -> bool {
        let now = self.tempo.policy(self.now);
        self.model.by_total(now, weight) == now
    }

    /// The first of each key whose own rates let it start, in order of arrival.
    fn ready_heads(&self) -> Vec<(usize, usize, u64)> {
        let heads = (0..KEYS).filter_map(|key| self.active(key).next());
        let ready = heads.filter(|head| self.key_is_ready(head.key, head.weight));
        let mut ready: Vec<_> = ready.map(|head| (head.id, head.key, head.weight)).collect();
        ready.sort_unstable();
        ready
    }

    /// Whose turn it is now: each ready head's, or with a total the first one's if the total lets it.
    pub(crate) fn settle(&mut self) {
        if self.waiters.is_empty() {
            return;
        }
        self.allowances_end();
        loop {
            let mut ready = self.ready_heads();
            if !self.model.totals.is_empty() {
                ready.truncate(1);
                ready.retain(|(_, _, weight)| self.total_is_ready(*weight));
            }
            let mut turns = [None; KEYS];
            for (id, key, _) in ready {
                let since = self.turns[key].filter(|(holder, _)| *holder == id).map(|(_, since)| since);
                turns[key] = Some((id, since.unwrap_or(self.now)));
            }
            self.turns = turns;
            let over =
                turns.into_iter().flatten().filter(|(_, since)| since.saturating_add(GRACE) <= self.now);
            let over: Vec<usize> = over.map(|(id, _)| id).collect();
            if over.is_empty() {
                return;
            }
            for waiter in self.waiters.iter_mut().filter(|waiter| over.contains(&waiter.id)) {
                waiter.passed = true;
            }
        }
    }

    /// Those fail whose allowance is long over, and those whose allowance is over while nobody knows when their turn
    /// comes.
    fn allowances_end(&mut self) {
        let is_late = |waiter: &Waiter, shown| shown > waiter.deadline.saturating_add(GRACE);
        if !self.has_unknown_turns() {
            self.waiters.iter_mut().for_each(|waiter| waiter.failed |= is_late(waiter, self.shown));
            return;
        }
        let over = self.waiters.iter().filter(|waiter| !waiter.failed && self.shown > waiter.deadline);
        let mut over: Vec<(u64, usize)> = over.map(|waiter| (waiter.deadline, waiter.id)).collect();
        over.sort_unstable();
        if !over.is_empty() {
            let before = self.forecast();
            for (_, id) in over {
                let place = self.place(id);
                let waiter = &self.waiters[place];
                self.waiters[place].failed = is_late(waiter, self.shown) || self.due_of(waiter).is_none();
            }
            (0..KEYS).for_each(|key| self.judge(key, &before));
        }
        // Whether one who never starts is counted as in flight then is left open.
        let never = |key: usize| self.plan(key, 1).0.iter().any(|(_, due)| *due == Some(u64::MAX));
        self.exact &= !(self.extreme && (0..KEYS).any(never));
    }

    /// Whether a refusal's `retry_after` is exact: nobody of another key stands between.
    pub(crate) fn is_alone(&self, key: usize) -> bool {
        self.model.totals.is_empty() || self.waiters.iter().all(|waiter| waiter.failed || waiter.key == key)
    }

    /// How long it is by the clock until `due`; `u64::MAX` = for ever, or unknown. What a clock that went back does not
    /// show, but the bucket has seen, is no wait.
    pub(crate) fn wait(&self, due: Option<u64>) -> u64 {
        match due.unwrap_or(u64::MAX) {
            u64::MAX => u64::MAX,
            due if due <= self.now => 0,
            due => due - self.shown,
        }
    }

    /// A newcomer.
    pub(crate) fn asked(&mut self, key: usize, weight: u32, allowance: u64) -> Expected {
        let weight = u64::from(weight);
        if weight == 0 {
            return Expected::Starts;
        }
        if !self.model.fits(weight) {
            return Expected::Refused(ErrorKind::TooHeavy, None);
        }
        self.settle();
        let contended = !self.model.totals.is_empty() && !self.ready_heads().is_empty();
        let first = self.active(key).next().is_none() && !contended;
        if first && self.key_is_ready(key, weight) && self.total_is_ready(weight) {
            return Expected::Starts;
        }
        let due = self.plan(key, weight).1;
        let is_in_time = due.is_none_or(|due| due <= self.shown.saturating_add(allowance).max(self.now));
        // Behind other keys, those before it may run out of time and not take what they are planned to.
        let may_fail = !self.is_alone(key) && self.active(key).any(|waiter| waiter.deadline < u64::MAX);
        if allowance > 0 && (is_in_time || may_fail) {
            let is_known = self.is_alone(key) || self.shown.saturating_add(allowance) == u64::MAX;
            return if is_known { Expected::Waits } else { Expected::Open(allowance) };
        }
        let kind = if allowance == 0 { ErrorKind::Limited } else { ErrorKind::DelayTooLong };
        Expected::Refused(kind, self.is_alone(key).then(|| self.wait(due)))
    }

    /// The clock shows another time.
    pub(crate) fn advanced(&mut self, shown: u64) {
        self.shown = shown;
        self.now = self.now.max(shown);
        self.extreme |= self.now > 1 << 60;
    }

    /// Somebody in line is polled.
    pub(crate) fn polled(&mut self, id: usize) -> Expected {
        let place = self.place(id);
        let key = self.waiters[place].key;
        if self.waiters[place].failed {
            return Expected::Failed;
        }
        let came_back = self.waiters[place].passed;
        let mut before = if came_back { self.forecast() } else { Vec::new() };
        if came_back {
            // Whether the 10 ms of who has the turn now begin anew is left open.
            let total = !self.model.totals.is_empty();
            self.exact &= self.turns[key].is_none() && !(total && self.turns.iter().any(Option::is_some));
            self.waiters[place].passed = false;
        }
        self.settle();
        let starts = self.turns[key].is_some_and(|(holder, _)| holder == id);
        if came_back {
            // Others have started meanwhile: that has moved its own turn as well.
            before.push((id, None));
            self.before = before;
        }
        if came_back && !starts {
            self.judge_behind(key);
        }
        if starts { Expected::Starts } else { Expected::Waits }
    }

    pub(crate) fn left(&mut self, id: usize) {
        let place = self.place(id);
        let waiter = self.waiters.remove(place);
        if self.turns[waiter.key].is_some_and(|(holder, _)| holder == id) {
            self.turns[waiter.key] = None;
        }
    }

    pub(crate) fn cancelled(&mut self, id: usize) {
        let key = self.waiters[self.place(id)].key;
        let before = self.forecast_unknown();
        self.left(id);
        self.judge_unknown(key, &before);
    }

    pub(crate) fn place(&self, id: usize) -> usize {
        self.waiters.iter().position(|waiter| waiter.id == id).expect("it is in line")
    }

    /// Those whose turn a change has moved past their allowance fail, and the others move up.
    ///
    /// Who had no known turn has one that was moved as soon as it is known.
    pub(crate) fn judge(&mut self, key: usize, before: &[(usize, Option<u64>)]) {
        // Behind other keys, how late one really is may be known better than by its own line.
        self.exact &= self.is_alone(key) || self.active(key).all(|waiter| waiter.deadline == u64::MAX);
        if self.active(key).all(|waiter| waiter.deadline == u64::MAX) {
            return;
        }
        loop {
            let moved = |id: usize, due: u64| {
                before.iter().any(|(known, was)| *known == id && was.is_none_or(|was| due > was))
            };
            let late = |id: usize, due: u64| due > self.waiters[self.place(id)].deadline.max(self.now);
            let fails =
                |(id, due): &(usize, Option<u64>)| due.is_some_and(|due| late(*id, due) && moved(*id, due));
            let (dues, _) = self.plan(key, 1);
            let Some((id, _)) = dues.into_iter().find(fails) else {
                return;
            };
            let place = self.place(id);
            self.waiters[place].failed = true;
        }
    }

    pub(crate) fn judge_unknown(&mut self, key: usize, before: &[(usize, Option<u64>)]) {
        if self.has_unknown_turns() {
            self.judge(key, before);
        }
    }

    /// After a change on `key`: its own line is judged, with a total everybody.
    pub(crate) fn judge_sharers(&mut self, key: usize, before: &[(usize, Option<u64>)]) {
        if self.model.totals.is_empty() {
            self.judge(key, before);
            self.settle();
        } else {
            self.judge_all(before);
        }
    }

    /// Those behind one who came back were planned without it.
    pub(crate) fn judge_behind(&mut self, key: usize) {
        let before = std::mem::take(&mut self.before);
        self.judge(key, &before);
    }

    pub(crate) fn judge_all(&mut self, before: &[(usize, Option<u64>)]) {
        (0..KEYS).for_each(|key| self.judge(key, before));
        self.settle();
    }

    pub(crate) fn agrees(expected: &Expected, ended: Option<Ended>) -> bool {
        match (expected, ended) {
            (Expected::Starts, Some(Ended::Started { .. }))
            | (Expected::Waits | Expected::Open(_), None)
            | (Expected::Failed, Some(Ended::Refused { .. })) => true,
            (Expected::Refused(kind, wait), Some(Ended::Refused { kind: real, retry_after })) => {
                *kind == real && wait.is_none_or(|wait| wait == retry_after.unwrap_or(u64::MAX))
            }
            (Expected::Open(allowance), Some(Ended::Refused { kind, retry_after })) => {
                kind == ErrorKind::DelayTooLong && retry_after.is_none_or(|wait| wait > *allowance)
            }
            _ => false,
        }
    }
}
