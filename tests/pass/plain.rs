//! A plain function.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.plain", Rate::per_second(1_000));

/// Adds.
#[rate_limited(bucket = BUCKET)]
pub fn add(left: u32, right: u32) -> Result<u32, Error> {
    Ok(left + right)
}

#[test]
fn is_called() {
    assert_eq!(add(1, 2).ok(), Some(3));
    assert_eq!(crate::used(&BUCKET), 1);
}
