//! An `async fn` of a trait, in an implementation.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.trait_impl_async", Rate::per_second(1_000));

/// Can be fetched.
#[allow(async_fn_in_trait, reason = "an `async fn` in a public trait is the form")]
pub trait Fetch {
    /// Its failure.
    type Failure;

    /// What it fetches.
    async fn fetch(&mut self, id: u32) -> Result<u32, Self::Failure>;
}

/// Counts its calls.
#[derive(Debug, Default)]
pub struct Counter(u32);

impl Fetch for Counter {
    type Failure = Error;

    #[rate_limited(bucket = BUCKET, key = id)]
    async fn fetch(&mut self, id: u32) -> Result<u32, Self::Failure> {
        self.0 += 1;
        Ok(std::future::ready(id + self.0).await)
    }
}

#[test]
fn is_called() {
    let mut counter = Counter::default();
    assert_eq!(crate::run(crate::send(counter.fetch(2))).ok(), Some(3));
    assert_eq!(crate::used_by(&BUCKET, "2"), 1);
}
