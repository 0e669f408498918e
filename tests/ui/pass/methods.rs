//! Methods of every receiver, in impls and traits.

#![deny(warnings)]

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use rate_limited::{Bucket, Error, Rate, Registry, rate_limited};

struct Api<T> {
    id: T,
    limits: Registry,
    bucket: Bucket,
}

impl<T: Copy + Into<u64> + 'static> Api<T> {
    const NAME: &'static str = "kitsu";

    #[rate_limited(bucket = Self::NAME)]
    fn new(id: T) -> Result<Self, Error> {
        let bucket = Bucket::named("own", Rate::per_second(1));
        Ok(Self { id, limits: Registry::new(), bucket })
    }

    #[rate_limited(bucket = self.bucket, key = self.id.into(), registry = self.limits)]
    fn by_ref(&self) -> Result<T, Error> {
        Ok(self.id)
    }

    #[rate_limited(bucket = "kitsu", key = || self.id.into() + id)]
    fn by_mut(&mut self, id: u64) -> Result<&mut T, Error> {
        let _ = id;
        Ok(&mut self.id)
    }

    #[rate_limited(bucket = "kitsu", key = std::any::type_name::<Self>())]
    fn by_value(mut self, id: T) -> Result<Self, Error> {
        self.id = id;
        Ok(self)
    }

    #[rate_limited(bucket = self.bucket)]
    fn by_box(self: Box<Self>) -> Result<T, Error> {
        Ok(self.id)
    }

    #[rate_limited(bucket = self.bucket)]
    fn by_rc(self: Rc<Self>) -> Result<T, Error> {
        Ok(self.id)
    }

    #[rate_limited(bucket = self.bucket)]
    async fn by_arc(self: Arc<Self>) -> Result<T, Error> {
        Ok(self.id)
    }

    #[rate_limited(bucket = self.bucket)]
    async fn by_pin(self: Pin<&mut Self>, text: &str) -> Result<T, Error> {
        let _ = text;
        Ok(self.id)
    }
}

trait Endpoint: Sync {
    const NAME: &'static str;
    type Failure: From<Error>;

    #[rate_limited(bucket = Self::NAME)]
    fn ping(&self) -> Result<(), Self::Failure> {
        Ok(())
    }

    #[rate_limited(bucket = Self::NAME)]
    async fn ping_later(&self) -> Result<(), Self::Failure> {
        Ok(())
    }

    fn fetch(&self, id: u32) -> impl Future<Output = Result<u32, Self::Failure>> + Send;
}

struct Kitsu;

impl Endpoint for Kitsu {
    const NAME: &'static str = "kitsu";
    type Failure = Box<dyn std::error::Error + Send + Sync>;

    #[rate_limited(bucket = Self::NAME, key = id)]
    async fn fetch(&self, id: u32) -> Result<u32, Self::Failure> {
        Ok(id)
    }
}

#[async_trait::async_trait]
trait Remote {
    async fn fetch(&self, id: u32, text: &str) -> Result<u32, Error>;

    async fn nothing(&self);
}

#[async_trait::async_trait]
impl Remote for Kitsu {
    #[rate_limited(bucket = "kitsu", key = "{id}/{text}", weight = |text| text.len())]
    async fn fetch(&self, id: u32, text: &str) -> Result<u32, Error> {
        let _ = text;
        Ok(id)
    }

    #[rate_limited(bucket = "kitsu", on_limited = |_| ())]
    async fn nothing(&self) {}
}

fn send<T: Send>(future: T) {
    drop(future);
}

fn main() -> Result<(), Error> {
    let mut api = Api::new(1_u32)?;
    api.by_ref()?;
    let _ = api.by_mut(1);
    send(Pin::new(&mut api).by_pin("a"));
    let api = api.by_value(2)?;
    let fresh = || Api { id: 1_u32, limits: Registry::new(), bucket: api.bucket.clone() };
    let _ = Box::new(fresh()).by_box();
    let _ = Rc::new(fresh()).by_rc();
    send(Arc::new(fresh()).by_arc());
    let _ = Kitsu.ping();
    drop(Kitsu.ping_later());
    send(Endpoint::fetch(&Kitsu, 1));
    send(Remote::fetch(&Kitsu, 1, "a"));
    send(Kitsu.nothing());
    Ok(())
}
