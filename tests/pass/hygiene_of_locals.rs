//! No variable of the prologue is seen by the body, and none of the body by the prologue.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.hygiene_of_locals", Rate::per_second(1_000));

static OUTER: u32 = 7;

/// What the expansion's variables are called, here as items of the crate.
const fn __call() -> u32 {
    1
}

/// The body sees its own.
#[rate_limited(bucket = BUCKET, key = __call() + OUTER, max_delay = "0s")]
pub fn sync() -> Result<u32, Error> {
    let __permit = __call();
    Ok(__permit)
}

/// The attribute sees the argument, not the variable that shadows it.
#[rate_limited(bucket = BUCKET, key = number, weight = number)]
pub async fn shadowed(number: u32) -> Result<u32, Error> {
    let number = number + 1;
    Ok(number)
}

#[test]
fn is_called() {
    assert_eq!(sync().ok(), Some(1));
    assert_eq!(crate::used_by(&BUCKET, "8"), 1);
    assert_eq!(crate::run(shadowed(2)).ok(), Some(3));
    assert_eq!(crate::used_by(&BUCKET, "2"), 2);
}
