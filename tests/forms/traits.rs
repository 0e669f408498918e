//! Methods of traits, with and without `#[async_trait]`.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use rate_limited::Error;
use rate_limited_tests::table::{Outcome, World};

struct Api {
    world: Arc<World>,
    user: u32,
}

trait Endpoint {
    const PATH: &'static str = "";
    type Failure: From<Error> + Into<Error>;

    fn world(&self) -> &World;
    fn user(&self) -> u32;

    limited! { self.world(), format!("{}{}", Self::PATH, self.user()), weight;
        fn default_body(&self, weight: u32) -> Result<(), Self::Failure> {
            self.world().body();
            Ok(())
        }
    }

    limited! { self.world(), self.user(), weight;
        async fn default_body_asynchronous(&self, weight: u32) -> Result<(), Self::Failure> {
            self.world().body();
            Ok(())
        }
    }

    limited! { self.world(), self.user(), weight;
        fn default_body_opaque(&self, weight: u32) -> impl Future<Output = Outcome> + Send
        where
            Self: Sync,
        {
            async move {
                self.world().body();
                Ok(())
            }
        }
    }

    fn implemented(&self, weight: u32) -> Outcome;

    fn implemented_async_fn(&self, weight: u32) -> impl Future<Output = Outcome> + Send;

    fn implemented_opaque(&self, weight: u32) -> impl Future<Output = Outcome> + Send;
}

impl Endpoint for Api {
    type Failure = Error;

    fn world(&self) -> &World {
        &self.world
    }

    fn user(&self) -> u32 {
        self.user
    }

    limited! { self.world, self.user, weight;
        fn implemented(&self, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }

    limited! { self.world, self.user, weight;
        async fn implemented_async_fn(&self, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }

    limited! { self.world, self.user, weight;
        fn implemented_opaque(&self, weight: u32) -> impl Future<Output = Outcome> + Send {
            async move {
                self.world.body();
                Ok(())
            }
        }
    }
}

#[allow(async_fn_in_trait, reason = "the form under test")]
trait Asynchronous {
    async fn declared_async_fn(&self, weight: u32) -> Outcome;
}

impl Asynchronous for Api {
    limited! { self.world, self.user, weight;
        async fn declared_async_fn(&self, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }
}

trait Dynamic {
    fn dynamic(&self, weight: u32) -> Outcome;
}

impl Dynamic for Api {
    limited! { self.world, self.user, weight;
        fn dynamic(&self, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }
}

#[async_trait]
trait Remote {
    async fn async_trait(&self, weight: u32) -> Outcome;

    async fn async_trait_mut(&mut self, weight: u32) -> Outcome;

    fn remote_world(&self) -> &World;

    limited! { self.remote_world(), user, weight;
        async fn async_trait_default(&self, user: u32, weight: u32) -> Outcome
        where
            Self: Sync,
        {
            // `#[async_trait]` binds the arguments anew, and those bindings are unused if only the attribute reads them.
            let _ = (user, weight);
            self.remote_world().body();
            Ok(())
        }
    }
}

#[async_trait]
impl Remote for Api {
    #[rate_limited::rate_limited(
        bucket = self.world.bucket(),
        registry = self.world.registry(),
        key = self.world.key(self.user),
        weight = |weight| self.world.weight(*weight),
        max_delay = self.world.max_delay(),
    )]
    async fn async_trait(&self, weight: u32) -> Outcome {
        let _ = weight;
        self.world.body();
        Ok(())
    }

    #[rate_limited::rate_limited(
        bucket = self.world.bucket(),
        registry = self.world.registry(),
        key = self.world.key(self.user),
        weight = self.world.weight(weight),
        max_delay = self.world.max_delay(),
        permit = permit,
    )]
    async fn async_trait_mut(&mut self, weight: u32) -> Outcome {
        let _ = weight;
        self.world.body();
        std::future::ready(permit.waited()).await;
        self.user += 1;
        Ok(())
    }

    fn remote_world(&self) -> &World {
        &self.world
    }
}

#[async_trait(?Send)]
trait Local<T: 'static> {
    async fn async_trait_local(&self, user: T, weight: u32) -> Outcome;
}

#[async_trait(?Send)]
impl<T: std::fmt::Display + 'static> Local<T> for Api {
    #[rate_limited::rate_limited(
        bucket = self.world.bucket(),
        registry = self.world.registry(),
        key = |user| self.world.key(user),
        weight = self.world.weight(weight),
        max_delay = self.world.max_delay(),
    )]
    async fn async_trait_local(&self, user: T, weight: u32) -> Outcome {
        let _ = (user, weight);
        self.world.body();
        Ok(())
    }
}

rate_limited_tests::forms! {
    "default_body" => thread |world, user, weight| Api { world, user }.default_body(weight),
    "default_body_asynchronous" => local |world, user, weight| async move {
        Api { world, user }.default_body_asynchronous(weight).await
    },
    "default_body_opaque" => awaited |world, user, weight| Api { world, user }.default_body_opaque(weight),
    "implemented" => thread |world, user, weight| Api { world, user }.implemented(weight),
    "implemented_async_fn" => awaited |world, user, weight| Api { world, user }.implemented_async_fn(weight),
    "implemented_opaque" => awaited |world, user, weight| Api { world, user }.implemented_opaque(weight),
    "declared_async_fn" => awaited |world, user, weight| Api { world, user }.declared_async_fn(weight),
    "dynamic" => thread |world, user, weight| {
        let api: Box<dyn Dynamic> = Box::new(Api { world, user });
        api.dynamic(weight)
    },
    "async_trait" => awaited |world, user, weight| Remote::async_trait(&Api { world, user }, weight),
    "async_trait_mut" => awaited |world, user, weight| Remote::async_trait_mut(&mut Api { world, user }, weight),
    "async_trait_default" => awaited |world, user, weight| Api { world, user }.async_trait_default(user, weight),
    "async_trait_local" => local |world, user, weight| async move {
        Api { world, user }.async_trait_local(user, weight).await
    },
}
