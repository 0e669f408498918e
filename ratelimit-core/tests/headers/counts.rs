//! Limit, remaining, used, and which family of names counts.

use super::{some, told};

/// The families of names, the first that says anything first.
const FAMILIES: [(&str, &str, &str); 7] = [
    ("RateLimit", "", ""),
    ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Used"),
    ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Used"),
    ("X-Rate-Limit-Limit", "X-Rate-Limit-Remaining", "X-Rate-Limit-Used"),
    ("X-RateLimit-Limit-Requests", "X-RateLimit-Remaining-Requests", "X-RateLimit-Used-Requests"),
    (
        "Anthropic-RateLimit-Requests-Limit",
        "Anthropic-RateLimit-Requests-Remaining",
        "Anthropic-RateLimit-Requests-Used",
    ),
    ("X-Shopify-Shop-Api-Call-Limit", "", ""),
];

fn counts(headers: &[(&str, &str)]) -> (Option<u64>, Option<u64>) {
    told(headers).map_or((None, None), |told| (told.limit, told.remaining))
}

fn limit(text: &str) -> Option<u64> {
    counts(&[("x-ratelimit-limit", text)]).0
}

fn remaining(text: &str) -> Option<u64> {
    counts(&[("x-ratelimit-remaining", text)]).1
}

#[test]
fn names_are_known_in_any_case_and_values_are_trimmed() {
    for name in ["x-ratelimit-limit", "X-RATELIMIT-LIMIT", "X-RateLimit-Limit", "x-RateLIMIT-liMIT"] {
        assert_eq!(counts(&[(name, "\t 60  ")]).0, Some(60), "{name}");
    }
    assert_eq!(told(&[("x-ratelimit-limits", "60"), ("xx-ratelimit-limit", "60"), ("", "60")]), None);
}

#[test]
fn what_is_blank_or_not_ascii_is_absent() {
    for text in ["", "  ", "\t", "６０", "60\u{a0}", "ß", "60 €"] {
        assert_eq!(limit(text), None, "{text}");
    }
    let bytes: [(&str, &[u8]); 2] = [("x-ratelimit-limit", b"60\xff"), ("x-ratelimit-remaining", b"59")];
    let told = ratelimit_core::feedback::Feedback::from_headers(200, bytes, super::now()).unwrap();
    assert_eq!((told.limit, told.remaining), (None, Some(59)));
}

