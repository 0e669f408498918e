//! Elided lifetimes: in the arguments, in a type, in the result.

use std::str::Chars;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.lifetimes_elided", Rate::per_second(1_000));

/// The rest.
#[rate_limited(bucket = BUCKET, key = text)]
pub fn tail(text: &str) -> Result<&str, Error> {
    Ok(text.trim_start_matches('a'))
}

/// The next.
#[rate_limited(bucket = BUCKET)]
pub async fn next(chars: &mut Chars<'_>) -> Result<Option<char>, Error> {
    Ok(chars.next())
}

#[test]
fn is_called() {
    assert_eq!(tail("ab").ok(), Some("b"));
    assert_eq!(crate::run(next(&mut "ab".chars())).ok(), Some(Some('a')));
}
