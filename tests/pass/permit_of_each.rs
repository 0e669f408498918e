//! `permit = name` of stacked attributes, of macros, and beside items that lead the body.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.permit_of_each", Rate::per_second(1_000));

static OTHER: Bucket = Bucket::new("pass.permit_of_each.other", Rate::per_second(1_000));

/// Two permits.
#[rate_limited(bucket = BUCKET, permit = first)]
#[rate_limited(bucket = OTHER, permit = second)]
pub fn both(number: u32) -> Result<u32, Error> {
    const MORE: u32 = 1;

    first.refund();
    drop(second);
    Ok(number + MORE)
}

macro_rules! refunding {
    ($(#[$attribute:meta])* $name:ident, $permit:ident) => {
        $(#[$attribute])*
        #[rate_limited(bucket = BUCKET, key = || "macro", permit = $permit)]
        pub async fn $name() -> Result<(), Error> {
            $permit.refund();
            Ok(())
        }
    };
}

refunding!(
    /// By a macro that is given the name.
    by_macro, given
);

macro_rules! own_name {
    ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        #[rate_limited(bucket = BUCKET, key = || "macro", permit = permit)]
        pub fn $name(permit_of_the_caller: u32) -> Result<u32, Error> {
            permit.refund();
            Ok(permit_of_the_caller)
        }
    };
}

own_name!(
    /// By a macro that has the name itself.
    own
);

#[test]
fn is_called() {
    assert_eq!(
        (both(1).ok(), crate::run(crate::send(by_macro())).ok(), own(1).ok()),
        (Some(2), Some(()), Some(1))
    );
    assert_eq!((crate::used(&BUCKET), crate::used(&OTHER), crate::used_by(&BUCKET, "macro")), (0, 1, 0));
}
