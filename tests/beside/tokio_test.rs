//! Beside `#[tokio::test]`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use rate_limited::{Bucket, Error, Rate, rate_limited};
use rate_limited_beside::used;
use tokio::runtime::Handle;

static ABOVE: Bucket = Bucket::new("beside.tokio.above", Rate::per_day(9));
static BELOW: Bucket = Bucket::new("beside.tokio.below", Rate::per_day(9));

/// The prologue awaits inside the runtime.
#[rate_limited(bucket = ABOVE, key = Handle::try_current().is_ok())]
#[tokio::test]
async fn above() -> Result<(), Error> {
    tokio::task::yield_now().await;
    assert_eq!(ABOVE.request().key("true").peek()?.rates().first().unwrap().used(), 1);
    assert_eq!(used(&ABOVE)?, 0);
    Ok(())
}

/// `#[tokio::test]` has made it a sync function by then: the thread waits, before there is a runtime.
#[tokio::test]
#[rate_limited(bucket = BELOW, key = Handle::try_current().is_ok())]
async fn below() -> Result<(), Error> {
    tokio::task::yield_now().await;
    assert_eq!(BELOW.request().key("false").peek()?.rates().first().unwrap().used(), 1);
    Ok(())
}
