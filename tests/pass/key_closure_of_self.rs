//! `key = || self...`: `self` is no parameter, but is there.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.key_closure_of_self", Rate::per_second(1_000));

/// Has a name.
#[derive(Debug)]
pub struct Api {
    token: String,
}

impl Api {
    /// By itself.
    #[rate_limited(bucket = BUCKET, key = || self.token.as_str())]
    pub fn alone(&self) -> Result<u32, Error> {
        Ok(1)
    }

    /// With an argument.
    #[rate_limited(bucket = BUCKET, key = |page| format!("{}/{page}", self.token))]
    pub async fn page(&mut self, page: u32) -> Result<&mut String, Error> {
        let _ = page;
        Ok(&mut self.token)
    }
}

#[test]
fn is_called() {
    let mut api = Api { token: "a".to_owned() };
    assert_eq!(api.alone().ok(), Some(1));
    assert!(crate::run(crate::send(api.page(2))).is_ok_and(|token| token == "a"));
    assert_eq!((crate::used_by(&BUCKET, "a"), crate::used_by(&BUCKET, "a/2")), (1, 1));
}
