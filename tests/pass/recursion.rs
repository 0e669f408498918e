//! Recursion: a permit at each level.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.recursion", Rate::per_second(1_000));

/// Counts down.
#[rate_limited(bucket = BUCKET)]
pub fn down(depth: u32) -> Result<u32, Error> {
    if depth == 0 { Ok(0) } else { Ok(down(depth - 1)? + 1) }
}

#[test]
fn is_called() {
    assert_eq!(down(3).ok(), Some(3));
    assert_eq!(crate::used(&BUCKET), 4);
}
