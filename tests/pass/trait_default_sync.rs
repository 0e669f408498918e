//! A trait's default body, which all implementations share and which each limits by what it says.

use rate_limited::{Bucket, Error, Rate, rate_limited};

/// Found by its name, which it gets when it is first used.
pub static FIRST: Bucket = Bucket::new("pass.trait_default_sync.first", Rate::per_second(1_000));
/// Found by its name too.
pub static SECOND: Bucket = Bucket::new("pass.trait_default_sync.second", Rate::per_second(1_000));

/// Has a bucket.
pub trait Endpoint {
    /// Its name.
    const BUCKET: &'static str;

    /// Its failure.
    type Failure: From<Error>;

    /// How long the name is.
    #[rate_limited(bucket = Self::BUCKET)]
    fn ping(&self) -> Result<usize, Self::Failure> {
        Ok(Self::BUCKET.len())
    }

    /// Made by default.
    #[rate_limited(bucket = Self::BUCKET, key = || "make")]
    fn make() -> Result<Self, Error>
    where
        Self: Default,
    {
        Ok(Self::default())
    }
}

/// The first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct First;

impl Endpoint for First {
    const BUCKET: &'static str = "pass.trait_default_sync.first";
    type Failure = Error;
}

/// The second.
#[derive(Clone, Copy, Debug)]
pub struct Second;

impl Endpoint for Second {
    const BUCKET: &'static str = "pass.trait_default_sync.second";
    type Failure = Box<dyn std::error::Error + Send + Sync>;
}

#[test]
fn is_called() -> Result<(), Error> {
    // A name finds a bucket that was used or registered.
    assert_eq!((crate::used(&FIRST), crate::used(&SECOND)), (0, 0));
    for _ in 0..2 {
        assert_eq!(First.ping()?, 29);
        assert!(Second.ping().is_ok_and(|length| length == 30));
    }
    assert_eq!((crate::used(&FIRST), crate::used(&SECOND)), (2, 2));
    assert_eq!(First::make()?, First);
    assert_eq!(crate::used_by(&FIRST, "make"), 1);
    Ok(())
}
