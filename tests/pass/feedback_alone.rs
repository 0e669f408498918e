//! `feedback` without a value: what is returned speaks for itself.

use rate_limited::feedback::{Feedback, ServerFeedback};
use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.feedback_alone", Rate::per_second(1_000));

/// An answer with what remains.
#[derive(Debug)]
pub struct Page(u64);

impl ServerFeedback for Page {
    fn feedback(&self) -> Option<Feedback> {
        Some(Feedback::default().remaining(self.0))
    }
}

/// What a server says on refusal.
#[derive(Debug)]
pub enum ApiError {
    /// Not asked.
    Limited(Error),
    /// Not understood.
    Unread(std::num::ParseIntError),
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::Limited(error)
    }
}

impl From<std::num::ParseIntError> for ApiError {
    fn from(error: std::num::ParseIntError) -> Self {
        Self::Unread(error)
    }
}

impl ServerFeedback for ApiError {
    fn feedback(&self) -> Option<Feedback> {
        None
    }
}

/// Both sides are read, and `?` converts.
#[rate_limited(bucket = BUCKET, feedback)]
pub fn sync(left: &str) -> Result<Page, ApiError> {
    if left.is_empty() {
        return Ok(Page(9));
    }
    Ok(Page(left.parse()?))
}

/// The same as a task.
#[rate_limited(feedback, bucket = BUCKET)]
pub async fn asynchronous(left: &str) -> Result<Page, ApiError> {
    std::future::ready(()).await;
    if left.is_empty() {
        return Ok(Page(9));
    }
    Ok(Page(left.parse()?))
}

/// Borrowed from an argument, with a lifetime that nobody wrote.
#[rate_limited(bucket = BUCKET, feedback)]
pub fn borrowed(page: &Page) -> Result<&Page, Error> {
    Ok(page)
}

/// Of an opaque type.
#[rate_limited(bucket = BUCKET, feedback)]
pub async fn opaque(left: u64) -> Result<Option<impl ServerFeedback>, Error> {
    std::future::ready(()).await;
    Ok(Some(Page(left)))
}

/// A call, and nothing else.
#[rate_limited(bucket = BUCKET, feedback)]
pub fn delegated() -> Result<Page, ApiError> {
    sync("3")
}

/// The same as a task.
#[rate_limited(bucket = BUCKET, feedback)]
pub async fn delegated_asynchronous() -> Result<Page, ApiError> {
    asynchronous("3").await
}

#[test]
fn is_called() {
    assert_eq!(sync("5").map(|page| page.0).ok(), Some(5));
    assert_eq!(sync("").map(|page| page.0).ok(), Some(9));
    assert!(matches!(sync("x"), Err(ApiError::Unread(_))));
    assert_eq!(crate::run(crate::send(asynchronous("5"))).map(|page| page.0).ok(), Some(5));
    assert!(matches!(crate::run(asynchronous("x")), Err(ApiError::Unread(_))));
    assert_eq!(borrowed(&Page(7)).map(|page| page.0).ok(), Some(7));
    assert!(crate::run(crate::send(opaque(4))).is_ok_and(|page| page.feedback().is_some()));
    assert!(delegated().is_ok() && crate::run(crate::send(delegated_asynchronous())).is_ok());
}
