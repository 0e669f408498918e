//! Reading an answer's headers.

mod dates;
mod families;
mod numbers;
mod structured;

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use self::numbers::Number;
use super::{Feedback, Scope};

/// Where a server names its limit; the first counts.
const BUCKETS: [&str; 3] = ["x-ratelimit-bucket", "x-ratelimit-resource", "ratelimit-name"];

/// Names and values as they came.
pub(super) struct Headers<'a>(pub(super) Vec<(&'a [u8], &'a [u8])>);

impl<'a> Headers<'a> {
    /// What is sent under `name`, trimmed and never empty; several lines are one list, as HTTP has it.
    fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        let named = self.0.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()));
        let mut lines = named.map(|(_, value)| value.trim_ascii()).filter(|line| !line.is_empty());
        let mut text = Cow::Borrowed(ascii(lines.next()?)?);
        for line in lines {
            let list = text.to_mut();
            list.push_str(", ");
            list.push_str(ascii(line)?);
        }
        Some(text)
    }

    fn says(&self, name: &str, word: &str) -> bool {
        self.text(name).is_some_and(|text| text.eq_ignore_ascii_case(word))
    }

    fn is_cached(&self) -> bool {
        self.text("age").and_then(|age| Number::first(&age)).is_some_and(Number::is_positive)
    }

    fn retry_after(&self, now: Duration) -> Option<Duration> {
        let millis = || Number::parse(&self.text("retry-after-ms")?)?.times(numbers::MILLI);
        millis().or_else(|| {
            let text = self.text("retry-after")?;
            match Number::parse(&text) {
                Some(seconds) => seconds.times(numbers::SECOND),
                None => Some(dates::http(&text)?.saturating_sub(now)),
            }
        })
    }

    fn bucket(&self) -> Option<Box<str>> {
        BUCKETS.iter().find_map(|name| self.text(name)).map(|name| name.into_owned().into())
    }

    fn scope(&self) -> Scope {
        if self.says("x-ratelimit-global", "true") || self.says("x-ratelimit-scope", "global") {
            Scope::Global
        } else if self.says("x-ratelimit-scope", "shared") {
            Scope::Shared
        } else {
            Scope::Bucket
        }
    }
}

fn ascii(line: &[u8]) -> Option<&str> {
    str::from_utf8(line).ok().filter(|text| text.is_ascii())
}

pub(super) fn read(status: u16, headers: &Headers<'_>, now: SystemTime) -> Option<Feedback> {
    // Both are times since 1970: what is before that is long past.
    let date = headers.text("date").and_then(|date| dates::http(&date));
    let now = date.unwrap_or_else(|| now.duration_since(UNIX_EPOCH).unwrap_or_default());
    let mut feedback = Feedback::default();
    // What a cache answers with was said to another call, and at another time.
    if !headers.is_cached() {
        feedback = families::read(headers, now).unwrap_or_default();
        feedback.bucket = headers.bucket().or(feedback.bucket);
        feedback.scope = headers.scope();
    }
    feedback.retry_after = headers.retry_after(now);
    feedback.rejected = is_rejected(status, &feedback);
    (feedback != Feedback::default()).then_some(feedback)
}

fn is_rejected(status: u16, feedback: &Feedback) -> bool {
    let is_told_to_wait = feedback.retry_after.is_some();
    match status {
        429 => true,
        503 => is_told_to_wait,
        403 | 420 => is_told_to_wait || feedback.remaining == Some(0),
        _ => false,
    }
}
