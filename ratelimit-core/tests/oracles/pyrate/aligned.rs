//! Fixed windows that are aligned to the clock, one or two rates.
//!
//! Ours open at their first use instead. Within one aligned window of the longest rate, that makes no difference as
//! long as what counts is the same under every rate; so each such window is played under a key of its own, and from the
//! first event at which something else counts, until the next such window, events are left out. With one rate nothing
//! is: the aligned window is over first, and the only difference is that ours tells its own end.

use std::time::Duration;

use ratelimit_core::Rate;

use super::{Config, Event, Limit, MILLISECOND};
use crate::replay::{Answer, Engine, Peer, Tally, replay};

/// What counts in a window, ours or an aligned one.
#[derive(Clone, Copy, Default)]
struct Window {
    start_ms: u64,
    used: u32,
}

struct Aligned {
    limits: Vec<Limit>,
    /// For each limit the peer's window and ours.
    windows: Vec<(Window, Window)>,
    /// The aligned window of the longest rate, and how often it was emptied.
    at: (u64, u32),
    parted: bool,
}

impl Aligned {
    fn begin(&mut self, at: (u64, u32)) {
        self.at = at;
        self.parted = false;
        self.windows.fill_with(Default::default);
    }

    /// Whether the same counts in the peer's windows at `now` as in ours.
    fn move_on(&mut self, now: u64) -> bool {
        for (limit, (theirs, ours)) in self.limits.iter().zip(&mut self.windows) {
            let aligned = now - now % limit.interval_ms;
            if theirs.start_ms != aligned {
                *theirs = Window { start_ms: aligned, used: 0 };
            }
            if now >= ours.start_ms + limit.interval_ms {
                *ours = Window::default();
            }
        }
        self.windows.iter().all(|(theirs, ours)| theirs.used == ours.used)
    }

    fn take(&mut self, now: u64, weight: u32) {
        for (theirs, ours) in &mut self.windows {
            theirs.used += weight;
            if ours.used == 0 {
                ours.start_ms = now;
            }
            ours.used += weight;
        }
    }

    /// The end of the last of our windows that have no room.
    fn end(&self, now: u64, weight: u32) -> Duration {
        let full = self
            .limits
            .iter()
            .zip(&self.windows)
            .filter(|(limit, (_, ours))| ours.used + weight > limit.limit);
        let end =
            full.map(|(limit, (_, ours))| ours.start_ms + limit.interval_ms).max().expect("one has no room");
        Duration::from_millis(end - now)
    }
}

impl Peer for Aligned {
    type Config = Config;
    type Event = Event;

    fn new(config: Config) -> Self {
        let windows = vec![Default::default(); config.rates.len()];
        Aligned { limits: config.rates, windows, at: (0, 0), parted: false }
    }

    fn rates(&self) -> Vec<Rate> {
        let rate = |limit: &Limit| Rate::new(limit.limit, Duration::from_millis(limit.interval_ms)).fixed();
        self.limits.iter().map(rate).collect()
    }

    fn replay(&mut self, event: Event, engine: &Engine, tally: &mut Tally) {
        let (now, weight, ok, refusal) = match event {
            Event::Put { t_ms, w, ok, refusal } => (t_ms, w, ok, refusal),
            Event::Flush { .. } => {
                self.begin((self.at.0, self.at.1 + 1));
                tally.count("resets");
                return;
            }
            Event::Leak {} => return,
        };
        let longest = self.limits.iter().map(|limit| limit.interval_ms).max().expect("a rate");
        if now / longest != self.at.0 {
            self.begin((now / longest, 0));
        }
        self.parted |= !self.move_on(now);
        if self.parted {
            tally.leave_out("left out: our window is not the aligned one");
            return;
        }
        engine.set_time(now * MILLISECOND);
        let answer = engine.ask(Some(&format!("{:?}", self.at)), weight);
        tally.equal("decisions", answer.is_granted(), ok);
        match answer {
            Answer::Granted => self.take(now, weight),
            Answer::TooHeavy(_) => tally.equal("never", refusal.and_then(|refusal| refusal.ready_ms), None),
            Answer::Wait(wait, _) => {
                let ready = refusal.and_then(|refusal| refusal.ready_ms).map(Duration::from_millis);
                if ready == Some(wait) {
                    tally.count("waits");
                } else {
                    let later = ready.is_some_and(|ready| ready < wait);
                    tally.holds("on purpose: waits for the end of our window", later);
                }
                tally.equal("our waits", wait, self.end(now, weight));
            }
        }
    }
}

#[test]
fn fixed_windows_count_as_aligned_ones_from_their_first_use() {
    replay::<Aligned>(
        "pyrate/fixed-aligned",
        &[
            ("decisions", 1227),
            ("left out: our window is not the aligned one", 184),
            ("never", 20),
            ("on purpose: waits for the end of our window", 209),
            ("our waits", 616),
            ("resets", 3),
            ("waits", 407),
        ],
    );
}
