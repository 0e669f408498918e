//! Twice over one function.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.stacked", Rate::per_second(1_000));

static OTHER: Bucket = Bucket::new("pass.stacked.other", Rate::per_second(1_000));

/// Two buckets.
#[rate_limited(bucket = BUCKET)]
#[rate_limited(bucket = OTHER, weight = 2, max_delay = "0s")]
pub fn both() -> Result<u32, Error> {
    Ok(1)
}

/// The same, later.
#[rate_limited(bucket = BUCKET, key = user)]
#[rate_limited(bucket = OTHER, key = user, weight = 3)]
pub async fn both_later(user: u32) -> Result<u32, Error> {
    Ok(std::future::ready(user).await)
}

#[test]
fn is_called() {
    assert_eq!(both().ok(), Some(1));
    assert_eq!((crate::used(&BUCKET), crate::used(&OTHER)), (1, 2));
    assert_eq!(crate::run(crate::send(both_later(7))).ok(), Some(7));
    assert_eq!((crate::used_by(&BUCKET, "7"), crate::used_by(&OTHER, "7")), (1, 3));
}
