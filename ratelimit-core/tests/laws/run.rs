//! Follows with the oracle what happens to a real bucket.

use ratelimit_core::clock::Timestamp;
use ratelimit_core::{ErrorKind, Outlook, Rate};

use crate::common::Dice;
use crate::met::{Kind, Met};
use crate::oracle::{Expected, GRACE, Oracle, Waiter};
use crate::probe::probe;
use crate::schedule::{KEYS, Limits, Op, Schedule, Step};
use crate::shape::is_fixed;
use crate::world::{Ended, Event, World};

/// A refusal to probe: after which step, on what key, of what weight, what it said, whether that is exact, and who is
/// passed over meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub step: usize,
    pub key: usize,
    pub weight: u32,
    pub at: u64,
    pub is_exact: bool,
    pub passed: Vec<usize>,
}

/// Longer than any window of a random schedule.
const STALL: u64 = 200_000_001;

pub(crate) struct Run {
    pub world: World,
    pub oracle: Oracle,
    pub met: Met,
    pub starts: u64,
    /// Who started when, of those who waited.
    pub started: Vec<(usize, u64)>,
    refusals: Vec<Refusal>,
    step: usize,
    trace: bool,
    registered: bool,
}

impl Run {
    pub(crate) fn new(limits: &Limits, trace: bool) -> Self {
        let all = || limits.rates.iter().chain(&limits.totals);
        let mut met = Met::default();
        met.note_if(all().count() > 1, Kind::TwoRates);
        met.note_if(!limits.totals.is_empty(), Kind::Totals);
        met.note_if(all().any(|rate| rate.burst_amount().is_some()), Kind::Bursts);
        met.note_if(all().copied().any(is_fixed), Kind::Fixed);
        met.note_if(limits.guard > 0, Kind::Guard);
        Run {
            world: World::new(limits),
            oracle: Oracle::new(limits),
            met,
            starts: 0,
            started: Vec::new(),
            refusals: Vec::new(),
            step: 0,
            trace,
            registered: false,
        }
    }

    /// The whole of a schedule, and one of its refusals probed.
    pub(crate) fn play_all(&mut self, schedule: &Schedule, dice: &mut Dice) {
        for op in &schedule.ops {
            self.play(op);
        }
        self.drain();
        self.laws_hold();
        self.met.note_if(self.oracle.exact, Kind::Foreseen);
        if !self.refusals.is_empty() {
            let refusal = dice.below(self.refusals.len() as u64);
            let refusal = &self.refusals[usize::try_from(refusal).expect("small")];
            probe(schedule, refusal);
            self.met.note(if refusal.is_exact { Kind::ExactProbe } else { Kind::BoundProbe });
        }
    }

