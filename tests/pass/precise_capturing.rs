//! `+ use<..>` in the result: what it captures, and that it captures nothing else.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.precise_capturing", Rate::per_second(1_000));

/// Captures one argument.
#[rate_limited(bucket = BUCKET, key = "{first}{second}")]
pub fn one<'a>(first: &'a str, second: &str) -> Result<impl Iterator<Item = char> + use<'a>, Error> {
    let _ = second;
    Ok(first.chars())
}

/// Captures nothing.
#[rate_limited(bucket = BUCKET, key = text)]
pub async fn none(text: &str) -> Result<impl Iterator<Item = usize> + use<>, Error> {
    Ok(0..text.len())
}

#[test]
fn is_called() -> Result<(), Error> {
    let chars = {
        let second = String::from("b");
        one("aa", &second)?
    };
    assert_eq!(chars.count(), 2);
    let lengths = {
        let text = String::from("abc");
        crate::run(none(&text))?
    };
    assert_eq!(lengths.count(), 3);
    Ok(())
}
