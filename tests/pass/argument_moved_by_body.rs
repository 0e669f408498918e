//! The body owns its arguments, though key and weight have looked at them.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.argument_moved_by_body", Rate::per_second(1_000));

/// Gives it back.
#[rate_limited(bucket = BUCKET, key = text, weight = |text| text.len())]
pub fn give_back(text: String) -> Result<String, Error> {
    Ok(text)
}

/// Its letters.
#[rate_limited(bucket = BUCKET, key = "{text}", weight = text.len())]
pub async fn into_bytes(text: String) -> Result<Vec<u8>, Error> {
    std::future::ready(()).await;
    Ok(text.into_bytes())
}

#[test]
fn is_called() {
    assert_eq!(give_back("ab".to_owned()).ok().as_deref(), Some("ab"));
    assert_eq!(crate::used_by(&BUCKET, "ab"), 2);
    assert_eq!(crate::run(crate::send(into_bytes("abc".to_owned()))).ok().as_deref(), Some(&b"abc"[..]));
    assert_eq!(crate::used_by(&BUCKET, "abc"), 3);
}
