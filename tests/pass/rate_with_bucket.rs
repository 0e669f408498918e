//! `bucket = "..", rate = ".."`: declared in place under a name, the same in several places.

use rate_limited::{Error, rate_limited};

/// One.
#[rate_limited(bucket = "pass.rate_with_bucket", rate = "1000/s")]
pub fn one() -> Result<u32, Error> {
    Ok(1)
}

/// Two, of the same bucket, in the other order.
#[rate_limited(rate = "1000/second", bucket = "pass.rate_with_bucket")]
pub async fn two() -> Result<u32, Error> {
    Ok(2)
}

/// Three, of another.
#[rate_limited(bucket = "pass.rate_with_bucket.burst", rate = "1/d", burst = 5)]
pub async fn three() -> Result<u32, Error> {
    Ok(3)
}

#[test]
fn is_called() -> Result<(), Error> {
    use rate_limited::Registry;

    assert_eq!(one()?, 1);
    assert_eq!((crate::run(two())?, crate::run(crate::send(three()))?), (2, 3));
    let used = |name| Ok::<_, Error>(crate::used(&Registry::global().get(name)?));
    assert_eq!((used("pass.rate_with_bucket")?, used("pass.rate_with_bucket.burst")?), (2, 1));
    Ok(())
}
