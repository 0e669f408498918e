//! Under `forbid`, which tells of every `#[allow]` that an expansion has; the usual one has none.

#![forbid(
    unused,
    unused_qualifications,
    nonstandard_style,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]

use rate_limited::{Bucket, Error, Rate, Registry, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.forbidden_lints", Rate::per_second(1_000));

/// Sync.
///
/// # Errors
///
/// When it is refused.
#[rate_limited(bucket = BUCKET, key = |user, page| format!("{user}{page}"), weight = page.len(), max_delay = "1s")]
pub fn sync(user: u32, page: &str) -> Result<usize, Error> {
    let _ = user;
    Ok(page.len())
}

/// Async.
///
/// # Errors
///
/// When it is refused.
#[rate_limited(rate = "1000/s", burst = 6, key = "{user}", max_delay = "forever")]
pub async fn asynchronous(user: u32) -> Result<u32, Error> {
    std::future::ready(Ok(user)).await
}

/// Nothing but a side effect.
#[rate_limited(bucket = BUCKET, registry = Registry::global(), on_limited = |_| ())]
pub fn unit(user: &mut u32) {
    *user += 1;
}

#[test]
fn is_called() {
    let mut number = 1;
    unit(&mut number);
    assert_eq!((number, sync(1, "ab").ok()), (2, Some(2)));
    assert_eq!(crate::run(crate::send(asynchronous(1))).ok(), Some(1));
}
