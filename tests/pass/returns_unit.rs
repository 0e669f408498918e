//! `()`, written and not written.

use rate_limited::{Bucket, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.returns_unit", Rate::per_second(1_000));

/// Counts on.
#[rate_limited(bucket = BUCKET, on_limited = |_| ())]
pub fn count(number: &mut u32) {
    *number += 1;
}

/// Counts on.
#[rate_limited(bucket = BUCKET, on_limited = |_| {})]
#[expect(clippy::unused_unit, reason = "the type is the form")]
pub fn written(number: &mut u32) -> () {
    *number += 1;
}

/// Counts on, later.
#[rate_limited(bucket = BUCKET, on_limited = drop)]
pub async fn count_later(number: &mut u32) {
    *number += std::future::ready(1).await;
}

#[test]
fn is_called() {
    let mut number = 0;
    count(&mut number);
    written(&mut number);
    crate::run(crate::send(count_later(&mut number)));
    assert_eq!((number, crate::used(&BUCKET)), (3, 3));
}
