//! The events of a trace, and what they have told by then: who asks, who is on the way, what the server said.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ratelimit_core::feedback::Feedback;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

#[derive(Clone, Copy, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Event {
    Acquire(Call),
    Granted(Call),
    /// The first answer.
    Resolve(Answer),
    /// A later one.
    Update(Answer),
    /// A call ends, whose answer was heard just before.
    Release(Call),
    Peek(Look),
}

#[derive(Clone, Copy, Deserialize)]
pub(super) struct Call {
    #[serde(rename = "t_s", deserialize_with = "nanos")]
    pub(super) at: u64,
    pub(super) id: u32,
}

#[derive(Clone, Copy, Deserialize)]
pub(super) struct Answer {
    #[serde(rename = "t_s", deserialize_with = "nanos")]
    pub(super) at: u64,
    pub(super) id: u32,
    #[serde(rename = "hdr")]
    headers: Headers,
    /// The peer's state.
    pub(super) before: State,
    pub(super) after: State,
}

/// What remains, the limit, when the window ends by the server's clock, and in how long.
#[derive(Clone, Copy, Deserialize)]
struct Headers(u32, u32, #[serde(deserialize_with = "nanos")] u64, #[serde(deserialize_with = "nanos")] u64);

#[derive(Clone, Copy, Deserialize)]
pub(super) struct Look {
    #[serde(rename = "t_s", deserialize_with = "nanos")]
    pub(super) at: u64,
    pub(super) limited: bool,
    /// For how long.
    #[serde(rename = "until_s", deserialize_with = "nanos")]
    pub(super) until: u64,
    pub(super) after: State,
}

/// What the peer knows.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct State {
    pub(super) remaining: u32,
    pub(super) limit: u32,
    /// When it admits more: the next window, or what it guesses to be refilled by then.
    #[serde(rename = "move_at_s", deserialize_with = "nanos")]
    pub(super) move_at: u64,
    #[serde(rename = "reset_at_s", deserialize_with = "nanos")]
    pub(super) reset_at: u64,
    pub(super) queued: usize,
    /// It takes the server's windows for fixed ones.
    pub(super) fixed: bool,
}

/// Seconds in floats.
fn nanos<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let span = Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(D::Error::custom)?;
    u64::try_from(span.as_nanos()).map_err(D::Error::custom)
}

impl Event {
    pub(super) fn at(&self) -> u64 {
        match self {
            Event::Acquire(call) | Event::Granted(call) | Event::Release(call) => call.at,
            Event::Resolve(answer) | Event::Update(answer) => answer.at,
            Event::Peek(look) => look.at,
        }
    }
}

impl Answer {
    pub(super) fn feedback(&self) -> Feedback {
        let Headers(remaining, limit, _, reset_after) = self.headers;
        let told = Feedback::default().limit(limit.into()).remaining(remaining.into());
        told.reset_after(Duration::from_nanos(reset_after))
    }
}

/// What was said of the newest window when the least was left of it: told apart by the server's clock, which our bucket
/// never reads.
#[derive(Clone, Copy)]
pub(super) struct Said {
    remaining: u32,
    limit: u32,
    pub(super) reset_at: u64,
    /// When the window is surely over, as so much of it was left when the answer was heard.
    pub(super) end: u64,
    /// For how long the call and its answer were on the way.
    pub(super) way: u64,
}

/// What was told so far.
#[derive(Default)]
pub(super) struct Told {
    asked: BTreeMap<u32, u64>,
    /// Those that the peer makes wait.
    waiting: BTreeSet<u32>,
    /// Those whose answer was not heard yet, with the time when the peer sent them.
    on_the_way: BTreeMap<u32, u64>,
    /// How many have not ended.
    running: u32,
    said: Option<Said>,
    first_heard: Option<u64>,
    /// The peer's state after the last answer, and as it was seen last.
    answered: Option<State>,
    seen: Option<State>,
}

impl Told {
    pub(super) fn add(&mut self, event: &Event) {
        match event {
            Event::Acquire(call) => {
                self.asked.insert(call.id, call.at);
                self.waiting.insert(call.id);
            }
            Event::Granted(call) => {
                self.waiting.remove(&call.id);
                self.on_the_way.insert(call.id, call.at);
                self.running += 1;
            }
            Event::Resolve(answer) | Event::Update(answer) => self.hear(answer),
            Event::Release(_) => self.running -= 1,
            Event::Peek(look) => self.seen = Some(look.after),
        }
    }

    fn hear(&mut self, answer: &Answer) {
        let sent = self.on_the_way.remove(&answer.id).expect("it was sent");
        let Headers(remaining, limit, reset_at, reset_after) = answer.headers;
        let said = Said { remaining, limit, reset_at, end: answer.at + reset_after, way: answer.at - sent };
        // Of a newer window, or less of the same.
        let is_news = |known: Said| (reset_at, known.remaining) > (known.reset_at, remaining);
        if self.said.is_none_or(is_news) {
            self.said = Some(said);
        }
        self.first_heard.get_or_insert(answer.at);
        (self.answered, self.seen) = (Some(answer.after), Some(answer.after));
    }

    pub(super) fn asked(&self, id: u32) -> u64 {
        *self.asked.get(&id).expect("it has asked")
    }

    pub(super) fn said(&self) -> Option<Said> {
        self.said
    }

    pub(super) fn first_heard(&self) -> Option<u64> {
        self.first_heard
    }

    /// The peer's state after the last answer.
    pub(super) fn answered(&self) -> Option<State> {
        self.answered
    }

    /// Whether the peer takes the server's windows for fixed ones.
    pub(super) fn is_fixed(&self) -> bool {
        self.seen.is_some_and(|seen| seen.fixed)
    }

    /// The limit as far as it is known: before anything was said one call finds out.
    pub(super) fn limit(&self) -> u32 {
        self.said.map_or(1, |said| said.limit)
    }

    /// What is left of the newest window by the server's word; of one that is over, the limit.
    pub(super) fn left(&self, now: u64) -> u32 {
        self.said.filter(|said| now < said.end).map_or(self.limit(), |said| said.remaining)
    }

    /// The same less those on the way, as they may not be counted in it yet.
    pub(super) fn room(&self, now: u64) -> u32 {
        self.left(now).saturating_sub(u32::try_from(self.on_the_way.len()).expect("a few"))
    }

    /// Whether somebody waits with the peer who has asked before `id`.
    pub(super) fn is_overtaking(&self, id: u32) -> bool {
        self.waiting.first().is_some_and(|first| *first < id)
    }

    /// Whether somebody waits with the peer who has asked before the first answer.
    pub(super) fn is_first_round(&self) -> bool {
        self.waiting.first().is_some_and(|first| Some(self.asked(*first)) < self.first_heard)
    }

    /// How many the peer counts as queued: the others of those who wait are held up by those that run, which are not to
    /// be more than the limit together with the queue.
    pub(super) fn queued(&self, limit: u32) -> usize {
        self.waiting.len().min(usize::try_from(limit - self.running).expect("a few"))
    }
}
