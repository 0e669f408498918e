//! Lints are still told about the function, so `#[expect]` of them is fulfilled.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.expect_attribute", Rate::per_second(1_000));

/// An unused argument and an unused variable.
#[expect(unused_variables, clippy::no_effect_underscore_binding, reason = "both are there")]
#[rate_limited(bucket = BUCKET)]
pub fn unused(argument: u32) -> Result<u32, Error> {
    let variable = 1;
    let _nothing = 2;
    Ok(3)
}

/// A `return` too much and a `mut` too much.
#[rate_limited(bucket = BUCKET)]
#[expect(unused_mut, clippy::needless_return, reason = "both are there")]
pub async fn needless(mut number: u32) -> Result<u32, Error> {
    return Ok(number);
}

#[test]
fn is_called() {
    assert_eq!(unused(9).ok(), Some(3));
    assert_eq!(crate::run(needless(4)).ok(), Some(4));
}
