//! `&self`.

use rate_limited::{Bucket, Error, rate_limited};

/// Has a bucket of its own.
#[derive(Debug)]
pub struct Api {
    bucket: Bucket,
    user: String,
}

impl Api {
    /// The user.
    #[rate_limited(bucket = self.bucket, key = self.user)]
    pub fn user(&self) -> Result<&str, Error> {
        Ok(&self.user)
    }

    /// The user, later.
    #[rate_limited(bucket = &self.bucket, key = || self.user.as_str(), weight = number)]
    pub async fn user_later(&self, number: u32) -> Result<(&str, u32), Error> {
        Ok((&self.user, number))
    }
}

#[test]
fn is_called() {
    use rate_limited::Rate;

    let api = Api { bucket: Bucket::named("pass.self_by_ref", Rate::per_day(9)), user: "a".to_owned() };
    assert_eq!(api.user().ok(), Some("a"));
    assert_eq!(crate::run(crate::send(api.user_later(2))).ok(), Some(("a", 2)));
    assert_eq!(crate::used_by(&api.bucket, "a"), 3);
}
