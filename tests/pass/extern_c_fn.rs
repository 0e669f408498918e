//! Functions of another ABI.

use rate_limited::{Bucket, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.extern_c_fn", Rate::per_second(1_000));

/// For C to call.
#[rate_limited(bucket = BUCKET, on_limited = |_| -1)]
#[must_use]
pub extern "C" fn foreign(number: i32) -> i32 {
    number
}

/// For C to call, and it may unwind.
#[rate_limited(bucket = BUCKET, key = number, on_limited = |_| -1)]
#[must_use]
pub extern "C-unwind" fn unwinds(number: i32) -> i32 {
    number
}

#[test]
fn is_called() {
    let pointer: extern "C" fn(i32) -> i32 = foreign;
    assert_eq!((pointer(1), unwinds(2)), (1, 2));
}
