//! A wall clock that is put back and forward, by seconds, hours and days, while several processes of the machine call and
//! wait: random schedules, judged by the time that has really passed.
//!
//! What is promised: put back, nothing more is admitted; put forward, at most one further amount each time; and nobody is
//! held up for longer than the limits say.

#![expect(clippy::indexing_slicing, reason = "keys and rates of the tests' own")]

use std::time::Duration;

use ratelimit_core::clock::{Clock, ManualClock, Timestamp};
use ratelimit_core::store::SqliteStore;
use ratelimit_core::{Bucket, ErrorKind, Permit, Rate};

use crate::common::{Dice, FOREVER, Task};
use crate::{Dir, LONG};

/// The default one of all these.
const GUARD: Duration = Duration::from_millis(20);
const KEYS: [&str; 2] = ["ann", "bob"];
/// So many wait at most.
const WAITERS: u32 = 6;
const SCHEDULES: u64 = 60;
const STEPS: usize = 60;

/// The rates of a key, and one over all.
type Limits = (Vec<Rate>, Option<Rate>);

fn limits() -> Vec<Limits> {
    let span = Duration::from_secs;
    let (sliding, bucket) = (Rate::new(4, span(10)), Rate::new(4, span(8)).burst(5));
    let fixed = Rate::new(4, span(10)).fixed();
    vec![
        (vec![sliding], None),
        (vec![bucket], None),
        (vec![fixed], None),
        (vec![Rate::new(3, span(2)), Rate::new(9, span(30)).burst(9)], Some(Rate::new(6, span(10)))),
        (vec![fixed, Rate::new(6, span(3600))], Some(bucket)),
    ]
}

/// What is permitted at once, and for how long it counts, with a guard and the edge of a window.
fn most_of(rate: Rate) -> (u32, Duration) {
    let most = rate.burst_amount().unwrap_or(rate.amount());
    (most, rate.per() * most / rate.amount() + GUARD + Duration::from_millis(1))
}

fn is_fixed(rate: Rate) -> bool {
    rate == Rate::new(rate.amount(), rate.per()).fixed()
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).expect("not so long")
}

/// By the time that has really passed, in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Start {
    asked: u64,
    at: u64,
    key: usize,
}

struct Waiter {
    asked: u64,
    key: usize,
    process: Bucket,
    task: Task,
}

struct World {
    dir: Dir,
    limits: Limits,
    /// What has really passed, by which processes wait.
    time: ManualClock,
    /// What the machine shows.
    wall: ManualClock,
    waiters: Vec<Waiter>,
    starts: Vec<Start>,
    /// When the wall clock was put forward.
    forward: Vec<u64>,
    has_waited: bool,
}

/// All that a process has asked is answered, as that is done in order. Who looks may be carried along, and have its answer
/// before those are woken who were answered with it.
fn look(process: &Bucket) {
    for _ in 0..2 {
        process.peek().expect("a store that answers");
    }
}

impl World {
    fn new(limits: Limits) -> Self {
        let (time, wall) = (ManualClock::new(), ManualClock::new());
        // Some day in 2026, and any other time.
        wall.set(Timestamp::from_nanos(1_790_000_000 * 1_000_000_000));
        time.advance(Duration::from_secs(1000));
        let dir = Dir::in_memory();
        let (waiters, starts, forward) = Default::default();
        World { dir, limits, time, wall, waiters, starts, forward, has_waited: false }
    }

    /// A process as it starts. Each call is one's of its own: by what time has really passed, and not by `time`, a process
    /// knows for how long its own starts count, and it would miss them.
    fn process(&self) -> Bucket {
        let store = SqliteStore::open_at(self.dir.file(), self.wall.clone()).expect("a file of ours");
        let (rates, total) = &self.limits;
        let bucket = rates[1..].iter().fold(Bucket::named("api", rates[0]), |bucket, rate| bucket.and(*rate));
        let bucket = total.iter().fold(bucket, |bucket, rate| bucket.total(*rate));
        bucket.store(store.timeout(LONG)).clock(self.time.clone())
    }

