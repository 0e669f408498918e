//! Nothing that a user may call his own things is met by the expansion.

#![deny(warnings)]
#![allow(non_camel_case_types, non_upper_case_globals, dead_code)]

mod core {}
mod std {}
mod rate_limited {}

struct Result;
struct Option;
struct Site;
struct Call;
struct FromLimited;
struct Duration;

const SITE: u32 = 1;
static registry: u32 = 2;
const error: u32 = 3;
struct permit;

type Answer<T> = ::core::result::Result<T, ::rate_limited::Error>;

fn apply() {}

#[::rate_limited::rate_limited(
    bucket = "kitsu",
    registry = ::rate_limited::Registry::global(),
    key = |call, site| call + site + error + SITE,
    weight = weight + registry,
    max_delay = max_delay,
)]
fn sync(call: u32, site: u32, weight: u32, _permit: u32, max_delay: ::std::time::Duration) -> Answer<u32> {
    let _ = (max_delay, apply(), permit);
    ::core::result::Result::Ok(call + site + error + weight + _permit + SITE)
}

#[::rate_limited::rate_limited(rate = "1/s", key = "{call}{SITE}", on_limited = |refused| { let _ = (refused, call); weight })]
async fn asynchronous(call: u32, weight: u32) -> u32 {
    const SITE: &str = "inner";
    call + weight + SITE.len() as u32
}

fn main() {
    let _ = sync(1, 2, 4, 5, ::std::time::Duration::ZERO);
    drop(asynchronous(1, 2));
}
