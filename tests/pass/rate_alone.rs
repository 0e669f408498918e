//! `rate = ".."` alone: a limit of the function's own.

use rate_limited::{Error, rate_limited};

/// By a word.
#[rate_limited(rate = "1/day")]
pub fn word() -> Result<u32, Error> {
    Ok(1)
}

/// By a number and a unit, with a key.
#[rate_limited(rate = "1/2d", key = user)]
pub async fn unit(user: u32) -> Result<u32, Error> {
    Ok(user)
}

/// With spaces.
#[rate_limited(rate = " 1/15m ")]
pub async fn spaces() -> Result<u32, Error> {
    Ok(3)
}

/// One limit for all types.
#[rate_limited(rate = "1/d")]
pub fn generic<T>(value: T) -> Result<T, Error> {
    Ok(value)
}

#[test]
fn is_called() {
    assert_eq!((word().ok(), word().ok()), (Some(1), None));
    assert_eq!(
        (crate::run(unit(1)).ok(), crate::run(unit(2)).ok(), crate::run(unit(1)).ok()),
        (Some(1), Some(2), None)
    );
    assert_eq!((crate::run(spaces()).ok(), crate::run(spaces()).ok()), (Some(3), None));
    assert_eq!((generic(1).ok(), generic("a").ok()), (Some(1), None));
}
