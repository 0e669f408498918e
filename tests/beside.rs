//! Beside other attributes, above and below them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use rate_limited::{Bucket, Error, ErrorKind, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("tests.beside", Rate::per_day(1_000));

#[rate_limited(bucket = BUCKET)]
#[test]
fn above_test() -> Result<(), Error> {
    assert!(BUCKET.peek()?.rates().first().unwrap().used() >= 1);
    Ok(())
}

#[test]
#[rate_limited(bucket = BUCKET)]
fn below_test() -> Result<(), Error> {
    assert!(BUCKET.peek()?.rates().first().unwrap().used() >= 1);
    Ok(())
}

/// The prologue awaits inside the runtime.
#[rate_limited(bucket = BUCKET)]
#[tokio::test]
async fn above_tokio_test() -> Result<(), Error> {
    tokio::task::yield_now().await;
    assert!(BUCKET.peek()?.rates().first().unwrap().used() >= 1);
    Ok(())
}

/// `#[tokio::test]` has made it a sync function by then: the thread waits, before there is a runtime.
#[tokio::test]
#[rate_limited(bucket = BUCKET)]
async fn below_tokio_test() -> Result<(), Error> {
    tokio::task::yield_now().await;
    assert!(BUCKET.peek()?.rates().first().unwrap().used() >= 1);
    Ok(())
}

/// The caller's place, not ours, is what a panic in the body blames.
#[test]
fn the_caller_is_still_tracked() {
    #[track_caller]
    #[rate_limited(bucket = bucket)]
    fn caller(bucket: &Bucket) -> Result<u32, Error> {
        Ok(std::panic::Location::caller().line())
    }

    let bucket = Bucket::named("tests.tracked", Rate::per_day(1));
    assert_eq!((caller(&bucket).unwrap(), line!()), (line!(), line!()));
    assert_eq!(caller(&bucket).unwrap_err().kind(), ErrorKind::Limited);
}

/// The permit and the engine's future are all that the attribute adds to a future.
#[test]
fn futures_stay_small() {
    async fn plain(bucket: &Bucket, payload: [u8; 256]) -> Result<u8, Error> {
        std::future::ready(()).await;
        bucket.peek().map(|_| payload.first().copied().unwrap_or_default())
    }

    #[rate_limited(bucket = bucket, key = |payload| payload.len(), weight = payload.len(), max_delay = "1s")]
    async fn limited(bucket: &Bucket, payload: [u8; 256]) -> Result<u8, Error> {
        std::future::ready(()).await;
        bucket.peek().map(|_| payload.first().copied().unwrap_or_default())
    }

    let bucket = Bucket::named("tests.size", Rate::per_day(1));
    let (plain, limited) = (plain(&bucket, [0; 256]), limited(&bucket, [0; 256]));
    let added = size_of_val(&limited) - size_of_val(&plain);
    assert!(added <= 128, "{added} bytes");
}
