//! Constant parameters, in the signature, the key and the weight.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.const_generics", Rate::per_second(1_000));

/// How many.
#[rate_limited(bucket = BUCKET, key = N, weight = N)]
pub fn count<T, const N: usize>(values: &[T; N]) -> Result<usize, Error> {
    Ok(values.len())
}

/// The parameter.
#[rate_limited(bucket = BUCKET, key = || "sum", weight = |many| many.len())]
pub async fn sum<const N: usize>(many: [u32; N]) -> Result<u32, Error> {
    Ok(many.iter().sum())
}

#[test]
fn is_called() {
    assert_eq!(count(&["a", "b"]).ok(), Some(2));
    assert_eq!(crate::used_by(&BUCKET, "2"), 2);
    assert_eq!(crate::run(sum([1, 2, 3])).ok(), Some(6));
    assert_eq!(crate::used_by(&BUCKET, "sum"), 3);
}
