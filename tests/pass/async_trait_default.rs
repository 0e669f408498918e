//! Under `#[async_trait]`, on a default body, also with futures that are not `Send`.

use async_trait::async_trait;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.async_trait_default", Rate::per_second(1_000));

/// Can be fetched.
#[async_trait]
pub trait Remote: Sync {
    /// Its number.
    fn id(&self) -> u32;

    /// What it fetches.
    #[rate_limited(bucket = BUCKET, key = self.id())]
    async fn fetch(&self, more: u32) -> Result<u32, Error> {
        Ok(std::future::ready(self.id() + more).await)
    }
}

impl Remote for u32 {
    fn id(&self) -> u32 {
        *self
    }
}

/// Can be fetched by one thread.
#[async_trait(?Send)]
pub trait Local {
    /// What it fetches.
    #[rate_limited(bucket = BUCKET, key = || "local", weight = more)]
    async fn fetch_here(&self, more: u32) -> Result<u32, Error> {
        Ok(more)
    }
}

impl Local for std::rc::Rc<u32> {}

#[test]
fn is_called() {
    assert_eq!(crate::run(crate::send(1_u32.fetch(2))).ok(), Some(3));
    assert_eq!(crate::run(std::rc::Rc::new(1).fetch_here(2)).ok(), Some(2));
    assert_eq!((crate::used_by(&BUCKET, "1"), crate::used_by(&BUCKET, "local")), (1, 2));
}
