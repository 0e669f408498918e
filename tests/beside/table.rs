//! The table of behaviour over functions that have other attributes too.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use async_trait::async_trait;
use rate_limited::rate_limited;
use rate_limited_tests::table::{Form, Outcome, World, answer};
use tracing::instrument;

/// The attribute with all that the table watches, after and before others.
macro_rules! limited {
    ([$($above:meta),*] [$($below:meta),*] $world:ident, $user:ident, $weight:ident; $($function:tt)*) => {
        $(#[$above])*
        #[rate_limited(
            bucket = $world.bucket(),
            key = $world.key($user),
            weight = $world.weight($weight),
            max_delay = $world.max_delay(),
            registry = $world.registry(),
        )]
        $(#[$below])*
        $($function)*
    };
}

limited! { [] [instrument(skip_all)] world, user, weight;
    fn above_instrument(world: &World, user: u32, weight: u32) -> Outcome {
        world.body();
        Ok(())
    }
}

limited! { [instrument(skip_all, err)] [] world, user, weight;
    fn below_instrument(world: &World, user: u32, weight: u32) -> Outcome {
        world.body();
        Ok(())
    }
}

limited! { [] [instrument(skip_all, err)] world, user, weight;
    async fn above_instrument_asynchronous(world: &World, user: u32, weight: u32) -> Outcome {
        world.body();
        std::future::ready(Ok(())).await
    }
}

limited! { [instrument(skip_all)] [] world, user, weight;
    async fn below_instrument_asynchronous(world: &World, user: u32, weight: u32) -> Outcome {
        world.body();
        std::future::ready(Ok(())).await
    }
}

limited! { [must_use = "it says whether", doc = "Above.", inline] [doc = "Below.", cfg_attr(all(), track_caller), cold] world, user, weight;
    fn among_the_compilers(world: &World, user: u32, weight: u32) -> Outcome {
        world.body();
        Ok(())
    }
}

#[rate_limited(
    bucket = world.bucket(),
    key = world.key(user),
    weight = world.weight(weight),
    max_delay = world.max_delay(),
    registry = world.registry(),
    feedback = |_| answer(),
)]
#[instrument(skip_all, err)]
async fn read_above_instrument(world: &World, user: u32, weight: u32) -> Outcome {
    world.body();
    std::future::ready(Ok(())).await
}

#[instrument(skip_all, err)]
#[rate_limited(
    bucket = world.bucket(),
    key = world.key(user),
    weight = world.weight(weight),
    max_delay = world.max_delay(),
    registry = world.registry(),
    feedback = |_| answer(),
)]
async fn read_below_instrument(world: &World, user: u32, weight: u32) -> Outcome {
    world.body();
    std::future::ready(Ok(())).await
}

#[instrument(skip_all, err)]
#[rate_limited(
    bucket = world.bucket(),
    key = world.key(user),
    weight = world.weight(weight),
    max_delay = world.max_delay(),
    registry = world.registry(),
    feedback = |_| answer(),
)]
fn read_by_a_thread(world: &World, user: u32, weight: u32) -> Outcome {
    world.body();
    Ok(())
}

#[async_trait]
trait Remote {
    async fn instrumented(&self, user: u32, weight: u32) -> Outcome;

    async fn read_instrumented(&self, user: u32, weight: u32) -> Outcome;
}

#[async_trait]
impl Remote for World {
    #[instrument(skip_all)]
    #[rate_limited(
        bucket = self.bucket(),
        key = self.key(user),
        weight = self.weight(weight),
        max_delay = self.max_delay(),
        registry = self.registry(),
    )]
    #[allow(clippy::used_underscore_binding, reason = "beside others")]
    async fn instrumented(&self, user: u32, weight: u32) -> Outcome {
        let _ = (user, weight);
        self.body();
        Ok(())
    }

    #[instrument(skip_all)]
    #[rate_limited(
        bucket = self.bucket(),
        key = self.key(user),
        weight = self.weight(weight),
        max_delay = self.max_delay(),
        registry = self.registry(),
        feedback = |_| answer(),
    )]
    async fn read_instrumented(&self, user: u32, weight: u32) -> Outcome {
        let _ = (user, weight);
        self.body();
        Ok(())
    }
}

rate_limited_tests::forms! {
    "above_instrument" => thread |world, user, weight| above_instrument(&world, user, weight),
    "below_instrument" => thread |world, user, weight| below_instrument(&world, user, weight),
    "above_instrument_asynchronous" => awaited |world, user, weight|
        above_instrument_asynchronous(&world, user, weight),
    "below_instrument_asynchronous" => awaited |world, user, weight|
        below_instrument_asynchronous(&world, user, weight),
    "among_the_compilers" => thread |world, user, weight| among_the_compilers(&world, user, weight),
    "instrumented" => awaited |world, user, weight| Remote::instrumented(&*world, user, weight),
}

const READ: &[Form] = {
    rate_limited_tests::forms! {
        "read_above_instrument" => awaited |world, user, weight| read_above_instrument(&world, user, weight),
        "read_below_instrument" => awaited |world, user, weight| read_below_instrument(&world, user, weight),
        "read_by_a_thread" => thread |world, user, weight| read_by_a_thread(&world, user, weight),
        "read_instrumented" => awaited |world, user, weight| Remote::read_instrumented(&*world, user, weight),
    }
    FORMS
};

rate_limited_tests::behaves! { 10: FORMS, READ }

rate_limited_tests::reads! { 4: READ; but }
