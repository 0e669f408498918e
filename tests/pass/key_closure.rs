//! `key = |argument| ..`: the arguments by reference.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.key_closure", Rate::per_second(1_000));

/// Somebody.
#[derive(Clone, Copy, Debug)]
pub struct User {
    /// Whose number.
    pub id: u32,
}

/// By a field.
#[rate_limited(bucket = BUCKET, key = |user| user.id)]
pub fn field(user: User) -> Result<u32, Error> {
    Ok(user.id)
}

/// All the arguments in order, with a block.
#[rate_limited(bucket = BUCKET, key = |user, page| {
    let next = page + 1;
    format!("{}/{next}", user.id)
})]
pub async fn block(user: &User, page: u32) -> Result<u32, Error> {
    Ok(user.id + page)
}

/// Moved into the closure, and of a written type.
#[rate_limited(bucket = BUCKET, key = move |text| -> String { text.to_uppercase() })]
pub async fn typed(text: String) -> Result<String, Error> {
    Ok(text)
}

/// Without arguments.
#[rate_limited(bucket = BUCKET, key = || "nothing")]
pub fn nothing() -> Result<(), Error> {
    Ok(())
}

#[test]
fn is_called() {
    let user = User { id: 1 };
    assert_eq!((field(user).ok(), nothing().ok()), (Some(1), Some(())));
    assert_eq!(crate::run(crate::send(block(&user, 2))).ok(), Some(3));
    assert_eq!(crate::run(crate::send(typed("a".to_owned()))).ok().as_deref(), Some("a"));
    for key in ["1", "1/3", "A", "nothing"] {
        assert_eq!(crate::used_by(&BUCKET, key), 1, "{key}");
    }
}
