//! `crate`: where the expansion finds the library.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use rate_limited::{Bucket, Error, Rate, rate_limited};

/// As a crate would re-export it.
mod sdk {
    pub(crate) mod limits {
        pub(crate) use rate_limited::*;
    }
}

/// As a `macro_rules` of another crate would.
macro_rules! endpoint {
    ($name:ident) => {
        #[rate_limited(bucket = bucket, crate = $crate::sdk::limits, key = |bucket| bucket.name().len())]
        fn $name(bucket: &Bucket) -> Result<(), Error> {
            Ok(())
        }
    };
}

#[test]
fn absolute_paths() {
    #[rate_limited(bucket = bucket, crate = ::rate_limited)]
    fn external(bucket: &Bucket) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(crate = crate::sdk::limits, bucket = bucket, key = "{page}", weight = page, max_delay = "0s")]
    async fn internal(bucket: &Bucket, page: u32) -> Result<(), Error> {
        std::future::ready(()).await;
        Ok(())
    }

    endpoint!(generated);

    let bucket = Bucket::named("tests.crate", Rate::per_day(3));
    external(&bucket).unwrap();
    futures::executor::block_on(internal(&bucket, 3)).unwrap();
    generated(&bucket).unwrap();
}
