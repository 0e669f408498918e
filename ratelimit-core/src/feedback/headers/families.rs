//! The families of names under which servers tell a limit, what remains of it, and when it is reset.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::time::Duration;

use super::numbers::{self, Number};
use super::structured::{self, Item, Value};
use super::{Feedback, Headers, dates};

/// The names of one family.
struct Names {
    limit: &'static str,
    remaining: &'static str,
    used: &'static str,
    /// The first that makes sense counts.
    resets: &'static [&'static str],
}

const NAMES: [Names; 5] = [
    Names {
        limit: "ratelimit-limit",
        remaining: "ratelimit-remaining",
        used: "ratelimit-used",
        resets: &["ratelimit-reset-after", "ratelimit-reset"],
    },
    Names {
        limit: "x-ratelimit-limit",
        remaining: "x-ratelimit-remaining",
        used: "x-ratelimit-used",
        resets: &["x-ratelimit-reset-after", "x-ratelimit-reset", "x-ratelimit-retry-after"],
    },
    Names {
        limit: "x-rate-limit-limit",
        remaining: "x-rate-limit-remaining",
        used: "x-rate-limit-used",
        resets: &["x-rate-limit-reset-after", "x-rate-limit-reset"],
    },
    Names {
        limit: "x-ratelimit-limit-requests",
        remaining: "x-ratelimit-remaining-requests",
        used: "x-ratelimit-used-requests",
        resets: &["x-ratelimit-reset-after-requests", "x-ratelimit-reset-requests"],
    },
    Names {
        limit: "anthropic-ratelimit-requests-limit",
        remaining: "anthropic-ratelimit-requests-remaining",
        used: "anthropic-ratelimit-requests-used",
        resets: &["anthropic-ratelimit-requests-reset-after", "anthropic-ratelimit-requests-reset"],
    },
];

/// The keys of the dictionary that `RateLimit` was in the IETF's draft -07.
const KEYS: Names = Names { limit: "limit", remaining: "remaining", used: "used", resets: &["reset"] };

/// What the first family says that says anything.
pub(super) fn read(headers: &Headers<'_>, now: Duration) -> Option<Feedback> {
    let standard = headers.text("ratelimit").and_then(|text| {
        let policy = headers.text("ratelimit-policy");
        items(&text, policy.as_deref()).or_else(|| dictionary(&text, now))
    });
    let named = || NAMES.iter().find_map(|names| window(names, |name| headers.text(name), now));
    standard.or_else(named).or_else(|| used_of_all(&headers.text("x-shopify-shop-api-call-limit")?))
}

/// What one family says, given how to come by its texts.
fn window<'a>(names: &Names, text: impl Fn(&str) -> Option<Cow<'a, str>>, now: Duration) -> Option<Feedback> {
    let number = |name| Number::first(&text(name)?);
    let limit = number(names.limit);
    // It stands for no limit at all, whatever else is said.
    if limit.is_some_and(|limit| limit.negative) {
        return None;
    }
    // Overdrawn is exhausted.
    let remaining = number(names.remaining).and_then(|n| if n.negative { Some(0) } else { n.count() });
    let limit = limit.and_then(Number::count);
    let limit = limit.or_else(|| remaining?.checked_add(number(names.used)?.count()?));
    let reset = names.resets.iter().find_map(|name| dates::reset(&text(name)?, now));
    let (reset_after, whole_seconds) = reset.unzip();
    let whole_seconds = whole_seconds.unwrap_or(false);
    let told = Feedback { limit, remaining, reset_after, whole_seconds, ..Feedback::default() };
    (told != Feedback::default()).then_some(told)
}

/// `32/40`.
fn used_of_all(text: &str) -> Option<Feedback> {
    let (used, limit) = numbers::first(text).split_once('/')?;
    let count = |text: &str| Number::parse(text.trim_ascii())?.count();
    let (used, limit) = (count(used)?, count(limit)?);
    Some(Feedback::default().limit(limit).remaining(limit.saturating_sub(used)))
}

/// The IETF's draft -07: `limit=100, remaining=50, reset=5`.
fn dictionary(text: &str, now: Duration) -> Option<Feedback> {
    let members = structured::dictionary(text)?;
    let integer = |key: &str| match structured::last(&members, key)?.value {
        Value::Integer(text) => Some(Cow::Borrowed(text)),
        _ => None,
    };
    window(&KEYS, integer, now)
}

/// One limit of several.
struct Limit<'a> {
    name: &'a str,
    remaining: u64,
    /// Seconds.
    reset: Option<u64>,
}

impl<'a> Limit<'a> {
    fn new(item: &'a Item<'_>) -> Option<Self> {
        let name = name(item)?;
        let remaining = natural(item.parameter("r")?)?;
        let reset = match item.parameter("t") {
            Some(seconds) => Some(natural(seconds)?),
            None => None,
        };
        Some(Limit { name, remaining, reset })
    }
}

/// The IETF's draft -10: `"hour";r=99;t=50, "day";r=500;t=7200`, with a policy for each, as in `"hour";q=100;w=3600`.
fn items(text: &str, policy: Option<&str>) -> Option<Feedback> {
    let items = structured::list(text)?;
    let limits = items.iter().map(Limit::new).collect::<Option<Vec<_>>>()?;
    let policies = policy.and_then(structured::list).unwrap_or_default();
    let policy = |limit: &Limit<'_>| policies.iter().find(|policy| name(policy) == Some(limit.name));
    let of_requests = limits.iter().filter(|limit| policy(limit).is_none_or(is_of_requests));
    // The longest time decides between those that are exhausted.
    let binding = of_requests.min_by_key(|limit| (limit.remaining, Reverse(limit.reset)))?;
    let named = !binding.name.trim_ascii().is_empty();
    Some(Feedback {
        limit: policy(binding).and_then(|policy| natural(policy.parameter("q")?)),
        remaining: Some(binding.remaining),
        reset_after: binding.reset.map(Duration::from_secs),
        whole_seconds: binding.reset.is_some(),
        bucket: named.then(|| binding.name.into()),
        ..Feedback::default()
    })
}

fn is_of_requests(policy: &Item<'_>) -> bool {
    let unit = match policy.parameter("qu") {
        None => return true,
        Some(Value::Text(unit)) => unit.as_str(),
        Some(Value::Word(unit)) => unit,
        Some(Value::Integer(_) | Value::Other) => return false,
    };
    matches!(unit, "request" | "requests")
}

fn name<'a>(item: &'a Item<'_>) -> Option<&'a str> {
    match &item.value {
        Value::Text(name) => Some(name),
        Value::Word(_) | Value::Integer(_) | Value::Other => None,
    }
}

/// An integer that is not negative.
fn natural(value: &Value<'_>) -> Option<u64> {
    match value {
        Value::Integer(text) => text.parse().ok(),
        Value::Text(_) | Value::Word(_) | Value::Other => None,
    }
}
