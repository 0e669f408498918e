//! Inner attributes of a body speak for the whole function.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.inner_attributes", Rate::per_second(1_000));

/// Nothing but parentheses.
#[rate_limited(bucket = BUCKET)]
pub fn parentheses(number: u32) -> Result<u32, Error> {
    #![expect(unused_parens, reason = "an inner attribute that is kept silences what it names")]

    let sum = (number + 1);
    Ok(sum)
}

/// The same, later.
#[rate_limited(bucket = BUCKET, on_limited = |_| 0)]
pub async fn parentheses_later(number: u32) -> u32 {
    #![expect(unused_parens, reason = "an inner attribute that is kept silences what it names")]
    #![must_use]
    (number)
}

#[test]
fn is_called() {
    assert_eq!(parentheses(1).ok(), Some(2));
    assert_eq!(crate::run(parentheses_later(2)), 2);
}
