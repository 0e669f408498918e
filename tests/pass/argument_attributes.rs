//! Attributes of arguments: what is configured out is not seen either.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.argument_attributes", Rate::per_second(1_000));

/// Doubles.
#[rate_limited(bucket = BUCKET, key = "{number}")]
pub fn double(
    #[cfg(true)] number: u32,
    #[cfg(false)] missing: u32,
    #[allow(unused_variables, reason = "the attribute of an argument is the form")] other: u32,
) -> Result<u32, Error> {
    Ok(2 * number)
}

#[test]
fn is_called() {
    assert_eq!(double(2, 9).ok(), Some(4));
}
