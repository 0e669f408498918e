//! Processes that share a store, all on one manual clock, and what is seen of them.

use std::sync::Arc;
use std::time::Duration;

use ratelimit_core::clock::{Clock, ManualClock, SystemClock, Timestamp};
use ratelimit_core::{Bucket, Error, ErrorKind, Permit, Request};

use super::judge::Start;
use super::schedule::{KEYS, Limits, Op, Schedule, Who};
use crate::common::{Dice, Task};
use crate::faulty::{Fault, Faulty};

/// How much later than its turn, or past its allowance, somebody may still start.
pub(crate) const GRACE: u64 = 10_000_000;

/// So long no step takes unless the machine is busy: shorter than half the shortest guard.
pub(super) const SLOW: Duration = Duration::from_millis(1);

/// Somebody in line.
pub(super) struct Waiter {
    pub(super) who: Who,
    pub(super) joined: u64,
    pub(super) allowance: Duration,
    task: Task,
    asked: usize,
    age: (usize, usize),
    /// It was woken, and time went on before it was polled.
    was_late: bool,
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) store: Arc<Faulty>,
    pub(crate) limits: Limits,
    pub(super) processes: Vec<Bucket>,
    pub(super) waiters: Vec<Waiter>,
    /// With which start it was.
    pub(super) permits: Vec<(Permit, usize, Who)>,
    pub(crate) starts: Vec<Start>,
    happened: usize,
    resets: [usize; KEYS],
    whole_resets: usize,
    pub(super) paused_until: Vec<u64>,
    pub(crate) losses: usize,
    pub(super) is_prompt: bool,
    /// A trip may have taken so long that starts are counted later than they are.
    pub(crate) was_slow: bool,
    /// Who was gone by, and has to have been refused.
    gone_by: Vec<usize>,
    pub(super) has_given_back: bool,
    /// What was asked of the store to know that everything before was answered.
    pub(crate) looks: u64,
    pub(crate) calls: u64,
    pub(crate) probes: u64,
    began: Timestamp,
    trace: bool,
}

fn micros(time: u64) -> u64 {
    time / 1000 * 1000
}

impl World {
    pub(crate) fn new(schedule: &Schedule, trace: bool) -> Self {
        let clock = ManualClock::new();
        clock.advance(Duration::from_secs(1_000_000));
        let store = Arc::new(Faulty::new(&clock));
        let process = |_| schedule.limits.bucket().store(Arc::clone(&store)).clock(clock.clone());
        World {
            processes: (0..schedule.processes).map(process).collect(),
            clock,
            store,
            limits: schedule.limits.clone(),
            waiters: Vec::new(),
            permits: Vec::new(),
            starts: Vec::new(),
            happened: 0,
            resets: [0; KEYS],
            whole_resets: 0,
            paused_until: vec![0; schedule.processes],
            losses: 0,
            is_prompt: schedule.is_prompt,
            was_slow: false,
            gone_by: Vec::new(),
            has_given_back: false,
            looks: 0,
            calls: 0,
            probes: 0,
            began: SystemClock.now(),
            trace,
        }
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.now().as_nanos()
    }

    /// For how long it has been played.
    pub(crate) fn was_played_for(&self) -> Duration {
        SystemClock.now().saturating_since(self.began)
    }

