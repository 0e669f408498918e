//! Bodies with nothing in them, or with statements alone.

use rate_limited::{Bucket, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.empty_body", Rate::per_second(1_000));

/// Nothing.
#[rate_limited(bucket = BUCKET, on_limited = |_| ())]
pub fn nothing() {}

/// Nothing, later.
#[rate_limited(bucket = BUCKET, on_limited = |_| ())]
pub async fn nothing_later() {}

/// One statement.
#[rate_limited(bucket = BUCKET, on_limited = drop)]
pub fn statement(number: &mut u32) {
    *number += 1;
}

#[test]
fn is_called() {
    let mut number = 1;
    nothing();
    statement(&mut number);
    crate::run(nothing_later());
    assert_eq!((number, crate::used(&BUCKET)), (2, 3));
}
