//! `Result<impl Trait, E>`.

use std::fmt::Display;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.result_impl_trait", Rate::per_second(1_000));

/// Numbers.
#[rate_limited(bucket = BUCKET)]
pub fn numbers(end: u32) -> Result<impl Iterator<Item = u32>, Error> {
    if end > 10 {
        return Ok((0..end).step_by(1));
    }
    Ok((0..end).step_by(2))
}

/// A function.
#[rate_limited(bucket = BUCKET)]
pub async fn function(more: u32) -> Result<impl Fn(u32) -> u32 + Send, Error> {
    Ok(move |number| number + more)
}

/// Two in a pair.
#[rate_limited(bucket = BUCKET)]
pub fn pair() -> Result<(impl Display, impl Display), Error> {
    Ok((1, "a"))
}

#[test]
fn is_called() -> Result<(), Error> {
    assert_eq!((numbers(5)?.count(), numbers(12)?.count()), (3, 12));
    assert_eq!(crate::run(crate::send(function(1)))?(2), 3);
    let (number, letter) = pair()?;
    assert_eq!(format!("{number}{letter}"), "1a");
    Ok(())
}
