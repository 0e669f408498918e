//! `_`, `mut`, `ref` and `@` in arguments.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.pattern_bindings", Rate::per_second(1_000));

/// Adds what has a name.
#[rate_limited(bucket = BUCKET, key = |a, c| a + c, weight = *b)]
pub fn add(mut a: u32, (ref b, _): (u32, u32), _: u8, c @ (0 | 1..): u32) -> Result<u32, Error> {
    a += *b;
    Ok(a + c)
}

/// Adds, later.
#[rate_limited(bucket = BUCKET, key = "{a}")]
pub async fn add_later(mut a: u32, _: &str, _unused: u32) -> Result<u32, Error> {
    a += 1;
    Ok(a)
}

#[test]
fn is_called() {
    assert_eq!(add(1, (2, 9), 9, 3).ok(), Some(6));
    assert_eq!(crate::used_by(&BUCKET, "4"), 2);
    assert_eq!(crate::run(add_later(6, "", 9)).ok(), Some(7));
    assert_eq!(crate::used_by(&BUCKET, "6"), 1);
}
