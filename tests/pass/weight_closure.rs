//! `weight = |argument| ..`.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.weight_closure", Rate::per_second(1_000));

/// By a length.
#[rate_limited(bucket = BUCKET, weight = |ids| ids.len())]
pub fn length(ids: Vec<u32>) -> Result<Vec<u32>, Error> {
    Ok(ids)
}

/// By a condition on one of two.
#[rate_limited(bucket = BUCKET, key = || "page", weight = |page| if *page > 3 { 2 } else { 1 })]
pub async fn page(user: &str, page: u32) -> Result<usize, Error> {
    let _ = page;
    Ok(user.len())
}

#[test]
fn is_called() {
    assert_eq!(length(vec![1, 2]).ok(), Some(vec![1, 2]));
    assert_eq!(crate::run(crate::send(page("a", 4))).ok(), Some(1));
    assert_eq!((crate::used(&BUCKET), crate::used_by(&BUCKET, "page")), (2, 2));
}
