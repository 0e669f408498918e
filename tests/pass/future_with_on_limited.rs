//! A future that cannot fail: `on_limited` gives its output, not the future.

use std::future::Future;
use std::pin::Pin;

use rate_limited::{Bucket, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.future_with_on_limited", Rate::per_second(1_000));

/// A number.
#[rate_limited(bucket = BUCKET, on_limited = |_| 0)]
pub fn opaque(number: u32) -> impl Future<Output = u32> {
    let number = number + 1;
    async move { number }
}

/// A number that may be missing.
#[rate_limited(bucket = BUCKET, on_limited = |_| None)]
#[must_use]
pub fn boxed(number: u32) -> Pin<Box<dyn Future<Output = Option<u32>> + Send>> {
    Box::pin(async move { Some(number) })
}

#[test]
fn is_called() {
    assert_eq!((crate::run(opaque(1)), crate::run(boxed(3))), (2, Some(3)));
}
