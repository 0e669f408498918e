//! Bodies that a macro hands over as expressions.

use std::future::Future;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.macro_rules_body", Rate::per_second(1_000));

macro_rules! with_body {
    ($(#[$attribute:meta])* $name:ident, $body:expr) => {
        $(#[$attribute])*
        #[rate_limited(bucket = BUCKET)]
        pub fn $name() -> Result<u32, Error> {
            $body
        }
    };
}

with_body!(
    /// An expression.
    expression, Ok(1)
);

macro_rules! future {
    ($(#[$attribute:meta])* $name:ident, $body:expr) => {
        $(#[$attribute])*
        #[rate_limited(bucket = BUCKET)]
        pub fn $name() -> impl Future<Output = Result<u32, Error>> {
            $body
        }
    };
}

future!(
    /// An `async` block in an invisible group.
    in_a_group, async move { Ok(2) }
);
future!(
    /// The same, pinned.
    pinned_in_a_group, Box::pin(async { Ok(3) })
);

#[test]
fn is_called() {
    assert_eq!(expression().ok(), Some(1));
    assert_eq!(crate::used(&BUCKET), 1);
    let futures = (in_a_group(), pinned_in_a_group());
    assert_eq!(crate::used(&BUCKET), 1);
    assert_eq!((crate::run(futures.0).ok(), crate::run(futures.1).ok()), (Some(2), Some(3)));
    assert_eq!(crate::used(&BUCKET), 3);
}
