//! `bucket = argument`: by reference, by value, generic over what a bucket is.

use rate_limited::{Bucket, Error, rate_limited};

/// By reference.
#[rate_limited(bucket = bucket)]
pub fn reference(bucket: &Bucket) -> Result<&str, Error> {
    Ok(bucket.name())
}

/// By value.
#[rate_limited(bucket = bucket)]
pub async fn value(bucket: Bucket) -> Result<Bucket, Error> {
    Ok(bucket)
}

#[test]
fn is_called() -> Result<(), Error> {
    use rate_limited::Rate;

    let bucket = Bucket::named("pass.bucket_argument", Rate::per_day(9));
    assert_eq!(reference(&bucket)?, "pass.bucket_argument");
    let bucket = crate::run(crate::send(value(bucket)))?;
    assert_eq!(crate::used(&bucket), 2);
    Ok(())
}
