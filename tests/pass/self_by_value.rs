//! `self` and `mut self`.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.self_by_value", Rate::per_second(1_000));

/// Is consumed.
#[derive(Debug)]
pub struct Request {
    text: String,
}

impl Request {
    /// The text.
    #[rate_limited(bucket = BUCKET, key = self.text)]
    pub fn send(self) -> Result<String, Error> {
        Ok(self.text)
    }

    /// With more text.
    #[rate_limited(bucket = BUCKET, key = self.text, weight = self.text.len())]
    pub async fn with(mut self, text: &str) -> Result<Self, Error> {
        self.text.push_str(text);
        Ok(self)
    }
}

#[test]
fn is_called() -> Result<(), Error> {
    let request = Request { text: "ab".to_owned() };
    let request = crate::run(crate::send(request.with("c")))?;
    assert_eq!(crate::used_by(&BUCKET, "ab"), 2);
    assert_eq!(request.send()?, "abc");
    assert_eq!(crate::used_by(&BUCKET, "abc"), 1);
    Ok(())
}
