//! `weight = if .. { 2 } else { 1 }`: literals without a type in the branches.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.weight_expression_branches", Rate::per_second(1_000));

/// By a condition.
#[rate_limited(bucket = BUCKET, weight = if page > 3 { 2 } else { 1 })]
pub fn condition(page: u32) -> Result<u32, Error> {
    Ok(page)
}

/// By a match.
#[rate_limited(bucket = BUCKET, key = || "match", weight = match page { 0 => 1, 1..=3 => 2, _ => 3 })]
pub async fn matched(page: u32) -> Result<u32, Error> {
    Ok(page)
}

/// By a sum.
#[rate_limited(bucket = BUCKET, key = || "sum", weight = 1 + 2)]
pub async fn sum() -> Result<u32, Error> {
    Ok(1)
}

#[test]
fn is_called() {
    assert_eq!((condition(1).ok(), condition(4).ok()), (Some(1), Some(4)));
    assert_eq!((crate::run(crate::send(matched(9))).ok(), crate::run(sum()).ok()), (Some(9), Some(1)));
    assert_eq!(crate::used(&BUCKET), 3);
    assert_eq!((crate::used_by(&BUCKET, "match"), crate::used_by(&BUCKET, "sum")), (3, 3));
}
