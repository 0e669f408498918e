//! A blanket implementation, whose one call site serves every type.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.blanket_impl", Rate::per_second(1_000));

/// Can be sent.
pub trait Post {
    /// How long it is.
    fn post(&self) -> Result<usize, Error>;
}

impl<T: AsRef<[u8]> + ?Sized> Post for T {
    #[rate_limited(bucket = BUCKET, key = self.as_ref().len())]
    fn post(&self) -> Result<usize, Error> {
        Ok(self.as_ref().len())
    }
}

#[test]
fn is_called() {
    assert_eq!(("a".post().ok(), [1_u8, 2].post().ok(), vec![1_u8].post().ok()), (Some(1), Some(2), Some(1)));
    assert_eq!((crate::used_by(&BUCKET, "1"), crate::used_by(&BUCKET, "2")), (2, 1));
}
