//! `max_delay = "500ms"`: durations of every unit, and of several.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.max_delay_literal", Rate::per_second(1_000));

/// Milliseconds.
#[rate_limited(bucket = BUCKET, max_delay = "500ms")]
pub fn milliseconds() -> Result<u32, Error> {
    Ok(1)
}

/// Minutes and seconds.
#[rate_limited(bucket = BUCKET, max_delay = "1m30s")]
pub async fn minutes() -> Result<u32, Error> {
    Ok(2)
}

/// Nanoseconds and days.
#[rate_limited(bucket = BUCKET, max_delay = "2d1ns")]
pub async fn days() -> Result<u32, Error> {
    Ok(3)
}

#[test]
fn is_called() {
    assert_eq!(milliseconds().ok(), Some(1));
    assert_eq!((crate::run(crate::send(minutes())).ok(), crate::run(days()).ok()), (Some(2), Some(3)));
}
