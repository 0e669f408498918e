//! The receiver with its type: `self: Self`, `self: &Self`, `&'a self`.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.self_by_type", Rate::per_second(1_000));

/// Is copied.
#[derive(Clone, Copy, Debug)]
pub struct Api {
    id: u32,
}

impl Api {
    /// By value.
    #[rate_limited(bucket = BUCKET, key = self.id)]
    #[expect(clippy::needless_arbitrary_self_type, reason = "the type is the form")]
    pub fn value(self: Self) -> Result<u32, Error> {
        Ok(self.id)
    }

    /// By reference.
    #[rate_limited(bucket = BUCKET, key = self.id)]
    #[expect(clippy::needless_arbitrary_self_type, reason = "the type is the form")]
    pub fn reference(self: &Self) -> Result<u32, Error> {
        Ok(self.id)
    }

    /// By a reference whose lifetime has a name.
    #[rate_limited(bucket = BUCKET, key = "{other}")]
    pub async fn named<'a>(&'a self, other: &str) -> Result<&'a u32, Error> {
        let _ = other;
        Ok(&self.id)
    }
}

#[test]
fn is_called() {
    let api = Api { id: 1 };
    assert_eq!((api.value().ok(), api.reference().ok()), (Some(1), Some(1)));
    assert_eq!(crate::run(api.named("2")).ok(), Some(&1));
    assert_eq!((crate::used_by(&BUCKET, "1"), crate::used_by(&BUCKET, "2")), (2, 1));
}
