//! `self: Pin<&mut Self>` and `self: Pin<&Self>`.

use std::pin::Pin;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.self_by_pin", Rate::per_second(1_000));

/// Stays where it is.
#[derive(Debug)]
pub struct Stream {
    next: u32,
}

impl Stream {
    /// The next.
    #[rate_limited(bucket = BUCKET, key = self.next)]
    pub fn next(mut self: Pin<&mut Self>) -> Result<u32, Error> {
        self.next += 1;
        Ok(self.next)
    }

    /// The next, but not yet.
    #[rate_limited(bucket = BUCKET, key = "{text}", weight = |text| text.len())]
    pub async fn peek(self: Pin<&Self>, text: &str) -> Result<u32, Error> {
        let _ = text;
        Ok(self.next + 1)
    }
}

#[test]
fn is_called() {
    let mut stream = Stream { next: 0 };
    let mut stream = Pin::new(&mut stream);
    assert_eq!(stream.as_mut().next().ok(), Some(1));
    assert_eq!(crate::run(crate::send(stream.as_ref().peek("ab"))).ok(), Some(2));
    assert_eq!((crate::used_by(&BUCKET, "0"), crate::used_by(&BUCKET, "ab")), (1, 2));
}
