//! Buckets that know only what the answers say.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rate_limited::feedback::Feedback;
use rate_limited::store::MemoryStore;
use rate_limited::{Bucket, Error, ErrorKind, Registry, rate_limited};
use rate_limited_tests::Bench;

use crate::{Answer, ApiError, LEARNED, Page, WINDOW, busy, learning, now, refusal, window};

/// A learned bucket of three calls a window, of which the first is made.
fn first_of_three(bench: &Bench) {
    told(&bench.registry, 7, || Ok(window(2))).unwrap();
}

#[rate_limited(bucket = LEARNED, registry = registry, key = "{key}", feedback)]
fn told(registry: &Registry, key: u32, answer: impl FnOnce() -> Answer) -> Answer {
    answer()
}

#[rate_limited(bucket = LEARNED, registry = registry, key = "{key}", feedback)]
fn told_elsewhere(registry: &Registry, key: u32, answer: impl FnOnce() -> Answer) -> Answer {
    answer()
}

#[rate_limited(bucket = LEARNED, registry = registry, key = "{key}", feedback)]
async fn told_later(registry: &Registry, key: u32, answer: impl AsyncFnOnce() -> Answer) -> Answer {
    answer().await
}

/// Sees that two of the window's three calls are spent, and that nothing is held back in the next.
#[track_caller]
fn was_charged_once(bench: &Bench, call: impl Fn() -> Answer) {
    call().unwrap();
    assert_eq!(refusal(call()).kind(), ErrorKind::Limited);
    bench.clock.advance(WINDOW + Duration::from_secs(1));
    for remaining in [2, 1, 0] {
        let _ = remaining;
        call().unwrap();
    }
    let _spent = refusal(call());
}

#[test]
fn a_panic_in_the_body_is_charged_once() {
    let bench = learning();
    first_of_three(&bench);
    let payload = catch_unwind(AssertUnwindSafe(|| {
        told(&bench.registry, 7, || resume_unwind(Box::new("in the body")))
    }))
    .unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"in the body"));
    was_charged_once(&bench, || told(&bench.registry, 7, || Ok(Page(None))));
}

#[test]
fn a_dropped_future_is_charged_once() {
    let bench = learning();
    let call = || now(told_later(&bench.registry, 7, async || Ok(Page(None))));
    now(told_later(&bench.registry, 7, async || Ok(window(2)))).unwrap();
    let mut dropped = Box::pin(told_later(&bench.registry, 7, async || {
        poll_fn(|_| Poll::<()>::Pending).await;
        busy()
    }));
    assert!(dropped.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(dropped);
    was_charged_once(&bench, call);
}

#[test]
fn functions_on_a_learned_bucket_are_routes_of_their_own() {
    let bench = learning();
    told(&bench.registry, 7, || Ok(window(0))).unwrap();
    let _spent = refusal(told(&bench.registry, 7, || Ok(window(0))));
    // The other function's calls count in another window.
    told_elsewhere(&bench.registry, 7, || Ok(window(1))).unwrap();
    told_elsewhere(&bench.registry, 7, || Ok(window(0))).unwrap();
    let _spent = refusal(told_elsewhere(&bench.registry, 7, || Ok(window(0))));
}

#[test]
fn keys_of_one_function_have_windows_of_their_own() {
    let bench = learning();
    told(&bench.registry, 7, || Ok(window(0))).unwrap();
    let _spent = refusal(told(&bench.registry, 7, || Ok(window(0))));
    told(&bench.registry, 8, || Ok(window(2))).unwrap();
    told(&bench.registry, 8, || Ok(window(1))).unwrap();
    let _spent = refusal(told(&bench.registry, 7, || Ok(window(0))));
}

#[test]
fn until_the_first_answer_one_call_finds_out() {
    let bench = learning();
    let mut first = Box::pin(told_later(&bench.registry, 7, async || {
        let mut is_first = true;
        poll_fn(|_| if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }).await;
        Ok(window(2))
    }));
    let context = &mut Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(context).is_pending());
    let unknown = refusal(now(told_later(&bench.registry, 7, async || Ok(window(1)))));
    assert_eq!((unknown.kind(), unknown.retry_after()), (ErrorKind::Limited, None));
    assert!(first.as_mut().poll(context).is_ready());
    now(told_later(&bench.registry, 7, async || Ok(window(1)))).unwrap();
}

fn panics(answer: &Answer) -> Option<Feedback> {
    match answer {
        Ok(_) => None,
        Err(_) => resume_unwind(Box::new("in the reading")),
    }
}

#[rate_limited(bucket = LEARNED, registry = registry, key = "{key}", feedback = panics)]
fn read_in_panic(registry: &Registry, key: u32, answer: Answer) -> Answer {
    answer
}

#[test]
fn a_panic_in_the_reading_is_the_callers() {
    let bench = learning();
    let call = || read_in_panic(&bench.registry, 7, busy());
    let payload = catch_unwind(AssertUnwindSafe(call)).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"in the reading"));
    // It is not on its way any more: the next call finds out what nobody knows yet, and others go on.
    read_in_panic(&bench.registry, 7, Ok(Page(None))).unwrap();
    told(&bench.registry, 7, || Ok(window(2))).unwrap();
    told(&bench.registry, 7, || Ok(window(1))).unwrap();
}

/// The function of a permit with a name is a route as well.
#[rate_limited(bucket = LEARNED, registry = registry, key = "{key}", permit = permit)]
fn told_by_permit(registry: &Registry, key: u32, answer: Answer) -> Result<(), ApiError> {
    permit.observe(&answer);
    answer.map(drop)
}

#[test]
fn a_permit_tells_of_the_functions_own_route() {
    let bench = learning();
    told_by_permit(&bench.registry, 7, Ok(window(0))).unwrap();
    assert!(matches!(told_by_permit(&bench.registry, 7, Ok(window(0))), Err(ApiError::Limited(_))));
    told(&bench.registry, 7, || Ok(window(2))).unwrap();
}

static SHARED: LazyLock<Bucket> = LazyLock::new(|| Bucket::learned("shared").store(MemoryStore::default()));

#[rate_limited(bucket = SHARED, permit = permit)]
fn spends_all() -> Result<(), Error> {
    permit.observe(&Feedback::default().limit(5).remaining(0).reset_after(Duration::from_secs(3600)));
    Ok(())
}

/// The look comes after what the store is told.
#[test]
fn over_a_store_a_function_is_looked_at_by_its_path() {
    spends_all().unwrap();
    let wait = |route| SHARED.request().route(route).peek().unwrap().wait().unwrap();
    assert!(wait(concat!(module_path!(), "::spends_all")) > Duration::from_secs(3000));
    assert_eq!(wait("another"), Duration::ZERO);
    assert_eq!(SHARED.peek().unwrap().wait(), Some(Duration::ZERO));
}
