//! `rate` with `burst`, as a parameter and in the text.

use rate_limited::{Error, rate_limited};

/// By the parameter.
#[rate_limited(rate = "1/d", burst = 9, weight = 8)]
pub fn parameter() -> Result<u32, Error> {
    Ok(1)
}

/// In the text.
#[rate_limited(rate = "1/d burst 9", weight = 8)]
pub async fn text() -> Result<u32, Error> {
    Ok(2)
}

#[test]
fn is_called() {
    assert_eq!((parameter().ok(), parameter().ok()), (Some(1), None));
    let text = || crate::run(crate::send(text())).ok();
    assert_eq!((text(), text()), (Some(2), None));
}
