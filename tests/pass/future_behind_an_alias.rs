//! A future behind an alias, whose body ends with an `async` block: the block tells.

use std::future::Future;
use std::pin::Pin;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.future_behind_an_alias", Rate::per_second(1_000));

/// What is to come.
pub type Answer = Pin<Box<dyn Future<Output = Result<u32, Error>>>>;

/// A number.
#[rate_limited(bucket = BUCKET)]
#[must_use]
pub fn number() -> Answer {
    Box::pin(async move { Ok(1) })
}

#[test]
fn is_called() {
    let future = number();
    assert_eq!(crate::used(&BUCKET), 0);
    assert_eq!(crate::run(future).ok(), Some(1));
    assert_eq!(crate::used(&BUCKET), 1);
}