#[test]
fn a_count_is_the_first_member_of_a_list_up_to_its_parameters() {
    for (text, expected) in [
        ("100", Some(100)),
        ("100, 100;w=10, 1000;w=1000", Some(100)),
        ("100;w=10", Some(100)),
        (" 100 ; w=10", Some(100)),
        ("100,1", Some(100)),
        ("007", Some(7)),
        ("598.9", Some(598)),
        ("0.99", Some(0)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("1e3", None),
        ("+5", None),
        ("5.", None),
        (".5", None),
        ("5 6", None),
        ("0x10", None),
        ("Infinity", None),
        ("five", None),
        (", 5", None),
    ] {
        assert_eq!((limit(text), remaining(text)), (expected, expected), "{text}");
    }
    let lines = [("x-ratelimit-limit", "5"), ("x-ratelimit-limit", " "), ("X-RateLimit-Limit", "100")];
    assert_eq!(counts(&lines).0, Some(5), "several lines are one list");
    assert_eq!(counts(&[lines[1], lines[2], lines[0]]).0, Some(100));
}

#[test]
fn overdrawn_is_exhausted_and_a_negative_limit_voids_its_family() {
    for text in ["-1", "-0.5", "-99999999999999999999999"] {
        assert_eq!(remaining(text), Some(0), "{text}");
        let headers = [
            ("x-ratelimit-limit", text),
            ("x-ratelimit-remaining", "5"),
            ("x-ratelimit-used", "5"),
            ("x-ratelimit-reset", "5"),
        ];
        assert_eq!(told(&headers), None, "{text}");
        let mut headers = headers.to_vec();
        headers.push(("x-rate-limit-limit", "9"));
        assert_eq!(counts(&headers), (Some(9), None), "{text}");
    }
    assert_eq!((limit("-0"), limit("-5x"), remaining("-x")), (Some(0), None, None));
}

#[test]
fn without_a_limit_it_is_what_remains_and_what_was_used() {
    let used = |limit, remaining, used| {
        let headers =
            [("x-ratelimit-limit", limit), ("x-ratelimit-remaining", remaining), ("x-ratelimit-used", used)];
        counts(&headers)
    };
    assert_eq!(used("", "598.0", "2"), (Some(600), Some(598)));
    assert_eq!(used("many", "598.7", "2.9"), (Some(600), Some(598)));
    assert_eq!(used("60", "1", "2"), (Some(60), Some(1)));
    assert_eq!(used("", "-3", "7"), (Some(7), Some(0)));
    assert_eq!(used("", "18446744073709551615", "1"), (None, Some(u64::MAX)));
    assert_eq!(used("", "5", "-1"), (None, Some(5)));
    assert_eq!(used("60", "", "2"), (Some(60), None));
    assert_eq!(told(&[("x-ratelimit-used", "2")]), None);
}

#[test]
fn the_first_family_that_says_anything_counts_alone() {
    for (at, (first, remaining, used)) in FAMILIES.iter().enumerate() {
        let value = match *first {
            "RateLimit" => "limit=7",
            "X-Shopify-Shop-Api-Call-Limit" => "0/7",
            _ => "7",
        };
        let mut headers = vec![(*first, value)];
        assert_eq!(some(&headers).limit, Some(7), "{first}");
        if !remaining.is_empty() {
            assert_eq!(counts(&[(*remaining, "3"), (*used, "4")]), (Some(7), Some(3)), "{remaining}");
        }
        // Whatever the others say.
        for (limit, remaining, _) in &FAMILIES[at + 1..] {
            headers.extend([(*limit, "99"), (*remaining, "98")]);
        }
        headers.reverse();
        let expected = if *first == "X-Shopify-Shop-Api-Call-Limit" { Some(7) } else { None };
        assert_eq!(counts(&headers), (Some(7), expected), "{first}");
        // And though those before say nothing that makes sense.
        for (limit, remaining, used) in &FAMILIES[..at] {
            headers.extend([(*limit, "no"), (*remaining, "?"), (*used, "5")]);
        }
        assert_eq!(counts(&headers), (Some(7), expected), "{first}");
    }
}

#[test]
fn a_reset_alone_makes_a_family_count() {
    let headers = [("ratelimit-reset", "5"), ("x-ratelimit-limit", "60"), ("x-ratelimit-remaining", "59")];
    let told = some(&headers);
    assert_eq!((told.limit, told.remaining, told.reset_after), (None, None, super::seconds(5)));
}

#[test]
fn of_a_shop_it_is_what_was_used_of_all() {
    let shop = |text| counts(&[("x-shopify-shop-api-call-limit", text)]);
    assert_eq!(shop("32/40"), (Some(40), Some(8)));
    assert_eq!(shop(" 32 / 40 "), (Some(40), Some(8)));
    assert_eq!(shop("41/40"), (Some(40), Some(0)));
    assert_eq!(shop("1/40, 2/40"), (Some(40), Some(39)));
    for text in
        ["40", "/", "32/", "/40", "a/40", "32/b", "-1/40", "32/-40", "1/2/3", "1/18446744073709551616"]
    {
        assert_eq!(shop(text), (None, None), "{text}");
    }
}

#[test]
fn what_a_cache_answers_tells_nothing_but_when_to_retry() {
    let headers = |age| {
        [
            ("Age", age),
            ("RateLimit", "\"a\";r=1;t=2"),
            ("X-RateLimit-Limit", "5"),
            ("X-RateLimit-Bucket", "b"),
            ("X-RateLimit-Scope", "shared"),
            ("X-Shopify-Shop-Api-Call-Limit", "1/2"),
        ]
    };
    for age in ["1", "0.5", "3600", "99999999999999999999999999999999999999999999", "7, 0"] {
        assert_eq!(told(&headers(age)), None, "{age}");
        let mut headers = headers(age).to_vec();
        headers.push(("Retry-After", "9"));
        let expected = ratelimit_core::feedback::Feedback::default().retry_after(super::seconds(9).unwrap());
        assert_eq!(told(&headers), Some(expected), "{age}");
    }
    for age in ["0", "0.0", "", "-1", "old"] {
        assert_eq!(some(&headers(age)).remaining, Some(1), "{age}");
    }
}
