//! Arguments that are taken apart as slices, with a rest that has a name.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.pattern_slice", Rate::per_second(1_000));

/// The first, and how many more.
#[rate_limited(bucket = BUCKET, key = first, weight = |tail| tail.len())]
pub fn split([first, tail @ ..]: [u8; 4]) -> Result<(u8, usize), Error> {
    Ok((first, tail.len()))
}

/// Both ends.
#[rate_limited(bucket = BUCKET, key = "{first}{last}")]
pub async fn ends(&[first, .., last]: &[u8; 3]) -> Result<(u8, u8), Error> {
    Ok((first, last))
}

#[test]
fn is_called() {
    assert_eq!(split([1, 2, 3, 4]).ok(), Some((1, 3)));
    assert_eq!(crate::used_by(&BUCKET, "1"), 3);
    assert_eq!(crate::run(ends(&[1, 2, 3])).ok(), Some((1, 3)));
    assert_eq!(crate::used_by(&BUCKET, "13"), 1);
}
