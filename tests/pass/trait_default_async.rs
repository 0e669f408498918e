//! A trait's default body that is `async`.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.trait_default_async", Rate::per_second(1_000));

/// Can be fetched.
#[allow(async_fn_in_trait, reason = "an `async fn` in a public trait is the form")]
pub trait Fetch: Sync {
    /// Its number.
    fn id(&self) -> u32;

    /// Its failure.
    type Failure: From<Error>;

    /// What it fetches.
    #[rate_limited(bucket = BUCKET, key = self.id())]
    async fn fetch(&self, more: u32) -> Result<u32, Self::Failure> {
        Ok(std::future::ready(self.id() + more).await)
    }
}

/// A number.
#[derive(Clone, Copy, Debug)]
pub struct Number(u32);

impl Fetch for Number {
    type Failure = Box<dyn std::error::Error + Send + Sync>;

    fn id(&self) -> u32 {
        self.0
    }
}

#[test]
fn is_called() {
    assert_eq!(crate::run(crate::send(Number(1).fetch(2))).ok(), Some(3));
    assert_eq!(crate::used_by(&BUCKET, "1"), 1);
}
