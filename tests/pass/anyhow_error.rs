//! `anyhow::Result`.

use rate_limited::{Bucket, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.anyhow_error", Rate::per_second(1_000));

/// A number.
#[rate_limited(bucket = BUCKET, weight = weight)]
pub fn call(weight: u32) -> anyhow::Result<u32> {
    anyhow::ensure!(weight > 0);
    Ok(weight)
}

/// A number, later.
#[rate_limited(bucket = BUCKET, weight = weight)]
pub async fn call_later(weight: u32) -> Result<u32, anyhow::Error> {
    anyhow::ensure!(weight > 0);
    Ok(weight)
}

#[test]
fn is_called() {
    use rate_limited::Error;

    assert_eq!((call(1).ok(), crate::run(crate::send(call_later(1))).ok()), (Some(1), Some(1)));
    assert!(call(0).is_err_and(|error| !error.is::<Error>()));
    assert!(call(9_999).is_err_and(|error| error.is::<Error>()));
    assert!(crate::run(call_later(9_999)).is_err_and(|error| error.is::<Error>()));
}
