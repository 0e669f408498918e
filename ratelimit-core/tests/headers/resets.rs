//! When a limit is reset and when to retry, in all the forms in which servers say it.

use std::time::{Duration, UNIX_EPOCH};

use ratelimit_core::feedback::Feedback;

use super::{NOW, millis, now, seconds, some, told};

/// Of a reset: in how long, and whether it was sent in whole seconds.
fn reset(text: &str) -> (Option<Duration>, bool) {
    told(&[("x-ratelimit-reset", text)]).map_or((None, false), |told| (told.reset_after, told.whole_seconds))
}

fn retry(headers: &[(&str, &str)]) -> Option<Duration> {
    told(headers).and_then(|told| told.retry_after)
}

#[test]
fn a_reset_has_many_forms() {
    for (text, expected) in [
        ("53", (seconds(53), true)),
        ("1.25", (millis(1_250), false)),
        ("5.0", (seconds(5), false)),
        ("0", (seconds(0), true)),
        ("999999999", (seconds(999_999_999), true)),
        ("1000000000", (seconds(0), true)),
        ("1700000060", (seconds(60), true)),
        ("1700000060.5", (millis(60_500), false)),
        ("99999999999", (seconds(99_999_999_999 - NOW), true)),
        ("100000000000", (seconds(0), false)),
        ("1700000060250", (millis(60_250), false)),
        ("6m0s", (seconds(360), true)),
        ("12ms", (millis(12), false)),
        ("1h2m3s", (seconds(3_723), true)),
        ("2m59.56s", (millis(179_560), false)),
        ("2023-11-14T22:13:25Z", (seconds(5), true)),
        ("2023-11-14T22:14Z", (seconds(40), true)),
        ("2023-11-14T23:13:25.5+01:00", (millis(5_500), false)),
        ("Tue, 14 Nov 2023 22:13:30 GMT", (seconds(10), true)),
        ("Tuesday, 14-Nov-23 22:13:30 GMT", (seconds(10), true)),
        ("Tue Nov 14 22:13:30 2023", (seconds(10), true)),
    ] {
        assert_eq!(reset(text), expected, "{text}");
    }
}

#[test]
fn what_is_past_is_zero() {
    for text in [
        "1699999999",
        "1699999999999.9",
        "2020-01-01T00:00:00Z",
        "1969-07-20T20:17Z",
        "Mon, 13 Nov 2023 22:13:20 GMT",
    ] {
        assert_eq!(reset(text).0, seconds(0), "{text}");
    }
}

#[test]
fn what_is_no_time_is_absent() {
    for text in [
        "-1",
        "-0.5",
        "-5s",
        "-1700000060",
        "NaN",
        "inf",
        "-inf",
        "soon",
        "5 s",
        "5, 5",
        "5;w=1",
        "1e9",
        "PT5S",
        "2023-11-14",
        "Tue, 32 Nov 2023 22:13:30 GMT",
        "99999999999999999999999999999999",
        "99999999999999999999h",
    ] {
        assert_eq!(reset(text), (None, false), "{text}");
    }
}

#[test]
fn a_relative_reset_counts_before_an_absolute_one() {
    let all = [
        ("X-RateLimit-Reset-After", "1.5"),
        ("X-RateLimit-Reset", "1700000009"),
        ("X-RateLimit-Retry-After", "7"),
    ];
    assert_eq!(some(&all).reset_after, millis(1_500));
    assert_eq!(some(&all[1..]).reset_after, seconds(9));
    assert_eq!((some(&all[2..]).reset_after, some(&all[2..]).retry_after), (seconds(7), None));
    // One that makes no sense is as if it had not been sent.
    let all =
        [("X-RateLimit-Reset-After", "soon"), ("X-RateLimit-Reset", "-1"), ("X-RateLimit-Retry-After", "7")];
    assert_eq!(some(&all).reset_after, seconds(7));
}

