//! Arguments that are the macro's caller's, and a format string that is the macro's own.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.macro_rules_own_literal", Rate::per_second(1_000));

macro_rules! own_key {
    ($(#[$attribute:meta])* $name:ident($user:ident) -> $output:ty) => {
        $(#[$attribute])*
        #[rate_limited(bucket = BUCKET, key = "{number}/{number}")]
        pub fn $name($user: u32) -> $output {
            Ok($user)
        }
    };
}

own_key!(
    /// The name in the string is the caller's argument.
    own(number) -> Result<u32, Error>
);

#[test]
fn is_called() {
    assert_eq!(own(1).ok(), Some(1));
    assert_eq!(crate::used_by(&BUCKET, "1/1"), 1);
}
