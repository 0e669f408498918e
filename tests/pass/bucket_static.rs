//! `bucket = STATIC`: by name, by path, by reference.

use rate_limited::{Bucket, Error, Rate, RateOutlook, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.bucket_static", Rate::per_second(1_000));

/// More of them.
pub mod limits {
    use rate_limited::{Bucket, Rate};

    /// The same limits under the same name are the same bucket.
    pub static SAME: Bucket = Bucket::new("pass.bucket_static", Rate::per_second(1_000));
}

/// By name.
#[rate_limited(bucket = BUCKET)]
pub fn name() -> Result<u32, Error> {
    Ok(1)
}

/// By path, in one of its own parentheses.
#[rate_limited(bucket = (limits::SAME))]
pub async fn path() -> Result<u32, Error> {
    Ok(2)
}

/// By reference.
#[rate_limited(bucket = &limits::SAME)]
pub async fn reference() -> Result<u32, Error> {
    Ok(3)
}

/// By one that the body declares.
#[rate_limited(bucket = BUCKET)]
pub fn inner() -> Result<u32, Error> {
    static BUCKET: Bucket = Bucket::new("pass.bucket_static.inner", Rate::per_second(1_000));
    BUCKET.peek().map(|outlook| outlook.rates().first().map_or(0, RateOutlook::used))
}

#[test]
fn is_called() {
    assert_eq!((name().ok(), inner().ok()), (Some(1), Some(1)));
    assert_eq!((crate::run(crate::send(path())).ok(), crate::run(reference()).ok()), (Some(2), Some(3)));
    assert_eq!(crate::used(&BUCKET), 3);
}
