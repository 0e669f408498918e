//! `hikari` (Python), window that starts at first use, with a queue: our fixed window under `acquire_async`.
//!
//! One thing differs on purpose: its look at a window that is over opens the next one, ours takes and opens nothing.
//! Where such a look is followed by an acquire within that window, ours opens later; from there on events are left out,
//! up to the next acquire at which no window is open and nobody queues.

mod rest;

use std::time::Duration;

use ratelimit_core::Rate;
use serde::Deserialize;

use crate::replay::{Engine, Peer, Tally, replay};
use crate::waiting::Waiting;

#[derive(Deserialize)]
struct Config {
    limit: u32,
    period_ns: u64,
    start_ns: u64,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Event {
    Acquire { t_ns: u64, id: u32 },
    Released { t_ns: u64, id: u32 },
    Peek(Peek),
}

#[derive(Deserialize)]
struct Peek {
    t_ns: u64,
    limited: bool,
    until_ns: u64,
    remaining: u32,
    move_at_ns: u64,
    queued: usize,
}

struct Windowed {
    config: Config,
    waiting: Waiting,
    /// Who has started and was not told to be released yet, with the time.
    started: Vec<(u32, u64)>,
    /// How many of the peer's wait.
    queued: usize,
    /// When the peer's window is over.
    end: u64,
    /// The peer's window was opened by a look: nothing has started in it.
    opened_by_look: bool,
    parted: bool,
}

impl Windowed {
    fn pass(&mut self, now: u64, engine: &Engine) {
        let started = self.waiting.pass(now, engine);
        self.started.extend(started.into_iter().map(|started| (started.id, started.at)));
    }

    /// Opens the peer's next window, if it is time.
    fn peer_moves(&mut self, now: u64, by_look: bool) {
        if now >= self.end {
            self.end = now + self.config.period_ns;
            self.opened_by_look = by_look;
        }
    }

    fn acquire(&mut self, now: u64, id: u32, engine: &Engine, tally: &mut Tally) {
        if self.parted && now >= self.end && self.queued == 0 {
            self.parted = false;
            engine.bucket.reset().expect("open");
        }
        self.peer_moves(now, false);
        self.queued += 1;
        let opened = self.end - self.config.period_ns;
        self.parted |= self.opened_by_look && now > opened;
        if self.parted {
            return tally.leave_out("left out: the peer's window was opened by a look");
        }
        self.opened_by_look = false;
        match self.waiting.join(id, 1, engine) {
            Some(started) => {
                tally.holds("starts at once", started.is_ok());
                self.started.push((id, now));
            }
            None => tally.count("queued"),
        }
    }

    fn released(&mut self, now: u64, id: u32, tally: &mut Tally) {
        self.peer_moves(now, false);
        self.queued -= 1;
        if self.parted {
            return tally.leave_out("left out: the peer's window was opened by a look");
        }
        assert!(!self.started.is_empty(), "{id} has not started yet");
        tally.equal("releases, in order", self.started.remove(0), (id, now));
    }

    fn peek(&mut self, peek: &Peek, engine: &Engine, tally: &mut Tally) {
        let opens = peek.t_ns >= self.end;
        self.peer_moves(peek.t_ns, true);
        assert_eq!(self.end, peek.move_at_ns, "the peer's window");
        if self.parted {
            return tally.leave_out("left out: the peer's window was opened by a look");
        }
        tally.equal("remaining", engine.remaining(None), peek.remaining);
        let outlook = engine.bucket.peek().expect("an outlook");
        tally.equal("queued at a look", outlook.waiting(), peek.queued);
        let resets_in = engine.resets_in();
        if opens || self.opened_by_look {
            tally.holds("on purpose: a look opens nothing", resets_in.is_zero());
        } else {
            tally.equal("ends of the window", resets_in, Duration::from_nanos(peek.move_at_ns - peek.t_ns));
        }
        if peek.limited {
            tally.equal("waits for the window", resets_in, Duration::from_nanos(peek.until_ns));
        }
    }
}

impl Peer for Windowed {
    type Config = Config;
    type Event = Event;

    fn new(config: Config) -> Self {
        let end = config.start_ns;
        Windowed {
            config,
            waiting: Waiting::default(),
            started: Vec::new(),
            queued: 0,
            end,
            opened_by_look: false,
            parted: false,
        }
    }

    fn rates(&self) -> Vec<Rate> {
        vec![Rate::new(self.config.limit, Duration::from_nanos(self.config.period_ns)).fixed()]
    }

    fn replay(&mut self, event: Event, engine: &Engine, tally: &mut Tally) {
        let (Event::Acquire { t_ns, .. } | Event::Released { t_ns, .. } | Event::Peek(Peek { t_ns, .. })) =
            event;
        self.pass(t_ns, engine);
        match event {
            Event::Acquire { t_ns, id } => self.acquire(t_ns, id, engine, tally),
            Event::Released { t_ns, id } => self.released(t_ns, id, tally),
            Event::Peek(peek) => self.peek(&peek, engine, tally),
        }
    }
}

#[test]
fn a_fixed_window_with_a_line_is_hikaris_queue() {
    replay::<Windowed>(
        "hikari/windowed",
        &[
            ("ends of the window", 161),
            ("left out: the peer's window was opened by a look", 290),
            ("on purpose: a look opens nothing", 53),
            ("queued", 210),
            ("queued at a look", 214),
            ("releases, in order", 620),
            ("remaining", 214),
            ("starts at once", 410),
            ("waits for the window", 88),
        ],
    );
}
