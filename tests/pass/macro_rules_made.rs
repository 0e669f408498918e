//! Functions that a macro of the user's makes: attribute and function arrive in invisible groups.

use std::time::Duration;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.macro_rules_made", Rate::per_second(1_000));

macro_rules! endpoint {
    (
        $(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $ty:ty),*) -> $output:ty $body:block,
        $bucket:expr, $key:expr, $weight:literal, $delay:expr
    ) => {
        $(#[$attribute])*
        #[rate_limited(bucket = $bucket, key = $key, weight = $weight, max_delay = $delay)]
        $visibility fn $name($($argument: $ty),*) -> $output $body
    };
}

endpoint!(
    /// A closure over an argument.
    pub fn closure(user: usize, page: &str) -> Result<usize, Error> {
        Ok(user + page.len())
    },
    BUCKET,
    |page| page.len(),
    2,
    "1s"
);
endpoint!(
    /// A format string, and a bucket by its name.
    pub fn string(user: u32) -> Result<u32, Error> {
        Ok(user)
    },
    "pass.macro_rules_made",
    "{user}",
    1,
    "forever"
);
endpoint!(
    /// Expressions.
    pub fn expression(user: u32) -> Result<u32, Error> {
        Ok(user)
    },
    &BUCKET,
    user + 1,
    1,
    Duration::from_secs(1)
);

#[test]
fn is_called() {
    assert_eq!(closure(1, "ab").ok(), Some(3));
    assert_eq!(crate::used_by(&BUCKET, "2"), 2);
    assert_eq!(string(6).ok(), Some(6));
    assert_eq!(crate::used_by(&BUCKET, "6"), 1);
    assert_eq!(expression(8).ok(), Some(8));
    assert_eq!(crate::used_by(&BUCKET, "9"), 1);
}
