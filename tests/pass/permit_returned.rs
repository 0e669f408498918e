//! `permit = name`, moved out of the function: who is given it keeps it as long as it likes.

use rate_limited::{Bucket, Error, Permit, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.permit_returned", Rate::per_second(1_000));

/// A permit, and nothing else.
#[rate_limited(bucket = BUCKET, permit = permit)]
pub fn permit() -> Result<Permit, Error> {
    Ok(permit)
}

/// A permit, by a raw name.
#[rate_limited(bucket = BUCKET, permit = r#type)]
pub async fn raw() -> Result<Permit, Error> {
    Ok(r#type)
}

#[test]
fn is_called() -> Result<(), Error> {
    let permits = (permit()?, crate::run(crate::send(raw()))?);
    assert_eq!(crate::used(&BUCKET), 2);
    permits.0.refund();
    permits.1.refund();
    assert_eq!(crate::used(&BUCKET), 0);
    Ok(())
}
