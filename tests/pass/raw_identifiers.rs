//! Raw identifiers, as names of functions and arguments, in closures and format strings.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.raw_identifiers", Rate::per_second(1_000));

/// Adds.
#[rate_limited(bucket = BUCKET, key = r#type, weight = r#fn)]
pub fn r#match(r#type: &str, r#fn: u32) -> Result<u32, Error> {
    Ok(r#fn + u32::from(r#type.is_empty()))
}

/// Adds, later.
#[rate_limited(bucket = BUCKET, key = "{type}/{fn}", weight = |r#fn| *r#fn)]
pub async fn r#loop(r#type: &str, r#fn: u32) -> Result<u32, Error> {
    Ok(r#fn + u32::from(r#type.is_empty()))
}

/// Where a raw identifier is not needed, it is the same name.
#[rate_limited(bucket = BUCKET, key = |number| *number, weight = r#number)]
pub fn r#usual(r#number: u32) -> Result<u32, Error> {
    Ok(number)
}

#[test]
fn is_called() {
    assert_eq!(r#match("a", 2).ok(), Some(2));
    assert_eq!(crate::used_by(&BUCKET, "a"), 2);
    assert_eq!(crate::run(r#loop("b", 3)).ok(), Some(3));
    assert_eq!(crate::used_by(&BUCKET, "b/3"), 3);
    assert_eq!(usual(1).ok(), Some(1));
}
