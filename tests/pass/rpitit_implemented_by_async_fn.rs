//! A trait's method that returns `impl Future + Send`, implemented by an `async fn`.

use std::future::Future;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.rpitit_implemented_by_async_fn", Rate::per_second(1_000));

/// Can be fetched.
pub trait Fetch {
    /// Its failure.
    type Failure;

    /// What it fetches.
    fn fetch(&self, id: u32) -> impl Future<Output = Result<u32, Self::Failure>> + Send;
}

/// Adds.
#[derive(Clone, Copy, Debug)]
pub struct Adder(u32);

impl Fetch for Adder {
    type Failure = Error;

    #[rate_limited(bucket = BUCKET, key = id)]
    async fn fetch(&self, id: u32) -> Result<u32, Self::Failure> {
        Ok(std::future::ready(id + self.0).await)
    }
}

/// In a function that knows the trait alone.
#[rate_limited(bucket = BUCKET)]
pub async fn fetch(fetch: &(impl Fetch<Failure = Error> + Sync)) -> Result<u32, Error> {
    fetch.fetch(1).await
}

#[test]
fn is_called() {
    assert_eq!(crate::run(crate::send(fetch(&Adder(2)))).ok(), Some(3));
    assert_eq!((crate::used(&BUCKET), crate::used_by(&BUCKET, "1")), (1, 1));
}
