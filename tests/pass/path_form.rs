//! The attribute by its path, and by another name.

use rate_limited::rate_limited as limited;
use rate_limited::{Bucket, Error, Rate};

static BUCKET: Bucket = Bucket::new("pass.path_form", Rate::per_second(1_000));

/// By a path.
#[rate_limited::rate_limited(bucket = BUCKET)]
pub fn path() -> Result<u32, Error> {
    Ok(1)
}

/// By a path from the root, with a comma at the end.
#[::rate_limited::rate_limited(bucket = BUCKET,)]
pub async fn root() -> Result<u32, Error> {
    Ok(2)
}

/// By another name.
#[limited(bucket = BUCKET)]
pub fn renamed() -> Result<u32, Error> {
    Ok(3)
}

/// In another sort of parentheses.
#[limited[bucket = BUCKET]]
pub fn brackets() -> Result<u32, Error> {
    Ok(4)
}

#[test]
fn is_called() {
    assert_eq!((path().ok(), renamed().ok(), brackets().ok()), (Some(1), Some(3), Some(4)));
    assert_eq!(crate::run(root()).ok(), Some(2));
    assert_eq!(crate::used(&BUCKET), 4);
}