    pub(crate) fn play(&mut self, op: &Op) {
        self.step += 1;
        let mut events = Vec::new();
        let before = self.world.now();
        let late = matches!(op, Op::Advance(_)) && self.world.is_anybody_woken();
        let wake = self.world.clock.next_wake().map_or(u64::MAX, Timestamp::as_nanos);
        self.world.play(op, &mut events);
        if matches!(op, Op::Advance(_)) {
            let now = self.world.now();
            let late = late || wake < now;
            self.met.note_if(late, Kind::LateWakes);
            self.met.note_if(late && now.saturating_sub(before) >= STALL, Kind::Stalls);
            self.met.note_if(now < before, Kind::ClockBack);
        }
        let refusals = self.refusals.len();
        self.follow(events);
        if matches!(op, Op::Advance(Step::Back(_))) {
            // What was refused before the step back cannot be played again without it.
            self.refusals.truncate(refusals);
        }
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
                self.met.note(Kind::Cancelled);
                self.oracle.left(id);
            }
            Event::Advanced { now } => self.oracle.advanced(now),
            Event::Paused { span } => {
                self.met.note(Kind::Paused);
                self.oracle.pause(span);
            }
            Event::Refunded { start } => {
                self.met.note(Kind::Refunded);
                self.oracle.refund(start);
            }
            Event::Registered(limits) => {
                self.met.note(Kind::Replaced);
                self.registered = true;
                self.oracle.register(&limits);
            }
            Event::Paced { slow } => {
                self.met.note(Kind::Paced);
                self.oracle.pace(slow);
            }
            Event::Reset { key } => {
                self.met.note(if key.is_some() { Kind::KeyReset } else { Kind::Reset });
                self.oracle.reset(key);
            }
            Event::Peeked { key, weight, outlook } => {
                self.met.note(Kind::Peeked);
                self.see_peeked(key, weight, &outlook);
            }
        }
        self.oracle.settle();
        self.met.note_if(self.oracle.waiters.iter().any(|waiter| waiter.passed), Kind::PassedOver);
    }

    fn see_asked(
        &mut self,
        key: usize,
        weight: u32,
        allowance: u64,
        id: Option<usize>,
        ended: Option<Ended>,
    ) {
        self.met.note_if(weight > 1, Kind::HeavyCalls);
        self.met.note_if(weight == 0, Kind::FreeCalls);
        self.met.note_if(key > 0, Kind::Keys);
        let expected = self.oracle.asked(key, weight, allowance);
        self.expect(&expected, ended);
        match ended {
            Some(Ended::Started { start, waited }) => {
                assert_eq!(waited, 0, "it started at once");
                self.see_started(key, u64::from(weight), start);
            }
            Some(Ended::Refused { kind, retry_after }) => {
                self.met.note(if kind == ErrorKind::TooHeavy { Kind::TooHeavy } else { Kind::Refused });
                if let Some(wait) = retry_after {
                    // Whether one who was woken and not polled since is passed over has to be known.
                    if !self.oracle.exact && self.world.is_anybody_woken() {
                        return;
                    }
                    let (at, is_exact) = (self.oracle.shown.saturating_add(wait), self.oracle.is_alone(key));
                    // Behind other keys, those before it may run out of time instead of starting when due.
                    if !is_exact && self.oracle.waiters.iter().any(|waiter| waiter.deadline < u64::MAX) {
                        return;
                    }
                    assert!(at < u64::MAX, "what is due with the end of time is never");
                    let exact = self.oracle.exact;
                    let passed = self.oracle.waiters.iter().filter(|waiter| exact && waiter.passed);
                    let passed = passed.map(|waiter| waiter.id).collect();
                    self.refusals.push(Refusal { step: self.step, key, weight, at, is_exact, passed });
                } else {
                    let never = kind == ErrorKind::TooHeavy || self.oracle.extreme;
                    assert!(never, "a refusal says when to come again");
                }
            }
            None => {
                self.met.note(Kind::Waited);
                let (id, now) = (id.expect("it waits"), self.oracle.shown);
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
            let now = self.oracle.shown;
            assert!(
                now <= waiter.deadline.saturating_add(GRACE),
                "it starts 10 ms past its allowance at most"
            );
            assert_eq!(waited, now.saturating_sub(waiter.joined), "the permit says how long it waited");
            self.started.push((id, now));
            self.see_started(waiter.key, waiter.weight, start);
            self.oracle.judge_behind(waiter.key);
        } else {
            self.met.note(Kind::FailedInLine);
        }
    }

    fn see_started(&mut self, key: usize, weight: u64, start: usize) {
        self.starts += 1;
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
            let due = oracle.plan(key, u64::from(weight)).1;
            assert_eq!(wait.unwrap_or(u64::MAX), oracle.wait(due), "it would wait until {due}");
        }
        let (now, model) = (oracle.tempo.policy(oracle.now), &oracle.model);
        for (index, outlook) in outlook.rates().iter().enumerate() {
            let of = (index < model.rates.len()).then_some(key);
            let fits = |weight: u32| model.earliest(outlook.rate(), of, u64::from(weight)) <= now;
            let (rate, remaining) = (outlook.rate(), outlook.remaining());
            assert!(remaining == 0 || fits(remaining), "{remaining} of {rate} do not remain");
            let most = rate.burst_amount().unwrap_or(rate.amount());
            assert!(remaining == most || !fits(remaining + 1), "more than {remaining} of {rate} remain");
        }
    }

    /// Whose turn has come or who has failed was woken; who is due later will be.
    fn everybody_is_told(&self) {
        let oracle = &self.oracle;
        if oracle.waiters.is_empty() {
            return;
        }
        let is_woken = |id: usize| self.world.tasks[id].as_ref().is_some_and(crate::common::Task::is_woken);
        for (id, _) in oracle.turns.iter().flatten() {
            assert!(is_woken(*id), "it is the turn of {id}, and nobody told it");
        }
        for waiter in oracle.waiters.iter().filter(|waiter| waiter.failed) {
            assert!(is_woken(waiter.id), "{} has failed, and nobody told it", waiter.id);
        }
        let wake = self.world.clock.next_wake().map_or(u64::MAX, Timestamp::as_nanos);
        for key in (0..KEYS).filter(|key| oracle.turns[*key].is_none()) {
            if let Some(due) = self.known_due(key) {
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
            let Some(wake) = self.world.clock.next_wake() else {
                assert!(self.oracle.extreme, "somebody waits, and nobody will wake it");
                return self.nobody_is_due();
            };
            self.world.advance_to(wake.as_nanos(), &mut events);
            self.follow(events);
        }
        panic!("somebody waits forever: {:?}", self.oracle.waiters);
    }

    /// Those who are left wait for what lies beyond the end of time.
    fn nobody_is_due(&self) {
        let dues = (0..KEYS).filter_map(|key| self.known_due(key));
        assert!(
            !self.oracle.exact || dues.min().is_none_or(|due| due == u64::MAX),
            "somebody waits, and nobody will wake it"
        );
    }

    /// When the first in line on `key` starts, unless that depends on other keys.
    fn known_due(&self, key: usize) -> Option<u64> {
        let oracle = &self.oracle;
        let first = oracle.waiters.iter().find(|waiter| !waiter.passed && !waiter.failed)?;
        (oracle.model.totals.is_empty() || first.key == key).then(|| oracle.first_due(key))?
    }

    /// Laws 1 to 3 once more, by definition.
    pub(crate) fn laws_hold(&self) {
        if self.registered {
            // What started under other limits may be more than these allow.
            return;
        }
        let model = &self.oracle.model;
        for key in 0..KEYS {
            let holds = |rate: &Rate| model.holds(*rate, Some(key));
            assert!(model.rates.iter().all(holds), "key {key} broke a law");
        }
        let holds = |rate: &Rate| model.holds(*rate, None);
        assert!(model.totals.iter().all(holds), "the total was broken");
    }
}
