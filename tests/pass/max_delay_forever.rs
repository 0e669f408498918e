//! `max_delay = "forever"`: waits however long.

use std::time::Duration;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket =
    Bucket::new("pass.max_delay_forever", Rate::new(1, Duration::from_millis(1))).guard(Duration::ZERO);

/// A number.
#[rate_limited(bucket = BUCKET, max_delay = "forever")]
pub fn number() -> Result<u32, Error> {
    Ok(1)
}

/// A number, later.
#[rate_limited(bucket = BUCKET, max_delay = "forever")]
pub async fn number_later() -> Result<u32, Error> {
    Ok(2)
}

/// The one test that waits: for a millisecond.
#[test]
fn is_called() {
    assert_eq!((number().ok(), number().ok()), (Some(1), Some(1)));
    assert_eq!(
        (crate::run(number_later()).ok(), crate::run(crate::send(number_later())).ok()),
        (Some(2), Some(2))
    );
}
