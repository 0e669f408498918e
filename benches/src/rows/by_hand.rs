//! The same without the attribute: what somebody would write who knows the bucket's methods.

use std::time::Duration;

use rate_limited::Bucket;

use super::annotated::{BUCKET, at_once};
use crate::measure::Failure;

#[inline(never)]
pub(super) fn sync(user: u32) -> Result<u32, rate_limited::Error> {
    let _permit = BUCKET.acquire()?;
    Ok(user)
}

/// Not one and the same function as [`sync`] after optimisation: it begins with another instruction.
#[inline(never)]
pub(super) fn sync_again(user: u32) -> Result<u32, rate_limited::Error> {
    std::hint::black_box(());
    let _permit = BUCKET.acquire()?;
    Ok(user)
}

async fn asynchronous(user: u32) -> Result<u32, rate_limited::Error> {
    let _permit = BUCKET.acquire_async().await?;
    Ok(user)
}

#[inline(never)]
pub(super) fn polled(user: u32) -> Result<u32, Failure> {
    at_once(asynchronous(user))
}

const MAX_DELAY: Duration = Duration::from_millis(500);

#[inline(never)]
pub(super) fn keyed(user: u32) -> Result<u32, rate_limited::Error> {
    let _permit = BUCKET.request().key(user).weight(2).max_delay(MAX_DELAY).acquire()?;
    Ok(user)
}

async fn keyed_asynchronous(user: u32) -> Result<u32, rate_limited::Error> {
    let _permit = BUCKET.request().key(user).weight(2).max_delay(MAX_DELAY).acquire_async().await?;
    Ok(user)
}

#[inline(never)]
pub(super) fn keyed_polled(user: u32) -> Result<u32, Failure> {
    at_once(keyed_asynchronous(user))
}

#[inline(never)]
pub(super) fn handle(bucket: &Bucket, user: u32) -> Result<u32, rate_limited::Error> {
    let _permit = bucket.acquire()?;
    Ok(user)
}
