//! Functions, by what stands in their bodies.

use std::sync::Arc;

use futures::future::BoxFuture;
use rate_limited_tests::table::{Outcome, World};

limited! { world, user, weight;
    fn inner_attributes(world: &World, user: u32, weight: u32) -> Outcome {
        #![allow(unused_parens)]
        #![cfg_attr(any(), deny(warnings))]
        world.body();
        (Ok(()))
    }
}

limited! { world, user, weight + NOTHING;
    async fn leading_items(world: &World, user: u32, weight: u32) -> Outcome {
        use std::future::ready;
        const NOTHING: u32 = 0;
        fn result(nothing: u32) -> Outcome {
            assert_eq!(nothing, NOTHING);
            Ok(())
        }
        world.body();
        result(ready(NOTHING).await)
    }
}

limited! { world, user, weight;
    fn early_return(world: &World, user: u32, weight: u32) -> Outcome {
        world.body();
        if user > 0 {
            return Ok(());
        }
        Err("nobody".parse::<rate_limited::Rate>().unwrap_err())
    }
}

limited! { world, user, weight;
    async fn question_mark(world: &World, user: u32, weight: u32) -> Outcome {
        world.body();
        let rate = "1/s".parse::<rate_limited::Rate>()?;
        std::future::ready(rate).await;
        Ok(())
    }
}

limited! { world, user, weight;
    fn one_expression(world: &World, user: u32, weight: u32) -> Outcome {
        match { world.body() } {
            () => Ok(()),
        }
    }
}

limited! { world, user, weight;
    async fn one_block(world: &World, user: u32, weight: u32) -> Outcome {
        async {
            world.body();
        }
        .await;
        async move { Ok(()) }.await
    }
}

limited! { world, user, weight;
    fn a_loop(world: &World, user: u32, weight: u32) -> Outcome {
        loop {
            world.body();
            break Ok(());
        }
    }
}

/// What the body holds is dropped before the function has ended.
struct OnDrop<'a>(&'a World);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.body();
    }
}

limited! { world, user, weight;
    async fn drops_something(world: &World, user: u32, weight: u32) -> Outcome {
        let _held = OnDrop(world);
        std::future::ready(()).await;
        Ok(())
    }
}

limited! { world, user, weight;
    fn recursive_sync(world: &World, user: u32, weight: u32, depth: u32) -> Outcome {
        world.body();
        if depth == 0 { Ok(()) } else { recursive_sync(world, user, weight, depth - 1) }
    }
}

limited! { world, user, weight;
    fn recursive_boxed(world: Arc<World>, user: u32, weight: u32, depth: u32) -> BoxFuture<'static, Outcome> {
        Box::pin(async move {
            world.body();
            if depth == 0 { Ok(()) } else { recursive_boxed(world, user, weight, depth - 1).await }
        })
    }
}

limited! { world, &user, weight;
    fn borrows_of_arguments(world: &World, user: String, weight: u32) -> Outcome {
        world.body();
        // Only borrowed by the key: it is still here to be moved.
        drop::<String>(user);
        Ok(())
    }
}

limited! { world, user, weight;
    async fn closures_inside(world: &World, user: u32, weight: u32) -> Outcome {
        let body = || world.body();
        body();
        let finish = async |outcome: Outcome| outcome;
        finish(Ok(())).await
    }
}

/// Each level takes a permit of its own.
#[test]
fn recursion_takes_a_permit_at_each_level() {
    use rate_limited::{Bucket, Rate, Registry, rate_limited};

    #[rate_limited(bucket = "recursive", registry = registry)]
    fn sync(registry: &Registry, depth: u32) -> Outcome {
        if depth == 0 { Ok(()) } else { sync(registry, depth - 1) }
    }

    let registry = Registry::new();
    let bucket = registry.register(Bucket::named("recursive", Rate::per_day(5))).unwrap();
    sync(&registry, 2).unwrap();
    assert_eq!(bucket.peek().unwrap().rates().first().unwrap().used(), 3);
    assert!(sync(&registry, 2).is_err());
    assert_eq!(bucket.peek().unwrap().rates().first().unwrap().used(), 5);
}

rate_limited_tests::forms! {
    "inner_attributes" => thread |world, user, weight| inner_attributes(&world, user, weight),
    "leading_items" => awaited |world, user, weight| leading_items(&world, user, weight),
    "early_return" => thread |world, user, weight| early_return(&world, user, weight),
    "question_mark" => awaited |world, user, weight| question_mark(&world, user, weight),
    "one_expression" => thread |world, user, weight| one_expression(&world, user, weight),
    "one_block" => awaited |world, user, weight| one_block(&world, user, weight),
    "a_loop" => thread |world, user, weight| a_loop(&world, user, weight),
    "drops_something" => awaited |world, user, weight| drops_something(&world, user, weight),
    "recursive_sync" => thread |world, user, weight| recursive_sync(&world, user, weight, 0),
    "recursive_boxed" => future |world, user, weight| recursive_boxed(world, user, weight, 0),
    "borrows_of_arguments" => thread |world, user, weight| borrows_of_arguments(&world, user.to_string(), weight),
    "closures_inside" => awaited |world, user, weight| closures_inside(&world, user, weight),
}
