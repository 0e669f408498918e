//! `bucket = self.bucket()`: calls, of methods and functions and elements.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.bucket_method_call", Rate::per_second(1_000));

/// Has two buckets.
#[derive(Debug)]
pub struct Api([Bucket; 2]);

impl Api {
    const fn bucket(&self) -> &Bucket {
        let [first, _] = &self.0;
        first
    }

    /// One.
    #[rate_limited(bucket = self.bucket())]
    pub fn method(&self) -> Result<u32, Error> {
        Ok(1)
    }

    /// Two.
    #[rate_limited(bucket = self.bucket().clone())]
    pub async fn owned(&self) -> Result<u32, Error> {
        Ok(2)
    }

    /// Three.
    #[rate_limited(bucket = self.0[index])]
    pub async fn element(&self, index: usize) -> Result<u32, Error> {
        let _ = index;
        Ok(3)
    }
}

const fn bucket() -> &'static Bucket {
    &BUCKET
}

/// Four.
#[rate_limited(bucket = bucket())]
pub fn function() -> Result<u32, Error> {
    Ok(4)
}

#[test]
fn is_called() {
    let api = Api([(); 2].map(|()| Bucket::named("pass.bucket_method_call", Rate::per_day(9))));
    assert_eq!((api.method().ok(), function().ok()), (Some(1), Some(4)));
    assert_eq!(
        (crate::run(crate::send(api.owned())).ok(), crate::run(api.element(1)).ok()),
        (Some(2), Some(3))
    );
    assert_eq!((crate::used(&api.0[0]), crate::used(&api.0[1]), crate::used(&BUCKET)), (2, 1, 1));
}
