//! `Box<dyn Error>`, with and without `Send + Sync`.

use rate_limited::{Bucket, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.boxed_error", Rate::per_second(1_000));

/// For this thread.
#[rate_limited(bucket = BUCKET, weight = weight)]
pub fn local(weight: u32) -> Result<u32, Box<dyn std::error::Error>> {
    Ok(weight)
}

/// For every thread.
#[rate_limited(bucket = BUCKET, weight = weight)]
pub async fn shared(weight: u32) -> Result<u32, Box<dyn std::error::Error + Send + Sync + 'static>> {
    Ok(weight)
}

#[test]
fn is_called() {
    use rate_limited::Error;

    assert_eq!((local(1).ok(), crate::run(crate::send(shared(1))).ok()), (Some(1), Some(1)));
    assert!(local(9_999).is_err_and(|error| error.is::<Error>()));
    assert!(crate::run(shared(9_999)).is_err_and(|error| error.is::<Error>()));
}
