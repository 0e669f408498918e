//! `max_delay = "0s"`: never waits, though the bucket would.

use std::time::Duration;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.max_delay_zero", Rate::per_day(1)).max_delay(Duration::MAX);

/// A number.
#[rate_limited(bucket = BUCKET, max_delay = "0s")]
pub fn seconds() -> Result<u32, Error> {
    Ok(1)
}

/// A number, later.
#[rate_limited(bucket = BUCKET, max_delay = "0")]
pub async fn nothing() -> Result<u32, Error> {
    Ok(2)
}

#[test]
fn is_called() {
    use rate_limited::ErrorKind;

    assert_eq!(seconds().ok(), Some(1));
    for refused in [seconds(), crate::run(crate::send(nothing()))] {
        assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::Limited));
    }
}
