//! `crate = <path>`: where the library is re-exported.

use rate_limited::{Bucket, Error, Rate};

static BUCKET: Bucket = Bucket::new("pass.crate_path", Rate::per_second(1_000));

/// As another crate would re-export it.
pub mod sdk {
    /// The library.
    pub mod limits {
        pub use rate_limited::*;
    }
}

/// Through the re-export.
#[sdk::limits::rate_limited(bucket = BUCKET, crate = crate::crate_path::sdk::limits, key = "{page}", weight = page)]
pub fn internal(page: u32) -> Result<u32, Error> {
    Ok(page)
}

/// By the path that it has anyway.
#[sdk::limits::rate_limited(crate = ::rate_limited, bucket = BUCKET, max_delay = "0s")]
pub async fn external() -> Result<u32, Error> {
    Ok(1)
}

macro_rules! endpoint {
    ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        #[sdk::limits::rate_limited(bucket = BUCKET, crate = $crate::crate_path::sdk::limits, on_limited = Err)]
        pub async fn $name() -> Result<u32, Error> {
            Ok(2)
        }
    };
}

endpoint!(
    /// As a macro of the other crate would.
    made
);

#[test]
fn is_called() {
    assert_eq!(internal(3).ok(), Some(3));
    assert_eq!((crate::run(external()).ok(), crate::run(crate::send(made())).ok()), (Some(1), Some(2)));
    assert_eq!((crate::used(&BUCKET), crate::used_by(&BUCKET, "3")), (2, 3));
}
