//! `Option`: that a call is dropped must be written down.

use rate_limited::{Bucket, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.returns_option", Rate::per_second(1_000));

/// A number.
#[rate_limited(bucket = BUCKET, weight = weight, on_limited = |_| None)]
#[must_use]
pub fn number(weight: u32) -> Option<u32> {
    Some(weight)
}

/// A number, later.
#[rate_limited(bucket = BUCKET, weight = weight, on_limited = |_error| None)]
pub async fn number_later(weight: u32) -> Option<u32> {
    let doubled = weight.checked_mul(2)?;
    Some(doubled)
}

#[test]
fn is_called() {
    assert_eq!((number(1), crate::run(number_later(1))), (Some(1), Some(2)));
    assert_eq!((number(9_999), crate::run(number_later(9_999))), (None, None));
}
