//! `on_limited = |error| ..`: closures of many shapes.

use std::time::Duration;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.on_limited_closure", Rate::per_day(1));

/// It was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// For so long.
    For(Option<Duration>),
    /// Never fits.
    Forever,
}

/// A failure that is no `From` of the error.
#[rate_limited(bucket = BUCKET, weight = 9, on_limited = |error| Err(Refused::For(error.retry_after())))]
pub fn failure() -> Result<u32, Refused> {
    Ok(1)
}

/// The type written, a block, and a `return`.
#[rate_limited(bucket = BUCKET, weight = 9, on_limited = |error: Error| -> Result<u32, Refused> {
    if error.retry_after().is_none() {
        return Err(Refused::Forever);
    }
    Err(Refused::For(None))
})]
pub async fn block() -> Result<u32, Refused> {
    Ok(2)
}

/// A value that the module has.
#[rate_limited(bucket = BUCKET, weight = 9, on_limited = |_| FALLBACK)]
pub async fn fallback() -> Result<u32, Refused> {
    Ok(3)
}

const FALLBACK: Result<u32, Refused> = Ok(0);

#[test]
fn is_called() {
    assert_eq!(failure(), Err(Refused::For(None)));
    assert_eq!(crate::run(crate::send(block())), Err(Refused::Forever));
    assert_eq!(crate::run(fallback()), Ok(0));
    assert_eq!(crate::used(&BUCKET), 0);
}
