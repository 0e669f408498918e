//! Values of all sorts, borrowed ones too.

use rate_limited::{Bucket, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.returns_value", Rate::per_second(1_000));

/// Doubles.
#[rate_limited(bucket = BUCKET, on_limited = |_| 0)]
#[must_use]
pub fn double(number: u32) -> u32 {
    2 * number
}

/// Doubles, later.
#[rate_limited(bucket = BUCKET, on_limited = |_| (0, String::new()))]
pub async fn pair(number: u32) -> (u32, String) {
    (2 * number, number.to_string())
}

/// The text as it is.
#[rate_limited(bucket = BUCKET, key = text, on_limited = |_| "")]
#[must_use]
pub fn borrowed(text: &str) -> &str {
    text
}

/// An array.
#[rate_limited(bucket = BUCKET, on_limited = |_| [0; N])]
#[must_use]
pub fn array<const N: usize>() -> [u8; N] {
    [1; N]
}

#[test]
fn is_called() {
    assert_eq!((double(1), borrowed("a"), array::<2>()), (2, "a", [1, 1]));
    assert_eq!(crate::run(pair(2)), (4, "2".to_owned()));
}
