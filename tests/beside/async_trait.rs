//! Under `#[async_trait]`, which expands first: on the trait's own body, and on an implementation's.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use async_trait::async_trait;
use futures::executor::block_on;
use rate_limited::{Bucket, Error, ErrorKind, Rate, rate_limited};
use rate_limited_beside::used;
use rate_limited_tests::Log;

#[async_trait]
trait Remote: Send + Sync {
    fn bucket(&self) -> &Bucket;

    fn log(&self) -> &Log;

    async fn required(&self, id: u32) -> Result<u32, Error>;

    #[rate_limited(bucket = self.bucket(), weight = self.log().note("weight", 1))]
    async fn provided(&self, id: u32) -> Result<u32, Error> {
        self.log().note("body", ());
        Ok(id)
    }
}

struct Api {
    bucket: Bucket,
    log: Log,
}

#[async_trait]
impl Remote for Api {
    fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    fn log(&self) -> &Log {
        &self.log
    }

    #[rate_limited(bucket = self.bucket, weight = self.log.note("weight", 1))]
    async fn required(&self, id: u32) -> Result<u32, Error> {
        self.log.note("body", ());
        Ok(id)
    }
}

fn api() -> Api {
    Api { bucket: Bucket::named("beside.async_trait", Rate::per_day(1)), log: Log::default() }
}

#[test]
fn both_take_one_permit_when_polled() {
    let api = api();
    let future = api.required(1);
    assert_eq!((api.log.take(), used(&api.bucket).unwrap()), (vec![], 0));
    assert_eq!(block_on(future).unwrap(), 1);
    assert_eq!((api.log.take(), used(&api.bucket).unwrap()), (vec!["weight", "body"], 1));

    let future = api.provided(1);
    assert_eq!(api.log.take(), [""; 0]);
    let refused = block_on(future).unwrap_err();
    assert_eq!((refused.kind(), refused.site()), (ErrorKind::Limited, Some("async_trait::provided")));
    assert_eq!((api.log.take(), used(&api.bucket).unwrap()), (vec!["weight"], 1));
}

/// Another attribute between the two changes nothing.
#[test]
fn beside_a_third() {
    #[async_trait]
    trait Counted {
        async fn count(&self, bucket: &Bucket) -> u32;
    }

    #[async_trait]
    impl Counted for u32 {
        #[cold]
        #[rate_limited(bucket = bucket, on_limited = |_| 0)]
        #[inline]
        async fn count(&self, bucket: &Bucket) -> u32 {
            let _ = bucket;
            *self
        }
    }

    let bucket = Bucket::named("beside.async_trait.third", Rate::per_day(1));
    let counted: &dyn Counted = &7;
    assert_eq!((block_on(counted.count(&bucket)), block_on(counted.count(&bucket))), (7, 0));
    assert_eq!(used(&bucket).unwrap(), 1);
}
