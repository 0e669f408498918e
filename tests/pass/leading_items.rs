//! Items that lead the body stay in front of the prologue: behind it they would be a lint of clippy's.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.leading_items", Rate::per_second(1_000));

/// Items of many kinds.
#[rate_limited(bucket = BUCKET, key = "{user}/{LEAST}")]
pub async fn items(user: u32) -> Result<u32, Error> {
    extern crate alloc;
    use std::cmp::max;
    const LEAST: u32 = 1;
    static MORE: u32 = 2;
    type Number = u32;
    #[derive(Clone, Copy)]
    struct Wrapped(Number);
    enum Kind {
        Only,
    }
    trait Give {
        fn give(&self) -> Number;
    }
    impl Give for Wrapped {
        fn give(&self) -> Number {
            self.0
        }
    }
    macro_rules! twice {
        ($number:expr) => {
            $number + $number
        };
    }
    pub(super) fn public(number: Number) -> Number {
        number.max(LEAST)
    }
    const extern "C" fn foreign(number: Number) -> Number {
        number
    }
    async fn later(number: Number) -> Number {
        std::future::ready(number).await
    }

    let Kind::Only = Kind::Only;
    let wrapped = alloc::vec![Wrapped(later(user).await); 1];
    Ok(max(twice!(foreign(public(wrapped[0].give()))), LEAST) + MORE)
}

#[test]
fn is_called() {
    assert_eq!(crate::run(items(2)).ok(), Some(6));
    assert_eq!(crate::used_by(&BUCKET, "2/1"), 1);
}