    fn now(&self) -> u64 {
        self.time.now().as_nanos()
    }

    /// The longest time for which anything counts.
    fn longest(&self) -> Duration {
        let (rates, total) = &self.limits;
        rates.iter().chain(total).map(|rate| most_of(*rate).1).max().expect("a rate")
    }

    /// By how much longer than anything counts who comes is held up at most. Starts that are reserved lie ahead of now; and
    /// after the clock was put back what was reserved before cannot be given back any more.
    fn behind(&self) -> u32 {
        if self.has_waited { 1 + WAITERS } else { 1 }
    }

    fn started(&mut self, asked: u64, key: usize, permit: Permit) {
        self.starts.push(Start { asked, at: self.now(), key });
        drop(permit);
    }

    /// Whether it starts.
    fn try_one(&mut self, key: usize) -> bool {
        let now = self.now();
        match self.process().request().key(KEYS[key]).try_acquire() {
            Ok(permit) => self.started(now, key, permit),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Limited, "{error}");
                let most = self.longest() * self.behind();
                assert!(error.retry_after().is_none_or(|wait| wait <= most), "held up for longer: {error}");
                return false;
            }
        }
        true
    }

    fn wait(&mut self, key: usize) {
        self.has_waited = true;
        let process = self.process();
        let request = process.request().key(KEYS[key]).max_delay(FOREVER);
        let task = Task::new(request.acquire_async());
        self.waiters.push(Waiter { asked: self.now(), key, process, task });
        let last = self.waiters.len() - 1;
        self.poll(last);
        self.settle();
    }

    fn poll(&mut self, index: usize) {
        if let Some(ended) = self.waiters[index].task.poll() {
            let Waiter { asked, key, .. } = self.waiters.remove(index);
            self.started(asked, key, ended.expect("there is time"));
        }
    }

    /// Until all that was asked is answered, and everybody who was woken has looked.
    fn settle(&mut self) {
        loop {
            self.waiters.iter().for_each(|waiter| look(&waiter.process));
            match (0..self.waiters.len()).rev().find(|index| self.waiters[*index].task.is_woken()) {
                Some(index) => self.poll(index),
                None => return,
            }
        }
    }

    fn pass(&mut self, span: Duration) {
        let until = self.time.now().saturating_add(span);
        loop {
            let now = self.time.now();
            let to = self.time.next_wake().map_or(until, |wake| wake.clamp(now, until));
            self.wall.advance(to.saturating_since(now));
            self.time.set(to);
            self.settle();
            if to == until && self.time.next_wake().is_none_or(|wake| wake > until) {
                return;
            }
        }
    }

    fn put_back(&mut self, by: Duration) {
        self.wall.set(Timestamp::from_nanos(self.wall.now().as_nanos() - nanos(by)));
    }

    fn put_forward(&mut self, by: Duration) {
        self.wall.advance(by);
        self.forward.push(self.now());
    }

    /// Somebody has waited enough.
    fn leave(&mut self, which: u64) {
        let count = self.waiters.len().max(1) as u64;
        let index = usize::try_from(which % count).expect("a few");
        if index < self.waiters.len() {
            let Waiter { process, task, .. } = self.waiters.remove(index);
            drop(task);
            // What it gives back is told before time goes on.
            look(&process);
        }
    }

    /// Laws 1 to 4 by what has really passed: each time that the clock was put forward one more amount, if any.
    fn judge(&self) -> Result<(), String> {
        let (rates, total) = &self.limits;
        let of_keys = rates.iter().flat_map(|rate| [(*rate, Some(0)), (*rate, Some(1))]);
        for (rate, key) in of_keys.chain(total.iter().map(|rate| (*rate, None))) {
            let starts: Vec<Start> =
                self.starts.iter().filter(|start| key.is_none_or(|key| start.key == key)).copied().collect();
            for first in 0..starts.len() {
                for last in first..starts.len() {
                    let (within, span) = (&starts[first..=last], starts[last].at - starts[first].at);
                    if !self.fits(rate, within, span) {
                        return Err(format!("{} starts of {key:?} in {span} ns under {rate}", within.len()));
                    }
                }
            }
        }
        Ok(())
    }

    fn fits(&self, rate: Rate, starts: &[Start], span: u64) -> bool {
        let began = starts.iter().map(|start| start.asked).min();
        let ended = starts.iter().map(|start| start.at).max();
        let forward = self.forward.iter().filter(|at| Some(**at) >= began && Some(**at) <= ended).count();
        let (count, times, per) = (starts.len() as u64, 1 + forward as u64, nanos(rate.per()));
        let amount = u64::from(rate.amount());
        match rate.burst_amount() {
            Some(burst) => count.saturating_sub(times * u64::from(burst)) * per <= amount * span,
            None if span > per => true,
            // One window may be full at its end, and the next one at its beginning.
            None if is_fixed(rate) => count <= 2 * times * amount,
            None => count <= times * amount,
        }
    }

    /// Once no clock is put anywhere any more: who asks then is held up for no longer than anything counts, behind what was
    /// reserved for those who waited.
    fn recovers(&mut self) {
        while !self.waiters.is_empty() {
            self.pass(self.longest());
        }
        for key in 0..KEYS.len() {
            self.try_one(key);
        }
        self.pass(self.longest() * self.behind());
        let (rates, total) = &self.limits;
        let most = |rates: &[Rate]| rates.iter().map(|rate| most_of(*rate).0).min();
        let all = most(rates).into_iter().chain(most(total.as_slice())).min().expect("a rate");
        for count in 0..all {
            // The last of a burst comes a guard after the others.
            self.pass(GUARD);
            assert!(self.try_one(0), "{count} of {all} may start, {:?}", self.limits);
        }
    }
}

