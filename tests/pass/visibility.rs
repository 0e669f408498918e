//! Functions of every visibility.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.visibility", Rate::per_second(1_000));

#[rate_limited(bucket = BUCKET)]
fn private() -> Result<u32, Error> {
    Ok(1)
}

mod inner {
    use super::{BUCKET, Error, rate_limited};

    #[rate_limited(bucket = BUCKET)]
    pub(super) fn for_the_parent() -> Result<u32, Error> {
        Ok(2)
    }

    #[rate_limited(bucket = BUCKET)]
    pub(in crate::visibility) async fn for_a_path() -> Result<u32, Error> {
        Ok(3)
    }
}

#[rate_limited(bucket = BUCKET)]
pub(crate) fn for_the_crate() -> Result<u32, Error> {
    Ok(4)
}

/// All of them.
#[rate_limited(bucket = BUCKET)]
pub async fn public() -> Result<u32, Error> {
    Ok(private()? + inner::for_the_parent()? + inner::for_a_path().await? + for_the_crate()?)
}

#[test]
fn is_called() {
    assert_eq!(crate::run(public()).ok(), Some(10));
    assert_eq!(crate::used(&BUCKET), 5);
}
