//! `hikari` (Python), bucket that learns its limit from a server's headers: ours that knows only what the server says.
//!
//! Calls are sent when the peer sent them and answered as they were answered, so that each decision is compared on the
//! same past: who starts at once and who waits, when those start, how much is left, and of which limit. What ours lets
//! start is always what the server said last of its newest window, or the whole limit once that is over, less those on
//! the way. From that the peer differs on purpose in six ways:
//!
//! - It takes a window for over by the server's clock, ours once it surely is by how long it was to last when the answer
//!   came: later by no more than the call and its answer were on the way.
//! - Where it takes the server for one that refills, it guesses what was refilled since the last answer. Ours guesses
//!   nothing: it waits for the next answer, or for the end that the server named.
//! - It keeps a count of its own, which no header raises, and the time only as soon as somebody asks. Ours goes by the
//!   server's word, which may be more.
//! - Nor does it matter to that count whether the server has counted those on the way. Ours takes them all off what was
//!   said to be left, until they are heard of.
//! - Those who wait for the first answer it lets start one by one, each as another ends. Ours lets all start that fit.
//! - Meanwhile those who come later may overtake them. With ours nobody overtakes.

mod ours;
mod trace;

use ratelimit_core::Rate;
use serde::Deserialize;

use self::ours::Ours;
use self::trace::{Answer, Call, Event, Look, State, Told};
use crate::replay::{Engine, Peer, Tally, replay};

/// How the simulated server was set: its answers tell what there is to know.
#[derive(Deserialize)]
struct Config {}

struct Rest {
    ours: Ours,
    told: Told,
    past: Vec<Event>,
}

/// To which the server rounds its times.
const MILLISECOND: u64 = 1_000_000;

impl Rest {
    /// How a call was met when it asked, which the peer sends now.
    fn asked(&self, call: &Call, tally: &mut Tally) {
        let asked = self.told.asked(call.id);
        tally.count(match (asked == call.at, self.ours.started(call.id) == Some(asked)) {
            (true, true) => "starts at once",
            (false, false) => "queued",
            (false, true) => "on purpose: starts at once, as more was said to be left",
            (true, false) => "queued where the peer lets it start",
        });
    }

    /// When it starts.
    fn granted(&self, call: &Call, tally: &mut Tally) {
        match self.ours.started(call.id) {
            Some(at) if at == call.at => tally.count("starts at the same moment"),
            Some(at) if self.told.first_heard() == Some(at) => {
                tally.count("on purpose: starts earlier, as all do that fit");
            }
            Some(_) => {
                let counts_refills = !self.told.is_fixed();
                tally.holds("on purpose: starts earlier, as more was said to be left", counts_refills);
            }
            None => self.granted_before(call, tally),
        }
    }

    /// When a call starts that the peer lets start and ours does not yet.
    fn granted_before(&self, call: &Call, tally: &mut Tally) {
        let mut ours = Ours::after(&self.past);
        ours.pass(call.at);
        let starts = ours.starts(call.id);
        if self.told.is_overtaking(call.id) {
            return tally.equal("on purpose: starts later, as nobody overtakes", starts, None);
        }
        let said = self.told.said().expect("an answer");
        if self.told.is_fixed() {
            let what = "on purpose: starts later, when the window surely is over";
            tally.equal(what, (starts, said.reset_at), (Some(said.end), call.at));
        } else {
            let is_guess = call.at < said.reset_at;
            let what = "on purpose: starts later, as no refill is guessed";
            tally.equal(what, (starts, is_guess), (Some(said.end), true));
        }
    }

    fn looked(&self, look: &Look, tally: &mut Tally) {
        if !look.limited {
            return tally.holds("does not wait", !self.ours.is_limited());
        }
        let (until, said) = (look.at + look.until, self.told.said().expect("an answer"));
        let waits = self.ours.end(self.told.limit()) == Some(said.end) && self.ours.is_limited();
        if look.after.fixed {
            // The peer's is a difference of floats.
            let waits_for_reset = until.abs_diff(said.reset_at) < 1000;
            tally.holds("on purpose: waits until the window surely is over", waits && waits_for_reset);
        } else {
            let is_guess = until < said.reset_at;
            tally.holds("on purpose: waits longer, as no refill is guessed", waits && is_guess);
        }
    }

    /// What ours lets start beside what the peer counts, which may have moved on `since`.
    fn left(&self, now: u64, peer: &State, since: Option<State>, tally: &mut Tally) {
        let room = self.ours.room(self.told.limit());
        let has_moved = since.is_some_and(|since| since.move_at != peer.move_at);
        if room == peer.remaining {
            tally.count("left");
        } else if room > peer.remaining {
            tally.holds("on purpose: more left, as was said", !peer.fixed);
        } else if has_moved && !peer.fixed {
            tally.count("on purpose: less left, as no refill is guessed");
        } else {
            let is_left_of_the_window = self.told.left(now) >= peer.remaining;
            tally.holds("on purpose: less left, as some are on the way", is_left_of_the_window);
        }
    }

