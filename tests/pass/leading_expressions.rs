//! Bodies whose first word could start an item, and does not: they run with a permit.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.leading_expressions", Rate::per_second(1_000));

/// A `const` block, which is evaluated by the compiler.
#[rate_limited(bucket = BUCKET)]
pub fn constant<const N: u32>() -> Result<u32, Error> {
    const { assert!(N > 0) };
    Ok(N)
}

/// An `async` block that is awaited, and one that is dropped.
#[rate_limited(bucket = BUCKET)]
pub async fn blocks(number: u32) -> Result<u32, Error> {
    async {}.await;
    drop(async move { number + 1 });
    Ok(number)
}

/// Variables that are called like keywords of the context.
#[rate_limited(bucket = BUCKET)]
pub fn words(mut union: u32, auto: u32, default: u32) -> Result<u32, Error> {
    union += auto;
    Ok(union + default)
}

/// The same, with nothing but an expression.
#[rate_limited(bucket = BUCKET, key = "{auto}{union:?}{default}")]
pub async fn word(union: Option<u32>, auto: bool, default: u32) -> Result<bool, Error> {
    union.map_or(Ok(!auto), |union| Ok(union == default))
}

/// A macro that is called, and may do anything.
///
/// # Panics
///
/// Without a permit.
#[rate_limited(bucket = BUCKET)]
pub fn called(number: u32) -> Result<u32, Error> {
    assert_ne!(counted(), 0, "without a permit");
    Ok(number)
}

/// A statement with an attribute.
#[rate_limited(bucket = BUCKET)]
pub fn attribute(number: u32) -> Result<u32, Error> {
    #[cfg(true)]
    let number = number + 1;
    #[cfg(false)]
    let number = number + 2;
    Ok(number)
}

fn counted() -> u32 {
    BUCKET.peek().ok().and_then(|outlook| Some(outlook.rates().first()?.used())).unwrap_or(0)
}

#[test]
fn is_called() {
    assert_eq!(called(5).ok(), Some(5));
    assert_eq!((constant::<1>().ok(), words(1, 2, 3).ok(), attribute(6).ok()), (Some(1), Some(6), Some(7)));
    assert_eq!(crate::run(crate::send(blocks(1))).ok(), Some(1));
    assert_eq!(crate::run(word(None, true, 1)).ok(), Some(false));
    assert_eq!(crate::used(&BUCKET), 5);
}
