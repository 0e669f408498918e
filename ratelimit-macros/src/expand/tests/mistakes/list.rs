//! Of the list of parameters.

use super::{mistake, mistakes};

#[test]
fn every_pair_of_parameters_in_both_orders() {
    // The two that exclude each other.
    for told in ["permit = permit", "feedback", "feedback = |answer| answer"] {
        every_pair(told);
    }
}

fn every_pair(told: &str) {
    let values = [
        "bucket = \"kitsu\"",
        "key = user",
        "weight = 2",
        "max_delay = \"1s\"",
        "rate = \"10/s\"",
        "burst = 5",
        "on_limited = |_| 1",
        told,
        "registry = REGISTRY",
        "crate = ::limits",
    ];
    for first in values {
        for second in values {
            let others = values.iter().filter(|other| ![first, second].contains(other)).copied();
            let all: Vec<&str> = [first, second].into_iter().chain(others).collect();
            let found = mistakes(&all.join(", "));
            if first == second {
                let name = first.split(' ').next().unwrap();
                let hint =
                    if name == "rate" { ", or give both to a `static` bucket by `.and(..)`" } else { "" };
                let said = format!("duplicate parameter `{name}`; remove one of the two{hint}");
                assert_eq!(found, [(said, name.to_owned())], "{all:?}");
            } else {
                assert!(found.is_empty(), "{all:?}: {found:?}");
            }
        }
    }
}

#[test]
fn what_may_stand_alone_needs_no_value() {
    for args in [
        "feedback, bucket = B",
        "bucket = B, feedback",
        "bucket = B, feedback,",
        "bucket = B, feedback = read",
    ] {
        assert!(mistakes(args).is_empty(), "{args}: {:?}", mistakes(args));
    }
    let ways = "write `feedback` alone, or as in `feedback = |answer| ..`";
    for (args, at) in [
        ("bucket = B, feedback()", "()"),
        ("bucket = B, feedback(|answer| answer)", "(|answer| answer)"),
        ("bucket = B, feedback: read", ":"),
    ] {
        mistake(args, &format!("expected `=` after `feedback`; {ways}"), at);
    }
    mistake("bucket = B, feedback == read", "expected `=` after `feedback`", "=");
    mistake("bucket = B, feedback => read", "expected `=` after `feedback`", "=");
    for args in ["bucket = B, feedback =", "feedback =, bucket = B"] {
        mistake(args, &format!("parameter `feedback` needs a value; {ways}"), "feedback");
    }
    mistake("bucket = B, feedback weight = 2", "expected `,` before `weight`", "weight");
    mistake("feedback |answer| answer, bucket = B", "expected `,`, found `|`", "|");
    mistake("bucket = B feedback", "expected `,` before `feedback`", "feedback");
    mistake("bucket = B, weight = 2 feedback, key = user", "expected `,` before `feedback`", "feedback");
    mistake("bucket = B, feedback, feedback", "duplicate parameter `feedback`", "feedback");
    mistake("bucket = B, feedbck", "did you mean `feedback`?", "feedbck");
    mistake("bucket = B, fedback = read", "did you mean `feedback`?", "fedback");
    mistake("bucket = B, observe", "use `feedback`, as in `feedback = |answer| ..`", "observe");
    mistake("bucket = B, feedback, observe = read", "remove it, `feedback` is given already", "observe");
    mistake("bucket = B, \"feedback\"", "write it without the quotes, as in `feedback`", "\"feedback\"");
    mistake("feedback", "missing `bucket`", "");
    mistake("bucket = B, permit", "parameter `permit` needs a value", "permit");
}

