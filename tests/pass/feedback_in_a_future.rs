//! `feedback` of functions that return a future: the body runs inside that.

#![allow(clippy::manual_async_fn, reason = "the form under test")]

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use rate_limited::feedback::{Feedback, ServerFeedback};
use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.feedback_in_a_future", Rate::per_second(1_000));

/// An answer with what remains.
#[derive(Debug)]
pub struct Page(u64);

impl ServerFeedback for Page {
    fn feedback(&self) -> Option<Feedback> {
        Some(Feedback::default().remaining(self.0))
    }
}

/// Only the head says what `?` converts to.
#[rate_limited(bucket = BUCKET, feedback = |page| {
    page.as_ref().map_or_else(|error| error.retry_after().map(asks), ServerFeedback::feedback)
})]
pub fn opaque(left: u64) -> impl Future<Output = Result<Page, Error>> + Send {
    async move {
        let _rate = "1/s".parse::<Rate>()?;
        Ok(Page(left))
    }
}

fn asks(span: Duration) -> Feedback {
    Feedback::default().retry_after(span)
}

fn read(error: &Error) -> Feedback {
    error.retry_after().map_or_else(Feedback::default, asks)
}

/// A block that borrows.
#[rate_limited(bucket = BUCKET, feedback = |left| left.as_ref().err().map(read))]
pub fn borrowing<'a>(page: &'a Page, log: &'a str) -> impl Future<Output = Result<&'a u64, Error>> + Send {
    async {
        if log.is_empty() {
            return Ok(&page.0);
        }
        std::future::ready(()).await;
        Ok(&page.0)
    }
}

/// Boxed, with statements before.
#[must_use]
#[rate_limited(bucket = BUCKET, feedback)]
pub fn boxed(text: &str) -> Pin<Box<dyn Future<Output = Result<Page, Error>> + Send + 'static>> {
    let left = text.len() as u64;
    Box::pin(async move { Ok(Page(left)) })
}

/// By a method.
#[must_use]
#[rate_limited(bucket = BUCKET, feedback)]
pub fn by_method(left: u64) -> BoxFuture<'static, Result<Page, Error>> {
    async move { Ok(Page(left)) }.boxed()
}

/// In an object.
#[async_trait::async_trait]
pub trait Remote {
    /// One page.
    async fn fetch(&mut self, text: String) -> Result<Page, Error>;
}

#[async_trait::async_trait]
impl Remote for Page {
    #[rate_limited(bucket = BUCKET, key = text, feedback)]
    async fn fetch(&mut self, text: String) -> Result<Self, Error> {
        self.0 += u64::from(text.parse::<Rate>()?.amount());
        std::future::ready(()).await;
        drop(text);
        Ok(Self(self.0))
    }
}

#[test]
fn is_called() {
    assert_eq!(crate::run(opaque(5)).map(|page| page.0).ok(), Some(5));
    assert_eq!(crate::run(borrowing(&Page(5), "a")).ok(), Some(&5));
    assert_eq!(crate::run(boxed("12345")).map(|page| page.0).ok(), Some(5));
    assert_eq!(crate::run(by_method(5)).map(|page| page.0).ok(), Some(5));
    let mut remote: Box<dyn Remote> = Box::new(Page(2));
    assert_eq!(crate::run(crate::send(remote.fetch("3/s".to_owned()))).map(|page| page.0).ok(), Some(5));
    assert!(crate::run(remote.fetch("x".to_owned())).is_err());
}
