//! `feedback` with a function: what it gives may borrow from what is returned.

use rate_limited::feedback::{Feedback, ServerFeedback};
use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.feedback_closure", Rate::per_second(1_000));

/// An answer with what remains.
#[derive(Debug)]
pub struct Page(u64);

impl ServerFeedback for Page {
    fn feedback(&self) -> Option<Feedback> {
        Some(Feedback::default().remaining(self.0))
    }
}

/// The side that speaks.
#[rate_limited(bucket = BUCKET, feedback = |page| page.as_ref().ok())]
pub fn one_side(left: u64) -> std::io::Result<Page> {
    Ok(Page(left))
}

/// Made of a value that does not speak.
#[rate_limited(bucket = BUCKET, feedback = |left: &Result<u64, Error>| -> Option<Feedback> {
    let left = left.as_ref().ok()?;
    Some(Feedback::default().remaining(*left))
})]
pub async fn made(left: u64) -> Result<u64, Error> {
    Ok(left)
}

fn read(answer: &Result<u64, Error>) -> Option<Feedback> {
    answer.as_ref().ok().map(|&left| Feedback::default().remaining(left))
}

/// By a path.
#[rate_limited(bucket = BUCKET, feedback = read)]
pub fn by_path(left: u64) -> Result<u64, Error> {
    Ok(left)
}

/// Of what is no `Result`.
#[rate_limited(bucket = BUCKET, feedback = |&left| Feedback::default().remaining(left), on_limited = |_| 0)]
pub async fn value(left: u64) -> u64 {
    left
}

/// Of nothing.
#[rate_limited(bucket = BUCKET, feedback = |&()| Feedback::default(), on_limited = drop)]
pub fn nothing() {}

/// Reads with more than the answer has.
#[derive(Debug)]
pub struct Api {
    most: u64,
}

impl Api {
    /// What is behind a reference is there when the body is over.
    #[rate_limited(bucket = BUCKET, feedback = |used| self.left(used.as_ref().ok().copied()))]
    pub async fn of_self(&self, used: u64) -> Result<u64, Error> {
        std::future::ready(()).await;
        Ok(used.min(self.most))
    }

    fn left(&self, used: Option<u64>) -> Option<Feedback> {
        Some(Feedback::default().remaining(self.most - used?))
    }
}

#[test]
fn is_called() {
    assert_eq!(one_side(5).map(|page| page.0).ok(), Some(5));
    assert_eq!(crate::run(crate::send(made(5))).ok(), Some(5));
    assert_eq!(by_path(5).ok(), Some(5));
    assert_eq!(crate::run(crate::send(value(5))), 5);
    nothing();
    assert_eq!(crate::run(crate::send(Api { most: 9 }.of_self(5))).ok(), Some(5));
}
