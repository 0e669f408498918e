//! `permit = name`: the permit is a variable of the body.

use std::time::Duration;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.permit_bound", Rate::per_second(1_000));

/// Gives the permit back where the answer is known.
#[rate_limited(bucket = BUCKET, key = "{number}", permit = permit)]
pub fn cached(number: u32, known: bool) -> Result<u32, Error> {
    if known {
        permit.refund();
    }
    Ok(number)
}

/// How long it waited.
#[rate_limited(bucket = BUCKET, permit = permit)]
pub async fn waited(more: Duration) -> Result<Duration, Error> {
    std::future::ready(()).await;
    Ok(permit.waited() + more)
}

#[test]
fn is_called() {
    assert_eq!((cached(1, false).ok(), cached(1, true).ok()), (Some(1), Some(1)));
    assert_eq!(crate::used_by(&BUCKET, "1"), 1);
    assert_eq!(crate::run(crate::send(waited(Duration::MAX / 2))).ok(), Some(Duration::MAX / 2));
}
