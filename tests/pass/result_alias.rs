//! `Result` behind an alias of the user's.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.result_alias", Rate::per_second(1_000));

/// With the error fixed.
pub type Answer<T> = Result<T, Error>;

/// With everything fixed.
pub type Number = Answer<u32>;

/// One.
#[rate_limited(bucket = BUCKET)]
pub fn one() -> Answer<u32> {
    Ok(1)
}

/// Two.
#[rate_limited(bucket = BUCKET)]
pub async fn two() -> Number {
    Ok(2)
}

#[test]
fn is_called() {
    assert_eq!((one().ok(), crate::run(two()).ok()), (Some(1), Some(2)));
}
