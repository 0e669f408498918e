//! Reservations: a reserve is a future that is polled once, its time to act is when the future wakes and starts, and a
//! cancel is its drop, or the permit's refund if it started at this very moment.
//!
//! We differ on purpose in two things:
//!
//! - **Weight 0** is a free pass with us (law 9); the peer refuses it, or lets it wait, while it is in debt.
//! - **A cancel while others wait behind** gives the peer back only what was not reserved after it, often nothing, and
//!   the others keep their times. With us the line is as if the one who left had never come, and those behind it move
//!   up (law 8). The states are no longer the same then, and the rest of the trace is left out. A cancel by the last
//!   in line, which gives everything back, and one that comes too late are the same in both.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use ratelimit_core::clock::{Clock, Timestamp};
use ratelimit_core::{Error, ErrorKind, Permit, Rate};
use serde::Deserialize;

use super::{Allow, Config, Limiter};
use crate::replay::{Engine, Peer, Tally, replay};

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Event {
    Allow(Allow),
    Reserve(Reserve),
    Cancel(Cancel),
}

#[derive(Deserialize)]
struct Reserve {
    t_ns: u64,
    n: u32,
    id: u32,
    ok: bool,
    delay_ns: Option<u64>,
    tokens: f64,
}

#[derive(Deserialize)]
struct Cancel {
    t_ns: u64,
    id: u32,
    tokens: f64,
}

struct Reservation {
    weight: u32,
    /// When it starts, as the peer said.
    act: u64,
    stage: Stage,
}

enum Stage {
    Waiting(Pin<Box<dyn Future<Output = Result<Permit, Error>> + Send>>, Arc<Flag>),
    Started(Permit),
}

/// Wakes nobody, but remembers that it was told to.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Reservations {
    limiter: Limiter,
    /// The peer's count, and when it was that.
    tokens: (f64, u64),
    reserved: BTreeMap<u32, Reservation>,
}

impl Reservations {
    /// Lets the time pass until `nanos`, and everybody start who is woken on the way.
    fn pass(&mut self, nanos: u64, engine: &Engine, tally: &mut Tally) {
        let end = Timestamp::from_nanos(nanos);
        while let Some(at) = engine.clock.next_wake().filter(|at| *at <= end) {
            assert!(at > engine.clock.now(), "nobody sleeps until a time that is over");
            engine.clock.set(at);
            while self.poll_woken(at, tally) > 0 {}
        }
        engine.clock.set(end);
    }

    /// Polls all those who were woken, and asserts that those who start do so when the peer said.
    fn poll_woken(&mut self, now: Timestamp, tally: &mut Tally) -> usize {
        let mut polled = 0;
        for Reservation { act, stage, .. } in self.reserved.values_mut() {
            let Stage::Waiting(future, flag) = stage else { continue };
            if !flag.0.swap(false, Ordering::SeqCst) {
                continue;
            }
            polled += 1;
            if let Poll::Ready(ended) = poll(future, flag) {
                tally.equal("starts of those who waited", now.as_nanos(), *act);
                *stage = Stage::Started(ended.expect("a permit"));
            }
        }
        polled
    }

    fn reserve(&mut self, event: &Reserve, engine: &Engine, tally: &mut Tally) {
        let foreseen = engine.wait(None, event.n);
        let request = engine.bucket.request().weight(event.n).max_delay(Duration::MAX);
        let (mut future, flag) = (Box::pin(request.acquire_async()), Arc::default());
        let first = poll(&mut future, &flag);
        let delay = event.delay_ns.filter(|_| event.ok);
        if event.n == 0 && delay != Some(0) {
            tally.holds("on purpose: weight 0 is free", matches!(first, Poll::Ready(Ok(_))));
            return;
        }
        tally.equal("delays", foreseen, delay.map(Duration::from_nanos));
        let stage = match (first, delay) {
            (Poll::Ready(Ok(permit)), Some(0)) => Stage::Started(permit),
            (Poll::Pending, Some(1..)) => Stage::Waiting(future, flag),
            (Poll::Ready(Err(error)), None) => {
                return tally.equal("never", error.kind(), ErrorKind::TooHeavy);
            }
            (first, _) => panic!("{first:?}, but the peer's delay is {delay:?}"),
        };
        tally.count("reservations");
        let act = event.t_ns + delay.unwrap_or(0);
        self.reserved.insert(event.id, Reservation { weight: event.n, act, stage });
    }

