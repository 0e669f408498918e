//! `key = "{argument}"`: a format string over the arguments, with every sort of specification.

use std::fmt::{self, Display, Formatter};

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.key_format_string", Rate::per_second(1_000));

/// Prints as `id` and its number.
#[derive(Clone, Copy, Debug)]
pub struct Id(pub u32);

impl Display for Id {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "id{}", self.0)
    }
}

/// Two arguments.
#[rate_limited(bucket = BUCKET, key = "{user}/{page}")]
pub fn two(user: &str, page: u32) -> Result<usize, Error> {
    let _ = page;
    Ok(user.len())
}

/// How they are printed.
#[rate_limited(bucket = BUCKET, key = "{id}{id:?}{number:>+width$}{number:#06x}{{{text:.1}}}")]
pub async fn printed(id: Id, number: u32, width: usize, text: String) -> Result<String, Error> {
    let _ = (id, number, width);
    Ok(text)
}

/// A raw string.
#[rate_limited(bucket = BUCKET, key = r#"{user}"{user:?}"#)]
pub async fn raw(user: &str) -> Result<usize, Error> {
    Ok(user.len())
}

/// A constant of the module's, which is seen like an argument.
#[rate_limited(bucket = BUCKET, key = "{PREFIX}{user}")]
pub async fn constant(user: u32) -> Result<u32, Error> {
    Ok(user)
}

const PREFIX: &str = "prefix";

#[test]
fn is_called() {
    assert_eq!((two("a", 1).ok(), crate::run(raw("b")).ok()), (Some(1), Some(1)));
    assert_eq!(
        crate::run(crate::send(printed(Id(1), 2, 3, "text".to_owned()))).ok().as_deref(),
        Some("text")
    );
    assert_eq!(crate::run(constant(1)).ok(), Some(1));
    for key in ["a/1", "id1Id(1) +20x0002{t}", "b\"\"b\"", "prefix1"] {
        assert_eq!(crate::used_by(&BUCKET, key), 1, "{key}");
    }
}
