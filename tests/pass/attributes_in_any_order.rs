//! Other attributes of the compiler, above and below.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.attributes_in_any_order", Rate::per_second(1_000));

#[must_use]
#[inline]
/// Above and below.
#[rate_limited(bucket = BUCKET, on_limited = |_| 0)]
#[cfg(true)]
#[doc(alias = "number")]
pub fn above_and_below() -> u32 {
    1
}

#[rate_limited(bucket = BUCKET, on_limited = |_| 0)]
/// All of them below.
#[inline(always)]
#[must_use = "or the permit was for nothing"]
#[expect(clippy::inline_always, reason = "the attribute is the form")]
pub fn below() -> u32 {
    2
}

/// All of them above.
#[cold]
#[inline(never)]
#[cfg(not(false))]
#[rate_limited(bucket = BUCKET)]
pub async fn above() -> Result<u32, Error> {
    Ok(3)
}

/// There only where the attribute is not.
#[cfg(false)]
#[rate_limited(bucket = BUCKET)]
pub fn missing() {}

#[test]
fn is_called() {
    assert_eq!((above_and_below(), below()), (1, 2));
    assert_eq!(crate::run(above()).ok(), Some(3));
    assert_eq!(crate::used(&BUCKET), 3);
}
