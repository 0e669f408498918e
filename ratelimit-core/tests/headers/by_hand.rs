//! What users put together themselves.

use ratelimit_core::feedback::{Feedback, Scope, ServerFeedback};

use super::{millis, seconds};

#[test]
fn each_setter_sets_its_field() {
    let told = Feedback::default()
        .limit(5)
        .remaining(4)
        .reset_after(millis(1_500).unwrap())
        .retry_after(seconds(7).unwrap())
        .whole_seconds(true)
        .rejected(true)
        .scope(Scope::Shared)
        .bucket("b");
    assert_eq!((told.limit, told.remaining), (Some(5), Some(4)));
    assert_eq!((told.reset_after, told.retry_after), (millis(1_500), seconds(7)));
    assert!(told.whole_seconds && told.rejected);
    assert_eq!((told.scope, told.bucket.as_deref()), (Scope::Shared, Some("b")));
    assert!(!told.clone().whole_seconds(false).whole_seconds && !told.rejected(false).rejected);
}

#[test]
fn both_sides_of_what_holds_an_answer_speak_for_it() {
    let told = Feedback::default().remaining(4);
    let (here, gone) = (Some(told.clone()), None::<Feedback>);
    assert_eq!((here.feedback(), gone.feedback()), (Some(told.clone()), None));
    assert_eq!(
        (ServerFeedback::feedback(&&told), ServerFeedback::feedback(&&gone)),
        (Some(told.clone()), None)
    );
    let other = Feedback::default().rejected(true);
    let answers: [Result<Option<Feedback>, Feedback>; 3] = [Ok(here), Ok(gone), Err(other.clone())];
    assert_eq!(answers.map(|answer| answer.feedback()), [Some(told), None, Some(other)]);
}
