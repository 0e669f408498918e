//! `unsafe extern "C" fn` and functions whose name the linker sees.

use rate_limited::{Bucket, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.unsafe_linkage", Rate::per_second(1_000));

/// Reads for C.
///
/// # Safety
///
/// The pointer must be valid.
#[rate_limited(bucket = BUCKET, on_limited = |_| -1)]
#[must_use]
pub unsafe extern "C" fn read(pointer: *const i32) -> i32 {
    // SAFETY: the caller says so.
    unsafe { *pointer }
}

/// Found by the linker; the attribute above.
#[rate_limited(bucket = BUCKET, on_limited = |_| -1)]
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn rate_limited_pass_above(number: i32) -> i32 {
    number
}

/// Found by the linker; the attribute below.
#[unsafe(export_name = "rate_limited_pass_under")]
#[rate_limited(bucket = BUCKET, on_limited = |_| -1)]
#[must_use]
pub extern "C" fn below(number: i32) -> i32 {
    number
}

unsafe extern "C" {
    safe fn rate_limited_pass_under(number: i32) -> i32;
}

/// Through the linker.
#[rate_limited(bucket = BUCKET, on_limited = |_| -1)]
#[must_use]
pub fn linked(number: i32) -> i32 {
    rate_limited_pass_under(number)
}

#[test]
fn is_called() {
    let number = 7;
    // SAFETY: the number is there.
    assert_eq!(unsafe { read(&raw const number) }, 7);
    assert_eq!((rate_limited_pass_above(1), below(2), linked(3)), (1, 2, 3));
    assert_eq!(crate::used(&BUCKET), 5);
}
