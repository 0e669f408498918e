//! `self: Arc<Self>`.

use std::sync::Arc;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.self_by_arc", Rate::per_second(1_000));

/// Is shared.
#[derive(Debug)]
pub struct Api {
    id: u32,
}

impl Api {
    /// Its number.
    #[rate_limited(bucket = BUCKET, key = self.id)]
    pub fn id(self: Arc<Self>) -> Result<u32, Error> {
        Ok(self.id)
    }

    /// Its number, in a future that owns it.
    #[rate_limited(bucket = BUCKET, key = self.id)]
    pub async fn id_later(self: Arc<Self>) -> Result<u32, Error> {
        Ok(std::future::ready(self.id).await)
    }
}

#[test]
fn is_called() {
    let api = Arc::new(Api { id: 1 });
    let future = crate::send(Arc::clone(&api).id_later());
    assert_eq!(api.id().ok(), Some(1));
    assert_eq!(crate::run(future).ok(), Some(1));
    assert_eq!(crate::used_by(&BUCKET, "1"), 2);
}
