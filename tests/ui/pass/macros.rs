//! Functions, arguments and values that `macro_rules` hand over, in invisible groups and with hygiene of their own.

#![deny(warnings)]

use rate_limited::{Error, rate_limited};

macro_rules! endpoint {
    (
        $(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $ty:ty),*) -> $output:ty $body:block,
        $bucket:literal, $key:expr, $weight:literal, $delay:expr
    ) => {
        $(#[$attribute])*
        #[rate_limited(bucket = $bucket, key = $key, weight = $weight, max_delay = $delay)]
        $visibility fn $name($($argument: $ty),*) -> $output $body
    };
}

endpoint!(
    #[must_use] pub(crate) fn plain(user: u32, page: &str) -> Result<usize, Error> { Ok(user as usize + page.len()) },
    "kitsu", |page| page.len(), 2, "1s"
);
endpoint!(fn string(user: u32) -> Result<u32, Error> { Ok(user) }, "kitsu", "{user}", 1, "forever");
endpoint!(
    fn expression(user: u32) -> Result<u32, Error> { Ok(user) },
    "kitsu", user + 1, 1, std::time::Duration::from_secs(1)
);

/// The arguments are the macro's own, and the literal is its caller's.
macro_rules! literal_key {
    ($name:ident, $key:literal) => {
        #[rate_limited(bucket = "kitsu", key = $key)]
        fn $name(user: u32, width: usize, r#type: u32) -> Result<u32, Error> {
            let _ = (user, width, r#type);
            Ok(user)
        }
    };
}

literal_key!(literal, "{user}/{user:>width$}/{type}/{user:0width$.width$?}/{{width}}");

/// The arguments are the caller's, and the literal is the macro's own.
macro_rules! own_key {
    ($user:ident, $output:ty) => {
        #[rate_limited(bucket = "kitsu", key = "{number}/{number}")]
        fn own_literal($user: u32) -> $output {
            Ok($user)
        }
    };
}

own_key!(number, Result<u32, Error>);

macro_rules! whole {
    ($name:ident, $body:expr, $rate:literal, $burst:literal) => {
        #[rate_limited(rate = $rate, burst = $burst, key = |user| user)]
        fn $name(user: u32) -> Result<u32, Error> {
            let _ = user;
            $body
        }
    };
}

whole!(with_body, Ok(1), "1/s", 5);

macro_rules! future {
    ($name:ident, $body:expr) => {
        #[rate_limited(bucket = "kitsu")]
        fn $name() -> impl Future<Output = Result<u32, Error>> {
            $body
        }
    };
}

future!(in_a_group, async move { Ok(1) });
future!(pinned_in_a_group, Box::pin(async { Ok(1) }));

fn main() {
    let _ = plain(1, "a");
    let _ = string(1);
    let _ = expression(1);
    let _ = with_body(1);
    let _ = literal(1, 2, 3);
    let _ = own_literal(1);
    drop((in_a_group(), pinned_in_a_group()));
}
