//! Reservations: a reserve is a future that is polled once, its time to act is when the future wakes and starts, and a
//! cancel is its drop, or the permit's refund if it started at this very moment. Changed limits are registered anew.
//!
//! We differ on purpose in these things:
//!
//! - **Weight 0** is a free pass with us (law 9); the peer refuses it, or lets it wait, while it is in debt.
//! - **A cancel while others wait behind** gives the peer back only what was not reserved after it, often nothing, and
//!   the others keep their times. With us the line is as if the one who left had never come, and those behind it move
//!   up (law 8). A cancel by the last in line, which gives everything back, and one that comes too late are the same.
//! - **Another limit**: who waits is planned anew with us, the peer's reservations keep their times. For whoever comes
//!   then nothing differs.
//! - **Another burst**: ours keeps the weight that is owed, so that what is left grows and shrinks with the burst; the
//!   peer keeps what is left, up to the burst.
//! - **A refund** of what started under limits that were replaced since gives nothing back.
//! - **Where floats decide**, for rates that they cannot hold, ours is exact.
//!
//! Where the states are no longer the same, events are left out until the peer's bucket is full again. Then ours is
//! reset, which makes it full as well.

use std::collections::BTreeMap;
use std::time::Duration;

use ratelimit_core::{ErrorKind, Permit, Rate};
use serde::Deserialize;
use serde_json::Number;

use super::{Allow, Config, Limiter};
use crate::replay::{Engine, Peer, Tally, replay};
use crate::waiting::Waiting;

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Event {
    Allow(Allow),
    Reserve(Reserve),
    Cancel(Cancel),
    SetLimit { t_ns: u64, limit: Number, tokens: f64 },
    SetBurst { t_ns: u64, n: u32, tokens: f64 },
}

#[derive(Deserialize)]
pub(super) struct Reserve {
    t_ns: u64,
    n: u32,
    id: u32,
    ok: bool,
    delay_ns: Option<u64>,
    tokens: f64,
    #[serde(default)]
    near: bool,
}

#[derive(Deserialize)]
pub(super) struct Cancel {
    t_ns: u64,
    id: u32,
    tokens: f64,
}

pub(super) struct Reservation {
    pub(super) weight: u32,
    /// When it starts, as the peer said, or as our law says after another limit.
    pub(super) act: u64,
    /// `None` while it waits.
    pub(super) permit: Option<Permit>,
    /// It started under limits that were replaced since.
    pub(super) is_void: bool,
}

/// `SLACK` is by how many nanoseconds times may differ.
pub(super) struct Reservations<const SLACK: u64> {
    pub(super) limiter: Limiter,
    /// The peer's count, and when it was that.
    tokens: (f64, u64),
    pub(super) waiting: Waiting,
    pub(super) reserved: BTreeMap<u32, Reservation>,
    /// Since another limit somebody acts at another time than the peer's.
    pub(super) replanned: bool,
    /// The states are not the same.
    parted: bool,
    /// They were the same again after that: of earlier reservations we know nothing.
    met: bool,
}

impl<const SLACK: u64> Reservations<SLACK> {
    /// The peer's count at `now`, before whatever happens then.
    pub(super) fn tokens_at(&self, now: u64) -> f64 {
        let (tokens, since) = self.tokens;
        let refilled = Duration::from_nanos(now - since).as_secs_f64() * self.limiter.limit_per_s;
        (tokens + refilled).min(f64::from(self.limiter.burst))
    }

    pub(super) fn part(&mut self) {
        self.parted = true;
        self.replanned = false;
        self.reserved.clear();
        self.waiting = Waiting::default();
    }

    /// Goes on from full buckets.
    fn meet(&mut self, now: u64, engine: &Engine, tally: &mut Tally) {
        engine.set_time(now);
        engine.replace(self.limiter.rate);
        engine.bucket.reset().expect("open");
        (self.parted, self.met) = (false, true);
        tally.count("gone on from full buckets");
    }

