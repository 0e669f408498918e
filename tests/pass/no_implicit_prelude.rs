//! Without the prelude: the expansion names everything by its absolute path.

#![no_implicit_prelude]

/// Adds.
#[::rate_limited::rate_limited(
    rate = "1000/s",
    key = |user| *user,
    weight = if page > 1 { 2 } else { 1 },
    max_delay = "1s",
    registry = ::rate_limited::Registry::global(),
)]
pub fn sync(user: u32, page: u32) -> ::core::result::Result<u32, ::rate_limited::Error> {
    ::core::result::Result::Ok(user + page)
}

/// Gives it back.
#[::rate_limited::rate_limited(rate = "1000/s", burst = 5, key = "{user}", on_limited = |_| 0)]
#[must_use]
pub async fn asynchronous(user: u32) -> u32 {
    user
}

/// Gives it back in a box.
#[::rate_limited::rate_limited(bucket = "kitsu", weight = user, key = user)]
#[must_use]
pub fn boxed(
    user: u32,
) -> ::std::pin::Pin<
    ::std::boxed::Box<dyn ::std::future::Future<Output = ::core::result::Result<u32, ::rate_limited::Error>>>,
> {
    ::std::boxed::Box::pin(async move { ::core::result::Result::Ok(user) })
}

#[test]
fn is_called() {
    ::std::assert_eq!(sync(1, 2).unwrap(), 3);
    ::std::assert_eq!(crate::run(asynchronous(1)), 1);
    ::std::assert_eq!(crate::run(boxed(1)).unwrap(), 1);
}
