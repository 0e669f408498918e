//! The table of behaviour over functions that say `unsafe`.

#![allow(clippy::pedantic, clippy::nursery, missing_docs, reason = "the table is not about lints")]

use rate_limited::{Error, rate_limited};
use rate_limited_tests::table::{Form, Outcome, World, answer};

#[rate_limited(
    bucket = world.bucket(),
    key = world.key(unsafe { *user }),
    weight = world.weight(weight),
    max_delay = world.max_delay(),
    registry = world.registry(),
)]
unsafe fn unsafe_fn(world: &World, user: *const u32, weight: u32) -> Outcome {
    world.body();
    Ok(())
}

#[rate_limited(
    bucket = world.bucket(),
    key = world.key(user),
    weight = world.weight(weight),
    max_delay = world.max_delay(),
    registry = world.registry(),
)]
async unsafe fn async_unsafe_fn(world: &World, user: u32, weight: u32) -> Outcome {
    world.body();
    std::future::ready(()).await;
    Ok(())
}

#[rate_limited(
    bucket = world.bucket(),
    key = world.key(user),
    weight = world.weight(weight),
    max_delay = world.max_delay(),
    registry = world.registry(),
    on_limited = |error| world.refuse(error),
)]
unsafe extern "C-unwind" fn unsafe_foreign(world: &World, user: u32, weight: u32) {
    world.body();
}

#[rate_limited(
    bucket = world.bucket(),
    key = world.key(unsafe { *user }),
    weight = world.weight(weight),
    max_delay = world.max_delay(),
    registry = world.registry(),
    feedback = |_| answer(),
)]
unsafe fn read_unsafe_fn(world: &World, user: *const u32, weight: u32) -> Result<u32, Error> {
    world.body();
    Ok(unsafe { *user })
}

#[rate_limited(
    bucket = world.bucket(),
    key = world.key(user),
    weight = world.weight(weight),
    max_delay = world.max_delay(),
    registry = world.registry(),
    feedback = |_| answer(),
)]
async unsafe fn read_async_unsafe_fn(world: &World, user: u32, weight: u32) -> Outcome {
    world.body();
    std::future::ready(()).await;
    Ok(())
}

#[rate_limited(
    bucket = world.bucket(),
    key = world.key(user),
    weight = world.weight(weight),
    max_delay = world.max_delay(),
    registry = world.registry(),
    on_limited = |error| world.refuse(error),
    feedback = |&()| answer(),
)]
unsafe extern "C-unwind" fn read_unsafe_foreign(world: &World, user: u32, weight: u32) {
    world.body();
}

trait Unsafe {
    /// # Safety
    ///
    /// None is needed.
    unsafe fn unsafe_method(&self, user: u32, weight: u32) -> Result<u32, Error>;
}

impl Unsafe for World {
    #[rate_limited(
        bucket = self.bucket(),
        key = self.key(user),
        weight = self.weight(weight),
        max_delay = self.max_delay(),
        registry = self.registry(),
        permit = permit,
    )]
    unsafe fn unsafe_method(&self, user: u32, weight: u32) -> Result<u32, Error> {
        self.body();
        Ok(user + permit.waited().subsec_nanos())
    }
}

rate_limited_tests::forms! {
    "unsafe_fn" => thread |world, user, weight| unsafe { unsafe_fn(&world, &raw const user, weight) },
    "async_unsafe_fn" => future |world, user, weight| async move {
        unsafe { async_unsafe_fn(&world, user, weight) }.await
    },
    "unsafe_foreign" => thread |world, user, weight| {
        unsafe { unsafe_foreign(&world, user, weight) };
        world.outcome()
    },
    "unsafe_method" => thread |world, user, weight| unsafe { world.unsafe_method(user, weight) }.map(drop),
}

const READ: &[Form] = {
    rate_limited_tests::forms! {
        "read_unsafe_fn" => thread |world, user, weight|
            unsafe { read_unsafe_fn(&world, &raw const user, weight) }.map(drop),
        "read_async_unsafe_fn" => future |world, user, weight| async move {
            unsafe { read_async_unsafe_fn(&world, user, weight) }.await
        },
        "read_unsafe_foreign" => thread |world, user, weight| {
            unsafe { read_unsafe_foreign(&world, user, weight) };
            world.outcome()
        },
    }
    FORMS
};

rate_limited_tests::behaves! { 7: FORMS, READ }

rate_limited_tests::reads! { 3: READ; but }
