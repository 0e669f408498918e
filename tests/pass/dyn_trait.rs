//! A method that is called through `dyn`.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.dyn_trait", Rate::per_second(1_000));

/// Is called through a table.
pub trait Ping {
    /// Its number.
    fn id(&self) -> u32;

    /// Its number, limited.
    #[rate_limited(bucket = BUCKET, key = self.id())]
    fn ping(&self) -> Result<u32, Error> {
        Ok(self.id())
    }
}

impl Ping for u32 {
    fn id(&self) -> u32 {
        *self
    }
}

impl dyn Ping + Send {
    /// Of the table's type itself.
    #[rate_limited(bucket = BUCKET, key = self.id())]
    pub fn ping_twice(&self) -> Result<(u32, u32), Error> {
        Ok((self.ping()?, self.ping()?))
    }
}

#[test]
fn is_called() {
    let ping: Box<dyn Ping + Send> = Box::new(7_u32);
    assert_eq!(ping.ping_twice().ok(), Some((7, 7)));
    assert_eq!(crate::used_by(&BUCKET, "7"), 3);
}
