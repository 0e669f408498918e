//! `bucket = ".."`: a name, here of a preset.

use rate_limited::{Error, rate_limited};

/// A number.
#[rate_limited(bucket = "ann")]
pub fn number() -> Result<u32, Error> {
    Ok(1)
}

/// A number, by a raw string.
#[rate_limited(bucket = r"ann", key = || "raw")]
pub async fn raw() -> Result<u32, Error> {
    Ok(2)
}

#[test]
fn is_called() -> Result<(), Error> {
    use rate_limited::Registry;

    assert_eq!((number().ok(), crate::run(raw()).ok()), (Some(1), Some(2)));
    let bucket = Registry::global().get("ann")?;
    assert_eq!((crate::used(&bucket), crate::used_by(&bucket, "raw")), (1, 1));
    Ok(())
}
