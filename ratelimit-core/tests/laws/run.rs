//! Random schedules, each against the oracle, with probes of what refusals say.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use ratelimit_core::clock::Timestamp;
use ratelimit_core::{ErrorKind, Outlook};

use crate::common::Dice;
use crate::model::Model;
use crate::oracle::{Expected, GRACE, Oracle, Waiter};
use crate::probe::probe;
use crate::schedule::{KEYS, Limits, Op, Schedule};
use crate::world::{Ended, Event, World};

/// What a run met, for the figures.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent properties, to be counted")]
pub(crate) struct Met {
    pub late: bool,
    pub cancelled: bool,
    pub heavy: bool,
    pub rates: bool,
    pub starts: u64,
    /// Who started when, of those who waited.
    pub started: Vec<(usize, u64)>,
    /// Refusals to probe: after which step, on what key, of what weight, what it said, whether that is exact, and who is
    /// passed over meanwhile.
    pub refusals: Vec<Refusal>,
}

#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub step: usize,
    pub key: usize,
    pub weight: u32,
    pub at: u64,
    pub is_exact: bool,
    pub passed: Vec<usize>,
}

pub(crate) struct Run {
    pub world: World,
    pub oracle: Oracle,
    pub met: Met,
    step: usize,
    trace: bool,
    registered: bool,
}

impl Run {
    pub(crate) fn new(limits: &Limits, trace: bool) -> Self {
        let met = Met { rates: limits.rates.len() + limits.totals.len() > 1, ..Met::default() };
        Run { world: World::new(limits), oracle: Oracle::new(limits), met, step: 0, trace, registered: false }
    }

    pub(crate) fn play(&mut self, op: &Op) {
        self.step += 1;
        let mut events = Vec::new();
        let (wake, woken) = (self.world.clock.next_wake(), !self.world.woken().is_empty());
        self.world.play(op, &mut events);
        if matches!(op, Op::Advance(_)) {
            let now = self.world.now();
            self.met.late |= woken || wake.is_some_and(|wake| wake.as_nanos() < now);
        }
        self.follow(events);
    }

    pub(crate) fn follow_one(&mut self, happens: impl FnOnce(&mut World, &mut Vec<Event>)) {
        let mut events = Vec::new();
        happens(&mut self.world, &mut events);
        self.follow(events);
    }

    fn follow(&mut self, events: Vec<Event>) {
        for event in events {
            if self.trace {
                println!("{:>12} {event:?}", self.world.now());
            }
            self.see(event);
            if self.trace {
                let Oracle { exact, turns, waiters, .. } = &self.oracle;
                println!(
                    "             exact: {exact}, turns: {turns:?}, next wake: {:?}",
                    self.world.clock.next_wake()
                );
                for waiter in waiters {
                    println!("             {waiter:?}");
                }
            }
        }
        if self.oracle.exact {
            self.everybody_is_told();
        }
    }

    fn see(&mut self, event: Event) {
        match event {
            Event::Asked { key, weight, allowance, id, ended } => {
                self.see_asked(key, weight, allowance, id, ended);
            }
            Event::Polled { id, ended } => self.see_polled(id, ended),
            Event::Cancelled { id } => {
                self.met.cancelled = true;
                self.oracle.left(id);
            }
            Event::Advanced { now } => self.oracle.now = now,
            Event::Paused { span } => self.oracle.pause(span),
            Event::Refunded { start } => self.oracle.refund(start),
            Event::Registered(limits) => {
                self.registered = true;
                self.oracle.register(&limits);
            }
            Event::Paced { slow } => self.oracle.pace(slow),
            Event::Reset { key } => self.oracle.reset(key),
            Event::Peeked { key, weight, outlook } => self.see_peeked(key, weight, &outlook),
        }
        self.oracle.settle();
    }

    fn see_asked(
        &mut self,
        key: usize,
        weight: u32,
        allowance: u64,
        id: Option<usize>,
        ended: Option<Ended>,
    ) {
        self.met.heavy |= weight > 1;
        let expected = self.oracle.asked(key, weight, allowance);
        self.expect(&expected, ended);
        match ended {
            Some(Ended::Started { start, waited }) => {
                assert_eq!(waited, 0, "it started at once");
                self.see_started(key, u64::from(weight), start);
            }
            Some(Ended::Refused { kind, retry_after }) => {
                if let Some(wait) = retry_after {
                    // Whether one who was woken and not polled since is passed over has to be known.
                    if !self.oracle.exact && !self.world.woken().is_empty() {
                        return;
                    }
                    let (at, is_exact) = (self.oracle.now + wait, self.oracle.is_alone(key));
                    // Behind other keys, those before it may run out of time instead of starting when due.
                    if !is_exact && self.oracle.waiters.iter().any(|waiter| waiter.deadline < u64::MAX) {
                        return;
                    }
                    let exact = self.oracle.exact;
                    let passed = self.oracle.waiters.iter().filter(|waiter| exact && waiter.passed);
                    let passed = passed.map(|waiter| waiter.id).collect();
                    self.met.refusals.push(Refusal { step: self.step, key, weight, at, is_exact, passed });
                } else {
                    assert!(kind == ErrorKind::TooHeavy, "a refusal says when to come again");
                }
            }
            None => {
                let (id, now) = (id.expect("it waits"), self.oracle.now);
                let (weight, deadline) = (u64::from(weight), now.saturating_add(allowance));
                let waiter = Waiter { id, key, weight, joined: now, deadline, passed: false, failed: false };
                self.oracle.waiters.push(waiter);
            }
        }
    }

