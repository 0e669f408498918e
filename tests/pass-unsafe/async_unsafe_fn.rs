//! `async unsafe fn`.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.async_unsafe_fn", Rate::per_second(1_000));

/// Reads, later.
///
/// # Safety
///
/// The pointer must be valid as long as the future.
#[rate_limited(bucket = BUCKET)]
#[expect(clippy::future_not_send, reason = "a pointer is not `Send`")]
pub async unsafe fn read(pointer: *const u32) -> Result<u32, Error> {
    std::future::ready(()).await;
    // SAFETY: the caller says so.
    Ok(unsafe { *pointer })
}

/// Nothing that is unsafe, in a future that any thread may run.
///
/// # Safety
///
/// Always.
#[rate_limited(bucket = BUCKET, key = "{number}")]
pub async unsafe fn give_back(number: u32) -> Result<u32, Error> {
    Ok(std::future::ready(number).await)
}

#[test]
fn is_called() {
    const fn send<T: Send>(value: T) -> T {
        value
    }

    let number = 7;
    // SAFETY: the number is there.
    assert_eq!(futures::executor::block_on(unsafe { read(&raw const number) }).ok(), Some(7));
    // SAFETY: nothing is promised.
    assert_eq!(futures::executor::block_on(send(unsafe { give_back(1) })).ok(), Some(1));
}
