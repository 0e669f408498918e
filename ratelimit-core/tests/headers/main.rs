//! What is read off answers' headers, rule by rule, and off those that servers really sent.
//!
//! `fixtures/headers.json` are real header sets, each with its source, the time at which it was read, and what it says.

#![expect(clippy::panic, clippy::unwrap_used, reason = "helpers of tests, too, end the test")]

#[path = "../common/dice.rs"]
mod dice;

#[cfg(feature = "http")]
mod answers;
mod by_hand;
mod corpus;
mod counts;
mod drafts;
mod names;
mod properties;
mod rejected;
mod resets;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ratelimit_core::feedback::Feedback;

/// Tue, 14 Nov 2023 22:13:20 GMT.
const NOW: u64 = 1_700_000_000;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

#[expect(clippy::unnecessary_wraps, reason = "as it is compared")]
fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[expect(clippy::unnecessary_wraps, reason = "as it is compared")]
fn millis(millis: u64) -> Option<Duration> {
    Some(Duration::from_millis(millis))
}

/// What an answer of status 200 says.
fn told(headers: &[(&str, &str)]) -> Option<Feedback> {
    Feedback::from_headers(200, headers.iter().copied(), now())
}

/// The same of one that says something.
fn some(headers: &[(&str, &str)]) -> Feedback {
    told(headers).unwrap_or_else(|| panic!("nothing is read off {headers:?}"))
}
