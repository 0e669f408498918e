//! The server's windows: what one handle hears another's calls meet.

use std::time::Duration;

use super::Promise;
use super::lab::{Bucket, Found, Handle, Lab, at_once, ensure, here, hourly, pause, unexpected};
use crate::error::ErrorScope;
use crate::feedback::{Feedback, Scope};
use crate::limits::Learning;
use crate::store::ask::{Ask, Entry, Said, Verb, Windows};
use crate::store::window::Heard;

const HOUR: u64 = 3_600_000_000;

impl Bucket {
    /// The window of a route, and what the server says to everybody.
    pub(super) fn windows(&self, key: &str, window: &str) -> Windows {
        let (remember, max_pause) = (Duration::from_secs(600), Duration::from_secs(86_400));
        let learning = Learning { is_declared: false, remember, server_names: true, max_pause };
        let entry = |key, window| Entry::window(self.escaped(), key, window);
        Windows {
            entry: entry(Some(key), window),
            window: window.into(),
            all: entry(None, "*"),
            weighs: 1,
            learning,
        }
    }
}

/// Calls of one bucket, whose own limits let all of them start.
struct Calls(Bucket);

impl Calls {
    fn asks(&self, key: &str, window: &str, verb: Verb) -> Ask {
        let part = self.0.key(key, &hourly(1_000));
        Ask::of(vec![part], verb).in_windows(Some(self.0.windows(key, window)))
    }

    /// When a call was counted that may start.
    fn starts(&self, handle: &Handle, key: &str, window: &str) -> Found<u64> {
        match handle.ask(self.asks(key, window, at_once(1)))? {
            Said::Granted { start, .. } => Ok(start),
            said => unexpected("a call that the server lets start", &said),
        }
    }

    /// For how long the server has a call wait that does not.
    fn waits(&self, handle: &Handle, key: &str, window: &str) -> Found<u64> {
        match handle.ask(self.asks(key, window, at_once(1)))? {
            Said::Refused(refused) if refused.scope == ErrorScope::Server => {
                Ok(refused.retry_after.unwrap_or(0))
            }
            said => unexpected("a call that the server lets wait", &said),
        }
    }

    fn hears(&self, handle: &Handle, (key, window): (&str, &str), start: u64, heard: Heard) -> Found {
        done(handle, self.0.windows(key, window), Verb::Hear { start, weight: 1, heard: Box::new(heard) })
    }
}

fn done(handle: &Handle, windows: Windows, verb: Verb) -> Found {
    match handle.ask(Ask::of_windows(windows, verb))? {
        Said::Done { .. } => Ok(()),
        said => unexpected("what is only done", &said),
    }
}

fn answer(feedback: Feedback) -> Heard {
    Heard::Answer(Some(feedback))
}

fn remaining(remaining: u64) -> Heard {
    answer(Feedback::default().limit(9).remaining(remaining).reset_after(Duration::from_secs(3600)))
}

fn rejected(wait: Duration) -> Feedback {
    Feedback::default().rejected(true).retry_after(wait)
}

fn about_an_hour(wait: u64, what: &str) -> Found {
    ensure((HOUR - 60_000_000..=HOUR).contains(&wait), Promise::AsJudged, || {
        format!("{what} for an hour, and calls are to come back after {wait} us")
    })
}

/// Exhausted by both together, given back, and reset.
pub(super) fn what_remains(lab: &Lab<'_>) -> Found {
    let calls = Calls(lab.bucket());
    let [one, other] = lab.handles();
    let route = ("ann", "~GET /");
    let start = calls.starts(&one, "ann", "~GET /")?;
    calls.hears(&one, route, start, remaining(2))?;
    calls.starts(&other, "ann", "~GET /")?;
    let last = calls.starts(&one, "ann", "~GET /")?;
    for handle in [&other, &one] {
        about_an_hour(calls.waits(handle, "ann", "~GET /")?, "nothing remains of a window")?;
        calls.starts(handle, "bob", "~GET /")?;
        calls.starts(handle, "ann", "~PUT /")?;
    }
    calls.hears(&other, route, last, Heard::Unsent)?;
    calls.starts(&one, "ann", "~GET /")?;
    calls.waits(&other, "ann", "~GET /")?;
    done(&other, calls.0.windows("ann", "~GET /"), Verb::Reset)?;
    calls.starts(&one, "ann", "~GET /")?;
    Ok(())
}

/// Of one key, of everybody, and until they are over.
pub(super) fn pauses(lab: &Lab<'_>) -> Found {
    const SHORT: u64 = 300_000;
    let calls = Calls(lab.bucket());
    let [one, other] = lab.handles();
    let start = calls.starts(&one, "ann", "~")?;
    calls.hears(&one, ("ann", "~"), start, answer(rejected(Duration::from_micros(SHORT))))?;
    let begin = here();
    let next = loop {
        match other.ask(calls.asks("ann", "~", at_once(1)))? {
            Said::Granted { start, .. } => break start,
            Said::Refused(_) => pause(Duration::from_millis(7)),
            said => return unexpected("a call that does not wait", &said),
        }
        ensure(here() - begin < 10_000_000_000, Promise::OneTime, || {
            format!("10 s after the server wanted to be left alone for {SHORT} us nobody may call it")
        })?;
    };
    ensure(next - start >= SHORT, Promise::KeptAsSaid, || {
        format!("the server wanted to be left alone for {SHORT} us, and was called after {} us", next - start)
    })?;
    let hour = rejected(Duration::from_secs(3600));
    calls.hears(&other, ("ann", "~"), next, answer(hour.clone()))?;
    about_an_hour(calls.waits(&one, "ann", "~")?, "a key's calls were to wait")?;
    let start = calls.starts(&one, "bob", "~")?;
    calls.hears(&one, ("bob", "~"), start, answer(hour.scope(Scope::Global)))?;
    about_an_hour(calls.waits(&other, "eve", "~PUT /")?, "everybody was to wait")
}

/// What counted in a window counts in that which the server calls so, and who asks for the old one is told.
pub(super) fn names(lab: &Lab<'_>) -> Found {
    let calls = Calls(lab.bucket());
    let [one, other] = lab.handles();
    let start = calls.starts(&one, "ann", "~a")?;
    calls.starts(&other, "ann", "~a")?;
    calls.hears(&one, ("ann", "~a"), start, remaining(2))?;
    let (from, to) = (calls.0.windows("ann", "~a"), calls.0.windows("ann", "=x"));
    let rename = Verb::Rename { name: "=x".into(), joins: true };
    done(&one, Windows { all: to.entry, ..from }, rename)?;
    match other.ask(calls.asks("ann", "~a", at_once(1)))? {
        Said::Renamed(name) if *name == *"=x" => {}
        said => return unexpected("a call of a window that has another name by now", &said),
    }
    // Two remained, and one call is on its way.
    calls.starts(&other, "ann", "=x")?;
    about_an_hour(calls.waits(&one, "ann", "=x")?, "nothing remains of a window that has another name")?;
    calls.starts(&one, "bob", "~a").map(drop)
}