    fn see_polled(&mut self, id: usize, ended: Option<Ended>) {
        let expected = self.oracle.polled(id);
        self.expect(&expected, ended);
        let waiter = self.oracle.waiters[self.oracle.place(id)].clone();
        let Some(ended) = ended else { return };
        self.oracle.left(id);
        if let Ended::Started { start, waited } = ended {
            let now = self.oracle.now;
            assert!(
                now <= waiter.deadline.saturating_add(GRACE),
                "it starts 10 ms past its allowance at most"
            );
            assert_eq!(waited, now - waiter.joined, "the permit says how long it waited");
            self.met.started.push((id, now));
            self.see_started(waiter.key, waiter.weight, start);
            self.oracle.judge_behind(waiter.key);
        }
    }

    fn see_started(&mut self, key: usize, weight: u64, start: usize) {
        self.met.starts += 1;
        if weight > 0 {
            let now = self.oracle.tempo.policy(self.oracle.now);
            assert!(self.oracle.paused <= self.oracle.now, "nobody starts during a pause");
            assert_eq!(self.oracle.model.by_key(key, now, weight), now, "a start above the key's rates");
            assert_eq!(self.oracle.model.by_total(now, weight), now, "a start above the total");
        }
        self.oracle.started(key, weight, start);
    }

    fn expect(&self, expected: &Expected, ended: Option<Ended>) {
        if self.oracle.exact {
            assert!(Oracle::agrees(expected, ended), "expected {expected:?}, but: {ended:?}");
        }
    }

    fn see_peeked(&mut self, key: usize, weight: u32, outlook: &Outlook) {
        self.oracle.settle();
        if !self.oracle.exact {
            return;
        }
        let oracle = &self.oracle;
        let waiting = oracle.waiters.iter().filter(|waiter| waiter.key == key && !waiter.failed);
        assert_eq!(outlook.waiting(), waiting.count(), "how many wait");
        let wait = outlook.wait().map(|wait| u64::try_from(wait.as_nanos()).expect("it fits"));
        if !oracle.model.fits(u64::from(weight)) {
            assert_eq!(wait, None, "it never fits");
        } else if weight == 0 {
            assert_eq!(wait, Some(0), "it is free");
        } else if oracle.is_alone(key) {
            assert_eq!(
                wait,
                Some(oracle.plan(key, u64::from(weight)).1 - oracle.now),
                "how long it would wait"
            );
        }
        let (now, model) = (oracle.tempo.policy(oracle.now), &oracle.model);
        for (index, outlook) in outlook.rates().iter().enumerate() {
            let total = index >= model.rates.len();
            let starts: Vec<_> =
                model.starts.iter().filter(|start| total || start.key == Some(key)).collect();
            let fits = |weight: u32| model.earliest(outlook.rate(), &starts, u64::from(weight)) <= now;
            let (rate, remaining) = (outlook.rate(), outlook.remaining());
            assert!(remaining == 0 || fits(remaining), "{remaining} of {rate} do not remain");
            let most = rate.burst_amount().unwrap_or(rate.amount());
            assert!(remaining == most || !fits(remaining + 1), "more than {remaining} of {rate} remain");
        }
    }

    /// Whose turn has come or who has failed was woken; who is due later will be.
    fn everybody_is_told(&self) {
        let oracle = &self.oracle;
        let is_woken = |id: usize| self.world.tasks[id].as_ref().is_some_and(crate::common::Task::is_woken);
        for (id, _) in oracle.turns.iter().flatten() {
            assert!(is_woken(*id), "it is the turn of {id}, and nobody told it");
        }
        for waiter in oracle.waiters.iter().filter(|waiter| waiter.failed) {
            assert!(is_woken(waiter.id), "{} has failed, and nobody told it", waiter.id);
        }
        let wake = self.world.clock.next_wake().map_or(u64::MAX, Timestamp::as_nanos);
        for key in (0..KEYS).filter(|key| oracle.turns[*key].is_none()) {
            let Some((_, due)) = oracle.plan(key, 1).0.first().copied() else { continue };
            let first = oracle.waiters.iter().find(|waiter| !waiter.passed && !waiter.failed);
            if oracle.model.totals.is_empty() || first.is_some_and(|first| first.key == key) {
                assert!(wake <= due, "somebody is due at {due}, the next wake comes at {wake}");
            }
        }
    }

