//! Arguments, constants, functions and modules that are called like what the expansion uses.

#![allow(non_camel_case_types, non_upper_case_globals, reason = "names that are worst for the expansion")]

/// In the way.
pub mod core {}
/// In the way.
pub mod std {}
/// In the way.
pub mod rate_limited {}

const SITE: u32 = 1;
static registry: u32 = 2;
const error: u32 = 3;

/// In the way.
#[derive(Clone, Copy, Debug)]
pub struct permit;

const fn apply() {}

type Answer<T> = Result<T, ::rate_limited::Error>;

/// Everything is in the way.
#[::rate_limited::rate_limited(
    rate = "1000/s",
    registry = ::rate_limited::Registry::global(),
    key = |call, site| call + site + error + SITE,
    weight = weight + registry,
    max_delay = max_delay,
)]
pub fn sync(
    call: u32,
    site: u32,
    weight: u32,
    __permit: u32,
    max_delay: ::std::time::Duration,
) -> Answer<u32> {
    let () = apply();
    let _ = (max_delay, permit);
    Ok(call + site + error + weight + __permit + SITE)
}

/// So is what the body declares.
#[::rate_limited::rate_limited(
    rate = "1000/s",
    key = "{call}{SITE}",
    on_limited = |refused| {
        drop((refused, call));
        weight
    },
)]
#[must_use]
pub async fn asynchronous(call: u32, weight: u32, __call: u32, __error: u32) -> u32 {
    const SITE: u32 = 10;
    call + weight + __call + __error + SITE
}

#[test]
fn is_called() {
    assert_eq!(sync(1, 2, 4, 5, ::std::time::Duration::ZERO).ok(), Some(16));
    assert_eq!(crate::run(asynchronous(1, 2, 3, 4)), 20);
}
