//! A function in a function, both limited.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.nested_fn", Rate::per_second(1_000));

/// Adds what the inner ones give.
#[rate_limited(bucket = BUCKET)]
pub async fn outer() -> Result<u32, Error> {
    #[rate_limited(bucket = BUCKET)]
    fn inner() -> Result<u32, Error> {
        Ok(1)
    }

    #[rate_limited(bucket = BUCKET)]
    async fn later() -> Result<u32, Error> {
        Ok(2)
    }

    Ok(inner()? + later().await?)
}

#[test]
fn is_called() {
    assert_eq!(crate::run(crate::send(outer())).ok(), Some(3));
    assert_eq!(crate::used(&BUCKET), 3);
}
