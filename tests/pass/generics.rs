//! Type parameters, with bounds in both places.

use std::fmt::{Debug, Display};

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.generics", Rate::per_second(1_000));

/// Prints both.
#[rate_limited(bucket = BUCKET, key = value)]
pub fn print<T: Display + ?Sized, U>(value: &T, other: &U) -> Result<String, Error>
where
    U: Debug,
{
    Ok(format!("{value}{other:?}"))
}

/// Gives it back.
#[rate_limited(bucket = BUCKET, key = "{value}")]
pub async fn give_back<T>(value: T) -> Result<T, Error>
where
    T: Display + Send + Sync,
{
    std::future::ready(()).await;
    Ok(value)
}

#[test]
fn is_called() {
    assert_eq!(print("a", &Some(1)).ok().as_deref(), Some("aSome(1)"));
    assert_eq!(crate::run(give_back::<u8>(1)).ok(), Some(1));
    assert_eq!(crate::run(crate::send(give_back("a"))).ok(), Some("a"));
}
