//! `on_limited = |_| ..` where the body gives the return type's name to something else.

use rate_limited::{Bucket, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.on_limited_shadowed", Rate::per_second(1_000));

/// Imported.
#[rate_limited(bucket = BUCKET, on_limited = |error| Err(error.to_string()))]
pub fn imported(text: &str) -> Result<usize, String> {
    use std::fmt::Result;
    let result: Result = Ok(());
    result.map(|()| text.len()).map_err(|error| error.to_string())
}

/// Defined.
#[rate_limited(bucket = BUCKET, on_limited = |_| None)]
pub async fn defined(text: &str) -> Option<usize> {
    struct Option<T>(T);
    let option = Option(text.len());
    Some(option.0)
}

#[test]
fn is_called() {
    assert_eq!((imported("a"), crate::run(crate::send(defined("b")))), (Ok(1), Some(1)));
    assert_eq!(crate::used(&BUCKET), 2);
}
