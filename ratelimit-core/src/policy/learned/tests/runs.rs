//! Whole runs: 32 callers who always have more to ask, a server with a limit, and what lies between them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::*;
use crate::dice::Dice;

const MS: u64 = 1_000_000;
const CALLERS: usize = 32;

trait Server {
    fn answer(&mut self, now: u64) -> Feedback;
    fn rejected(&self) -> u64;
}

/// So many at once, refilled one by one; a limit's reset is when it is full again.
struct Refilling {
    limit: u64,
    spacing: u64,
    /// When it was full, or will be.
    full: u64,
    rejected: u64,
}

impl Refilling {
    fn new(limit: u64, window: u64) -> Self {
        Refilling { limit, spacing: window / limit, full: 0, rejected: 0 }
    }
}

impl Server for Refilling {
    fn answer(&mut self, now: u64) -> Feedback {
        let full = self.full.max(now) + self.spacing;
        let rejected = full > now + self.limit * self.spacing;
        if !rejected {
            self.full = full;
        }
        self.rejected += u64::from(rejected);
        Feedback {
            limit: Some(self.limit),
            remaining: Some(self.limit - (self.full - now).div_ceil(self.spacing)),
            reset_after: Some(Duration::from_nanos(self.full - now)),
            retry_after: rejected.then_some(Duration::from_nanos(self.spacing)),
            rejected,
            ..Feedback::default()
        }
    }

    fn rejected(&self) -> u64 {
        self.rejected
    }
}

/// So many per window, which opens with its first call.
struct Fixed {
    limit: u64,
    window: u64,
    whole_seconds: bool,
    ends: u64,
    used: u64,
    rejected: u64,
}

impl Fixed {
    fn new(limit: u64, window: u64) -> Self {
        Fixed { limit, window, whole_seconds: false, ends: 0, used: 0, rejected: 0 }
    }
}

impl Server for Fixed {
    fn answer(&mut self, now: u64) -> Feedback {
        if now >= self.ends {
            (self.ends, self.used) = (now + self.window, 0);
        }
        let rejected = self.used >= self.limit;
        self.used += u64::from(!rejected);
        self.rejected += u64::from(rejected);
        let left = self.ends - now;
        let left = if self.whole_seconds { left.div_ceil(SECOND) * SECOND } else { left };
        let left = Duration::from_nanos(left);
        Feedback {
            limit: Some(self.limit),
            remaining: Some(self.limit - self.used),
            reset_after: Some(left),
            retry_after: rejected.then_some(left),
            whole_seconds: self.whole_seconds,
            rejected,
            ..Feedback::default()
        }
    }

    fn rejected(&self) -> u64 {
        self.rejected
    }
}

#[derive(Debug)]
enum Event {
    Arrives(u64),
    Answered(u64, Feedback),
    Dropped(u64),
    Look,
}

/// The client, the server, and what is on its way between them.
struct Run<S> {
    dice: Dice,
    drops: bool,
    window: Learned,
    server: S,
    events: BTreeMap<(u64, u64), Event>,
    number: u64,
    /// When the calls were sent that are not over.
    running: BTreeMap<u64, Timestamp>,
    served: u64,
}

impl<S: Server> Run<S> {
    fn at(&mut self, time: u64, event: Event) {
        self.number += 1;
        self.events.insert((time, self.number), event);
    }

    fn meet(&mut self, now: u64, event: Event) {
        let time = Timestamp::from_nanos(now);
        match event {
            Event::Look => {}
            Event::Arrives(call) => {
                let answer = self.server.answer(now);
                let back = self.dice.between(5 * MS / 2, 75 * MS);
                self.at(now + back, Event::Answered(call, answer));
            }
            Event::Answered(call, answer) => {
                let Some(at) = self.running.remove(&call) else { return };
                assert_eq!(self.window.answer(Sent { at, weight: 1 }, time, &answer), None);
                self.served += u64::from(!answer.rejected);
            }
            Event::Dropped(call) => {
                let Some(at) = self.running.remove(&call) else { return };
                self.window.no_news(Sent { at, weight: 1 }, time);
            }
        }
    }

