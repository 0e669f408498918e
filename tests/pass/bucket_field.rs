//! `bucket = self.bucket`: a field, also behind references and smart pointers, also of an argument.

use std::sync::Arc;

use rate_limited::{Bucket, Error, rate_limited};

/// Has buckets.
#[derive(Debug)]
pub struct Api<'a> {
    own: Bucket,
    borrowed: &'a Bucket,
    shared: Arc<Bucket>,
    name: String,
}

impl Api<'_> {
    /// One.
    #[rate_limited(bucket = self.own)]
    pub fn own(&self) -> Result<u32, Error> {
        Ok(1)
    }

    /// Two.
    #[rate_limited(bucket = self.borrowed)]
    pub async fn borrowed(&self) -> Result<u32, Error> {
        Ok(2)
    }

    /// Three.
    #[rate_limited(bucket = *self.shared, key = self.name)]
    pub async fn shared(&self) -> Result<u32, Error> {
        Ok(3)
    }
}

/// Of an argument.
#[rate_limited(bucket = api.own)]
pub fn argument(api: &Api<'_>) -> Result<u32, Error> {
    Ok(api.name.len().try_into().unwrap_or(0))
}

#[test]
fn is_called() {
    use rate_limited::Rate;

    let bucket = Bucket::named("pass.bucket_field", Rate::per_day(9));
    let api = Api {
        own: bucket.clone(),
        borrowed: &bucket,
        shared: Arc::new(bucket.clone()),
        name: "a".to_owned(),
    };
    assert_eq!((api.own().ok(), argument(&api).ok()), (Some(1), Some(1)));
    assert_eq!(
        (crate::run(crate::send(api.borrowed())).ok(), crate::run(api.shared()).ok()),
        (Some(2), Some(3))
    );
    assert_eq!((crate::used(&bucket), crate::used_by(&bucket, "a")), (3, 1));
}
