use super::*;
use crate::server::ledger::Clock;

fn api() -> Api {
    let clock = Clock::stopped_at(Duration::from_millis(1_000_300));
    let others = Others::new(1, clock.now());
    Api { ledger: Ledger::new(clock), others: Arc::new(Mutex::new(others)) }
}

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().expect("text"))
}

#[test]
fn tells_what_is_left_by_channel() {
    let api = api();
    for (channel, left) in [(1, "9"), (1, "8"), (2, "9")] {
        let answer = api.decide(&[(&MESSAGES, Some(channel))]);
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(header(&answer, "x-ratelimit-limit"), Some("10"));
        assert_eq!(header(&answer, "x-ratelimit-remaining"), Some(left));
        assert_eq!(header(&answer, "x-ratelimit-scope"), None);
        assert_eq!(header(&answer, "x-ratelimit-reset-after"), Some("5.000"));
        assert_eq!(header(&answer, "x-ratelimit-reset"), Some("1005.300"));
    }
}

#[test]
fn a_full_window_rejects() {
    let api = api();
    for _ in 0..10 {
        assert_eq!(api.decide(&[(&MESSAGES, Some(1))]).status(), StatusCode::OK);
    }
    let answer = api.decide(&[(&MESSAGES, Some(1))]);
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&answer, "x-ratelimit-remaining"), Some("0"));
    assert_eq!(header(&answer, "x-ratelimit-scope"), Some("user"));
    assert_eq!(header(&answer, "retry-after"), Some("5"));
    assert_eq!(api.decide(&[(&MESSAGES, Some(2))]).status(), StatusCode::OK);
    let seconds = [999, 1_000, 1_001].map(|second| api.ledger.second(Duration::from_secs(second)));
    assert_eq!(seconds, [[0, 0], [11, 1], [0, 0]]);
}

/// Beside a window of which something remains.
#[test]
fn a_limit_of_one_route_rejects_too() {
    let api = api();
    let pin = || api.decide(&[(&PINS, Some(1)), (&HIDDEN, Some(1))]);
    let _all = [pin(), pin(), pin()];
    let answer = pin();
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&answer, "x-ratelimit-remaining"), Some("2"), "the rejected call is not counted");
    assert_eq!(header(&answer, "x-ratelimit-scope"), Some("user"));
    assert_eq!(header(&answer, "retry-after"), Some("30"));
}

#[test]
fn the_limit_of_all_calls_says_nothing_of_the_others() {
    let api = api();
    let answers = (0..).map(|call| api.decide(&[(&MESSAGES, Some(call))]));
    let mut rejected = answers.skip_while(|answer| answer.status() == StatusCode::OK);
    let answer = rejected.next().expect("a rejection");
    assert_eq!(header(&answer, "x-ratelimit-global"), Some("true"));
    assert_eq!(header(&answer, "x-ratelimit-scope"), Some("global"));
    assert_eq!(header(&answer, "retry-after"), Some("1"));
    assert_eq!(header(&answer, "x-ratelimit-limit"), None);
}

#[test]
fn others_use_up_what_is_for_all() {
    let second = Duration::from_secs(1);
    let mut others = Others::new(1, Duration::ZERO);
    let left_nothing: Vec<_> =
        (0..90).map(|at| others.leave_nothing_for(second * at).map(|wait| wait.as_secs_f64())).collect();
    let times = left_nothing.iter().flatten().count();
    // Three seconds in about eighteen.
    assert!((12..=24).contains(&times), "{left_nothing:?}");
    assert!(left_nothing.iter().flatten().all(|wait| *wait <= 3.0), "{left_nothing:?}");
    assert!(left_nothing[..12].iter().all(Option::is_none), "{left_nothing:?}");
}

#[test]
fn such_a_rejection_is_shared() {
    let decision = Decision {
        at: Duration::from_secs(100),
        rejection: Some(Rejection { by: EMOJIS_SHARED, wait: Duration::from_millis(1_200) }),
        remaining: 4,
        over: Duration::from_millis(102_500),
    };
    let answer = respond((&EMOJIS, None), decision);
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&answer, "x-ratelimit-scope"), Some("shared"));
    assert_eq!(header(&answer, "retry-after"), Some("2"));
    assert_eq!(header(&answer, "x-ratelimit-remaining"), Some("4"));
    assert_eq!(header(&answer, "x-ratelimit-reset-after"), Some("2.500"));
    assert_eq!(header(&answer, "x-ratelimit-reset"), Some("102.500"));
    assert_eq!(header(&answer, "date"), Some("Thu, 01 Jan 1970 00:01:40 GMT"));
}
