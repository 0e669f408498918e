//! Results that are coerced to `dyn`, at each of several exits.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.coerced_closure", Rate::per_second(1_000));

/// A function of numbers.
pub type Function = Box<dyn Fn(u32) -> u32>;

/// Doubles or counts on.
#[rate_limited(bucket = BUCKET)]
pub fn choose(double: bool) -> Result<Box<dyn Fn(u32) -> u32>, Error> {
    if double {
        return Ok(Box::new(|number| 2 * number));
    }
    Ok(Box::new(move |number| number + 1))
}

/// The same, later.
#[rate_limited(bucket = BUCKET)]
pub async fn choose_later(double: bool) -> Result<Function, Error> {
    if double {
        return Ok(Box::new(|number| 2 * number));
    }
    Ok(Box::new(move |number| number + 1))
}

#[test]
fn is_called() -> Result<(), Error> {
    assert_eq!((choose(true)?(3), choose(false)?(3)), (6, 4));
    assert_eq!((crate::run(choose_later(true))?(3), crate::run(choose_later(false))?(3)), (6, 4));
    Ok(())
}