#[test]
fn times_are_measured_against_the_answers_date() {
    let reset = |date, text| some(&[("Date", date), ("x-ratelimit-reset", text)]).reset_after;
    for date in
        ["Tue, 14 Nov 2023 22:13:15 GMT", "Tuesday, 14-Nov-23 22:13:15 GMT", "Tue Nov 14 22:13:15 2023"]
    {
        assert_eq!(reset(date, "1700000000"), seconds(5), "{date}");
        assert_eq!(reset(date, "1700000000500"), millis(5_500), "{date}");
        assert_eq!(reset(date, "2023-11-14T22:13:20Z"), seconds(5), "{date}");
        assert_eq!(reset(date, "Tue, 14 Nov 2023 22:13:20 GMT"), seconds(5), "{date}");
        assert_eq!(reset(date, "30"), seconds(30), "{date}");
        assert_eq!(
            retry(&[("Date", date), ("Retry-After", "Tue, 14 Nov 2023 22:13:20 GMT")]),
            seconds(5),
            "{date}"
        );
    }
    for date in ["", "yesterday", "Tue, 14 Nov 2023 25:13:15 GMT", "1700000005", "2023-11-14T22:13:15Z"] {
        assert_eq!(reset(date, "1700000007"), seconds(7), "{date}");
    }
}

#[test]
fn a_clock_before_1970_or_at_its_end_is_no_trouble() {
    let headers = [("x-ratelimit-reset", "1700000000"), ("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")];
    let before = UNIX_EPOCH - Duration::from_secs(5);
    let told = Feedback::from_headers(200, headers, before).unwrap();
    assert_eq!((told.reset_after, told.retry_after), (seconds(1_700_000_000), seconds(784_111_777)));
    let late = UNIX_EPOCH.checked_add(Duration::from_secs(1 << 62)).unwrap();
    let told = Feedback::from_headers(200, headers, late).unwrap();
    assert_eq!((told.reset_after, told.retry_after), (seconds(0), seconds(0)));
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    for (text, expected) in [
        ("120", seconds(120)),
        ("1.5", millis(1_500)),
        ("0", seconds(0)),
        // Never a time of day, however many.
        ("1700000060", seconds(1_700_000_060)),
        ("9999999999", seconds(9_999_999_999)),
        ("100000000000", seconds(100_000_000_000)),
        ("18446744073709551615", seconds(u64::MAX)),
        ("18446744073709551616", None),
        ("Tue, 14 Nov 2023 22:13:30 GMT", seconds(10)),
        ("Tuesday, 14-Nov-23 22:13:30 GMT", seconds(10)),
        ("Tue Nov 14 22:13:30 2023", seconds(10)),
        ("Mon, 13 Nov 2023 22:13:20 GMT", seconds(0)),
        ("2023-11-14T22:13:30Z", None),
        ("-5", None),
        ("5s", None),
        ("5;x", None),
        ("5, 10", None),
    ] {
        assert_eq!(retry(&[("Retry-After", text)]), expected, "{text}");
    }
    assert_eq!(retry(&[("Retry-After", "5"), ("Retry-After", "10")]), None, "one field, not a list");
}

#[test]
fn milliseconds_to_retry_count_before_seconds() {
    let both = |ms, s| retry(&[("Retry-After", s), ("Retry-After-Ms", ms)]);
    assert_eq!(both("1500", "2"), millis(1_500));
    assert_eq!(both("0.5", "2"), Some(Duration::from_micros(500)));
    assert_eq!(both("", "2"), seconds(2));
    assert_eq!(both("-1", "2"), seconds(2));
    assert_eq!(both("soon", "2"), seconds(2));
    assert_eq!(both("1500", ""), millis(1_500));
}

#[test]
fn when_to_retry_is_read_whatever_the_status() {
    for status in [0, 200, 204, 301, 404, 429, 500, 503, 999, u16::MAX] {
        let told = Feedback::from_headers(status, [("retry-after", "3")], now()).unwrap();
        assert_eq!((told.retry_after, told.reset_after, told.whole_seconds), (seconds(3), None, false));
    }
}
