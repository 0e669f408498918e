//! The usual expansion is clean under lints that are off by default, and silences none: `forbid` would say so.
//! Those of clippy speak when clippy is run on this file.

#![forbid(unsafe_code, unused, future_incompatible, nonstandard_style, unreachable_pub)]
#![deny(
    missing_docs,
    unused_qualifications,
    single_use_lifetimes,
    rust_2018_idioms,
    trivial_casts,
    unused_results,
    let_underscore_drop,
    variant_size_differences,
    missing_debug_implementations
)]
#![deny(clippy::all, clippy::pedantic)]
#![allow(clippy::missing_errors_doc)]

use rate_limited::{Error, rate_limited};

/// Sync.
#[rate_limited(bucket = "kitsu", key = |user, page| format!("{user}{page}"), weight = page.len(), max_delay = "1s")]
pub fn sync(user: u32, page: &str) -> Result<usize, Error> {
    Ok(page.len() + user as usize)
}

/// Async.
#[rate_limited(rate = "5/s", burst = 6, key = "{user}", max_delay = "forever")]
pub async fn asynchronous(user: u32) -> Result<u32, Error> {
    std::future::ready(Ok(user)).await
}

/// Nothing but a side effect.
#[rate_limited(bucket = "kitsu", registry = rate_limited::Registry::global(), on_limited = |_| ())]
pub fn unit(user: &mut u32) {
    *user += 1;
}

fn main() {
    let mut number = 1;
    unit(&mut number);
    assert!(sync(number, "a").is_ok());
    drop(asynchronous(1));
}