    /// `Break` if the peer gives back another weight than we do.
    fn cancel(&mut self, event: &Cancel, tally: &mut Tally) -> ControlFlow<()> {
        let Some(Reservation { weight, act, stage }) = self.reserved.remove(&event.id) else {
            // Refused, or the free pass that we gave in its stead: nothing was taken, and nothing is given back.
            tally.equal("given back", 0.0, self.given_back(event));
            return ControlFlow::Continue(());
        };
        let ours = if act >= event.t_ns { f64::from(weight) } else { 0.0 };
        let peers = self.given_back(event);
        if ours > peers {
            let mut others = self.reserved.values();
            let before_others =
                others.any(|other| other.act > act && matches!(other.stage, Stage::Waiting(..)));
            tally.holds("on purpose: a cancel that lets those behind move up", before_others);
            return ControlFlow::Break(());
        }
        tally.equal("given back", ours, peers);
        match stage {
            Stage::Started(permit) if act == event.t_ns => permit.refund(),
            Stage::Started(permit) => drop(permit),
            Stage::Waiting(future, _) => drop(future),
        }
        ControlFlow::Continue(())
    }

    /// What the peer gave back, by its own count.
    fn given_back(&self, event: &Cancel) -> f64 {
        let (tokens, since) = self.tokens;
        let refilled = Duration::from_nanos(event.t_ns - since).as_secs_f64() * self.limiter.limit_per_s;
        event.tokens - (tokens + refilled).min(f64::from(self.limiter.burst))
    }
}

fn poll<F: Future + Unpin>(future: &mut F, flag: &Arc<Flag>) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(&Waker::from(Arc::clone(flag))))
}

impl Peer for Reservations {
    type Config = Config;
    type Event = Event;

    fn new(config: Config) -> Self {
        let full = (f64::from(config.burst), 0);
        Reservations { limiter: Limiter::new(&config), tokens: full, reserved: BTreeMap::new() }
    }

    fn rates(&self) -> Vec<Rate> {
        vec![self.limiter.rate]
    }

    fn replay(&mut self, event: Event, engine: &Engine, tally: &mut Tally) -> ControlFlow<()> {
        let (t_ns, tokens) = match &event {
            Event::Allow(Allow { t_ns, tokens, .. })
            | Event::Reserve(Reserve { t_ns, tokens, .. })
            | Event::Cancel(Cancel { t_ns, tokens, .. }) => (*t_ns, *tokens),
        };
        self.pass(t_ns, engine, tally);
        match event {
            Event::Allow(allow) if allow.n == 0 && !allow.ok => {
                tally.holds("on purpose: weight 0 is free", engine.ask(None, 0).is_granted());
            }
            Event::Allow(allow) => self.limiter.compare_allow(&allow, engine, tally),
            Event::Reserve(reserve) => self.reserve(&reserve, engine, tally),
            Event::Cancel(cancel) => self.cancel(&cancel, tally)?,
        }
        self.limiter.compare_tokens(tokens, engine, tally);
        self.tokens = (tokens, t_ns);
        ControlFlow::Continue(())
    }
}

#[test]
fn futures_start_when_x_times_reservations_act() {
    replay::<Reservations>(
        "xtime/reserve",
        &[
            ("traces", 7),
            ("events replayed", 509),
            ("events left out", 610),
            ("on purpose: a cancel that lets those behind move up", 6),
            ("on purpose: weight 0 is free", 1),
            ("decisions", 135),
            ("waits", 76),
            ("delays", 302),
            ("reservations", 294),
            ("starts of those who waited", 120),
            ("given back", 71),
            ("never", 13),
            ("remaining", 234),
            ("times of the next token", 509),
        ],
    );
}
