//! Under `#[async_trait]`, on methods of an implementation.

use async_trait::async_trait;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.async_trait_impl", Rate::per_second(1_000));

/// Can be fetched.
#[async_trait]
pub trait Remote {
    /// What it fetches.
    async fn fetch(&self, id: u32, text: &str) -> Result<u32, Error>;

    /// Nothing.
    async fn nothing(&mut self);
}

/// Adds.
#[derive(Clone, Copy, Debug)]
pub struct Adder(u32);

#[async_trait]
impl Remote for Adder {
    #[rate_limited(bucket = BUCKET, key = "{id}/{text}", weight = |text| self.0 as usize + text.len())]
    async fn fetch(&self, id: u32, text: &str) -> Result<u32, Error> {
        let _ = text;
        Ok(std::future::ready(id + self.0).await)
    }

    #[rate_limited(bucket = BUCKET, key = || "nothing", on_limited = |_| ())]
    async fn nothing(&mut self) {}
}

#[test]
fn is_called() {
    let mut adder = Adder(2);
    crate::run(crate::send(adder.nothing()));
    let remote: &dyn Remote = &adder;
    assert_eq!(crate::run(remote.fetch(1, "a")).ok(), Some(3));
    assert_eq!((crate::used_by(&BUCKET, "1/a"), crate::used_by(&BUCKET, "nothing")), (3, 1));
}