    /// Lets the time pass, and asserts that those who waited start when the peer said.
    fn pass(&mut self, now: u64, engine: &Engine, tally: &mut Tally) {
        for started in self.waiting.pass(now, engine) {
            let reservation = self.reserved.get_mut(&started.id).expect("it has reserved");
            let (ours, peers) = (Duration::from_nanos(started.at), Duration::from_nanos(reservation.act));
            self.limiter.close("starts of those who waited", Some(ours), Some(peers), tally);
            reservation.permit = Some(started.permit);
        }
    }

    fn reserve(&mut self, event: &Reserve, engine: &Engine, tally: &mut Tally) {
        let foreseen = engine.wait(None, event.n);
        let delay = event.delay_ns.filter(|_| event.ok);
        let first = self.waiting.join(event.id, event.n, engine);
        if event.n == 0 && delay != Some(0) {
            tally.holds("on purpose: weight 0 is free", first.is_some_and(|first| first.is_ok()));
            return;
        }
        self.limiter.close("delays", foreseen, delay.map(Duration::from_nanos), tally);
        let permit = match (first, delay) {
            (Some(Ok(permit)), Some(0)) => Some(permit),
            (None, Some(1..)) => None,
            (Some(Err(error)), None) => return tally.equal("never", error.kind(), ErrorKind::TooHeavy),
            (first, _) => panic!("{first:?}, but the peer's delay is {delay:?}"),
        };
        tally.count("reservations");
        let act = event.t_ns + delay.unwrap_or(0);
        self.reserved.insert(event.id, Reservation { weight: event.n, act, permit, is_void: false });
    }

    fn cancel(&mut self, event: &Cancel, tally: &mut Tally) {
        let peers = event.tokens - self.tokens_at(event.t_ns);
        let Some(Reservation { weight, act, permit, is_void }) = self.reserved.remove(&event.id) else {
            // Refused, or the free pass that we gave in its stead: nothing was taken, and nothing is given back.
            if self.met && !self.limiter.is_nearly(peers, 0.0) {
                tally.count("on purpose: a cancel of what was reserved before");
                return self.part();
            }
            return tally.holds("given back", self.limiter.is_nearly(peers, 0.0));
        };
        let ours = if act >= event.t_ns && !is_void { f64::from(weight) } else { 0.0 };
        if !self.limiter.is_nearly(ours, peers) {
            let before_others =
                self.reserved.iter().any(|(id, other)| other.act > act && self.waiting.is_waiting(*id));
            if is_void {
                tally.holds("on purpose: a refund is void under other limits", ours < peers);
            } else if self.replanned {
                tally.count("on purpose: who waits is planned anew at another limit");
            } else {
                tally.holds(
                    "on purpose: a cancel that lets those behind move up",
                    before_others && ours > peers,
                );
            }
            return self.part();
        }
        tally.count("given back");
        match permit {
            Some(permit) if act == event.t_ns => permit.refund(),
            Some(permit) => drop(permit),
            None => assert!(self.waiting.leave(event.id), "it waits"),
        }
    }

    /// Whether the peer's rounding has decided, and otherwise than ours.
    fn is_rounded(event: &Event, engine: &Engine) -> bool {
        let (weight, at_once) = match event {
            Event::Allow(allow) if allow.near => (allow.n, allow.ok),
            Event::Reserve(reserve) if reserve.near => (reserve.n, reserve.delay_ns == Some(0)),
            _ => return false,
        };
        (engine.wait(None, weight) == Some(Duration::ZERO)) != at_once
    }

    fn see(&mut self, event: &Event, engine: &Engine, tally: &mut Tally) {
        match event {
            Event::Allow(allow) if allow.n == 0 && !allow.ok => {
                tally.holds("on purpose: weight 0 is free", engine.ask(None, 0).is_granted());
            }
            Event::Allow(allow) => self.limiter.compare_allow(allow, engine, tally),
            Event::Reserve(reserve) => self.reserve(reserve, engine, tally),
            Event::Cancel(cancel) => self.cancel(cancel, tally),
            Event::SetLimit { t_ns, limit, tokens } => {
                self.set_limit(*t_ns, *tokens, limit, engine);
                tally.count("other limits");
            }
            Event::SetBurst { t_ns, n, tokens } => {
                self.set_burst(*t_ns, *tokens, *n, engine, tally);
                tally.count("other bursts");
            }
        }
    }
}

