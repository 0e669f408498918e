//! `impl Trait` and `dyn Trait` as arguments.

use std::fmt::{Debug, Display};

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.impl_trait_argument", Rate::per_second(1_000));

/// Prints both.
#[rate_limited(bucket = BUCKET, key = |name| name.to_string())]
pub fn print(name: &impl Display, other: &dyn Debug) -> Result<String, Error> {
    Ok(format!("{name}{other:?}"))
}

/// Calls it.
#[rate_limited(bucket = BUCKET)]
pub async fn call(function: impl FnOnce(u32) -> u32 + Send) -> Result<u32, Error> {
    Ok(function(1))
}

#[test]
fn is_called() {
    assert_eq!(print(&"a", &1).ok().as_deref(), Some("a1"));
    assert_eq!(crate::run(crate::send(call(|number| number + 1))).ok(), Some(2));
}
