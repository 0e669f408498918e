//! `impl Future` of an `async` block.

use std::future::Future;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.impl_future", Rate::per_second(1_000));

/// Gives a copy back.
#[rate_limited(bucket = BUCKET)]
#[expect(clippy::manual_async_fn, reason = "an `async` block alone is the form")]
pub fn opaque<T: Clone + Send>(value: T) -> impl Future<Output = Result<T, Error>> + Send {
    async move { Ok(value.clone()) }
}

/// Borrows, with a statement before.
#[rate_limited(bucket = BUCKET, key = "{text}", weight = length)]
pub fn borrowing(text: &str) -> impl Future<Output = Result<&str, Error>> + Send {
    let length = text.len();
    async move { Ok(&text[length..]) }
}

#[test]
fn is_called() {
    let futures = (crate::send(opaque("a")), borrowing("bb"));
    assert_eq!(crate::used(&BUCKET), 0);
    assert_eq!((crate::run(futures.0).ok(), crate::run(futures.1).ok()), (Some("a"), Some("")));
    assert_eq!((crate::used(&BUCKET), crate::used_by(&BUCKET, "bb")), (1, 2));
}
