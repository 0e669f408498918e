//! `registry = self.limits`: limits of an instance, by value and by reference.

use std::sync::Arc;

use rate_limited::{Error, Registry, rate_limited};

/// Has limits of its own.
#[derive(Debug)]
pub struct Api {
    limits: Arc<Registry>,
}

impl Api {
    fn limits(&self) -> &Registry {
        &self.limits
    }

    /// By a field.
    #[rate_limited(bucket = "api", registry = *self.limits)]
    pub fn field(&self) -> Result<u32, Error> {
        Ok(1)
    }

    /// By a method.
    #[rate_limited(bucket = "api", registry = self.limits(), key = || "key")]
    pub async fn method(&self) -> Result<u32, Error> {
        Ok(2)
    }

    /// A rate that is declared there.
    #[rate_limited(rate = "1/d", registry = &self.limits)]
    pub fn declared(&self) -> Result<u32, Error> {
        Ok(3)
    }
}

#[test]
fn is_called() -> Result<(), Error> {
    use rate_limited::{Bucket, Rate};

    for amount in [3, 4] {
        let api = Api { limits: Arc::new(Registry::new()) };
        let bucket = api.limits.register(Bucket::named("api", Rate::per_day(amount)))?;
        assert_eq!((api.field()?, crate::run(crate::send(api.method()))?), (1, 2));
        assert_eq!((api.declared().ok(), api.declared().ok()), (Some(3), None));
        assert_eq!((crate::used(&bucket), crate::used_by(&bucket, "key")), (1, 1));
    }
    Ok(())
}
