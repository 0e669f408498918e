//! `std::io::Result`.

use std::io;

use rate_limited::{Bucket, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.io_error", Rate::per_second(1_000));

/// A number.
#[rate_limited(bucket = BUCKET, weight = weight)]
pub fn call(weight: u32) -> io::Result<u32> {
    Ok(weight)
}

/// A number, later.
#[rate_limited(bucket = BUCKET, weight = weight)]
pub async fn call_later(weight: u32) -> Result<u32, io::Error> {
    Ok(weight)
}

#[test]
fn is_called() {
    use rate_limited::{Error, ErrorKind};

    assert_eq!((call(1).ok(), crate::run(call_later(1)).ok()), (Some(1), Some(1)));
    for refused in [call(9_999), crate::run(call_later(9_999))] {
        let source = refused.as_ref().err().and_then(io::Error::get_ref);
        let kind = source.and_then(|source| source.downcast_ref()).map(Error::kind);
        assert_eq!(kind, Some(ErrorKind::TooHeavy));
    }
}
