//! Follows with the oracle what happens to a real bucket.

use ratelimit_core::ErrorKind;
use ratelimit_core::clock::Timestamp;

use crate::common::Dice;
use crate::met::{Kind, Met};
use crate::oracle::{Expected, GRACE, Oracle, Waiter};
use crate::probe::probe;
use crate::schedule::{Limits, Op, Schedule, Step};
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
    pub registered: bool,
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
        met.note_if(limits.in_flight.is_some(), Kind::InFlight);
        met.note_if(limits.own.is_some(), Kind::OwnPolicy);
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
                self.oracle.cancelled(id);
            }
            Event::Advanced { now } => self.oracle.advanced(now),
            Event::Paused { span } => {
                self.met.note(Kind::Paused);
                self.oracle.pause(span);
            }
            Event::Charged { key, weight, start } => {
                self.met.note(Kind::Charged);
                let now = self.oracle.tempo.policy(self.oracle.now);
                self.met.note_if(self.oracle.model.due(key, now, u64::from(weight)) != Some(now), Kind::Debt);
                self.oracle.charged(key, u64::from(weight), start);
            }
            Event::Corrected { start, cost } => {
                let counted = self.oracle.counted(start);
                let is_more = u64::from(cost) > counted;
                self.met.note_if(is_more, Kind::CostMore);
                self.met.note_if(is_more && self.oracle.is_of_before(start), Kind::CostMoreSince);
                self.met.note_if(u64::from(cost) < counted, Kind::CostLess);
                self.oracle.correct(start, u64::from(cost));
            }
            Event::Ended { start } => {
                self.met.note_if(self.oracle.has_unknown_turns(), Kind::BodyEnded);
                self.oracle.end(start);
            }
            Event::Refunded { start } => {
                self.met.note(Kind::Refunded);
                self.oracle.refund(start);
            }
            Event::Registered(limits) => {
                self.met.note(Kind::Replaced);
                self.met.note_if(limits.rates.iter().copied().any(is_fixed), Kind::FixedReplaced);
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
                    assert!(never || self.oracle.has_unknown_turns(), "a refusal says when to come again");
                }
            }
            None => {
                self.met.note(Kind::Waited);
                let (id, now) = (id.expect("it waits"), self.oracle.shown);
                let (weight, deadline) = (u64::from(weight), now.saturating_add(allowance));
                let waiter = Waiter { id, key, weight, joined: now, deadline, passed: false, failed: false };
                self.oracle.waiters.push(waiter);
                let is_unknown = self.oracle.has_unknown_turns() && self.oracle.plan(key, 1).1.is_none();
                self.met.note_if(is_unknown, Kind::UnknownTurn);
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
            let is_unknown = ended == Ended::Refused { kind: ErrorKind::DelayTooLong, retry_after: None };
            self.met.note_if(is_unknown && !self.oracle.extreme, Kind::UnknownEnded);
        }
    }

    fn see_started(&mut self, key: usize, weight: u64, start: usize) {
        self.starts += 1;
        if weight > 0 {
            let now = self.oracle.tempo.policy(self.oracle.now);
            assert!(self.oracle.paused <= self.oracle.now, "nobody starts during a pause");
            assert!(self.oracle.model.key_lets(key, now, weight), "a start above the key's limits");
            assert!(self.oracle.room(key) > 0, "one more runs than may");
            assert_eq!(self.oracle.model.by_total(now, weight), now, "a start above the total");
        }
        self.oracle.started(key, weight, start);
    }

    fn expect(&self, expected: &Expected, ended: Option<Ended>) {
        if self.oracle.exact {
            assert!(Oracle::agrees(expected, ended), "expected {expected:?}, but: {ended:?}");
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
                if let Some(held) = self.world.held().first() {
                    self.world.end(*held, &mut events);
                    self.follow(events);
                    continue;
                }
                assert!(self.oracle.extreme, "somebody waits, and nobody will wake it");
                return self.nobody_is_due();
            };
            self.world.advance_to(wake.as_nanos(), &mut events);
            self.follow(events);
        }
        panic!("somebody waits forever: {:?}", self.oracle.waiters);
    }
}
