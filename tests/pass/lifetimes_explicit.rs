//! Lifetimes by name, early and late bound.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.lifetimes_explicit", Rate::per_second(1_000));

/// The first.
#[rate_limited(bucket = BUCKET, key = "{first}/{second}")]
pub fn first<'a>(first: &'a str, second: &str) -> Result<&'a str, Error> {
    let _ = second;
    Ok(first)
}

/// The rest of the first, as long as the second is there too.
#[rate_limited(bucket = BUCKET, key = rest)]
pub async fn shorten<'long: 'short, 'short>(
    rest: &mut &'long str,
    other: &'short str,
) -> Result<(&'long str, &'short str), Error> {
    let whole = *rest;
    *rest = &whole[1..];
    Ok((whole, other))
}

#[test]
fn is_called() {
    assert_eq!(first("a", "b").ok(), Some("a"));
    assert_eq!(crate::run(crate::send(shorten(&mut "aa", "b"))).ok(), Some(("aa", "b")));
}
