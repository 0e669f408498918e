//! Keys that are longer than what is kept without an allocation.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.key_long", Rate::per_second(1_000));

/// Its length.
#[rate_limited(bucket = BUCKET, key = "{text}{text}{text}")]
pub fn long(text: &str) -> Result<usize, Error> {
    Ok(text.len())
}

/// Its length, later.
#[rate_limited(bucket = BUCKET, key = |text| text.repeat(3))]
pub async fn long_later(text: &str) -> Result<usize, Error> {
    Ok(text.len())
}

#[test]
fn is_called() {
    let text = "a".repeat(1_000);
    assert_eq!(
        (long(&text).ok(), crate::run(crate::send(long_later(&text))).ok()),
        (Some(1_000), Some(1_000))
    );
    assert_eq!(crate::used_by(&BUCKET, &text.repeat(3)), 2);
}
