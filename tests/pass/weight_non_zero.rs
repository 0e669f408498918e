//! `weight = <NonZero>`: of every such type.

use std::num::{NonZeroU8, NonZeroU32, NonZeroUsize};

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.weight_non_zero", Rate::per_second(1_000));

/// Of the usual type.
#[rate_limited(bucket = BUCKET, weight = weight)]
pub fn usual(weight: NonZeroU32) -> Result<u32, Error> {
    Ok(weight.get())
}

/// Of another.
#[rate_limited(bucket = BUCKET, weight = weight)]
pub async fn other(weight: NonZeroUsize) -> Result<usize, Error> {
    Ok(weight.get())
}

/// Of one more, by a constant.
#[rate_limited(bucket = BUCKET, weight = NonZeroU8::MIN)]
pub async fn constant() -> Result<u32, Error> {
    Ok(1)
}

#[test]
fn is_called() {
    assert_eq!(usual(NonZeroU32::MIN).ok(), Some(1));
    assert_eq!((crate::run(other(NonZeroUsize::MIN)).ok(), crate::run(constant()).ok()), (Some(1), Some(1)));
    assert_eq!(crate::used(&BUCKET), 3);
}
