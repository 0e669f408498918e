//! `RateLimit` and `RateLimit-Policy`, of the IETF's drafts -10 and -07.

use ratelimit_core::feedback::Feedback;

use super::{seconds, some, told};

fn ratelimit(text: &str, policy: &str) -> Option<Feedback> {
    told(&[("RateLimit", text), ("RateLimit-Policy", policy)])
}

/// Of the limit that binds its name, remaining weight and seconds.
fn binding(text: &str) -> (String, Option<u64>, Option<u64>) {
    let told = some(&[("RateLimit", text)]);
    let name = told.bucket.map(String::from).unwrap_or_default();
    (name, told.remaining, told.reset_after.map(|span| span.as_secs()))
}

#[test]
fn the_limit_is_that_of_the_policy_of_its_name() {
    let policies =
        "\"hour\";q=1000;w=3600, \"day\";w=86400;q=5000;pk=:c2Rm:, \"week\";w=604800, \"none\";q=-1";
    let limit = |name: &str| ratelimit(&format!("\"{name}\";r=1"), policies).unwrap().limit;
    assert_eq!((limit("hour"), limit("day")), (Some(1_000), Some(5_000)));
    assert_eq!([limit("week"), limit("none"), limit("Hour"), limit("")], [None; 4]);
    for malformed in
        ["\"hour\";q=1000, ", "100;w=10", "hour;q=1000", "\"hour\";q=\"1000\"", "\"hour\";q=1.5", "\"hour"]
    {
        let told = ratelimit("\"hour\";r=1;t=2", malformed).unwrap();
        assert_eq!(
            (told.limit, told.remaining, told.reset_after),
            (None, Some(1), seconds(2)),
            "{malformed}"
        );
    }
}

#[test]
fn the_exhausted_with_the_longest_time_binds_else_the_lowest() {
    let name = |name: &str, remaining, reset| (name.to_owned(), Some(remaining), reset);
    assert_eq!(binding("\"a\";r=5;t=1, \"b\";r=3;t=9, \"c\";r=4"), name("b", 3, Some(9)));
    assert_eq!(binding("\"a\";r=0;t=1, \"b\";r=0;t=9, \"c\";r=0;t=5"), name("b", 0, Some(9)));
    assert_eq!(binding("\"a\";r=0, \"b\";r=0;t=0, \"c\";r=1;t=9"), name("b", 0, Some(0)));
    assert_eq!(binding("\"a\";r=2;t=3600, \"b\";r=0;t=1"), name("b", 0, Some(1)));
    assert_eq!(binding("\"a\";r=7"), name("a", 7, None));
    let lines = [("RateLimit", "\"a\";r=5;t=1"), ("ratelimit", "\"b\";r=3;t=9")];
    assert_eq!(some(&lines).bucket.as_deref(), Some("b"), "several lines are one list");
    assert!(some(&lines).whole_seconds && !some(&[("RateLimit", "\"a\";r=7")]).whole_seconds);
}

#[test]
fn limits_of_other_units_are_skipped() {
    let policies = "\"bytes\";q=65535;qu=\"content-bytes\", \"calls\";q=10;qu=\"requests\", \"one\";q=9;qu=request, \
                    \"at-once\";q=3;qu=concurrent-requests, \"odd\";q=3;qu=5";
    let limits = "\"bytes\";r=0;t=99, \"at-once\";r=0;t=98, \"odd\";r=0;t=97";
    let told = ratelimit(&format!("{limits}, \"calls\";r=4;t=1, \"one\";r=5"), policies).unwrap();
    assert_eq!((told.bucket.as_deref(), told.limit, told.remaining), (Some("calls"), Some(10), Some(4)));
    assert_eq!(ratelimit("\"one\";r=5", policies).unwrap().limit, Some(9));
    assert_eq!(ratelimit(limits, policies), None);
    let headers = [("RateLimit", limits), ("RateLimit-Policy", policies), ("RateLimit-Limit", "5")];
    assert_eq!(some(&headers).limit, Some(5), "the next family counts");
}

#[test]
fn what_is_malformed_is_ignored_as_a_whole() {
    for text in [
        "\"a\"",
        "\"a\";t=1",
        "\"a\";r=-1",
        "\"a\";r=1.0",
        "\"a\";r=\"1\"",
        "\"a\";r",
        "\"a\";r=1;t=-1",
        "\"a\";r=1;t=x",
        "\"a\";r=1;t",
        "\"a\";r=1, b;r=1",
        "\"a\";r=1, \"b\"",
        "\"a\";r=1,",
        "\"a\";r=1 \"b\";r=1",
        "\"a;r=1",
        "\"a\";r=1234567890123456",
        "(\"a\");r=1",
        "5",
        "default",
        "limit=5,",
        "limit=5 remaining=4",
        "limit=\"5\"",
        "limit=5.5",
        "limit",
        "used=4",
        "limit=(5)",
    ] {
        assert_eq!(ratelimit(text, "\"a\";q=5"), None, "{text}");
        assert_eq!(some(&[("RateLimit", text), ("RateLimit-Reset", "7")]).reset_after, seconds(7), "{text}");
    }
}

#[test]
fn the_older_draft_is_a_dictionary() {
    let told = ratelimit("limit=100;w=60, remaining=50,reset=5, comment=\"a, limit=1\"", "100;w=10").unwrap();
    assert_eq!((told.limit, told.remaining, told.reset_after), (Some(100), Some(50), seconds(5)));
    assert!(told.whole_seconds && told.bucket.is_none());
    let told = ratelimit("remaining=-2, limit=x, reset=-1", "").unwrap();
    assert_eq!((told.limit, told.remaining, told.reset_after), (None, Some(0), None));
    assert_eq!(ratelimit("remaining=1, reset=1700000007", "").unwrap().reset_after, seconds(7));
    assert_eq!(ratelimit("limit=-1, remaining=5, reset=5", ""), None);
}
