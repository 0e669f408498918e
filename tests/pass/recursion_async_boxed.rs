//! Recursion of an `async fn`, which boxes its own future; and of a function that returns a box.

use std::future::Future;
use std::pin::Pin;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.recursion_async_boxed", Rate::per_second(1_000));

/// Counts down.
#[rate_limited(bucket = BUCKET, key = || "async")]
pub async fn down(depth: u32) -> Result<u32, Error> {
    if depth == 0 { Ok(0) } else { Ok(Box::pin(down(depth - 1)).await? + 1) }
}

/// Counts down.
#[rate_limited(bucket = BUCKET, key = || "boxed")]
#[must_use]
pub fn down_boxed(depth: u32) -> Pin<Box<dyn Future<Output = Result<u32, Error>> + Send>> {
    Box::pin(async move { if depth == 0 { Ok(0) } else { Ok(down_boxed(depth - 1).await? + 1) } })
}

#[test]
fn is_called() {
    assert_eq!(crate::run(crate::send(down(3))).ok(), Some(3));
    assert_eq!(crate::used_by(&BUCKET, "async"), 4);
    assert_eq!(crate::run(down_boxed(2)).ok(), Some(2));
    assert_eq!(crate::used_by(&BUCKET, "boxed"), 3);
}