#[test]
fn every_mistake_points_at_its_token() {
    mistake("", "missing `bucket`", "");
    mistake("\"kitsu\"", "write `bucket = \"kitsu\"`", "\"kitsu\"");
    mistake("bucket", "needs a value", "bucket");
    mistake("bucket =", "needs a value", "bucket");
    mistake("bucket(\"a\")", "expected `=` after `bucket`", "(\"a\")");
    mistake("bucket: \"a\"", "expected `=` after `bucket`", ":");
    mistake("bucket = \"a\" key = user", "expected `,` before `key`", "key");
    mistake("bucket = \"a\"; key = user", "expected `,`, found `;`", ";");
    mistake("bucket = \"a\",, key = user", "found `,`; remove it", ",");
    mistake("bucket = \"a\", max_delay = 0", "found an integer; write `\"0s\"` to never wait", "0");
    mistake("bucket = \"a\", +5", "expected a parameter name, found `+`", "+");
    mistake("bucket = \"a\", key = user.", "; write it as in `key = \"{user}\"`", ".");
    mistake(
        "bucket = \"a\", permit = mut permit",
        "`permit` must be a new variable name, found `mut`; write `permit = permit`",
        "mut",
    );
    mistake("bucket = \"a\", key = (user +)", "broken off", "(user +)");
    mistake("bucket = \"a\", fn = 1", "unknown parameter `fn`", "fn");
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let found =
        mistakes("bucket = \"\", wieght = 2, max_delay = 500, key = |usr, pge| usr, rate = \"10\", weight");
    let places: Vec<&str> = found.iter().map(|(_, at)| at.as_str()).collect();
    assert_eq!(places, ["\"\"", "wieght", "500", "usr", "pge", "\"10\"", "weight"], "{found:?}");
}

#[test]
fn a_misspelt_bucket_is_not_also_missing() {
    for args in ["bukcet = \"a\"", "name = \"a\"", "bucket", "rps = 5", "rat = \"5/s\", burst = 5"] {
        assert_eq!(mistakes(args).len(), 1, "{args}: {:?}", mistakes(args));
    }
}

#[test]
fn what_others_call_a_rate() {
    for name in ["per", "period", "interval", "window"] {
        mistake(
            &format!("bucket = \"a\", {name} = \"1s\""),
            &format!("unknown parameter `{name}`; use `rate`"),
            name,
        );
    }
}

#[test]
fn the_attribute_itself_is_no_parameter() {
    let said = "unknown parameter `rate_limited`; use `bucket`";
    mistake("rate_limited(bucket = \"a\")", said, "rate_limited");
    mistake("rate_limited", said, "rate_limited");
}

#[test]
fn mistakes_come_in_the_order_of_the_source() {
    let args = "weight = 0 key = \"{}\", user.id, bucket: 5, permits = 2, rate = \"5\", burst = 2.5";
    let places: Vec<String> = mistakes(args).into_iter().map(|(_, at)| at).collect();
    assert_eq!(places, ["0", "key", "\"{}\"", "user.id", ":", "permits", "\"5\"", "2.5"]);
    let places: Vec<String> = mistakes("burst = 2, weight = \"2\"").into_iter().map(|(_, at)| at).collect();
    assert_eq!(places, ["burst", "\"2\""]);
}

#[test]
fn a_known_name_goes_on_behind_a_wrong_sign() {
    for (args, expected) in [
        ("bucket: \"b\", weight: 3", [":", ":"]),
        ("rate(\"5/s\"), burst(\"3\")", ["(\"5/s\")", "(\"3\")"]),
        ("bucket == \"b\", key => user", ["==", "=>"]),
        ("bucket: \"b\", permits: 3", [":", "permits"]),
    ] {
        let found = mistakes(args);
        let places: Vec<&str> = found.iter().map(|(_, at)| at.as_str()).collect();
        let first = |text: &str| text.chars().next();
        assert!(places.len() == 2, "{args}: {found:?}");
        for (place, expected) in places.iter().zip(expected) {
            assert_eq!(first(place), first(expected), "{args}: {found:?}");
        }
    }
    // What only looks like a pair is skipped with the value that it belongs to.
    for args in ["bucket = \"b\", key = user., f(x), g::h", "bucket = \"b\", key = async |user, x: u8 user"] {
        assert_eq!(mistakes(args).len(), 1, "{args}: {:?}", mistakes(args));
    }
}

