//! Limits in the manner of Discord: told as they are met, by names, and each kept for each channel.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, patch, put};
use fastrand::Rng;
use serde_json::json;

use super::ledger::{Decision, Ledger, Place, Rejection};
use super::window::Rule;
use super::{answer, millis, whole_seconds};

/// All calls together. Documented, and told by no answer but a rejection.
static GLOBAL: Rule = Rule::new("global", 50, 1);
/// What is sent to a channel and edited there, which are two routes.
static MESSAGES: Rule = Rule::new("messages", 10, 5);
static HISTORY: Rule = Rule::new("history", 20, 6);
static PINS: Rule = Rule::new("pins", 5, 2);
/// For the same route beside it, and documented nowhere.
static HIDDEN: Rule = Rule::new("pins, hidden", 3, 30);
static EMOJIS: Rule = Rule::new("emojis", 6, 6);
const EMOJIS_SHARED: &str = "emojis, shared";

/// Everybody else who asks for the emojis: now and then they use up what is for all.
pub struct Others {
    dice: Rng,
    /// When they come next, and until when nothing is left then.
    taken: (Duration, Duration),
}

impl Others {
    pub fn new(seed: u64, now: Duration) -> Self {
        let mut others = Self { dice: Rng::with_seed(seed), taken: (now, now) };
        others.come_again(now);
        others
    }

    fn come_again(&mut self, now: Duration) {
        let from = now + Duration::from_millis(self.dice.u64(12_000..18_000));
        self.taken = (from, from + Duration::from_secs(3));
    }

    /// For how long they have left nothing.
    fn leave_nothing_for(&mut self, now: Duration) -> Option<Duration> {
        while self.taken.1 <= now {
            self.come_again(self.taken.1);
        }
        (self.taken.0 <= now).then(|| self.taken.1.saturating_sub(now))
    }
}

#[derive(Clone)]
struct Api {
    ledger: Ledger,
    others: Arc<Mutex<Others>>,
}

impl Api {
    /// The window that the answer tells about comes first.
    fn decide(&self, places: &[Place]) -> Response {
        self.decide_unless(places, |_| None)
    }

    fn decide_unless(
        &self,
        places: &[Place],
        closed: impl FnOnce(Duration) -> Option<Rejection>,
    ) -> Response {
        let Some(shown) = places.first() else { return super::problem(StatusCode::NOT_FOUND) };
        let all: Vec<_> = [(&GLOBAL, None)].iter().chain(places).copied().collect();
        respond(*shown, self.ledger.arrive(&all, *shown, closed))
    }
}

pub fn routes(ledger: &Ledger, others: Others) -> Router {
    let messages = |State(api): State<Api>, Path(channel): Path<u32>| async move {
        api.decide(&[(&MESSAGES, Some(channel))])
    };
    let message = |State(api): State<Api>, Path((channel, _)): Path<(u32, u32)>| async move {
        api.decide(&[(&MESSAGES, Some(channel))])
    };
    let history = |State(api): State<Api>, Path(channel): Path<u32>| async move {
        with_messages(api.decide(&[(&HISTORY, Some(channel))]))
    };
    let pins = |State(api): State<Api>, Path((channel, _)): Path<(u32, u32)>| async move {
        api.decide(&[(&PINS, Some(channel)), (&HIDDEN, Some(channel))])
    };
    Router::new()
        .route("/channels/{channel}/messages", get(history).post(messages))
        .route("/channels/{channel}/messages/{message}", patch(message))
        .route("/channels/{channel}/pins/{message}", put(pins))
        .route("/emojis", get(emojis))
        .with_state(Api { ledger: ledger.clone(), others: Arc::new(Mutex::new(others)) })
}

async fn emojis(State(api): State<Api>) -> Response {
    let mut others = api.others.lock().unwrap_or_else(PoisonError::into_inner);
    api.decide_unless(&[(&EMOJIS, None)], |now| {
        others.leave_nothing_for(now).map(|wait| Rejection { by: EMOJIS_SHARED, wait })
    })
}

fn with_messages(mut answer: Response) -> Response {
    if answer.status() == StatusCode::OK {
        *answer.body_mut() = json!([{ "content": "hello" }]).to_string().into();
    }
    answer
}

fn respond((rule, _): Place, decision: Decision) -> Response {
    let Decision { at, rejection, remaining, over } = decision;
    let by = rejection.map(|rejection| rejection.by);
    let mut headers = Vec::new();
    // Of the limit over all calls the answers say nothing; nor does its rejection say anything of the others.
    if by != Some(GLOBAL.name) {
        headers.extend([
            ("X-RateLimit-Bucket", format!("{:08x}", hash(rule.name))),
            ("X-RateLimit-Limit", rule.calls.to_string()),
            ("X-RateLimit-Remaining", remaining.to_string()),
            ("X-RateLimit-Reset", millis(over)),
            ("X-RateLimit-Reset-After", millis(over.saturating_sub(at))),
        ]);
    }
    let Some(Rejection { by, wait }) = rejection else { return answer(at, StatusCode::OK, &headers) };
    headers.push(("Retry-After", whole_seconds(wait)));
    if by == GLOBAL.name {
        headers.push(("X-RateLimit-Global", "true".to_owned()));
    }
    let scope = if by == GLOBAL.name {
        "global"
    } else if by == EMOJIS_SHARED {
        "shared"
    } else {
        "user"
    };
    headers.push(("X-RateLimit-Scope", scope.to_owned()));
    answer(at, StatusCode::TOO_MANY_REQUESTS, &headers)
}

/// Nobody is to read anything out of a limit's name.
fn hash(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests;
