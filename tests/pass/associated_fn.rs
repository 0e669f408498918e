//! Associated functions: `Self` in arguments, results and the attribute.

use std::any::type_name;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.associated_fn", Rate::per_second(1_000));

/// Holds a value.
#[derive(Debug, PartialEq, Eq)]
pub struct Holder<T>(T);

impl<T: Send> Holder<T> {
    const KEY: &'static str = "holder";

    /// Makes one.
    #[rate_limited(bucket = BUCKET, key = Self::KEY)]
    pub fn new(value: T) -> Result<Self, Error> {
        Ok(Self(value))
    }

    /// Makes one of another, later.
    #[rate_limited(bucket = BUCKET, key = type_name::<Self>(), weight = Self::weight())]
    pub async fn again(other: Self) -> Result<Self, Error> {
        Ok(Self(other.0))
    }

    const fn weight() -> u32 {
        3
    }
}

#[test]
fn is_called() -> Result<(), Error> {
    let holder = Holder::new(1_u8)?;
    assert_eq!(crate::used_by(&BUCKET, "holder"), 1);
    assert_eq!(crate::run(crate::send(Holder::again(holder)))?, Holder(1));
    assert_eq!(crate::used_by(&BUCKET, type_name::<Holder<u8>>()), 3);
    assert_eq!(crate::used_by(&BUCKET, type_name::<Holder<u16>>()), 0);
    Ok(())
}
