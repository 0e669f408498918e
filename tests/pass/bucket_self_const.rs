//! `bucket = Self::NAME`: one call site for many types.

use std::marker::PhantomData;

use rate_limited::{Bucket, Error, Rate, rate_limited};

/// Found by its name, which it gets when it is first used.
pub static SMALL: Bucket = Bucket::new("pass.bucket_self_const.small", Rate::per_second(1_000));
/// Found by its name too.
pub static LARGE: Bucket = Bucket::new("pass.bucket_self_const.large", Rate::per_second(1_000));

/// Of one size.
pub trait Size {
    /// The bucket's name.
    const NAME: &'static str;
}

/// Small.
#[derive(Clone, Copy, Debug)]
pub struct Small;

impl Size for Small {
    const NAME: &'static str = "pass.bucket_self_const.small";
}

/// Large.
#[derive(Clone, Copy, Debug)]
pub struct Large;

impl Size for Large {
    const NAME: &'static str = "pass.bucket_self_const.large";
}

/// Something of a size.
#[derive(Clone, Copy, Debug, Default)]
pub struct Thing<S>(PhantomData<S>);

impl<S: Size> Thing<S> {
    const NAME: &'static str = S::NAME;

    /// How long the name is.
    #[rate_limited(bucket = Self::NAME)]
    pub fn length() -> Result<usize, Error> {
        Ok(Self::NAME.len())
    }
}

#[test]
fn is_called() {
    assert_eq!((crate::used(&SMALL), crate::used(&LARGE)), (0, 0));
    for _ in 0..2 {
        assert_eq!((Thing::<Small>::length().ok(), Thing::<Large>::length().ok()), (Some(28), Some(28)));
    }
    assert_eq!((crate::used(&SMALL), crate::used(&LARGE)), (2, 2));
}
