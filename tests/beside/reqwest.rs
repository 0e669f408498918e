//! Beside `reqwest`, whose answers `feedback` reads by itself, and of whose errors the status.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use std::time::Duration;

use rate_limited::clock::ManualClock;
use rate_limited::feedback::{Feedback, ServerFeedback};
use rate_limited::{Bucket, Error, Rate, Registry, rate_limited};
use reqwest::Response;

const NAME: &str = "beside.reqwest";

#[derive(Debug)]
enum ApiError {
    Limited(Error),
    Http(reqwest::Error),
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        ApiError::Limited(error)
    }
}

impl From<reqwest::Error> for ApiError {
    fn from(error: reqwest::Error) -> Self {
        ApiError::Http(error)
    }
}

impl ServerFeedback for ApiError {
    fn feedback(&self) -> Option<Feedback> {
        match self {
            ApiError::Limited(error) => error.feedback(),
            ApiError::Http(error) => error.feedback(),
        }
    }
}

#[rate_limited(bucket = NAME, registry = limits, feedback)]
async fn fetch(limits: &Registry, answer: http::Response<&'static str>) -> Result<Response, ApiError> {
    std::future::ready(()).await;
    Ok(Response::from(answer))
}

#[rate_limited(bucket = NAME, registry = limits, feedback)]
async fn fetch_successful(
    limits: &Registry,
    answer: http::Response<&'static str>,
) -> Result<Response, ApiError> {
    std::future::ready(()).await;
    Ok(Response::from(answer).error_for_status()?)
}

fn busy() -> http::Response<&'static str> {
    http::Response::builder().status(429).header("Retry-After", "7").body("").unwrap()
}

fn limits() -> Registry {
    let limits = Registry::builder().clock(ManualClock::new()).guard(Duration::ZERO).build();
    limits.register(Bucket::named(NAME, Rate::per_second(100))).unwrap();
    limits
}

/// How long the next call has to wait after a first one.
fn waits(first: &impl AsyncFn(&Registry) -> Result<Response, ApiError>) -> Option<Duration> {
    let limits = limits();
    let _told = futures::executor::block_on(first(&limits));
    match futures::executor::block_on(first(&limits)) {
        Err(ApiError::Limited(refused)) => refused.retry_after(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_tells_for_how_long_and_an_error_only_that() {
    assert_eq!(waits(&async |limits| fetch(limits, busy()).await), Some(Duration::from_secs(7)));
    let unsaid = waits(&async |limits| fetch_successful(limits, busy()).await);
    assert!(unsaid.is_some_and(|wait| wait != Duration::from_secs(7)), "{unsaid:?}");
}
