//! `weight`: a literal, an expression of any integer type, a closure.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use std::num::NonZeroU32;

use rate_limited::{Bucket, Error, ErrorKind, Rate, rate_limited};

const AMOUNT: u32 = 100;

fn bucket() -> Bucket {
    Bucket::named("tests.weight", Rate::per_day(AMOUNT))
}

fn used(bucket: &Bucket) -> u32 {
    bucket.peek().unwrap().rates().first().unwrap().used()
}

#[test]
fn one_unless_told_otherwise() {
    #[rate_limited(bucket = bucket)]
    fn call(bucket: &Bucket) -> Result<(), Error> {
        Ok(())
    }

    let bucket = bucket();
    call(&bucket).unwrap();
    assert_eq!(used(&bucket), 1);
}

#[test]
fn a_literal() {
    #[rate_limited(bucket = bucket, weight = 7)]
    fn plain(bucket: &Bucket) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = bucket, weight = 0x1_0u32)]
    fn suffixed(bucket: &Bucket) -> Result<(), Error> {
        Ok(())
    }

    let bucket = bucket();
    plain(&bucket).unwrap();
    suffixed(&bucket).unwrap();
    assert_eq!(used(&bucket), 7 + 16);
}

#[test]
fn expressions_of_every_whole_number() {
    #[rate_limited(bucket = bucket, weight = ids.len())]
    fn length(bucket: &Bucket, ids: &[u32]) -> Result<(), Error> {
        Ok(())
    }

    // The branches have no type of their own: they fall back to `i32`.
    #[rate_limited(bucket = bucket, weight = if page > 3 { 2 } else { 1 })]
    fn branched(bucket: &Bucket, page: u32) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = bucket, weight = cost)]
    fn generic(bucket: &Bucket, cost: NonZeroU32) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = bucket, weight = |cost, ids| u64::from(*cost) + ids.len() as u64)]
    async fn closure(bucket: &Bucket, ids: Vec<u32>, cost: u8) -> Result<Vec<u32>, Error> {
        std::future::ready(()).await;
        Ok(ids)
    }

    let bucket = bucket();
    length(&bucket, &[1, 2, 3]).unwrap();
    assert_eq!(used(&bucket), 3);
    branched(&bucket, 4).unwrap();
    branched(&bucket, 3).unwrap();
    assert_eq!(used(&bucket), 6);
    generic(&bucket, NonZeroU32::MIN).unwrap();
    assert_eq!(used(&bucket), 7);
    futures::executor::block_on(closure(&bucket, vec![1, 2], 10)).unwrap();
    assert_eq!(used(&bucket), 19);
}

#[test]
fn zero_at_run_time_passes_for_free() {
    #[rate_limited(bucket = bucket, weight = ids.len())]
    fn batch(bucket: &Bucket, ids: &[u32]) -> Result<usize, Error> {
        Ok(ids.len())
    }

    let bucket = bucket();
    batch(&bucket, &[0; AMOUNT as usize]).unwrap();
    assert_eq!(batch(&bucket, &[1]).unwrap_err().kind(), ErrorKind::Limited);
    assert_eq!(batch(&bucket, &[]).unwrap(), 0);
    assert_eq!(used(&bucket), AMOUNT);
}

#[test]
fn what_is_no_weight_is_too_heavy() {
    #[rate_limited(bucket = bucket, weight = cost, max_delay = "forever")]
    fn call(bucket: &Bucket, cost: i64) -> Result<(), Error> {
        Ok(())
    }

    let bucket = bucket();
    for cost in [-1, i64::MIN, i64::from(AMOUNT) + 1, 1 << 32, (1 << 32) + 1, i64::MAX] {
        let error = call(&bucket, cost).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooHeavy, "{cost}");
        assert_eq!(error.retry_after(), None, "{cost}");
    }
    assert_eq!(used(&bucket), 0);
    call(&bucket, AMOUNT.into()).unwrap();
}
