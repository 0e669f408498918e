//! Arguments that are taken apart as tuples: the attribute sees their parts.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.pattern_tuple", Rate::per_second(1_000));

/// Adds.
#[rate_limited(bucket = BUCKET, key = "{left}", weight = |right| *right)]
pub fn add((left, (right, _)): (u32, (u32, u32))) -> Result<u32, Error> {
    Ok(left + right)
}

/// Adds, later.
#[rate_limited(bucket = BUCKET, key = |left, right| left + right)]
pub async fn add_later((mut left, right): (u32, u32)) -> Result<u32, Error> {
    left += right;
    Ok(left)
}

#[test]
fn is_called() {
    assert_eq!(add((1, (2, 9))).ok(), Some(3));
    assert_eq!(crate::used_by(&BUCKET, "1"), 2);
    assert_eq!(crate::run(crate::send(add_later((3, 4)))).ok(), Some(7));
    assert_eq!(crate::used_by(&BUCKET, "7"), 1);
}
