//! Functions in a module that has no prelude: the expansion names everything by its absolute path.

#![no_implicit_prelude]

use ::rate_limited_tests::table::{Outcome, World};

limited! { world, user, weight;
    fn sync(world: &World, user: u32, weight: u32) -> Outcome {
        world.body();
        ::core::result::Result::Ok(())
    }
}

limited! {
    (
        bucket = world.bucket(),
        key = |world, user| world.key(user),
        weight = |weight| world.weight(*weight),
        max_delay = |world| world.max_delay(),
        registry = world.registry(),
        on_limited = |error| world.refuse(error),
    )
    async fn asynchronous(world: &World, user: u32, weight: u32) {
        world.body();
    }
}

::rate_limited_tests::forms! {
    "sync" => thread |world, user, weight| sync(&world, user, weight),
    "asynchronous" => future |world, user, weight| async move {
        asynchronous(&world, user, weight).await;
        world.outcome()
    },
}