    fn start_all(&mut self, now: u64) {
        let time = Timestamp::from_nanos(now);
        while self.running.len() < CALLERS {
            match self.window.earliest(time, 1) {
                Earliest::At(at) if at == time => {
                    self.window.commit(time, 1);
                    let (call, there) = (self.number, self.dice.between(5 * MS, 150 * MS));
                    self.running.insert(call, time);
                    self.at(now + there, Event::Arrives(call));
                    if self.drops && self.dice.one_in(20) {
                        let half_way = self.dice.below(150 * MS);
                        self.at(now + half_way, Event::Dropped(call));
                    }
                }
                Earliest::At(at) => return self.at(at.as_nanos(), Event::Look),
                Earliest::WhenSettled => return,
                Earliest::Never => unreachable!("one is never above the limit"),
            }
        }
    }
}

/// Seconds until `wanted` calls were accepted and heard of, and how often the server said no.
fn run(seed: u64, server: impl Server, wanted: u64, drops: bool) -> (f64, u64) {
    let window = Learned::new(Manner { probes: true, remember: 3_600 * SECOND });
    let mut run = Run {
        dice: Dice::new(seed),
        drops,
        window,
        server,
        events: BTreeMap::new(),
        number: 0,
        running: BTreeMap::new(),
        served: 0,
    };
    run.start_all(0);
    while let Some(((now, _), event)) = run.events.pop_first() {
        run.meet(now, event);
        if run.served == wanted {
            return (Duration::from_nanos(now).as_secs_f64(), run.server.rejected());
        }
        run.start_all(now);
    }
    panic!("it stands still after {}", run.served);
}

/// Seconds of ten runs at most, and rejections of all.
fn runs<S: Server>(server: impl Fn() -> S, wanted: u64, drops: bool) -> (f64, u64) {
    let figures: Vec<_> = (0..10).map(|seed| run(seed, server(), wanted, drops)).collect();
    println!("{figures:.1?}");
    (figures.iter().map(|figure| figure.0).fold(0.0, f64::max), figures.iter().map(|figure| figure.1).sum())
}

#[test]
#[cfg_attr(miri, ignore = "too much to be interpreted")]
fn ten_a_second() {
    let (took, rejected) = runs(|| Fixed::new(10, SECOND), 1_000, false);
    assert!(took <= 108.0 && rejected == 0, "{took} s, {rejected} rejected");
}

#[test]
#[cfg_attr(miri, ignore = "too much to be interpreted")]
fn a_hundred_in_two_seconds() {
    let (took, rejected) = runs(|| Fixed::new(100, 2 * SECOND), 1_000, false);
    assert!(took <= 21.0 && rejected == 0, "{took} s, {rejected} rejected");
}

#[test]
#[cfg_attr(miri, ignore = "too much to be interpreted")]
fn ten_in_five_seconds_told_in_whole_seconds() {
    let server = || Fixed { whole_seconds: true, ..Fixed::new(10, 5 * SECOND) };
    let (took, rejected) = runs(server, 600, false);
    assert!(took <= 320.0 && rejected == 0, "{took} s, {rejected} rejected");
}

#[test]
#[cfg_attr(miri, ignore = "too much to be interpreted")]
fn one_in_twenty_is_dropped() {
    let (took, rejected) = runs(|| Fixed::new(10, SECOND), 1_000, true);
    assert!(rejected <= 100, "{took} s, {rejected} rejected in ten runs");
}

/// Whose end moves on with every call.
#[test]
#[cfg_attr(miri, ignore = "too much to be interpreted")]
fn a_server_that_refills() {
    for (limit, window, most) in [(10, SECOND, 105.0), (100, 2 * SECOND, 21.0)] {
        let (took, rejected) = runs(|| Refilling::new(limit, window), 1_000, false);
        assert!(took <= most && rejected <= 10, "{took} s, {rejected} rejected in ten runs");
    }
}
