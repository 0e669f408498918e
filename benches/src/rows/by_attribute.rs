//! Annotated functions.

use rate_limited::rate_limited;

use super::annotated::{BUCKET, at_once};
use crate::measure::Failure;

#[inline(never)]
#[rate_limited(bucket = BUCKET)]
pub(super) fn sync(user: u32) -> Result<u32, rate_limited::Error> {
    Ok(user)
}

#[rate_limited(bucket = BUCKET)]
async fn asynchronous(user: u32) -> Result<u32, rate_limited::Error> {
    Ok(user)
}

#[inline(never)]
pub(super) fn polled(user: u32) -> Result<u32, Failure> {
    at_once(asynchronous(user))
}

#[inline(never)]
#[rate_limited(bucket = BUCKET, key = user, weight = 2, max_delay = "500ms")]
pub(super) fn keyed(user: u32) -> Result<u32, rate_limited::Error> {
    Ok(user)
}

#[rate_limited(bucket = BUCKET, key = user, weight = 2, max_delay = "500ms")]
async fn keyed_asynchronous(user: u32) -> Result<u32, rate_limited::Error> {
    Ok(user)
}

#[inline(never)]
pub(super) fn keyed_polled(user: u32) -> Result<u32, Failure> {
    at_once(keyed_asynchronous(user))
}

#[inline(never)]
#[rate_limited(bucket = "benches.by-name")]
pub(super) fn by_name(user: u32) -> Result<u32, rate_limited::Error> {
    Ok(user)
}
