//! Bodies that start with an unsafe block, which is no item, and values of parameters with one.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.unsafe_blocks", Rate::per_second(1_000));

/// The body is the block.
#[rate_limited(bucket = BUCKET)]
pub fn whole(numbers: &[u32; 2]) -> Result<u32, Error> {
    // SAFETY: there are two numbers.
    unsafe { Ok(*numbers.get_unchecked(1)) }
}

/// A closure with a block in it.
#[rate_limited(
    bucket = BUCKET,
    // SAFETY: there are two numbers.
    key = |numbers| unsafe { *numbers.get_unchecked(0) },
    // SAFETY: there are two numbers.
    weight = |numbers| unsafe { *numbers.get_unchecked(1) },
)]
pub async fn closures(numbers: [u32; 2]) -> Result<u32, Error> {
    // SAFETY: there are two numbers.
    let last = unsafe { *numbers.get_unchecked(1) };
    Ok(last)
}

#[test]
fn is_called() -> Result<(), Error> {
    assert_eq!(whole(&[1, 2])?, 2);
    assert_eq!(futures::executor::block_on(closures([3, 4]))?, 4);
    assert_eq!(crate::used(&BUCKET), 1);
    assert_eq!(
        BUCKET.request().key("3").peek()?.rates().first().map(rate_limited::RateOutlook::used),
        Some(4)
    );
    Ok(())
}