impl<const SLACK: u64> Peer for Reservations<SLACK> {
    type Config = Config;
    type Event = Event;

    fn new(config: Config) -> Self {
        Reservations {
            limiter: Limiter::new(&config, SLACK),
            tokens: (f64::from(config.burst), 0),
            waiting: Waiting::default(),
            reserved: BTreeMap::new(),
            replanned: false,
            parted: false,
            met: false,
        }
    }

    fn rates(&self) -> Vec<Rate> {
        vec![self.limiter.rate]
    }

    fn replay(&mut self, event: Event, engine: &Engine, tally: &mut Tally) {
        let (t_ns, tokens) = match &event {
            Event::Allow(Allow { t_ns, tokens, .. })
            | Event::Reserve(Reserve { t_ns, tokens, .. })
            | Event::Cancel(Cancel { t_ns, tokens, .. })
            | Event::SetLimit { t_ns, tokens, .. }
            | Event::SetBurst { t_ns, tokens, .. } => (*t_ns, *tokens),
        };
        if self.parted && self.tokens_at(t_ns) >= f64::from(self.limiter.burst) {
            self.meet(t_ns, engine, tally);
        }
        if !self.parted {
            self.pass(t_ns, engine, tally);
            if Self::is_rounded(&event, engine) {
                tally.count("on purpose: exact where the peer's floats decide");
                self.part();
            }
        }
        if self.parted {
            match &event {
                Event::SetLimit { limit, .. } => self.limiter.set_limit(limit),
                Event::SetBurst { n, .. } => self.limiter.set_burst(*n),
                _ => {}
            }
            tally.leave_out("left out: the states are not the same");
        } else {
            self.see(&event, engine, tally);
        }
        if !self.parted {
            self.limiter.compare_tokens(tokens, engine, tally);
        }
        self.tokens = (tokens, t_ns);
    }
}

#[test]
fn futures_start_when_x_times_reservations_act() {
    replay::<Reservations<0>>(
        "xtime/reserve",
        &[
            ("decisions", 198),
            ("delays", 432),
            ("given back", 112),
            ("gone on from full buckets", 6),
            ("left out: the states are not the same", 364),
            ("never", 17),
            ("on purpose: a cancel that lets those behind move up", 8),
            ("on purpose: weight 0 is free", 5),
            ("remaining", 302),
            ("reservations", 420),
            ("starts of those who waited", 177),
            ("times of the next token", 747),
            ("waits", 128),
        ],
    );
}

#[test]
fn futures_start_when_x_times_reservations_in_floats_act() {
    replay::<Reservations<2>>(
        "xtime/reserve-float",
        &[
            ("decisions", 49),
            ("delays", 117),
            ("given back", 33),
            ("gone on from full buckets", 3),
            ("left out: the states are not the same", 177),
            ("on purpose: a cancel that lets those behind move up", 2),
            ("on purpose: exact where the peer's floats decide", 1),
            ("remaining", 87),
            ("reservations", 117),
            ("starts of those who waited", 54),
            ("times of the next token", 199),
            ("waits", 35),
        ],
    );
}

#[test]
fn a_token_bucket_allows_what_x_time_allows_in_floats() {
    replay::<Reservations<2>>(
        "xtime/allow-float",
        &[
            ("decisions", 763),
            ("gone on from full buckets", 6),
            ("left out: the states are not the same", 98),
            ("never", 30),
            ("on purpose: exact where the peer's floats decide", 6),
            ("remaining", 758),
            ("times of the next token", 763),
            ("waits", 369),
        ],
    );
}