#[test]
fn what_others_call_a_parameter_says_how() {
    for name in [
        "per_second",
        "requests",
        "calls",
        "max_calls",
        "max_requests",
        "max_rate",
        "per_hour",
        "per_day",
        "every",
        "limit",
    ] {
        let said = format!("unknown parameter `{name}`; use `rate`, as in `rate = \"10/s\"`");
        assert_eq!(mistakes(&format!("{name} = 3")), [(said, name.to_owned())]);
        mistake(
            &format!("rate = \"5/s\", {name} = 3"),
            &format!("unknown parameter `{name}`; remove it, `rate` is given already"),
            name,
        );
    }
    mistake("bukcet = \"a\", bucket = \"b\"", "remove it, `bucket` is given already", "bukcet");
}

#[test]
fn a_value_without_a_name_is_told_the_name() {
    for (args, write, at) in [
        ("\"5/s\"", "found a string; write `rate = \"5/s\"`", "\"5/s\""),
        ("bucket = \"a\", \"1m30s\"", "write `max_delay = \"1m30s\"`", "\"1m30s\""),
        ("bucket = \"a\", \"{user}\"", "write `key = \"{user}\"`", "\"{user}\""),
        ("bucket = \"a\", \"b\"", "remove it, `bucket` is given already", "\"b\""),
        ("\"b\", bucket = \"a\"", "remove it, `bucket` is given already", "\"b\""),
        (
            "bucket = \"a\", \"max_delay = 1s\"",
            "found a string; write it without the quotes, as in `max_delay = \"500ms\"`",
            "\"max_delay = 1s\"",
        ),
        ("bucket = \"a\", key = \"{user}\", \"{page}\"", "remove it, `key` is given already", "\"{page}\""),
        ("B", "expected a parameter, found a path; write `bucket = B`", "B"),
        ("Self::BUCKET", "found a path; write `bucket = Self::BUCKET`", "Self::BUCKET"),
        ("&self.bucket", "found an expression; write `bucket = &self.bucket`", "&self.bucket"),
        ("kitsu", "found a path; write `bucket = \"kitsu\"`", "kitsu"),
        ("10/s", "found an expression; write `rate = \"10/s\"`", "10/s"),
        ("bucket = B, 5s", "found an integer; write `max_delay = \"5s\"`", "5s"),
        ("bucket = B, 5", "found an integer; write a name before it, as in `weight = 2`", "5"),
        ("5", "found an integer; write a name before it", "5"),
        ("bucket = B, |user| user", "found a closure; write `key = |user| ..`", "|user| user"),
        ("bucket = B, retry", "unknown parameter `retry`; expected one of", "retry"),
    ] {
        mistake(args, write, at);
    }
    for (args, first, second) in [
        ("\"kitsu\", \"5/s\"", "write `bucket = \"kitsu\"`", "write `rate = \"5/s\"`"),
        ("\"kitsu\", \"mal\"", "write `bucket = \"kitsu\"`", "remove it, `bucket` is given already"),
        ("5, 10", "write a name before it", "write a name before it"),
        ("\"kitsu\" key = user", "write `bucket = \"kitsu\"`", "expected `,` before `key`"),
    ] {
        let found = mistakes(args);
        assert_eq!(found.len(), 2, "{args}: {found:?}");
        assert!(found[0].0.contains(first) && found[1].0.contains(second), "{args}: {found:?}");
    }
    mistake("\"bucket\" = \"a\", rate = \"1/s\"", "found `\"bucket\"`; remove the quotes", "\"bucket\"");
}

#[test]
fn two_rates_belong_to_a_bucket() {
    mistake("rate = \"1/s\", rate = \"9/m\"", "or give both to a `static` bucket by `.and(..)`", "rate");
}
