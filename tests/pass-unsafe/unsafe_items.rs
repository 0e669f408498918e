//! Unsafe items that lead a body stay in front of the prologue.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.unsafe_items", Rate::per_second(1_000));

/// Items of many kinds.
#[rate_limited(bucket = BUCKET)]
pub fn items(number: u32) -> Result<u32, Error> {
    /// # Safety
    ///
    /// Always.
    const unsafe fn unsafely(number: u32) -> u32 {
        number
    }
    unsafe extern "C" {}
    #[derive(Clone, Copy)]
    union Number {
        whole: u32,
        bytes: [u8; 4],
    }
    struct Sendable(*const u32);
    // SAFETY: nobody reads through it.
    unsafe impl Send for Sendable {}

    let _ = Sendable(&raw const number).0;
    // SAFETY: all zeros are both of them.
    let zero = unsafe { Number { whole: 0 }.bytes[0] + u8::from(Number { bytes: [0; 4] }.whole == 1) };
    // SAFETY: nothing is promised.
    Ok(unsafe { unsafely(number) } + u32::from(zero))
}

#[test]
fn is_called() {
    assert_eq!((items(1).ok(), crate::used(&BUCKET)), (Some(1), 1));
}
