//! `max_delay`: durations as text, expressions, closures.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use std::time::Duration;

use rate_limited::{Bucket, Error, ErrorKind, Rate, rate_limited};

fn empty() -> Bucket {
    let bucket = Bucket::named("tests.max_delay", Rate::per_day(1)).max_delay(Duration::from_secs(3));
    drop(bucket.try_acquire().unwrap());
    bucket
}

/// The allowance that a call of a day's wait was refused under.
#[track_caller]
fn allowed(result: Result<(), Error>) -> Duration {
    let error = result.unwrap_err();
    let kind =
        if error.max_delay() == Some(Duration::ZERO) { ErrorKind::Limited } else { ErrorKind::DelayTooLong };
    assert_eq!(error.kind(), kind);
    error.max_delay().unwrap()
}

#[test]
fn the_bucket_decides_unless_told_otherwise() {
    #[rate_limited(bucket = bucket)]
    fn call(bucket: &Bucket) -> Result<(), Error> {
        Ok(())
    }

    assert_eq!(allowed(call(&empty())), Duration::from_secs(3));
}

macro_rules! literals {
    ($($text:literal => $nanos:expr;)*) => {
        #[test]
        fn text() {
            $({
                #[rate_limited(bucket = bucket, max_delay = $text)]
                fn call(bucket: &Bucket) -> Result<(), Error> {
                    Ok(())
                }
                assert_eq!(allowed(call(&empty())), Duration::from_nanos($nanos), $text);
            })*
        }
    };
}

literals! {
    "0" => 0;
    "0s" => 0;
    "1ns" => 1;
    "5us" => 5_000;
    "500ms" => 500_000_000;
    "2s" => 2_000_000_000;
    "1m30s" => 90_000_000_000;
    "2hours" => 7_200_000_000_000;
    "1h1m1s1ms1us1ns" => 3_661_001_001_001;
}

#[test]
fn forever_waits_however_long() {
    #[rate_limited(bucket = bucket, max_delay = "forever")]
    async fn call(bucket: &Bucket) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = bucket, max_delay = Duration::MAX)]
    async fn expression(bucket: &Bucket) -> Result<(), Error> {
        Ok(())
    }

    let bucket = empty();
    let clocked = rate_limited::clock::ManualClock::new();
    let bucket = Bucket::named(bucket.name(), Rate::per_day(1)).guard(Duration::ZERO).clock(clocked.clone());
    drop(bucket.try_acquire().unwrap());
    std::thread::scope(|scope| {
        let first = scope.spawn(|| futures::executor::block_on(call(&bucket)));
        clocked.wait_for_sleepers(1);
        let second = scope.spawn(|| futures::executor::block_on(expression(&bucket)));
        clocked.wait_for_sleepers(2);
        for thread in [first, second] {
            clocked.advance(Duration::from_nanos(86_400_000_000_001));
            thread.join().unwrap().unwrap();
        }
    });
}

#[test]
fn expressions_and_closures() {
    const PATIENCE: Duration = Duration::from_millis(20);

    #[rate_limited(bucket = bucket, max_delay = PATIENCE)]
    fn constant(bucket: &Bucket) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = bucket, max_delay = if urgent { Duration::ZERO } else { PATIENCE * 2 })]
    fn branched(bucket: &Bucket, urgent: bool) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = bucket, max_delay = |millis| Duration::from_millis(*millis))]
    fn closure(bucket: &Bucket, millis: u64) -> Result<(), Error> {
        Ok(())
    }

    let bucket = empty();
    assert_eq!(allowed(constant(&bucket)), PATIENCE);
    assert_eq!(allowed(branched(&bucket, false)), PATIENCE * 2);
    assert_eq!(allowed(branched(&bucket, true)), Duration::ZERO);
    assert_eq!(allowed(closure(&bucket, 7)), Duration::from_millis(7));
}
