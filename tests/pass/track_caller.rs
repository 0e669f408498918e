//! `#[track_caller]`: the place is the caller's, not the prologue's.

use std::panic::Location;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.track_caller", Rate::per_second(1_000));

/// Where it is called.
#[track_caller]
#[rate_limited(bucket = BUCKET)]
pub fn above() -> Result<u32, Error> {
    Ok(Location::caller().line())
}

/// The same, in the other order.
#[rate_limited(bucket = BUCKET)]
#[track_caller]
pub fn below() -> Result<u32, Error> {
    Ok(Location::caller().line())
}

#[test]
fn is_called() {
    assert_eq!((above().ok(), below().ok(), line!()), (Some(line!()), Some(line!()), line!()));
}
