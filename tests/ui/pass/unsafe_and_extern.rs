//! The head of a function is passed on as it is.

#![deny(warnings)]

use rate_limited::{Error, rate_limited};

#[rate_limited(bucket = "kitsu", key = unsafe { *pointer })]
unsafe fn unsafely(pointer: *const u32) -> Result<u32, Error> {
    Ok(unsafe { *pointer })
}

#[rate_limited(bucket = "kitsu")]
pub(crate) async unsafe fn both(number: u32) -> Result<u32, Error> {
    Ok(number)
}

#[rate_limited(bucket = "kitsu", on_limited = |_| -1)]
extern "C" fn foreign(number: i32) -> i32 {
    number
}

#[rate_limited(bucket = "kitsu")]
fn items(number: u32) -> Result<u32, Error> {
    unsafe fn unsafely(number: u32) -> u32 {
        number
    }
    unsafe extern "C" {}
    struct Sendable;
    unsafe impl Send for Sendable {}
    let _ = Sendable;
    Ok(unsafe { unsafely(number) })
}

/// What only starts like an item runs with a permit.
#[rate_limited(bucket = "kitsu")]
async fn blocks(number: u32) -> Result<u32, Error> {
    async {}.await;
    Ok(number)
}

#[rate_limited(bucket = "kitsu")]
fn unsafe_block(number: u32) -> Result<u32, Error> {
    unsafe { unsafely(&raw const number) }
}

fn main() {
    let number = 1;
    let _ = unsafe { unsafely(&raw const number) };
    drop(unsafe { both(1) });
    let _ = foreign(1);
    let _ = items(1);
    let _ = unsafe_block(1);
    drop(blocks(1));
}
