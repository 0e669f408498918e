//! `feedback`: what the function returns tells the bucket what the server said.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rate_limited::feedback::{Feedback, ServerFeedback};
use rate_limited::{Bucket, Error};
use rate_limited_tests::Bench;

mod feedback {
    mod ends;
    mod learned;
    mod reading;
}

const NAME: &str = "feedback";
const LEARNED: &str = "learned";
const PAUSE: Duration = Duration::from_secs(5);
const WINDOW: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Page(Option<Feedback>);

impl ServerFeedback for Page {
    fn feedback(&self) -> Option<Feedback> {
        self.0.clone()
    }
}

#[derive(Debug)]
enum ApiError {
    Limited(Error),
    Busy,
    Broken,
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        ApiError::Limited(error)
    }
}

impl ServerFeedback for ApiError {
    fn feedback(&self) -> Option<Feedback> {
        matches!(self, ApiError::Busy).then(|| Feedback::default().rejected(true).retry_after(PAUSE))
    }
}

type Answer = Result<Page, ApiError>;

fn busy() -> Answer {
    Err(ApiError::Busy)
}

/// What a server says that admits three calls in a window.
fn window(remaining: u64) -> Page {
    Page(Some(Feedback::default().limit(3).remaining(remaining).reset_after(WINDOW)))
}

fn bench() -> Bench {
    Bench::new(NAME, "100/s").unwrap()
}

fn learning() -> Bench {
    let bench = bench();
    bench.registry.register(Bucket::learned(LEARNED)).unwrap();
    bench
}

#[track_caller]
fn refusal(answer: Answer) -> Error {
    match answer {
        Err(ApiError::Limited(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}
