//! `unsafe fn`, with an unsafe key.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.unsafe_fn", Rate::per_second(1_000));

/// Reads.
///
/// # Safety
///
/// The pointer must be valid.
#[rate_limited(
    bucket = BUCKET,
    // SAFETY: the caller says so.
    key = unsafe { *pointer },
)]
pub unsafe fn read(pointer: *const u32) -> Result<u32, Error> {
    // SAFETY: the caller says so.
    Ok(unsafe { *pointer })
}

/// Reads by the other.
///
/// # Safety
///
/// The pointer must be valid.
#[rate_limited(bucket = BUCKET, weight = 2)]
pub unsafe fn read_again(pointer: *const u32) -> Result<u32, Error> {
    // SAFETY: the caller says so.
    unsafe { read(pointer) }
}

#[test]
fn is_called() {
    let number = 7;
    // SAFETY: the number is there.
    let read = unsafe { read_again(&raw const number) };
    assert_eq!((read.ok(), crate::used(&BUCKET)), (Some(7), 2));
}
