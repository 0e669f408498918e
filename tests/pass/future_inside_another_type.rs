//! A future inside another type is data: the function that makes it is limited, not the future.

use futures::FutureExt;
use futures::future::BoxFuture;
use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.future_inside_another_type", Rate::per_second(1_000));

/// In a result.
#[rate_limited(bucket = BUCKET)]
pub fn in_a_result() -> Result<BoxFuture<'static, u32>, Error> {
    Ok(async { 1 }.boxed())
}

/// In a result of a future.
#[rate_limited(bucket = BUCKET)]
pub async fn in_a_future() -> Result<BoxFuture<'static, u32>, Error> {
    Ok(Box::pin(async move { 2 }))
}

/// In an option.
#[rate_limited(bucket = BUCKET, on_limited = |_| None)]
#[must_use]
pub fn in_an_option() -> Option<BoxFuture<'static, u32>> {
    Some(Box::pin(async { 3 }))
}

#[test]
fn is_called() -> Result<(), Error> {
    let first = in_a_result()?;
    assert_eq!(crate::used(&BUCKET), 1);
    assert_eq!(crate::run(first), 1);
    assert_eq!(crate::run(crate::run(crate::send(in_a_future()))?), 2);
    assert_eq!(in_an_option().map(crate::run), Some(3));
    assert_eq!(crate::used(&BUCKET), 3);
    Ok(())
}
