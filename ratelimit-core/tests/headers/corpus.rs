//! Real header sets. Those of tier 1 are read exactly; of tier 2, whose names are not ours, nothing is read wrong.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use ratelimit_core::feedback::{Feedback, Scope};
use serde::Deserialize;

#[derive(Deserialize)]
struct Set {
    name: String,
    tier: u8,
    now_unix: u64,
    status: u16,
    headers: BTreeMap<String, Value>,
    expect: Option<Expected>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Line(String),
    Lines(Vec<String>),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    limit: Option<u64>,
    remaining: Option<u64>,
    reset_after_s: Option<f64>,
    retry_after_s: Option<f64>,
    bucket: Option<String>,
    scope: Option<String>,
}

impl Set {
    fn told(&self) -> Option<Feedback> {
        let lines = self.headers.iter().flat_map(|(name, value)| {
            let lines = match value {
                Value::Line(line) => std::slice::from_ref(line),
                Value::Lines(lines) => lines,
            };
            lines.iter().map(move |line| (name, line))
        });
        let told =
            Feedback::from_headers(self.status, lines, UNIX_EPOCH + Duration::from_secs(self.now_unix));
        // That an answer is a refusal is no part of the sets: with nothing else, nothing was found.
        told.filter(|told| *told != Feedback::default().rejected(true))
    }
}

/// Of one field what is expected and what is read, both as text.
type Field = (&'static str, Option<String>, Option<String>);

fn fields(expected: &Expected, told: &Feedback) -> [Field; 6] {
    // Both to 10 µs.
    let span = |seconds: Option<f64>| seconds.map(|seconds| format!("{seconds:.5}"));
    let scope = match told.scope {
        Scope::Global => Some("global".to_owned()),
        Scope::Shared => Some("shared".to_owned()),
        _ => None,
    };
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    [
        ("limit", number(expected.limit), number(told.limit)),
        ("remaining", number(expected.remaining), number(told.remaining)),
        ("reset", span(expected.reset_after_s), span(told.reset_after.map(|span| span.as_secs_f64()))),
        ("retry", span(expected.retry_after_s), span(told.retry_after.map(|span| span.as_secs_f64()))),
        ("bucket", expected.bucket.clone(), told.bucket.as_deref().map(str::to_owned)),
        ("scope", expected.scope.clone().filter(|scope| scope != "user"), scope),
    ]
}

#[test]
fn real_sets_are_read_as_they_were_meant() {
    let sets: Vec<Set> = serde_json::from_str(include_str!("fixtures/headers.json")).unwrap();
    let (mut exact, mut silent, mut others, mut fields_told) = (0, 0, 0, 0);
    for set in sets {
        let told = set.told();
        let name = &set.name;
        match (set.tier, &set.expect) {
            (1, None) => {
                assert_eq!(told, None, "{name}");
                silent += 1;
            }
            (1, Some(expected)) => {
                for (field, expected, told) in fields(expected, &told.expect(name)) {
                    assert_eq!(told, expected, "{field} of {name}");
                    fields_told += usize::from(told.is_some());
                }
                exact += 1;
            }
            (2, Some(expected)) => {
                for (field, expected, told) in fields(expected, &told.unwrap_or_default()) {
                    assert!(told.is_none() || told == expected, "{field} of {name}: {told:?}");
                }
                others += 1;
            }
            (tier, _) => panic!("{name}: tier {tier}"),
        }
    }
    assert_eq!((exact, silent, others, fields_told), (31, 7, 3, 93));
}
