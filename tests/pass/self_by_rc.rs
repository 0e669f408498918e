//! `self: Rc<Self>` and `self: &Rc<Self>`.

use std::rc::Rc;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.self_by_rc", Rate::per_second(1_000));

/// Is shared in one thread.
#[derive(Debug)]
pub struct Api {
    id: u32,
}

impl Api {
    /// Its number.
    #[rate_limited(bucket = BUCKET, key = self.id)]
    pub fn id(self: Rc<Self>) -> Result<u32, Error> {
        Ok(self.id)
    }

    /// One more of it.
    #[rate_limited(bucket = BUCKET, key = self.id)]
    pub fn share(self: &Rc<Self>) -> Result<Rc<Self>, Error> {
        Ok(Self::clone_of(self))
    }

    fn clone_of(this: &Rc<Self>) -> Rc<Self> {
        Rc::clone(this)
    }
}

#[test]
fn is_called() -> Result<(), Error> {
    let api = Rc::new(Api { id: 1 });
    assert_eq!(api.share()?.id()?, 1);
    assert_eq!(crate::used_by(&BUCKET, "1"), 2);
    Ok(())
}
