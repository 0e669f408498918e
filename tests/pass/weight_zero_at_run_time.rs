//! A weight of 0 at run time is a free pass.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.weight_zero_at_run_time", Rate::per_day(1));

/// How many.
#[rate_limited(bucket = BUCKET, weight = ids.len())]
pub fn send(ids: &[u32]) -> Result<usize, Error> {
    Ok(ids.len())
}

#[test]
fn is_called() {
    assert_eq!((send(&[1]).ok(), send(&[]).ok(), send(&[]).ok()), (Some(1), Some(0), Some(0)));
    assert_eq!(crate::used(&BUCKET), 1);
}
