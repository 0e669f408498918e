//! What the answers of `http` and `reqwest` say.

use http::{HeaderMap, Response, StatusCode};
use ratelimit_core::feedback::{Feedback, ServerFeedback};

use super::seconds;

fn answer(status: u16, headers: &[(&str, &str)]) -> Response<&'static str> {
    let builder = Response::builder().status(status);
    headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).body("").unwrap()
}

#[test]
fn an_answer_is_read_off_its_status_and_headers() {
    let busy =
        answer(503, &[("Retry-After", "7"), ("RateLimit-Policy", "\"a\";q=5"), ("RateLimit", "\"a\";r=0")]);
    let told = Feedback::default().rejected(true).retry_after(seconds(7).unwrap());
    let told = told.limit(5).remaining(0).bucket("a");
    assert_eq!(busy.feedback(), Some(told.clone()));
    assert_eq!((busy.status(), busy.headers()).feedback(), Some(told));
    assert_eq!(answer(200, &[("Content-Type", "text/html")]).feedback(), None);
    let refused = (StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new()).feedback();
    assert_eq!(refused, Some(Feedback::default().rejected(true)));
}

#[test]
fn lines_of_one_name_are_one_list() {
    let two = answer(200, &[("RateLimit", "\"a\";r=5"), ("RateLimit", "\"b\";r=3")]);
    assert_eq!(two.feedback().unwrap().bucket.as_deref(), Some("b"));
}

#[test]
fn without_a_date_times_are_measured_against_the_wall_clock() {
    let reset = |headers: &[(&str, &str)]| answer(200, headers).feedback().unwrap().reset_after;
    // Long past, and long to come, whenever this runs.
    let (past, far) = (("x-ratelimit-reset", "1700000000"), ("x-ratelimit-reset", "9999-12-31T23:59:59Z"));
    assert_eq!(reset(&[past]), seconds(0));
    assert!(
        reset(&[far]) > seconds(86_400 * 365 * 100)
            && reset(&[far]) < seconds(253_402_300_799 - 1_700_000_000)
    );
    assert_eq!(reset(&[past, ("date", "Tue, 14 Nov 2023 22:13:15 GMT")]), seconds(5));
}

#[cfg(feature = "reqwest")]
#[test]
fn the_answers_of_reqwest_speak_and_its_errors_tell_the_status() {
    let ask = |status, headers: &[(&str, &str)]| reqwest::Response::from(answer(status, headers));
    assert_eq!(
        ask(200, &[("x-ratelimit-remaining", "4")]).feedback(),
        Some(Feedback::default().remaining(4))
    );
    assert_eq!(ask(200, &[]).feedback(), None);
    let error = |status| ask(status, &[("Retry-After", "7")]).error_for_status();
    assert_eq!(error(200).feedback().unwrap().retry_after, seconds(7), "no error, so it speaks itself");
    assert_eq!(error(429).feedback(), Some(Feedback::default().rejected(true)), "what was sent is gone");
    assert_eq!(error(503).feedback(), None);
    let unsent = reqwest::Client::new().get("no address").build().unwrap_err();
    assert_eq!(unsent.feedback(), None);
}
