//! An `async fn`: the wait is part of its own future, which does nothing before it is polled.

use std::future::ready;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.async_fn", Rate::per_second(1_000));

/// Adds, later.
#[rate_limited(bucket = BUCKET)]
pub async fn add(left: u32, right: u32) -> Result<u32, Error> {
    Ok(ready(left + right).await)
}

#[test]
fn is_called() {
    let future = crate::send(add(1, 2));
    assert_eq!(crate::used(&BUCKET), 0);
    assert_eq!(crate::run(future).ok(), Some(3));
    assert_eq!(crate::used(&BUCKET), 1);
}
