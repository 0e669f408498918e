//! `max_delay` as a reference to a `Duration`.

use std::time::Duration;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.max_delay_reference", Rate::per_second(1_000));

/// Given on as it is.
#[rate_limited(bucket = BUCKET, max_delay = |patience| patience)]
pub async fn closure(patience: Duration) -> Result<Duration, Error> {
    Ok(patience)
}

/// An argument.
#[rate_limited(bucket = BUCKET, max_delay = patience)]
pub fn argument(patience: &Duration) -> Result<Duration, Error> {
    Ok(*patience)
}

/// Of a written type.
#[rate_limited(bucket = BUCKET, max_delay = |patience| -> Duration { *patience })]
pub fn typed(patience: Duration) -> Result<Duration, Error> {
    Ok(patience)
}

#[test]
fn is_called() {
    let patience = Duration::from_millis(1);
    assert_eq!(crate::run(crate::send(closure(patience))).ok(), Some(patience));
    assert_eq!((argument(&patience).ok(), typed(patience).ok()), (Some(patience), Some(patience)));
    assert_eq!(crate::used(&BUCKET), 3);
}
