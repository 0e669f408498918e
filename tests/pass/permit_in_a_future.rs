//! `permit = name` in the future that a body ends with, also under `#[async_trait]`.

use std::future::Future;
use std::pin::Pin;

use async_trait::async_trait;
use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.permit_in_a_future", Rate::per_second(1_000));

/// In a box.
#[rate_limited(bucket = BUCKET, permit = permit)]
#[must_use]
pub fn boxed(number: u32) -> Pin<Box<dyn Future<Output = Result<u32, Error>> + Send>> {
    let next = number + 1;
    Box::pin(async move {
        permit.refund();
        Ok(next)
    })
}

/// Can be fetched.
#[async_trait]
pub trait Remote {
    /// What it fetches.
    #[rate_limited(bucket = BUCKET, permit = permit)]
    async fn fetch(&self) -> Result<u32, Error> {
        std::future::ready(()).await;
        permit.refund();
        Ok(1)
    }
}

impl Remote for () {}

#[test]
fn is_called() {
    assert_eq!((crate::run(boxed(1)).ok(), crate::run(crate::send(().fetch())).ok()), (Some(2), Some(1)));
    assert_eq!(crate::used(&BUCKET), 0);
}
