//! Bodies that leave early, by `return` and by `?`.

use std::num::ParseIntError;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.early_return", Rate::per_second(1_000));

/// Either went wrong.
#[derive(Debug)]
pub enum Failure {
    /// Of the limiter.
    Limited(Error),
    /// Of the body.
    Parse(ParseIntError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Limited(error)
    }
}

impl From<ParseIntError> for Failure {
    fn from(error: ParseIntError) -> Self {
        Self::Parse(error)
    }
}

/// Reads a number.
#[rate_limited(bucket = BUCKET, key = text)]
pub fn read(text: &str) -> Result<u32, Failure> {
    if text.is_empty() {
        return Ok(0);
    }
    Ok(text.parse::<u32>()? + 1)
}

/// Reads a number, later.
#[rate_limited(bucket = BUCKET, key = text)]
pub async fn read_later(text: &str) -> Result<u32, Failure> {
    if text.is_empty() {
        return Ok(0);
    }
    Ok(std::future::ready(text.parse::<u32>()).await? + 1)
}

#[test]
fn is_called() {
    assert_eq!((read("").ok(), read("1").ok()), (Some(0), Some(2)));
    assert!(matches!(read("a"), Err(Failure::Parse(_))));
    assert_eq!((crate::run(read_later("")).ok(), crate::run(read_later("1")).ok()), (Some(0), Some(2)));
    assert!(matches!(crate::run(read_later("a")), Err(Failure::Parse(_))));
}
