//! `key = if ..`, `match ..` and a block.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.key_block", Rate::per_second(1_000));

/// By a condition.
#[rate_limited(bucket = BUCKET, key = if user.is_empty() { "nobody" } else { user })]
pub fn condition(user: &str) -> Result<usize, Error> {
    Ok(user.len())
}

/// By a match.
#[rate_limited(bucket = BUCKET, key = match user { Some("") => "empty", Some(user) => user, None => "none" })]
pub async fn matched(user: Option<&str>) -> Result<bool, Error> {
    Ok(user.is_some())
}

/// By a block.
#[rate_limited(bucket = BUCKET, key = {
    let (first, _) = user.split_at(1);
    first.to_uppercase()
})]
pub async fn block(user: String) -> Result<String, Error> {
    Ok(user)
}

#[test]
fn is_called() {
    assert_eq!((condition("").ok(), crate::run(matched(None)).ok()), (Some(0), Some(false)));
    assert_eq!(crate::run(crate::send(block("ab".to_owned()))).ok().as_deref(), Some("ab"));
    for key in ["nobody", "none", "A"] {
        assert_eq!(crate::used_by(&BUCKET, key), 1, "{key}");
    }
}