    /// What else is known after an answer, or at a look.
    fn known(&self, now: u64, peer: &State, tally: &mut Tally) {
        tally.equal("limits", self.ours.has_limit(peer.limit), true);
        let said = self.told.said().expect("an answer");
        tally.equal("resets of the window that counts", said.reset_at, peer.reset_at);
        let end = self.ours.end(self.told.limit());
        if now < said.end {
            tally.equal("ends of the window", end, Some(said.end));
            let is_before = said.end + MILLISECOND < said.reset_at;
            let is_late = said.end > said.reset_at + said.way + MILLISECOND;
            tally.holds("ends that are the server's, but for the way", !is_before && !is_late);
        } else {
            tally.equal("windows that are over", end, None);
        }
        if self.told.queued(peer.limit) == peer.queued {
            tally.count("queued beside those that run");
        } else {
            let some_are_first = self.told.is_first_round();
            tally.holds("on purpose: fewer queued, as the first start one by one", some_are_first);
        }
    }

    /// Compares what is to be before the event.
    fn before(&self, event: &Event, tally: &mut Tally) {
        match event {
            Event::Granted(call) => {
                self.asked(call, tally);
                self.granted(call, tally);
            }
            Event::Resolve(Answer { at, before, .. }) | Event::Update(Answer { at, before, .. }) => {
                self.left(*at, before, self.told.answered(), tally);
            }
            Event::Acquire(_) | Event::Release(_) | Event::Peek(_) => {}
        }
    }

    fn after(&self, event: &Event, tally: &mut Tally) {
        match event {
            Event::Resolve(Answer { at, after, .. }) | Event::Update(Answer { at, after, .. }) => {
                self.left(*at, after, None, tally);
                self.known(*at, after, tally);
            }
            Event::Peek(look) => {
                self.looked(look, tally);
                self.left(look.at, &look.after, self.told.answered(), tally);
                self.known(look.at, &look.after, tally);
            }
            Event::Acquire(_) | Event::Granted(_) | Event::Release(_) => {}
        }
    }
}

impl Peer for Rest {
    type Config = Config;
    type Event = Event;

    fn new(Config {}: Config) -> Self {
        Rest { ours: Ours::after(&[]), told: Told::default(), past: Vec::new() }
    }

    fn rates(&self) -> Vec<Rate> {
        Vec::new()
    }

    fn replay(&mut self, event: Event, _engine: &Engine, tally: &mut Tally) {
        let now = event.at();
        self.ours.pass(now);
        let room = self.ours.room(self.told.limit());
        tally.equal("may start by the server's word", room, self.told.room(now));
        self.before(&event, tally);
        self.ours.play(&event);
        self.told.add(&event);
        let room_after = self.ours.room(self.told.limit());
        tally.equal("may start by the server's word", room_after, self.told.room(now));
        if let Event::Release(_) = event {
            tally.equal("ends and changes nothing", room_after, room);
        }
        self.after(&event, tally);
        self.past.push(event);
    }
}

#[test]
fn a_bucket_that_learns_is_hikaris_but_for_six_reasons() {
    replay::<Rest>(
        "hikari/rest",
        &[
            ("does not wait", 39),
            ("ends and changes nothing", 316),
            ("ends of the window", 371),
            ("ends that are the server's, but for the way", 371),
            ("left", 566),
            ("limits", 383),
            ("may start by the server's word", 2662),
            ("on purpose: fewer queued, as the first start one by one", 10),
            ("on purpose: less left, as no refill is guessed", 6),
            ("on purpose: less left, as some are on the way", 10),
            ("on purpose: more left, as was said", 117),
            ("on purpose: starts at once, as more was said to be left", 7),
            ("on purpose: starts earlier, as all do that fit", 2),
            ("on purpose: starts earlier, as more was said to be left", 27),
            ("on purpose: starts later, as no refill is guessed", 25),
            ("on purpose: starts later, as nobody overtakes", 2),
            ("on purpose: starts later, when the window surely is over", 102),
            ("on purpose: waits longer, as no refill is guessed", 6),
            ("on purpose: waits until the window surely is over", 22),
            ("queued", 156),
            ("queued beside those that run", 373),
            ("resets of the window that counts", 383),
            ("starts at once", 153),
            ("starts at the same moment", 158),
            ("windows that are over", 12),
        ],
    );
}
