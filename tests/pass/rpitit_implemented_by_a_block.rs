//! A trait's method that returns `impl Future + Send`, implemented by an `async` block; and with a default body.

use std::future::Future;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.rpitit_implemented_by_a_block", Rate::per_second(1_000));

/// Can be fetched.
pub trait Fetch: Sync {
    /// What it fetches.
    fn fetch(&self, id: u32) -> impl Future<Output = Result<u32, Error>> + Send;

    /// What it fetches first.
    #[rate_limited(bucket = BUCKET, key = || "first")]
    fn first(&self) -> impl Future<Output = Result<u32, Error>> + Send {
        async { self.fetch(1).await }
    }
}

/// Adds.
#[derive(Clone, Copy, Debug)]
pub struct Adder(u32);

impl Fetch for Adder {
    #[rate_limited(bucket = BUCKET, key = id)]
    fn fetch(&self, id: u32) -> impl Future<Output = Result<u32, Error>> + Send {
        let sum = id + self.0;
        async move { Ok(sum) }
    }
}

#[test]
fn is_called() {
    assert_eq!(crate::run(crate::send(Adder(2).first())).ok(), Some(3));
    assert_eq!((crate::used_by(&BUCKET, "first"), crate::used_by(&BUCKET, "1")), (1, 1));
}
