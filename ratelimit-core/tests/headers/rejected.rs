//! Which answers are refusals because of a limit.

use ratelimit_core::feedback::Feedback;

use super::now;

const NOTHING: [(&str, &str); 0] = [];

fn is_rejected(status: u16, headers: &[(&str, &str)]) -> bool {
    Feedback::from_headers(status, headers.iter().copied(), now()).is_some_and(|told| told.rejected)
}

#[test]
fn a_429_is_one_though_it_says_nothing_else() {
    assert_eq!(Feedback::from_headers(429, NOTHING, now()), Some(Feedback::default().rejected(true)));
    assert!(is_rejected(429, &[("x-ratelimit-remaining", "4"), ("Retry-After", "x")]));
    assert!(is_rejected(429, &[("Age", "5")]));
}

#[test]
fn others_are_by_what_they_say() {
    let retry = [("Retry-After", "5")];
    let past = [("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")];
    let exhausted = [("x-ratelimit-remaining", "0")];
    let left = [("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "5")];
    let void = [("Retry-After", "soon")];
    for (status, by_retry, by_exhausted) in [
        (200, false, false),
        (400, false, false),
        (403, true, true),
        (420, true, true),
        (428, false, false),
        (430, false, false),
        (500, false, false),
        (503, true, false),
    ] {
        assert_eq!(is_rejected(status, &retry), by_retry, "{status}");
        assert_eq!(is_rejected(status, &past), by_retry, "{status}");
        assert_eq!(is_rejected(status, &exhausted), by_exhausted, "{status}");
        assert!(!is_rejected(status, &left) && !is_rejected(status, &void), "{status}");
        assert_eq!(Feedback::from_headers(status, NOTHING, now()), None, "{status}");
    }
    assert!(!is_rejected(403, &[("Age", "5"), ("x-ratelimit-remaining", "0")]), "said to another call");
}
