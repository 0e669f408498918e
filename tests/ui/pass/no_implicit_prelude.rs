//! The expansion names everything by its absolute path.

#![no_implicit_prelude]
#![deny(warnings)]

#[::rate_limited::rate_limited(
    bucket = "kitsu",
    key = |user| *user,
    weight = if page > 1 { 2 } else { 1 },
    max_delay = "1s",
    registry = ::rate_limited::Registry::global(),
)]
fn sync(user: u32, page: u32) -> ::core::result::Result<u32, ::rate_limited::Error> {
    ::core::result::Result::Ok(user + page)
}

#[::rate_limited::rate_limited(rate = "1/s", burst = 5, key = "{user}", on_limited = |_| 0)]
async fn asynchronous(user: u32) -> u32 {
    user
}

fn main() {
    let _ = sync(1, 1);
    ::core::mem::drop(asynchronous(1));
}
