//! `bucket = LAZY`: a `LazyLock<Bucket>`, for what cannot be made in a constant.

use std::sync::LazyLock;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: LazyLock<Bucket> =
    LazyLock::new(|| Bucket::named("pass.bucket_lazy_lock", Rate::per_second(1_000)));

/// One.
#[rate_limited(bucket = BUCKET)]
pub fn one() -> Result<u32, Error> {
    Ok(1)
}

/// Two.
#[rate_limited(bucket = &BUCKET)]
pub async fn two() -> Result<u32, Error> {
    Ok(2)
}

/// Three.
#[rate_limited(bucket = *BUCKET)]
pub async fn three() -> Result<u32, Error> {
    Ok(3)
}

#[test]
fn is_called() {
    assert_eq!(one().ok(), Some(1));
    assert_eq!((crate::run(crate::send(two())).ok(), crate::run(three()).ok()), (Some(2), Some(3)));
    assert_eq!(crate::used(&BUCKET), 3);
}
