//! Beside attributes of the compiler, which still say what they said.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use std::panic::Location;

use rate_limited::{Bucket, Error, ErrorKind, Rate, rate_limited};
use rate_limited_beside::used;

fn one() -> Bucket {
    Bucket::named("beside.compiler", Rate::per_day(1))
}

/// The caller's place, not ours, is what a panic in the body blames.
#[test]
fn the_caller_is_still_tracked() {
    #[track_caller]
    #[rate_limited(bucket = bucket)]
    fn above(bucket: &Bucket) -> Result<u32, Error> {
        Ok(Location::caller().line())
    }

    #[rate_limited(bucket = bucket)]
    #[track_caller]
    fn below(bucket: &Bucket) -> Result<u32, Error> {
        Ok(Location::caller().line())
    }

    let bucket = one();
    assert_eq!((above(&bucket).unwrap(), line!()), (line!(), line!()));
    assert_eq!(above(&bucket).unwrap_err().kind(), ErrorKind::Limited);
    let bucket = one();
    assert_eq!((below(&bucket).unwrap(), line!()), (line!(), line!()));
    assert_eq!(used(&bucket).unwrap(), 1);
}

/// A result that must be used is one still: the lint that is expected is told.
#[test]
fn results_must_still_be_used() {
    #[must_use]
    #[rate_limited(bucket = bucket, on_limited = |_| 0)]
    fn above(bucket: &Bucket) -> u32 {
        1
    }

    #[rate_limited(bucket = bucket, on_limited = |_| 0)]
    #[must_use]
    async fn below(bucket: &Bucket) -> u32 {
        1
    }

    let bucket = one();
    #[expect(unused_must_use, reason = "the lint is what is tested")]
    {
        above(&bucket);
        futures::executor::block_on(async { below(&bucket).await });
    }
    assert_eq!(used(&bucket).unwrap(), 1);
    assert_eq!(above(&bucket), 0);
}

/// Whoever calls a deprecated function is told; the expansion itself is not.
#[test]
fn calls_are_still_deprecated() {
    #[deprecated]
    #[rate_limited(bucket = bucket)]
    fn above(bucket: &Bucket) -> Result<u32, Error> {
        Ok(1)
    }

    #[rate_limited(bucket = bucket)]
    #[deprecated(note = "for a test")]
    fn below(bucket: &Bucket) -> Result<u32, Error> {
        Ok(2)
    }

    let bucket = one();
    #[expect(deprecated, reason = "the lint is what is tested")]
    let called = (above(&bucket).ok(), below(&bucket).ok());
    assert_eq!(called, (Some(1), None));
    assert_eq!(used(&bucket).unwrap(), 1);
}