    fn request(&self, (process, key, weight): Who) -> Request<'_> {
        let request = self.processes[process].request().weight(weight);
        if key == 0 { request } else { request.key(key) }
    }

    fn age(&self, key: usize) -> (usize, usize) {
        (self.resets[key], self.whole_resets)
    }

    /// All that was asked for is answered, as what is asked of one process is answered in order.
    pub(crate) fn look(&mut self) {
        for process in &self.processes {
            // Who looks may be carried along, and have its answer before those are woken who were answered with it: the
            // second is carried once that is done.
            for _ in 0..2 {
                let _ = process.peek();
                self.looks += 1;
            }
        }
    }

    pub(super) fn is_late(&self) -> bool {
        !self.is_prompt
    }

    fn play(&mut self, op: &Op) {
        self.happened += 1;
        if self.trace {
            println!("{:>12} {op:?}", self.now() - 1_000_000_000_000_000);
        }
        match *op {
            Op::Try(who) => drop(self.try_one(who)),
            Op::Wait(who, allowance) => self.wait(who, allowance),
            Op::Poll { order, all } => {
                self.look();
                self.poll_woken(&mut Dice::new(order), all);
            }
            Op::Touch(which) => {
                if let Some(index) = pick(which, self.waiters.len()) {
                    self.poll(index);
                }
            }
            Op::Cancel(which) => {
                if let Some(index) = pick(which, self.waiters.len()) {
                    self.waiters.remove(index);
                }
            }
            Op::Advance(by) => self.go_to(self.now() + u64::try_from(by.as_nanos()).unwrap()),
            Op::Wake(further) => {
                self.look();
                if let Some(wake) = self.clock.next_wake() {
                    let at = wake.as_nanos().max(self.now()) + u64::try_from(further.as_nanos()).unwrap();
                    // The store's time is cut to microseconds: so is that of what is tested to the nanosecond.
                    self.go_to(micros(at + 999));
                }
            }
            Op::Charge(who) => self.charge(who),
            Op::Refund(which) => {
                if let Some(index) = pick(which, self.permits.len()) {
                    let (permit, start, _) = self.permits.remove(index);
                    permit.refund();
                    self.starts[start].weight = 0;
                    self.has_given_back = true;
                }
            }
            Op::Correct(which, cost) => self.correct(which, cost),
            Op::End(which) => {
                if let Some(index) = pick(which, self.permits.len()) {
                    drop(self.permits.remove(index));
                }
            }
            Op::Pause(process, span) => {
                self.processes[process].pause(span).unwrap();
                let until = self.now() + u64::try_from(span.as_nanos()).unwrap();
                self.paused_until[process] = self.paused_until[process].max(until);
            }
            Op::Reset(process) => {
                self.drop_those_elsewhere(process, None);
                if self.processes[process].reset().is_ok() {
                    self.resets = self.resets.map(|times| times + 1);
                    self.whole_resets += 1;
                    self.paused_until[process] = 0;
                    self.renew(process, None);
                }
            }
            Op::ResetKey(process, key) => {
                self.drop_those_elsewhere(process, Some(key));
                let request = self.request((process, key, 1));
                if request.reset().is_ok() {
                    self.resets[key] += 1;
                    self.renew(process, Some(key));
                }
            }
            Op::Probe(who) => self.probe(who),
            Op::Clear => {
                self.store.store.clear();
                self.losses += 1;
            }
            Op::Fail { after } => self.store.fail_next(if after { Fault::After } else { Fault::Before }),
        }
    }

    /// What others have reserved before a reset they may use after it, and nothing counts it: nobody is to have anything.
    fn drop_those_elsewhere(&mut self, process: usize, key: Option<usize>) {
        self.waiters.retain(|waiter| waiter.who.0 == process || key.is_some_and(|key| waiter.who.1 != key));
        // What was reserved for them is known, and then what is given back of it.
        self.look();
        self.look();
    }

    /// Who waits in the process that reset it is planned anew.
    fn renew(&mut self, process: usize, key: Option<usize>) {
        let (resets, whole) = (self.resets, self.whole_resets);
        for waiter in &mut self.waiters {
            if waiter.who.0 == process && key.is_none_or(|key| waiter.who.1 == key) {
                let whole = if key.is_none() { whole } else { waiter.age.1 };
                waiter.age = (resets[waiter.who.1], whole);
            }
        }
    }

    pub(super) fn go_to(&mut self, at: u64) {
        while self.is_prompt {
            // Nobody is late.
            self.look();
            self.poll_woken(&mut Dice::new(at), true);
            match self.clock.next_wake() {
                Some(wake) if wake.as_nanos() < at => self.clock.set(wake),
                _ => break,
            }
        }
        self.look();
        for waiter in &mut self.waiters {
            waiter.was_late |= waiter.task.is_woken();
        }
        self.clock.set(Timestamp::from_nanos(at));
        if self.is_prompt {
            self.look();
            self.poll_woken(&mut Dice::new(at), true);
        }
    }

    pub(super) fn try_one(&mut self, who: Who) -> Result<(), Error> {
        self.calls += 1;
        let asked = self.happened;
        let ended = self.request(who).try_acquire();
        self.ended(who, Duration::ZERO, (asked, self.age(who.1)), ended)
    }

    fn wait(&mut self, who: Who, allowance: Duration) {
        self.calls += 1;
        let mut task = Task::new(self.request(who).max_delay(allowance).acquire_async());
        let (joined, asked, age) = (self.now(), self.happened, self.age(who.1));
        match task.poll() {
            Some(ended) => drop(self.ended(who, allowance, (asked, age), ended)),
            None => {
                self.waiters.push(Waiter { who, joined, allowance, task, asked, age, was_late: false });
            }
        }
        if self.is_prompt {
            self.look();
            self.poll_woken(&mut Dice::new(joined), true);
            let waiting = self.waiters.iter().filter(|w| (w.who.0, w.who.1) == (who.0, who.1)).count();
            assert!(self.limits.max_waiting.is_none_or(|most| waiting <= most), "{waiting} wait");
        }
    }

    /// Polls those who were woken: all until nobody is, or some of them once.
    pub(crate) fn poll_woken(&mut self, order: &mut Dice, all: bool) {
        loop {
            let mut woken: Vec<usize> =
                (0..self.waiters.len()).filter(|index| self.waiters[*index].task.is_woken()).collect();
            if woken.is_empty() {
                let gone_by = std::mem::take(&mut self.gone_by);
                let waits = self.waiters.iter().find(|waiter| gone_by.contains(&waiter.asked));
                assert!(waits.is_none_or(|waiter| waiter.was_late), "somebody was gone by");
                return;
            }
            order.shuffle(&mut woken);
            if !all {
                woken.truncate(1 + woken.len() / 2);
            }
            // From the last on, so that who ends moves nobody who is to come.
            woken.sort_unstable_by(|a, b| b.cmp(a));
            if order.one_in(2) {
                woken.rotate_left(1);
                woken.sort_unstable_by(|a, b| b.cmp(a));
            }
            for index in woken {
                self.poll(index);
            }
            self.look();
            if !all {
                return;
            }
        }
    }

    fn poll(&mut self, index: usize) {
        let polled = self.waiters[index].task.poll();
        if self.trace {
            let waiter = &self.waiters[index];
            println!("             polled {:?} of {}: {}", waiter.who, waiter.asked, polled.is_some());
        }
        let Some(ended) = polled else { return };
        let waiter = self.waiters.remove(index);
        let Waiter { who, joined, allowance, asked, age, .. } = waiter;
        if let Ok(permit) = &ended {
            let now = self.now();
            let span = u64::try_from(permit.waited().as_nanos()).unwrap();
            assert_eq!(span, now - joined, "it says how long it waited");
            // Who was told of its turn as its allowance ended has 10 ms to take it, and may be 10 ms late.
            let late = if self.is_late() { 2 * GRACE } else { 0 };
            let most = u64::try_from(allowance.as_nanos()).unwrap_or(u64::MAX).saturating_add(late);
            assert!(span <= most, "{who:?} waited {span} of {allowance:?}");
            // Who stands before it has not been passed by, unless it let its turn go by.
            for other in &self.waiters[..index] {
                let is_before = (other.who.0, other.who.1) == (who.0, who.1);
                let may_be_passed = other.was_late || other.task.is_woken() || allowance.is_zero();
                assert!(!is_before || may_be_passed, "{who:?} of {joined} went by {:?}", other.who);
                if is_before && !self.is_late() && !allowance.is_zero() {
                    self.gone_by.push(other.asked);
                }
            }
        }
        let _ = self.ended(who, allowance, (asked, age), ended);
    }

    fn ended(
        &mut self,
        who @ (process, key, weight): Who,
        allowance: Duration,
        (asked, age): (usize, (usize, usize)),
        ended: Result<Permit, Error>,
    ) -> Result<(), Error> {
        if self.trace {
            let ended = ended.as_ref().map_err(|error| (error.kind(), error.retry_after()));
            println!("             {who:?} {allowance:?} asked at {asked}: {ended:?}");
        }
        match ended {
            Ok(permit) => {
                assert!(self.paused_until[process] <= self.now(), "nobody starts during a pause");
                let losses = self.losses;
                let at = self.now();
                let made = self.happened;
                // Whether it counts from before a reset or since nobody knows here.
                let weight = if age == self.age(key) { weight } else { 0 };
                self.starts.push(Start { at, key, weight, is_judged: true, asked, made, age, losses });
                self.permits.push((permit, self.starts.len() - 1, who));
                let running = self.permits.iter().filter(|(_, _, of)| (of.0, of.1) == (process, key)).count();
                assert!(self.limits.in_flight.is_none_or(|most| running <= most), "{running} run");
                Ok(())
            }
            Err(error) => {
                self.refused(who, allowance, &error);
                Err(error)
            }
        }
    }

    fn charge(&mut self, who @ (_, key, weight): Who) {
        let (asked, age) = (self.happened, self.age(key));
        match self.request(who).charge() {
            Ok(permit) => {
                let (at, made, losses) = (self.now(), self.happened, self.losses);
                self.starts.push(Start { at, key, weight, is_judged: false, asked, made, age, losses });
                self.permits.push((permit, self.starts.len() - 1, who));
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Store),
        }
    }

    fn correct(&mut self, which: u64, cost: u32) {
        let Some(index) = pick(which, self.permits.len()) else { return };
        let (permit, start, _) = &self.permits[index];
        permit.correct(cost);
        let known = self.starts[*start];
        if cost > known.weight {
            // It cannot be given back any more, nor does it count as long as nobody knows when it was taken.
        } else {
            self.starts[*start].weight = cost.min(known.weight);
        }
        self.has_given_back = true;
        self.look();
    }

    pub(crate) fn play_all(&mut self, ops: &[Op]) {
        for op in ops {
            let begin = SystemClock.now();
            self.play(op);
            self.was_slow |= SystemClock.now().saturating_since(begin) > SLOW;
        }
    }
}

/// One of `len` by a random number.
fn pick(which: u64, len: usize) -> Option<usize> {
    usize::try_from(which).ok().filter(|_| len > 0).map(|which| which % len)
}
