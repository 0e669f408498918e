//! Beside the answers of `http`, which `feedback` reads by itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use std::time::Duration;

use http::{HeaderMap, Response, StatusCode};
use rate_limited::clock::ManualClock;
use rate_limited::feedback::{Feedback, ServerFeedback};
use rate_limited::{Bucket, Error, Rate, Registry, rate_limited};

const NAME: &str = "beside.http";

/// A client's error, which may have an answer's head in it.
#[derive(Debug)]
enum ClientError {
    Limited(Error),
    Status(StatusCode, HeaderMap),
}

impl From<Error> for ClientError {
    fn from(error: Error) -> Self {
        ClientError::Limited(error)
    }
}

impl ServerFeedback for ClientError {
    fn feedback(&self) -> Option<Feedback> {
        match self {
            ClientError::Limited(_) => None,
            ClientError::Status(status, headers) => (*status, headers).feedback(),
        }
    }
}

/// What an answer became.
#[derive(Debug)]
struct Page(String);

impl ServerFeedback for Page {
    fn feedback(&self) -> Option<Feedback> {
        None
    }
}

struct Client {
    limits: Registry,
    clock: ManualClock,
}

impl Client {
    fn new() -> Self {
        let clock = ManualClock::new();
        let limits = Registry::builder().clock(clock.clone()).guard(Duration::ZERO).build();
        limits.register(Bucket::named(NAME, Rate::per_second(100))).unwrap();
        Client { limits, clock }
    }

    #[rate_limited(bucket = NAME, registry = self.limits, feedback)]
    fn fetch(&self, status: u16, headers: &[(&str, &str)]) -> Result<Response<String>, Error> {
        Ok(answer(status, headers))
    }

    #[rate_limited(bucket = NAME, registry = self.limits, key = "{page}", feedback)]
    async fn page(&self, page: u32, status: u16, headers: &[(&str, &str)]) -> Result<Page, ClientError> {
        let (head, body) = answer(status, headers).into_parts();
        std::future::ready(()).await;
        if head.status.is_success() {
            Ok(Page(body))
        } else {
            Err(ClientError::Status(head.status, head.headers))
        }
    }

    #[rate_limited(bucket = NAME, registry = self.limits, permit = permit)]
    async fn parsed(&self, headers: &[(&str, &str)]) -> Result<usize, Error> {
        let answer = answer(200, headers);
        permit.observe(&answer);
        Ok(answer.into_body().len())
    }
}

fn answer(status: u16, headers: &[(&str, &str)]) -> Response<String> {
    let builder = Response::builder().status(status);
    headers
        .iter()
        .fold(builder, |builder, (name, value)| builder.header(*name, *value))
        .body("a page".to_owned())
        .unwrap()
}

const SPENT: &[(&str, &str)] =
    &[("X-RateLimit-Limit", "9"), ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "30")];

#[test]
fn an_answer_is_read_before_it_is_given() {
    let client = Client::new();
    assert_eq!(client.fetch(200, SPENT).unwrap().body(), "a page");
    assert!(client.fetch(200, &[]).is_err());
    client.clock.advance(Duration::from_secs(32));
    assert_eq!(client.fetch(429, &[("Retry-After", "7")]).unwrap().status(), 429);
    assert_eq!(client.fetch(200, &[]).unwrap_err().retry_after(), Some(Duration::from_secs(7)));
}

#[test]
fn an_error_speaks_for_the_answer_that_it_was_made_of() {
    let client = Client::new();
    let page = |page, status, headers| futures::executor::block_on(client.page(page, status, headers));
    assert!(matches!(page(1, 429, &[("Retry-After", "7")]), Err(ClientError::Status(..))));
    let Err(ClientError::Limited(refused)) = page(1, 200, &[]) else { panic!("granted") };
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(page(2, 200, &[]).unwrap().0, "a page");
}

#[test]
fn a_permit_is_told_where_the_answer_is_at_hand() {
    let client = Client::new();
    assert_eq!(futures::executor::block_on(client.parsed(SPENT)).unwrap(), 6);
    assert!(futures::executor::block_on(client.parsed(SPENT)).is_err());
}
