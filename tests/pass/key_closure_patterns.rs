//! `key = |&argument, other: &T| ..`: patterns and types of a closure's parameters.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.key_closure_patterns", Rate::per_second(1_000));

/// Taken apart.
#[rate_limited(bucket = BUCKET, key = |&left, &right| left + right)]
pub fn apart(left: u32, right: u32) -> Result<u32, Error> {
    Ok(left * right)
}

/// With types, of one and of both.
#[rate_limited(bucket = BUCKET, key = |name: &String, number| format!("{name}{number}"))]
pub async fn typed(name: String, number: u32) -> Result<String, Error> {
    let _ = number;
    Ok(name)
}

/// By a method of a type that is only known by the argument.
#[rate_limited(bucket = BUCKET, key = |values| values.iter().sum::<u32>())]
pub async fn inferred(values: &[u32]) -> Result<usize, Error> {
    Ok(values.len())
}

#[test]
fn is_called() {
    assert_eq!(apart(2, 3).ok(), Some(6));
    assert_eq!(crate::run(crate::send(typed("a".to_owned(), 1))).ok().as_deref(), Some("a"));
    assert_eq!(crate::run(inferred(&[3, 4])).ok(), Some(2));
    for key in ["5", "a1", "7"] {
        assert_eq!(crate::used_by(&BUCKET, key), 1, "{key}");
    }
}
