//! `key = |some, of, them| ..`: any of the arguments, in any order.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.key_closure_subset", Rate::per_second(1_000));

/// The last before the first.
#[rate_limited(bucket = BUCKET, key = |third, first| format!("{third}{first}"))]
pub fn order(first: u32, second: &str, third: char) -> Result<usize, Error> {
    let _ = (first, third);
    Ok(second.len())
}

/// One in the middle.
#[rate_limited(bucket = BUCKET, key = |second| second.len())]
pub async fn middle(first: &str, second: &str, third: &str) -> Result<usize, Error> {
    Ok(first.len() + second.len() + third.len())
}

#[test]
fn is_called() {
    assert_eq!(order(1, "b", 'c').ok(), Some(1));
    assert_eq!(crate::run(crate::send(middle("a", "bb", "c"))).ok(), Some(4));
    assert_eq!((crate::used_by(&BUCKET, "c1"), crate::used_by(&BUCKET, "2")), (1, 1));
}
