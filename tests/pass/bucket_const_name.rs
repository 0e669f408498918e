//! `bucket = NAME`: a constant name, and names that are made at run time.

use rate_limited::{Bucket, Error, Rate, rate_limited};

/// Found by its name, which it gets when it is first used.
pub static BUCKET: Bucket = Bucket::new("pass.bucket_const_name", Rate::per_second(1_000));

const NAME: &str = "pass.bucket_const_name";

/// By the constant.
#[rate_limited(bucket = NAME)]
pub fn constant() -> Result<u32, Error> {
    Ok(1)
}

/// By a `String`.
#[rate_limited(bucket = format!("pass.{end}"))]
pub async fn made(end: &str) -> Result<u32, Error> {
    let _ = end;
    Ok(2)
}

/// By a `concat!`.
#[rate_limited(bucket = concat!("pass", ".bucket_const_name"))]
pub async fn joined() -> Result<u32, Error> {
    Ok(3)
}

#[test]
fn is_called() {
    assert_eq!(crate::used(&BUCKET), 0);
    assert_eq!(constant().ok(), Some(1));
    assert_eq!(crate::run(crate::send(made("bucket_const_name"))).ok(), Some(2));
    assert_eq!(crate::run(joined()).ok(), Some(3));
    assert_eq!(crate::used(&BUCKET), 3);
}
