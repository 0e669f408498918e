//! `bucket = if .. {..} else {..}` and `match`.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.bucket_if_expression", Rate::per_second(1_000));

static OTHER: Bucket = Bucket::new("pass.bucket_if_expression.other", Rate::per_second(1_000));

/// One or the other.
#[rate_limited(bucket = if other { &OTHER } else { &BUCKET })]
pub fn choose(other: bool) -> Result<bool, Error> {
    Ok(other)
}

/// One or the other, by name.
#[rate_limited(
    bucket = match number {
        0 => "pass.bucket_if_expression",
        _ => "pass.bucket_if_expression.other",
    }
)]
pub async fn by_name(number: u32) -> Result<u32, Error> {
    Ok(number)
}

/// One or the other, in a block.
#[rate_limited(bucket = {
    let bucket = if number == 0 { &BUCKET } else { &OTHER };
    bucket.clone()
})]
pub async fn block(number: u32) -> Result<u32, Error> {
    Ok(number)
}

#[test]
fn is_called() {
    assert_eq!((choose(true).ok(), choose(false).ok()), (Some(true), Some(false)));
    assert_eq!((crate::run(by_name(0)).ok(), crate::run(crate::send(by_name(1))).ok()), (Some(0), Some(1)));
    assert_eq!((crate::run(block(0)).ok(), crate::run(crate::send(block(1))).ok()), (Some(0), Some(1)));
    assert_eq!((crate::used(&BUCKET), crate::used(&OTHER)), (3, 3));
}
