//! A deprecated function: whoever calls it is told, the expansion is not.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.deprecated", Rate::per_second(1_000));

/// As it was.
#[deprecated(since = "0.0.0", note = "for a test")]
#[rate_limited(bucket = BUCKET)]
pub fn old() -> Result<u32, Error> {
    Ok(1)
}

/// Above it too.
#[rate_limited(bucket = BUCKET)]
#[deprecated]
pub async fn older() -> Result<u32, Error> {
    Ok(2)
}

#[test]
#[expect(deprecated, reason = "the lint is still told")]
fn is_called() {
    assert_eq!(old().ok(), Some(1));
    assert_eq!(crate::run(older()).ok(), Some(2));
}
