//! `Pin<Box<dyn Future>>` of an `async` block: the wait is in the future.

use std::future::Future;
use std::pin::Pin;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.boxed_future", Rate::per_second(1_000));

/// By `Box::pin`.
#[rate_limited(bucket = BUCKET, key = id)]
#[must_use]
pub fn boxed(id: u32) -> Pin<Box<dyn Future<Output = Result<u32, Error>> + Send>> {
    Box::pin(async move { Ok(id) })
}

/// By `Box::pin` with its path, of a block that borrows, with items in front.
#[rate_limited(bucket = BUCKET, key = "{text}")]
#[must_use]
pub fn qualified<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = Result<usize, Error>> + 'a>> {
    ::std::boxed::Box::pin(async move {
        use std::future::ready;
        Ok(ready(text.len()).await)
    })
}

#[test]
fn is_called() {
    let futures = (boxed(1), qualified("a"));
    assert_eq!((crate::used_by(&BUCKET, "1"), crate::used_by(&BUCKET, "a")), (0, 0));
    assert_eq!((crate::run(futures.0).ok(), crate::run(futures.1).ok()), (Some(1), Some(1)));
    assert_eq!((crate::used_by(&BUCKET, "1"), crate::used_by(&BUCKET, "a")), (1, 1));
}
