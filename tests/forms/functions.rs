//! The forms, all with the same attribute but for how they reach the world.

use std::cell::Cell;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use rate_limited::{Registry, rate_limited};

use super::running::{Outcome, Running};
use crate::{Form, World};

/// The watched values of the parameters.
impl World {
    fn registry(&self) -> &Registry {
        self.log.note("registry", &self.bench.registry)
    }

    fn bucket(&self) -> &'static str {
        self.log.note("bucket", crate::NAME)
    }

    fn key(&self, user: impl Display) -> String {
        self.log.note("key", format!("u{user}"))
    }

    fn weight(&self, weight: u32) -> u32 {
        self.log.note("weight", weight)
    }

    fn max_delay(&self) -> std::time::Duration {
        self.log.note("max_delay", self.max_delay)
    }

    fn body(&self) {
        self.log.note("body", ());
    }
}

/// Puts the attribute, with all that it evaluates, over a function.
macro_rules! limited {
    ($world:expr, $user:expr, $weight:expr, $($function:tt)*) => {
        #[rate_limited(
            max_delay = $world.max_delay(),
            weight = $world.weight($weight),
            key = $world.key($user),
            bucket = $world.bucket(),
            registry = $world.registry(),
        )]
        $($function)*
    };
}

limited! { world, user, weight,
    fn sync(world: &World, user: u32, weight: u32) -> Outcome {
        world.body();
        Ok(())
    }
}

limited! { world, user, weight,
    async fn asynchronous(world: &World, user: u32, weight: u32) -> Outcome {
        world.body();
        std::future::ready(()).await;
        Ok(())
    }
}

limited! { world, &user, weight,
    fn generic<T, const N: usize>(world: &World, user: T, weight: u32) -> Outcome
    where
        T: Display + Clone,
    {
        world.body();
        let _: [T; N] = std::array::from_fn(|_| user.clone());
        Ok(())
    }
}

limited! { world, &user, weight,
    async fn generic_asynchronous<T: Display + Send>(world: &World, user: T, weight: u32) -> Outcome {
        world.body();
        std::future::ready(()).await;
        drop(user);
        Ok(())
    }
}

limited! { world, user, weight,
    fn boxed(world: Arc<World>, user: u32, weight: u32) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
        Box::pin(async move {
            world.body();
            Ok(())
        })
    }
}

limited! { world, user, weight,
    #[allow(clippy::manual_async_fn, reason = "the form under test")]
    fn opaque(world: Arc<World>, user: u32, weight: u32) -> impl Future<Output = Outcome> + Send {
        async move {
            world.body();
            Ok(())
        }
    }
}

// A closure by name, with arguments that are patterns; the key does not survive into the future.
#[rate_limited(
    bucket = world.bucket(),
    registry = world.registry(),
    key = |user, world: &&World| { let cell = Cell::new(*user); world.key(cell.get()) },
    weight = |weight, world| world.weight(*weight),
    max_delay = |world| world.max_delay(),
)]
async fn closures((user, weight): (u32, u32), world: &World) -> Outcome {
    world.body();
    Ok(())
}

struct Api {
    world: Arc<World>,
    user: u32,
}

