//! Types of the user's that are called like the expansion's own.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.hygiene_of_types", Rate::per_second(1_000));

/// In the way.
#[derive(Clone, Copy, Debug)]
pub struct Site;
/// In the way.
#[derive(Clone, Copy, Debug)]
pub struct Call;
/// In the way.
#[derive(Clone, Copy, Debug)]
pub struct FromLimited;
/// In the way.
#[derive(Clone, Copy, Debug)]
pub struct Permit;
/// In the way.
pub trait AsKey {
    /// Not a key.
    fn as_key(&self) {}
    /// Not a weight.
    fn weight(&self) {}
}
impl<T> AsKey for T {}

/// Adds.
#[rate_limited(bucket = BUCKET, key = left, weight = right, max_delay = "0s")]
pub fn add(left: u32, right: u32) -> Result<u32, Error> {
    let _ = (Site, Call, FromLimited, Permit);
    Ok(left + right)
}

/// Adds, later.
#[rate_limited(bucket = BUCKET, key = |left| left, weight = |right| *right, on_limited = |_| 0)]
#[must_use]
pub async fn add_later(left: u32, right: u32) -> u32 {
    left + right
}

#[test]
fn is_called() {
    assert_eq!((add(1, 2).ok(), crate::run(crate::send(add_later(1, 2)))), (Some(3), 3));
    assert_eq!(crate::used_by(&BUCKET, "1"), 4);
}