    /// Everybody who is left is polled when woken, and has to end.
    pub(crate) fn drain(&mut self) {
        let mut order = Dice::new(1);
        for _ in 0..1000 {
            let mut events = Vec::new();
            self.world.poll_all(&mut order, &mut events);
            self.follow(std::mem::take(&mut events));
            if self.world.waiting().is_empty() {
                return;
            }
            let wake = self.world.clock.next_wake().expect("somebody waits, and nobody will wake it");
            self.world.advance_to(wake.as_nanos(), &mut events);
            self.follow(events);
        }
        panic!("somebody waits forever: {:?}", self.oracle.waiters);
    }

    /// Laws 1 and 2 once more, by definition.
    pub(crate) fn laws_hold(&self) {
        if self.registered {
            // What started under other limits may be more than these allow.
            return;
        }
        let model = &self.oracle.model;
        for key in 0..KEYS {
            let starts = model.of_key(key);
            assert!(model.rates.iter().all(|rate| Model::holds(*rate, &starts)), "key {key} broke a law");
        }
        let starts: Vec<_> = model.starts.iter().collect();
        assert!(model.totals.iter().all(|rate| Model::holds(*rate, &starts)), "the total was broken");
    }
}

#[derive(Default, Debug)]
struct Figures {
    late: AtomicU64,
    cancelled: AtomicU64,
    rates: AtomicU64,
    heavy: AtomicU64,
    exact: AtomicU64,
    starts: AtomicU64,
    exact_probes: AtomicU64,
    bound_probes: AtomicU64,
}

fn run(seed: u64, figures: &Figures, trace: bool) {
    let schedule = Schedule::random(seed);
    let mut run = Run::new(&schedule.limits, trace);
    if trace {
        println!("{:?}", schedule.limits);
    }
    for op in &schedule.ops {
        run.play(op);
    }
    run.drain();
    run.laws_hold();
    let met = &run.met;
    let count = |figure: &AtomicU64, met: u64| figure.fetch_add(met, Ordering::Relaxed);
    count(&figures.late, u64::from(met.late));
    count(&figures.cancelled, u64::from(met.cancelled));
    count(&figures.rates, u64::from(met.rates));
    count(&figures.heavy, u64::from(met.heavy));
    count(&figures.exact, u64::from(run.oracle.exact));
    count(&figures.starts, met.starts);
    if !met.refusals.is_empty() {
        let refusal = Dice::new(seed ^ 1).below(met.refusals.len() as u64);
        let refusal = &met.refusals[usize::try_from(refusal).expect("small")];
        probe(&schedule, refusal);
        count(if refusal.is_exact { &figures.exact_probes } else { &figures.bound_probes }, 1);
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn every_random_schedule_keeps_the_laws() {
    let figures = Figures::default();
    if let Some(seed) = number("LAWS_SEED") {
        return run(seed, &figures, true);
    }
    let schedules = number("LAWS_SCHEDULES").unwrap_or(100_000);
    let threads = thread::available_parallelism().map_or(2, |threads| threads.get() as u64).min(8);
    let failed = AtomicU64::new(u64::MAX);
    thread::scope(|scope| {
        for first in 0..threads {
            let (figures, failed) = (&figures, &failed);
            scope.spawn(move || {
                for seed in (first..schedules).step_by(usize::try_from(threads).expect("few")) {
                    if failed.load(Ordering::Relaxed) < seed {
                        return;
                    }
                    if catch_unwind(AssertUnwindSafe(|| run(seed, figures, false))).is_err() {
                        failed.fetch_min(seed, Ordering::Relaxed);
                        return;
                    }
                }
            });
        }
    });
    let seed = failed.into_inner();
    assert!(
        seed == u64::MAX,
        "a law is broken; see how by `LAWS_SEED={seed} cargo test --test laws every_random`"
    );
    let mut shown = format!("{schedules} schedules: ");
    let of = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
    let _ = write!(shown, "{} starts, {} foreseen to the end, ", of(&figures.starts), of(&figures.exact));
    println!(
        "{shown}{} probes exact, {} of lower bounds",
        of(&figures.exact_probes),
        of(&figures.bound_probes)
    );
    for (what, figure) in [
        ("late wakes", &figures.late),
        ("cancellations", &figures.cancelled),
        ("two or more rates", &figures.rates),
        ("weights above 1", &figures.heavy),
        ("exact predictions to the end", &figures.exact),
        ("exact probes", &figures.exact_probes),
    ] {
        println!("  {what}: {} %", 100 * of(figure) / schedules);
        assert!(schedules < 1000 || of(figure) >= schedules / 4, "too few schedules with {what}");
    }
}
