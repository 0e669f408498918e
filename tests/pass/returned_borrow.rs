//! A borrow of `self` that is returned, though a parameter of the attribute borrowed it too.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.returned_borrow", Rate::per_second(1_000));

/// Has a name.
#[derive(Debug)]
pub struct Named {
    name: String,
}

impl Named {
    /// The name.
    #[rate_limited(bucket = BUCKET, key = self.name)]
    pub fn name(&self) -> Result<&str, Error> {
        Ok(&self.name)
    }

    /// The name, to be changed.
    #[rate_limited(bucket = BUCKET, key = self.name, weight = self.name.len())]
    pub async fn name_mut(&mut self) -> Result<&mut String, Error> {
        Ok(&mut self.name)
    }
}

#[test]
fn is_called() -> Result<(), Error> {
    let mut named = Named { name: "a".to_owned() };
    crate::run(named.name_mut())?.push('b');
    assert_eq!(named.name()?, "ab");
    Ok(())
}