/// What a schedule is made of beside calls, time, and a clock that is put back.
#[derive(Clone, Copy, Debug, Default)]
struct Spice {
    waits: bool,
    goes_forward: bool,
}

fn step(world: &mut World, dice: &mut Dice, spice: Spice) {
    let far = |dice: &mut Dice| match dice.below(4) {
        0 => Duration::from_millis(dice.between(1, 12_000)),
        1 => Duration::from_secs(3600),
        2 => Duration::from_secs(24 * 3600),
        _ => Duration::from_millis(dice.between(1, 4_000_000)),
    };
    let key = dice.pick(&[0, 0, 1]);
    match dice.below(16) {
        0..5 => drop(world.try_one(key)),
        5..8 if spice.waits && world.waiters.len() < WAITERS as usize => world.wait(key),
        8 => world.put_back(far(dice)),
        9 if spice.goes_forward => world.put_forward(far(dice)),
        10 => world.leave(dice.next()),
        _ => world.pass(Duration::from_micros(dice.below(2_500_000))),
    }
}

fn play(seed: u64, spice: Spice) -> usize {
    let mut dice = Dice::new(seed);
    let all = limits();
    let mut world = World::new(all[usize::try_from(seed).expect("a few") % all.len()].clone());
    for _ in 0..STEPS {
        step(&mut world, &mut dice, spice);
    }
    world.recovers();
    let judged = world.judge();
    assert!(judged.is_ok(), "seed {seed}, {:?}: {judged:?}, {:?}", world.limits, world.starts);
    world.starts.len()
}

fn test(spice: Spice) {
    let starts: usize = (0..SCHEDULES).map(|seed| play(seed, spice)).sum();
    assert!(starts > 10 * usize::try_from(SCHEDULES).expect("a few"), "{starts}");
}

#[test]
fn a_clock_put_back_while_processes_call() {
    test(Spice::default());
}

#[test]
fn a_clock_put_back_while_processes_wait() {
    test(Spice { waits: true, ..Spice::default() });
}

#[test]
fn a_clock_put_back_and_forward_while_processes_call() {
    test(Spice { goes_forward: true, ..Spice::default() });
}

#[test]
fn a_clock_put_back_and_forward_while_processes_wait() {
    test(Spice { waits: true, goes_forward: true });
}
