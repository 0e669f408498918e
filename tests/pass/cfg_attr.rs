//! By `cfg_attr`.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.cfg_attr", Rate::per_second(1_000));

/// Limited.
#[cfg_attr(true, rate_limited(bucket = BUCKET))]
pub fn limited() -> Result<u32, Error> {
    Ok(1)
}

/// Not limited.
#[cfg_attr(false, rate_limited(bucket = BUCKET))]
#[must_use]
pub const fn free() -> u32 {
    2
}

/// Beside another attribute.
#[cfg_attr(true, rate_limited(bucket = BUCKET, on_limited = |_| 0), must_use)]
pub fn beside() -> u32 {
    3
}

#[test]
fn is_called() {
    assert_eq!((limited().ok(), free(), beside()), (Some(1), 2, 3));
    assert_eq!(crate::used(&BUCKET), 2);
}
