//! The user's own `Result`, `Option`, `Ok`, `Err`, `Some`, `None`, `String` and `Duration`.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.shadowed_result", Rate::per_second(1_000));

/// In the way.
#[derive(Clone, Copy, Debug)]
pub struct Result;
/// In the way.
#[derive(Clone, Copy, Debug)]
pub struct Option;
/// In the way.
#[derive(Clone, Copy, Debug)]
pub struct String;
/// In the way.
#[derive(Clone, Copy, Debug)]
pub struct Duration;
/// In the way.
pub trait From {}
/// In the way.
pub trait Into {}

#[expect(non_snake_case, reason = "in the way")]
const fn Ok(number: u32) -> u32 {
    number
}

#[expect(non_snake_case, reason = "in the way")]
const fn Err(number: u32) -> u32 {
    number
}

#[expect(non_upper_case_globals, dead_code, reason = "in the way")]
const None: u32 = 1;

/// Adds.
#[rate_limited(bucket = BUCKET, key = "{left}", weight = |left| *left, max_delay = "1s")]
pub fn add(left: u32, right: u32) -> core::result::Result<u32, Error> {
    core::result::Result::Ok(Ok(left) + Err(right))
}

/// Adds, later.
#[rate_limited(bucket = BUCKET, key = |left| left, on_limited = |_| 0)]
#[must_use]
pub async fn add_later(left: u32, right: u32) -> u32 {
    left + right
}

#[test]
fn is_called() {
    assert_eq!(add(1, 2).unwrap(), 3);
    assert_eq!(crate::run(add_later(1, 2)), 3);
}
