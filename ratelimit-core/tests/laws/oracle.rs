//! What the contract says about a line: who may start when, whose turn it is, who fails. It follows what happened to
//! the real bucket event by event and says where that differs.
//!
//! Where the contract leaves open what exactly follows (a token bucket's refund gives back less, replaced limits of
//! another kind, lateness judged by a change), `exact` is dropped: from there on only what must never happen is looked
//! for: a start above a limit, or past an allowance.

use ratelimit_core::ErrorKind;

use crate::model::{Model, Start};
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
    /// Starts before this one were made under other limits, and give nothing back any more.
    pub settled: usize,
    pub starts: usize,
    /// When those in line would have started, had nobody come back.
    before: Vec<(usize, u64)>,
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
            model: Model { rates, totals, guard: limits.guard, starts: Vec::new() },
            waiters: Vec::new(),
            turns: [None; KEYS],
            now: 0,
            shown: 0,
            paused: 0,
            tempo: Tempo::default(),
            exact,
            extreme: limits.are_extreme(),
            settled: 0,
            starts: 0,
            before: Vec::new(),
        }
    }

    /// Those in line on `key` who are not passed over.
    pub(crate) fn active(&self, key: usize) -> impl Iterator<Item = &Waiter> {
        self.waiters.iter().filter(move |waiter| waiter.key == key && !waiter.passed && !waiter.failed)
    }

    fn key_is_ready(&self, key: usize, weight: u64) -> bool {
        let now = self.tempo.policy(self.now);
        self.paused <= self.now && self.model.by_key(key, now, weight) == now
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
        for waiter in &mut self.waiters {
            waiter.failed |= self.shown > waiter.deadline.saturating_add(GRACE);
        }
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

    /// When `weight` could start after the starts of `model`, at the earliest `from`.
    fn due(&self, model: &Model, key: usize, from: u64, weight: u64) -> u64 {
        let asked = self.tempo.policy(from);
        let start = model.by_total(model.by_key(key, asked, weight), weight);
        if start > asked { self.tempo.clock(start) } else { from }
    }

    /// When each of those in line on `key` starts, if those before start when due; then a newcomer of `weight`.
    pub(crate) fn plan(&self, key: usize, newcomer: u64) -> (Vec<(usize, u64)>, u64) {
        let mut model = self.model.clone();
        let mut last = self.now.max(self.paused);
        let mut dues = Vec::new();
        for waiter in self.active(key) {
            let due = self.due(&model, key, last, waiter.weight);
            dues.push((waiter.id, due));
            if due > waiter.deadline.saturating_add(GRACE).max(self.now) {
                // It will have failed by then, and holds those behind it up until it has.
                last = last.max(waiter.deadline.saturating_add(GRACE + 1));
                continue;
            }
            last = due;
            let at = self.tempo.policy(due);
            model.starts.push(Start {
                id: usize::MAX,
                at,
                key: Some(key),
                weight: waiter.weight,
                back: u64::MAX,
            });
        }
        (dues, self.due(&model, key, last, newcomer))
    }

    /// When the first of those in line on `key` starts.
    pub(crate) fn first_due(&self, key: usize) -> Option<u64> {
        let first = self.active(key).next()?;
        Some(self.due(&self.model, key, self.now.max(self.paused), first.weight))
    }

    /// Whether a refusal's `retry_after` is exact: nobody of another key stands between.
    pub(crate) fn is_alone(&self, key: usize) -> bool {
        self.model.totals.is_empty() || self.waiters.iter().all(|waiter| waiter.failed || waiter.key == key)
    }

    /// How long it is by the clock until `due`; `u64::MAX` = for ever. What a clock that went back does not show, but the
    /// bucket has seen, is no wait.
    pub(crate) fn wait(&self, due: u64) -> u64 {
        match due {
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
        let is_in_time = due <= self.shown.saturating_add(allowance).max(self.now);
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
            before.push((id, 0));
            self.before = before;
        }
        if came_back && !starts {
            self.judge_behind(key);
        }
        if starts { Expected::Starts } else { Expected::Waits }
    }

    /// It did start: it leaves the line, and counts.
    pub(crate) fn started(&mut self, key: usize, weight: u64, start: usize) {
        self.starts = start + 1;
        if weight > 0 {
            let at = self.tempo.policy(self.now);
            self.model.starts.push(Start { id: start, at, key: Some(key), weight, back: u64::MAX });
        }
    }

    pub(crate) fn left(&mut self, id: usize) {
        let place = self.place(id);
        let waiter = self.waiters.remove(place);
        if self.turns[waiter.key].is_some_and(|(holder, _)| holder == id) {
            self.turns[waiter.key] = None;
        }
    }

    pub(crate) fn place(&self, id: usize) -> usize {
        self.waiters.iter().position(|waiter| waiter.id == id).expect("it is in line")
    }

    /// When each in line would start; taken before a change that is judged.
    pub(crate) fn forecast(&self) -> Vec<(usize, u64)> {
        if self.waiters.is_empty() {
            return Vec::new();
        }
        (0..KEYS).flat_map(|key| self.plan(key, 1).0).collect()
    }

    /// Those whose turn a change has moved past their allowance fail, and the others move up.
    pub(crate) fn judge(&mut self, key: usize, before: &[(usize, u64)]) {
        // Behind other keys, how late one really is may be known better than by its own line.
        self.exact &= self.is_alone(key) || self.active(key).all(|waiter| waiter.deadline == u64::MAX);
        if self.active(key).all(|waiter| waiter.deadline == u64::MAX) {
            return;
        }
        loop {
            let moved = |id: usize, due: u64| before.iter().any(|(known, was)| *known == id && due > *was);
            let late = |id: usize, due: u64| due > self.waiters[self.place(id)].deadline.max(self.now);
            let (dues, _) = self.plan(key, 1);
            let Some((id, _)) = dues.iter().find(|(id, due)| late(*id, *due) && moved(*id, *due)) else {
                return;
            };
            let place = self.place(*id);
            self.waiters[place].failed = true;
        }
    }

    /// Those behind one who came back were planned without it.
    pub(crate) fn judge_behind(&mut self, key: usize) {
        let before = std::mem::take(&mut self.before);
        self.judge(key, &before);
    }

    pub(crate) fn judge_all(&mut self, before: &[(usize, u64)]) {
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
