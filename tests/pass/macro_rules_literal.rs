//! Literals of every parameter that a macro hands over as `$x:literal`.

use rate_limited::{Bucket, Error, Rate, rate_limited};

/// Found by its name, which it gets when it is first used.
pub static BUCKET: Bucket = Bucket::new("pass.macro_rules_literal", Rate::per_second(1_000));

macro_rules! declared {
    ($(#[$attribute:meta])* $name:ident, $rate:literal, $burst:literal) => {
        $(#[$attribute])*
        #[rate_limited(rate = $rate, burst = $burst, key = |user| user)]
        pub fn $name(user: u32) -> Result<u32, Error> {
            Ok(user)
        }
    };
}

declared!(
    /// Declared in place.
    declared, "1000/s", 5
);

macro_rules! literal_key {
    ($(#[$attribute:meta])* $name:ident, $bucket:literal, $key:literal, $weight:literal, $delay:literal) => {
        $(#[$attribute])*
        #[rate_limited(bucket = $bucket, key = $key, weight = $weight, max_delay = $delay)]
        pub async fn $name(user: u32, width: usize, r#type: u32) -> Result<u32, Error> {
            let _ = (width, r#type);
            Ok(user)
        }
    };
}

literal_key!(
    /// The arguments are the macro's own, the literals are its caller's.
    literal, "pass.macro_rules_literal", "{user}/{user:>width$}/{type}/{user:0width$.width$?}/{{width}}", 2, "1s"
);

#[test]
fn is_called() {
    // The bucket is found by its name, which a first use gives to it.
    assert_eq!(crate::used(&BUCKET), 0);
    assert_eq!(declared(1).ok(), Some(1));
    assert_eq!(crate::run(literal(1, 3, 2)).ok(), Some(1));
    assert_eq!(crate::used_by(&BUCKET, "1/  1/2/001/{width}"), 2);
}
