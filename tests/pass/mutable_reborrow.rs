//! A mutable borrow of an argument, taken after the attribute's expressions have looked at it.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.mutable_reborrow", Rate::per_second(1_000));

/// Puts it at the end.
#[rate_limited(bucket = BUCKET, key = || "push", weight = values.len())]
pub fn push(values: &mut Vec<u32>, value: u32) -> Result<&mut u32, Error> {
    let end = values.len();
    values.push(value);
    Ok(&mut values[end])
}

/// Forgets all.
#[rate_limited(bucket = BUCKET, weight = |values| values.len())]
pub async fn clear(values: &mut Vec<u32>) -> Result<(), Error> {
    values.clear();
    Ok(())
}

#[test]
fn is_called() -> Result<(), Error> {
    let mut values = vec![1, 2];
    *push(&mut values, 3)? += 1;
    assert_eq!(values, [1, 2, 4]);
    assert_eq!(crate::used_by(&BUCKET, "push"), 2);
    crate::run(crate::send(clear(&mut values)))?;
    assert!(values.is_empty());
    Ok(())
}
