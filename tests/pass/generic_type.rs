//! Methods of a generic type, of every receiver.

use std::any::type_name;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use rate_limited::{Bucket, Error, Rate, Registry, rate_limited};

/// Has limits and a number.
#[derive(Clone, Debug)]
pub struct Api<T> {
    id: T,
    bucket: Bucket,
}

impl<T: Copy + Into<u64> + Send + Sync + 'static> Api<T> {
    const NAME: &'static str = "ghibli";

    /// Makes one.
    #[rate_limited(bucket = Self::NAME)]
    pub fn new(id: T) -> Result<Self, Error> {
        Ok(Self { id, bucket: Bucket::named("own", Rate::per_day(9)) })
    }

    /// `&self`.
    #[rate_limited(bucket = self.bucket, key = self.id.into(), registry = Registry::global())]
    pub fn by_ref(&self) -> Result<T, Error> {
        Ok(self.id)
    }

    /// `&mut self`.
    #[rate_limited(bucket = self.bucket, key = || self.id.into() + more)]
    pub fn by_mut(&mut self, more: u64) -> Result<&mut T, Error> {
        let _ = more;
        Ok(&mut self.id)
    }

    /// `mut self`.
    #[rate_limited(bucket = self.bucket, key = type_name::<Self>())]
    pub fn by_value(mut self, id: T) -> Result<Self, Error> {
        self.id = id;
        Ok(self)
    }

    /// `self: Box<Self>`.
    #[rate_limited(bucket = self.bucket)]
    pub fn by_box(self: Box<Self>) -> Result<Box<Self>, Error> {
        Ok(self)
    }

    /// `self: Rc<Self>`.
    #[rate_limited(bucket = self.bucket)]
    pub fn by_rc(self: Rc<Self>) -> Result<T, Error> {
        Ok(self.id)
    }

    /// `self: Arc<Self>`.
    #[rate_limited(bucket = self.bucket)]
    pub async fn by_arc(self: Arc<Self>) -> Result<T, Error> {
        Ok(self.id)
    }

    /// `self: Pin<&mut Self>`.
    #[rate_limited(bucket = self.bucket)]
    pub async fn by_pin(self: Pin<&mut Self>, text: &str) -> Result<usize, Error> {
        Ok(text.len())
    }
}

#[test]
fn is_called() -> Result<(), Error> {
    let mut api = Api::new(1_u32)?;
    let bucket = api.bucket.clone();
    assert_eq!((api.by_ref()?, *api.by_mut(1)?), (1, 1));
    assert_eq!(crate::run(crate::send(Pin::new(&mut api).by_pin("ab")))?, 2);
    let api = Box::new(api.by_value(2)?).by_box()?;
    assert_eq!(Rc::new(Api::clone(&api)).by_rc()?, 2);
    assert_eq!(crate::run(crate::send(Arc::new(*api).by_arc()))?, 2);
    assert_eq!(crate::used(&bucket), 4);
    for key in ["1", "2", type_name::<Api<u32>>()] {
        assert_eq!(crate::used_by(&bucket, key), 1, "{key}");
    }
    Ok(())
}
