//! `rate` with `fixed`: a window that opens at its first use.

use rate_limited::{Error, rate_limited};

/// Of the function's own.
#[rate_limited(rate = "1/d fixed")]
pub fn alone() -> Result<u32, Error> {
    Ok(1)
}

/// Under a name, one window a key.
#[rate_limited(bucket = "pass.rate_fixed", rate = "2/2d fixed", key = user, weight = 2)]
pub async fn named(user: u32) -> Result<u32, Error> {
    Ok(user)
}

#[test]
fn is_called() {
    assert_eq!((alone().ok(), alone().ok()), (Some(1), None));
    let named = |user| crate::run(crate::send(named(user))).ok();
    assert_eq!((named(1), named(2), named(1)), (Some(1), Some(2), None));
}
