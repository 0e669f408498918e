//! `weight = 2`: whole numbers however they are written.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.weight_literal", Rate::per_second(1_000));

/// Two.
#[rate_limited(bucket = BUCKET, weight = 2)]
pub fn two() -> Result<u32, Error> {
    Ok(1)
}

/// Sixteen.
#[rate_limited(bucket = BUCKET, weight = 0x1_0)]
pub async fn sixteen() -> Result<u32, Error> {
    Ok(2)
}

/// Three, of a type.
#[rate_limited(bucket = BUCKET, weight = 3_u32)]
pub async fn suffixed() -> Result<u32, Error> {
    Ok(3)
}

#[test]
fn is_called() {
    assert_eq!(two().ok(), Some(1));
    assert_eq!((crate::run(sixteen()).ok(), crate::run(suffixed()).ok()), (Some(2), Some(3)));
    assert_eq!(crate::used(&BUCKET), 21);
}