impl Api {
    limited! { self.world, self.user, weight,
        fn method(&self, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }

    limited! { self.world, self.user, weight,
        async fn asynchronous_method(&mut self, weight: u32) -> Outcome {
            self.world.body();
            self.user += 1;
            Ok(())
        }
    }

    limited! { self.world, self.user, weight,
        fn by_value(self, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }

    limited! { self.world, self.user, weight,
        async fn by_arc(self: Arc<Self>, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }
}

trait Endpoint {
    fn world(&self) -> &World;
    fn user(&self) -> u32;

    limited! { self.world(), self.user(), weight,
        fn default_body(&self, weight: u32) -> Outcome {
            self.world().body();
            Ok(())
        }
    }

    fn implemented(&self, weight: u32) -> Outcome;

    fn implemented_future(&self, weight: u32) -> impl Future<Output = Outcome> + Send;
}

impl Endpoint for Api {
    fn world(&self) -> &World {
        &self.world
    }

    fn user(&self) -> u32 {
        self.user
    }

    limited! { self.world, self.user, weight,
        fn implemented(&self, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }

    limited! { self.world, self.user, weight,
        async fn implemented_future(&self, weight: u32) -> Outcome {
            self.world.body();
            Ok(())
        }
    }
}

#[async_trait]
trait Remote {
    async fn async_trait(&self, weight: u32) -> Outcome;

    fn remote_world(&self) -> &World;

    #[rate_limited(
        bucket = self.remote_world().bucket(),
        registry = self.remote_world().registry(),
        key = self.remote_world().key(user),
        weight = |weight| self.remote_world().weight(*weight),
        max_delay = self.remote_world().max_delay(),
    )]
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

#[async_trait]
impl Remote for Api {
    #[rate_limited(
        bucket = self.world.bucket(),
        registry = self.world.registry(),
        key = self.world.key(self.user),
        weight = self.world.weight(weight),
        max_delay = self.world.max_delay(),
    )]
    async fn async_trait(&self, weight: u32) -> Outcome {
        let _ = weight;
        self.world.body();
        Ok(())
    }

    fn remote_world(&self) -> &World {
        &self.world
    }
}

pub(crate) const FORMS: &[Form] = &[
    Form { name: "sync", call: |world, user, weight| Running::thread(move || sync(&world, user, weight)) },
    Form {
        name: "asynchronous",
        call: |world, user, weight| Running::future(async move { asynchronous(&world, user, weight).await }),
    },
    Form {
        name: "generic",
        call: |world, user, weight| {
            // Two instances, one call site: they must share the bucket and not mix anything else up.
            if weight == 1 {
                Running::thread(move || generic::<u32, 1>(&world, user, weight))
            } else {
                Running::thread(move || generic::<String, 2>(&world, user.to_string(), weight))
            }
        },
    },
    Form {
        name: "generic_asynchronous",
        call: |world, user, weight| {
            Running::future(async move { generic_asynchronous(&world, user, weight).await })
        },
    },
    Form { name: "boxed", call: |world, user, weight| Running::future(boxed(world, user, weight)) },
    Form { name: "opaque", call: |world, user, weight| Running::future(opaque(world, user, weight)) },
    Form {
        name: "closures",
        call: |world, user, weight| Running::future(async move { closures((user, weight), &world).await }),
    },
    Form {
        name: "method",
        call: |world, user, weight| Running::thread(move || Api { world, user }.method(weight)),
    },
    Form {
        name: "asynchronous_method",
        call: |world, user, weight| {
            Running::future(async move { Api { world, user }.asynchronous_method(weight).await })
        },
    },
    Form {
        name: "by_value",
        call: |world, user, weight| Running::thread(move || Api { world, user }.by_value(weight)),
    },
    Form {
        name: "by_arc",
        call: |world, user, weight| Running::future(Arc::new(Api { world, user }).by_arc(weight)),
    },
    Form {
        name: "default_body",
        call: |world, user, weight| Running::thread(move || Api { world, user }.default_body(weight)),
    },
    Form {
        name: "implemented",
        call: |world, user, weight| Running::thread(move || Api { world, user }.implemented(weight)),
    },
    Form {
        name: "implemented_future",
        call: |world, user, weight| {
            Running::future(async move { Api { world, user }.implemented_future(weight).await })
        },
    },
    Form {
        name: "async_trait",
        call: |world, user, weight| {
            Running::future(async move { Remote::async_trait(&Api { world, user }, weight).await })
        },
    },
    Form {
        name: "async_trait_default",
        call: |world, user, weight| {
            Running::future(async move { Api { world, user }.async_trait_default(user, weight).await })
        },
    },
];
