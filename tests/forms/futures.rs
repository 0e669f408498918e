//! Functions that return a future, limited where it runs.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt, LocalBoxFuture};
use rate_limited_tests::table::{Outcome, World};

limited! { world, user, weight;
    fn boxed(world: Arc<World>, user: u32, weight: u32) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
        Box::pin(async move {
            world.body();
            Ok(())
        })
    }
}

limited! { world, user, weight;
    fn boxed_borrowing<'a>(world: &'a World, user: u32, weight: u32) -> BoxFuture<'a, Outcome> {
        ::std::boxed::Box::pin(async move {
            world.body();
            Ok(())
        },)
    }
}

limited! { world, user, weight;
    fn by_method(world: Arc<World>, user: u32, weight: u32) -> BoxFuture<'static, Outcome> {
        async move {
            world.body();
            Ok(())
        }
        .boxed()
    }
}

limited! { world, user, weight;
    fn by_method_local(world: Rc<Arc<World>>, user: u32, weight: u32) -> LocalBoxFuture<'static, Outcome> {
        async move {
            world.body();
            Ok(())
        }
        .boxed_local()
    }
}

limited! { world, user, weight;
    fn opaque(world: Arc<World>, user: u32, weight: u32) -> impl Future<Output = Outcome> + Send {
        async move {
            world.body();
            Ok(())
        }
    }
}

limited! { world, *user, *weight;
    fn opaque_borrowing<'a>(
        world: &'a World,
        user: &'a u32,
        weight: &'a u32,
    ) -> impl Future<Output = Outcome> + Send + use<'a> {
        async {
            world.body();
            Ok(())
        }
    }
}

limited! { world, &user, weight;
    fn opaque_generic<T>(world: Arc<World>, user: T, weight: u32) -> impl Future<Output = Outcome> + Send
    where
        T: std::fmt::Display + Send,
    {
        async move {
            world.body();
            drop(user);
            Ok(())
        }
    }
}

limited! { world, user, weight;
    fn statements_before(world: Arc<World>, user: &str, weight: u32) -> impl Future<Output = Outcome> + Send + use<> {
        let user = user.to_owned();
        if weight > 1_000 {
            println!("heavy");
        }
        async move {
            world.body();
            Ok(())
        }
    }
}

limited! { world, user, weight;
    fn statements_before_boxed(world: &Arc<World>, user: u32, weight: u32) -> BoxFuture<'static, Outcome> {
        let world = Arc::clone(world);
        Box::pin(async move {
            use std::future::ready;
            world.body();
            ready(Ok(())).await
        })
    }
}

type Answer = Pin<Box<dyn Future<Output = Outcome> + Send>>;

limited! { world, user, weight;
    fn behind_an_alias(world: Arc<World>, user: u32, weight: u32) -> Answer {
        Box::pin(async move {
            world.body();
            Ok(())
        })
    }
}

macro_rules! tail {
    ($name:ident($world:ident, $user:ident, $weight:ident), $body:expr) => {
        limited! { $world, $user, $weight;
            fn $name($world: Arc<World>, $user: u32, $weight: u32) -> impl Future<Output = Outcome> + Send {
                $body
            }
        }
    };
}

tail!(tail_of_a_macro(world, user, weight), async move {
    world.body();
    Ok(())
});

tail!(
    pinned_tail_of_a_macro(world, user, weight),
    Box::pin(async move {
        world.body();
        Ok(())
    })
);

/// What stands before the block runs when the function is called, without a permit.
#[test]
fn the_order_of_a_returned_future() {
    use rate_limited::{Bucket, Rate, Registry, rate_limited};
    use rate_limited_tests::Log;

    #[rate_limited(bucket = log.note("bucket", "order"), registry = registry)]
    fn late<'a>(log: &'a Log, registry: &'a Registry) -> impl Future<Output = Outcome> + use<'a> {
        log.note("before", ());
        async move {
            log.note("body", ());
            Ok(())
        }
    }

    let registry = Registry::new();
    let bucket = registry.register(Bucket::named("order", Rate::per_day(1))).unwrap();
    let log = Log::default();
    let future = late(&log, &registry);
    log.note("made", ());
    assert_eq!(bucket.peek().unwrap().rates().first().unwrap().used(), 0);
    futures::executor::block_on(future).unwrap();
    assert_eq!(log.take(), ["before", "made", "bucket", "body"]);
    assert_eq!(bucket.peek().unwrap().rates().first().unwrap().used(), 1);
}

rate_limited_tests::forms! {
    "boxed" => future |world, user, weight| boxed(world, user, weight),
    "boxed_borrowing" => awaited |world, user, weight| boxed_borrowing(&world, user, weight),
    "by_method" => future |world, user, weight| by_method(world, user, weight),
    "by_method_local" => local |world, user, weight| by_method_local(Rc::new(world), user, weight),
    "opaque" => future |world, user, weight| opaque(world, user, weight),
    "opaque_borrowing" => awaited |world, user, weight| opaque_borrowing(&world, &user, &weight),
    "opaque_generic" => future |world, user, weight| opaque_generic(world, user, weight),
    "statements_before" => future |world, user, weight| statements_before(world, &user.to_string(), weight),
    "statements_before_boxed" => future |world, user, weight| statements_before_boxed(&world, user, weight),
    "behind_an_alias" => future |world, user, weight| behind_an_alias(world, user, weight),
    "tail_of_a_macro" => future |world, user, weight| tail_of_a_macro(world, user, weight),
    "pinned_tail_of_a_macro" => future |world, user, weight| pinned_tail_of_a_macro(world, user, weight),
}
