//! Beside `#[test]`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use rate_limited::{Bucket, Error, Rate, rate_limited};
use rate_limited_beside::used;

static ABOVE: Bucket = Bucket::new("beside.test.above", Rate::per_day(9));
static BELOW: Bucket = Bucket::new("beside.test.below", Rate::per_day(9));

#[rate_limited(bucket = ABOVE)]
#[test]
fn above() -> Result<(), Error> {
    assert_eq!(used(&ABOVE)?, 1);
    Ok(())
}

#[test]
#[rate_limited(bucket = BELOW)]
fn below() -> Result<(), Error> {
    assert_eq!(used(&BELOW)?, 1);
    Ok(())
}

#[rate_limited(bucket = ABOVE, weight = 99, on_limited = |error| panic!("refused by {}", error.bucket().unwrap()))]
#[test]
#[should_panic(expected = "refused by beside.test.above")]
fn refused() {}
