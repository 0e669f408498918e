use std::time::Duration;

use super::*;
use crate::server::ledger::Rejection;

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().expect("text"))
}

fn decision(rejection: Option<Rejection>, remaining: u32) -> Decision {
    Decision { at: Duration::from_millis(1_000_300), rejection, remaining, over: Duration::from_secs(1_012) }
}

#[test]
fn tells_its_window_in_whole_seconds() {
    let answer = respond(&CORE, decision(None, 149));
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, "x-ratelimit-limit"), Some("150"));
    assert_eq!(header(&answer, "x-ratelimit-remaining"), Some("149"));
    assert_eq!(header(&answer, "x-ratelimit-used"), Some("1"));
    assert_eq!(header(&answer, "x-ratelimit-reset"), Some("1012"));
    assert_eq!(header(&answer, "x-ratelimit-resource"), Some("core"));
    assert_eq!(header(&answer, "date"), Some("Thu, 01 Jan 1970 00:16:40 GMT"));
}

#[test]
fn forbids_what_is_too_much() {
    let wait = Duration::from_secs(11);
    let answer = respond(&SEARCH, decision(Some(Rejection { by: SEARCH.name, wait }), 0));
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(header(&answer, "x-ratelimit-remaining"), Some("0"));
    assert_eq!(header(&answer, "retry-after"), None);
}
