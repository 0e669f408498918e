//! `self: Box<Self>`.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.self_by_box", Rate::per_second(1_000));

/// Lives in a box.
#[derive(Clone, Debug)]
pub struct Api {
    id: u32,
}

impl Api {
    /// Itself.
    #[rate_limited(bucket = BUCKET, key = self.id)]
    pub fn same(self: Box<Self>) -> Result<Box<Self>, Error> {
        Ok(self)
    }

    /// Itself, later.
    #[rate_limited(bucket = BUCKET, key = self.id, weight = by)]
    pub async fn advance(mut self: Box<Self>, by: u32) -> Result<Box<Self>, Error> {
        self.id += by;
        Ok(self)
    }
}

#[test]
fn is_called() -> Result<(), Error> {
    let api = crate::run(crate::send(Box::new(Api { id: 1 }).advance(2)))?;
    assert_eq!(crate::used_by(&BUCKET, "1"), 2);
    assert_eq!(api.same()?.id, 3);
    Ok(())
}
