//! Whole runs: 32 callers of a bucket who always have more to ask, a server with a limit, and what lies between them.

use std::collections::BTreeMap;
use std::time::Duration;

use ratelimit_core::clock::{ManualClock, Timestamp};
use ratelimit_core::feedback::Feedback;
use ratelimit_core::{Bucket, Permit};

use crate::common::{Dice, FOREVER, Task};
use crate::world::learned;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
const CALLERS: usize = 32;

trait Server: Clone {
    fn answer(&mut self, now: u64) -> Feedback;
    fn rejected(&self) -> u64;
}

/// So many at once, refilled one by one; what it calls its reset is when it is full again.
#[derive(Clone)]
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
        let answer = Feedback::default()
            .limit(self.limit)
            .remaining(self.limit - (self.full - now).div_ceil(self.spacing))
            .reset_after(Duration::from_nanos(self.full - now));
        let spacing = Duration::from_nanos(self.spacing);
        if rejected { answer.rejected(true).retry_after(spacing) } else { answer }
    }

    fn rejected(&self) -> u64 {
        self.rejected
    }
}

/// So many per window, which opens with its first call.
#[derive(Clone)]
struct Fixed {
    limit: u64,
    window: u64,
    /// It tells the rest of the window in whole seconds, the last one begun counted.
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
        let answer = Feedback::default()
            .limit(self.limit)
            .remaining(self.limit - self.used)
            .reset_after(left)
            .whole_seconds(self.whole_seconds);
        if rejected { answer.rejected(true).retry_after(left) } else { answer }
    }

    fn rejected(&self) -> u64 {
        self.rejected
    }
}

enum Event {
    /// A caller begins to wait.
    Asks(usize),
    Arrives(usize, u64),
    Answered(usize, u64, Feedback),
    Dropped(usize, u64),
}

enum Caller {
    Asks(Task),
    Sent(u64, Permit),
    Idle,
}

struct Run<S> {
    dice: Dice,
    drops: bool,
    clock: ManualClock,
    bucket: Bucket,
    server: S,
    events: BTreeMap<(u64, u64), Event>,
    number: u64,
    callers: Vec<Caller>,
    served: u64,
}

impl<S: Server> Run<S> {
    fn at(&mut self, time: u64, event: Event) {
        self.number += 1;
        self.events.insert((time, self.number), event);
    }

    fn meet(&mut self, now: u64, event: Event) {
        match event {
            Event::Asks(caller) => {
                let task = Task::new(self.bucket.request().max_delay(FOREVER).acquire_async());
                self.callers[caller] = Caller::Asks(task);
                self.poll(caller, now);
            }
            Event::Arrives(caller, call) => {
                let answer = self.server.answer(now);
                let back = self.dice.between(5 * MS / 2, 75 * MS);
                self.at(now + back, Event::Answered(caller, call, answer));
            }
            Event::Answered(caller, call, answer) => {
                if let Some(permit) = self.end(caller, call) {
                    permit.observe(&answer);
                    drop(permit);
                    self.served += u64::from(!answer.rejected);
                    self.at(now, Event::Asks(caller));
                }
            }
            Event::Dropped(caller, call) => {
                if let Some(permit) = self.end(caller, call) {
                    drop(permit);
                    self.at(now, Event::Asks(caller));
                }
            }
        }
    }

    fn end(&mut self, caller: usize, call: u64) -> Option<Permit> {
        match std::mem::replace(&mut self.callers[caller], Caller::Idle) {
            Caller::Sent(sent, permit) if sent == call => Some(permit),
            other => {
                self.callers[caller] = other;
                None
            }
        }
    }

    fn poll(&mut self, caller: usize, now: u64) {
        let Caller::Asks(task) = &mut self.callers[caller] else { return };
        let Some(ended) = task.poll() else { return };
        let call = self.number;
        self.callers[caller] = Caller::Sent(call, ended.expect("it waits however long"));
        let there = self.dice.between(5 * MS, 150 * MS);
        self.at(now + there, Event::Arrives(caller, call));
        if self.drops && self.dice.one_in(20) {
            let half_way = self.dice.below(150 * MS);
            self.at(now + half_way, Event::Dropped(caller, call));
        }
    }

    fn poll_woken(&mut self, now: u64) {
        loop {
            let is_woken = |caller: &Caller| matches!(caller, Caller::Asks(task) if task.is_woken());
            let Some(woken) = self.callers.iter().position(is_woken) else { return };
            self.poll(woken, now);
        }
    }
}

/// Seconds until `wanted` calls were accepted and heard of, and how often the server said no.
fn run(seed: u64, server: &impl Server, wanted: u64, drops: bool) -> (f64, u64) {
    let clock = ManualClock::new();
    let mut run = Run {
        dice: Dice::new(seed),
        drops,
        bucket: learned().clock(clock.clone()),
        clock,
        server: server.clone(),
        events: BTreeMap::new(),
        number: 0,
        callers: std::iter::repeat_with(|| Caller::Idle).take(CALLERS).collect(),
        served: 0,
    };
    (0..CALLERS).for_each(|caller| run.at(0, Event::Asks(caller)));
    loop {
        let wake = run.clock.next_wake().map_or(u64::MAX, Timestamp::as_nanos);
        let next = run.events.first_key_value().map_or(u64::MAX, |((time, _), _)| *time);
        let now = wake.min(next);
        assert!(now < u64::MAX, "it stands still after {}", run.served);
        run.clock.set(Timestamp::from_nanos(now));
        if next <= now
            && let Some((_, event)) = run.events.pop_first()
        {
            run.meet(now, event);
        }
        run.poll_woken(now);
        if run.served == wanted {
            return (Duration::from_nanos(now).as_secs_f64(), run.server.rejected());
        }
    }
}

/// Seconds of ten runs at most, and how often the server said no at most in one.
fn runs(server: &impl Server, wanted: u64, drops: bool) -> (f64, u64) {
    let figures: Vec<_> = (0..10).map(|seed| run(seed, server, wanted, drops)).collect();
    println!("{figures:.1?}");
    let most = figures.iter().map(|figure| figure.1).max().unwrap_or(0);
    (figures.iter().map(|figure| figure.0).fold(0.0, f64::max), most)
}

#[test]
fn ten_a_second() {
    let (took, rejected) = runs(&Fixed::new(10, SECOND), 1_000, false);
    assert!(took <= 108.0 && rejected == 0, "{took} s, {rejected} rejected");
}

#[test]
fn a_hundred_in_two_seconds() {
    let (took, rejected) = runs(&Fixed::new(100, 2 * SECOND), 1_000, false);
    assert!(took <= 21.0 && rejected == 0, "{took} s, {rejected} rejected");
}

#[test]
fn ten_in_five_seconds_told_in_whole_seconds() {
    let server = Fixed { whole_seconds: true, ..Fixed::new(10, 5 * SECOND) };
    let (took, rejected) = runs(&server, 600, false);
    assert!(took <= 320.0 && rejected == 0, "{took} s, {rejected} rejected");
}

#[test]
fn one_in_twenty_is_dropped_half_way() {
    let (took, rejected) = runs(&Fixed::new(10, SECOND), 1_000, true);
    assert!(took <= 115.0 && rejected <= 10, "{took} s, {rejected} rejected");
}

/// Whose end moves on with every call.
#[test]
fn a_server_that_refills() {
    for (limit, window, most) in [(10, SECOND, 105.0), (100, 2 * SECOND, 21.0)] {
        let (took, rejected) = runs(&Refilling::new(limit, window), 1_000, false);
        assert!(took <= most && rejected <= 1, "{took} s, {rejected} rejected");
    }
}
