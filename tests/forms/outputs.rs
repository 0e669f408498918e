//! Functions, by what they return.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use rate_limited::Error;
use rate_limited_tests::table::{Outcome, World};

limited! { world, user, weight;
    fn io_result(world: &World, user: u32, weight: u32) -> io::Result<u32> {
        world.body();
        Ok(user)
    }
}

type Boxed = Box<dyn StdError + Send + Sync>;

limited! { world, user, weight;
    async fn boxed_error(world: &World, user: u32, weight: u32) -> Result<u32, Boxed> {
        world.body();
        Ok(user)
    }
}

limited! { world, user, weight;
    fn boxed_error_of_a_thread(world: &World, user: u32, weight: u32) -> Result<(), Box<dyn StdError>> {
        world.body();
        Ok(())
    }
}

enum ApiError {
    Limited(Error),
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        ApiError::Limited(error)
    }
}

type Answer<T = ()> = Result<T, ApiError>;

limited! { world, user, weight;
    async fn error_of_its_own_behind_an_alias(world: &World, user: u32, weight: u32) -> Answer {
        world.body();
        Ok(())
    }
}

limited! { world, user, weight;
    fn impl_trait(world: &World, user: u32, weight: u32) -> Result<impl Iterator<Item = u32> + use<>, Error> {
        world.body();
        Ok([user].into_iter())
    }
}

limited! { world, user, weight;
    async fn impl_trait_asynchronous(world: &World, user: u32, weight: u32) -> Result<impl Debug + use<>, Error> {
        world.body();
        Ok(user)
    }
}

limited! { world, user, weight;
    fn coerced(world: &World, user: u32, weight: u32) -> Result<Box<dyn Fn(u32) -> u32>, Error> {
        world.body();
        if user == 0 {
            return Ok(Box::new(|x| x));
        }
        Ok(Box::new(move |x| x + user))
    }
}

limited! { world, user, weight;
    fn borrowed<'a>(world: &'a World, user: &'a str, weight: u32) -> Result<&'a str, Error> {
        world.body();
        Ok(user)
    }
}

limited! { world, user, *weight;
    async fn reborrowed<'a>(world: &World, user: u32, weight: &'a mut u32) -> Result<&'a mut u32, Error> {
        world.body();
        *weight += 1;
        Ok(weight)
    }
}

limited! { [on_limited = |error| world.refuse(error)] world, user, weight;
    fn nothing(world: &World, user: u32, weight: u32) {
        world.body();
    }
}

limited! { [on_limited = |error| world.refuse(error)] world, user, weight;
    async fn unit(world: &World, user: u32, weight: u32) -> () {
        world.body();
    }
}

limited! { [on_limited = Some] world, user, weight;
    fn option(world: &World, user: u32, weight: u32) -> Option<Error> {
        world.body();
        None
    }
}

limited! { [on_limited = |error| { world.refuse(error); user }] world, user, weight;
    async fn value(world: &World, user: u32, weight: u32) -> u32 {
        world.body();
        user
    }
}

limited! { [on_limited = |error| Some(error).into_iter()] world, user, weight;
    fn iterator(world: &World, user: u32, weight: u32) -> impl Iterator<Item = Error> + use<> {
        world.body();
        None.into_iter()
    }
}

limited! { unread [on_limited = |error| resume_unwind(Box::new(error))] world, user, weight;
    fn never(world: &World, user: u32, weight: u32) -> ! {
        world.body();
        resume_unwind(Box::new(()))
    }
}

limited! { [on_limited = ApiError::result] world, user, weight;
    async fn path_of_a_function(world: &World, user: u32, weight: u32) -> Result<(), ApiError> {
        world.body();
        Ok(())
    }
}

impl ApiError {
    fn result(error: Error) -> Answer {
        Err(ApiError::Limited(error))
    }

    fn into_inner(self) -> Error {
        let ApiError::Limited(error) = self;
        error
    }
}

/// The engine's error inside another.
fn inner<T>(result: Result<T, Boxed>) -> Outcome {
    result.map(drop).map_err(|error| *error.downcast::<Error>().unwrap())
}

fn diverged(call: impl FnOnce()) -> Outcome {
    match catch_unwind(AssertUnwindSafe(call)).unwrap_err().downcast::<Error>() {
        Ok(error) => Err(*error),
        Err(payload) if payload.is::<()>() => Ok(()),
        Err(payload) => resume_unwind(payload),
    }
}

rate_limited_tests::forms! {
    "io_result" => thread |world, user, weight| io_result(&world, user, weight)
        .map(drop)
        .map_err(|error| *error.into_inner().unwrap().downcast::<Error>().unwrap()),
    "boxed_error" => future |world, user, weight| async move { inner(boxed_error(&world, user, weight).await) },
    "boxed_error_of_a_thread" => thread |world, user, weight| boxed_error_of_a_thread(&world, user, weight)
        .map_err(|error| *error.downcast::<Error>().unwrap()),
    "error_of_its_own_behind_an_alias" => future |world, user, weight| async move {
        error_of_its_own_behind_an_alias(&world, user, weight).await.map_err(ApiError::into_inner)
    },
    "impl_trait" => thread |world, user, weight| impl_trait(&world, user, weight)
        .map(|users| assert!(users.eq([user]))),
    "impl_trait_asynchronous" => future |world, user, weight| async move {
        impl_trait_asynchronous(&world, user, weight).await.map(drop)
    },
    "coerced" => thread |world, user, weight| coerced(&world, user, weight).map(|add| assert_eq!(add(1), user + 1)),
    "borrowed" => thread |world, user, weight| borrowed(&world, &user.to_string(), weight).map(drop),
    "reborrowed" => future |world, user, weight| async move {
        reborrowed(&world, user, &mut { weight }).await.map(|weight| *weight += 1)
    },
    "nothing" => thread |world, user, weight| {
        nothing(&world, user, weight);
        world.outcome()
    },
    "unit" => future |world, user, weight| async move {
        unit(&world, user, weight).await;
        world.outcome()
    },
    "option" => thread |world, user, weight| option(&world, user, weight).map_or(Ok(()), Err),
    "iterator" => thread |world, user, weight| iterator(&world, user, weight).next().map_or(Ok(()), Err),
    "value" => future |world, user, weight| async move {
        assert_eq!(value(&world, user, weight).await, user);
        world.outcome()
    },
    "never" => thread |world, user, weight| diverged(|| {
        never(&world, user, weight);
    }),
    "path_of_a_function" => future |world, user, weight| async move {
        path_of_a_function(&world, user, weight).await.map_err(ApiError::into_inner)
    },
}
