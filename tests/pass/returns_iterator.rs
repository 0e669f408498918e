//! `impl Iterator` and `Box<dyn Iterator>`.

use rate_limited::{Bucket, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.returns_iterator", Rate::per_second(1_000));

/// Numbers; none when refused.
#[rate_limited(bucket = BUCKET, weight = end, on_limited = |_| 0..0)]
pub fn numbers(end: u32) -> impl Iterator<Item = u32> {
    0..end
}

/// Boxed numbers; none when refused.
#[rate_limited(bucket = BUCKET, weight = end, on_limited = |_| Box::new(std::iter::empty()))]
#[must_use]
pub fn boxed(end: u32) -> Box<dyn Iterator<Item = u32>> {
    Box::new(0..end)
}

/// Letters, later.
#[rate_limited(bucket = BUCKET, on_limited = |_| Vec::new().into_iter())]
pub async fn letters(text: String) -> impl Iterator<Item = u8> {
    text.into_bytes().into_iter()
}

#[test]
fn is_called() {
    assert_eq!((numbers(2).count(), boxed(3).count()), (2, 3));
    assert_eq!((numbers(9_999).count(), boxed(9_999).count()), (0, 0));
    assert_eq!(crate::run(letters("ab".to_owned())).count(), 2);
}
