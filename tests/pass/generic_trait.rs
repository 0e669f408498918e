//! A generic trait for a generic type, limited by a constant of the implementation.

use std::fmt::Display;

use rate_limited::{Bucket, Error, Rate, rate_limited};

/// Found by its name, which it gets when it is first used.
pub static BUCKET: Bucket = Bucket::new("pass.generic_trait", Rate::per_second(1_000));

/// Converts into one type and the other.
pub trait Convert<T> {
    /// The bucket's name.
    const BUCKET: &'static str;

    /// Converts.
    fn convert(&self) -> Result<T, Error>;
}

/// A pair.
#[derive(Clone, Debug)]
pub struct Pair<L, R>(L, R);

impl<L: Display, R: Display> Convert<String> for Pair<L, R> {
    const BUCKET: &'static str = "pass.generic_trait";

    #[rate_limited(bucket = <Self as Convert<String>>::BUCKET, key = self.0)]
    fn convert(&self) -> Result<String, Error> {
        Ok(format!("{}{}", self.0, self.1))
    }
}

impl<L, R> Convert<usize> for Pair<L, R>
where
    L: AsRef<str>,
    R: AsRef<str>,
{
    const BUCKET: &'static str = "pass.generic_trait";

    #[rate_limited(bucket = <Self as Convert<usize>>::BUCKET, key = self.1.as_ref(), weight = self.1.as_ref().len())]
    fn convert(&self) -> Result<usize, Error> {
        Ok(self.0.as_ref().len() + self.1.as_ref().len())
    }
}

#[test]
fn is_called() -> Result<(), Error> {
    assert_eq!(crate::used(&BUCKET), 0);
    let pair = Pair("a", "bc");
    let (text, length): (String, usize) = (pair.convert()?, pair.convert()?);
    assert_eq!((text.as_str(), length), ("abc", 3));
    assert_eq!((crate::used_by(&BUCKET, "a"), crate::used_by(&BUCKET, "bc")), (1, 2));
    Ok(())
}
