//! `weight = <expression>`: of every integer type.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.weight_expression", Rate::per_second(1_000));

/// By a length.
#[rate_limited(bucket = BUCKET, weight = ids.len())]
pub fn length(ids: &[u32]) -> Result<usize, Error> {
    Ok(ids.len())
}

/// By types that are small and signed.
#[rate_limited(bucket = BUCKET, key = || "small", weight = number)]
pub async fn small(number: i8) -> Result<i8, Error> {
    Ok(number)
}

/// By types that are large.
#[rate_limited(bucket = BUCKET, key = || "large", weight = number)]
pub async fn large(number: u64) -> Result<u64, Error> {
    Ok(number)
}

/// By arithmetic.
#[rate_limited(bucket = BUCKET, key = || "sum", weight = u16::from(number) + 1)]
pub async fn sum(number: u8) -> Result<u8, Error> {
    Ok(number)
}

#[test]
fn is_called() {
    assert_eq!((length(&[1, 2]).ok(), crate::run(small(3)).ok()), (Some(2), Some(3)));
    assert_eq!((crate::run(large(4)).ok(), crate::run(sum(5)).ok()), (Some(4), Some(5)));
    assert_eq!((crate::used(&BUCKET), crate::used_by(&BUCKET, "small")), (2, 3));
    assert_eq!((crate::used_by(&BUCKET, "large"), crate::used_by(&BUCKET, "sum")), (4, 6));
}
