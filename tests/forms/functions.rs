//! Functions, by their arguments and how they came to be.

use std::cell::Cell;
use std::fmt::Display;

use rate_limited::{Error, rate_limited};
use rate_limited_tests::table::{Outcome, World};

limited! { world, user, weight;
    fn sync(world: &World, user: u32, weight: u32) -> Outcome {
        world.body();
        Ok(())
    }
}

limited! { world, user, weight;
    async fn asynchronous(world: &World, user: u32, weight: u32) -> Outcome {
        world.body();
        std::future::ready(()).await;
        Ok(())
    }
}

limited! { world, &user, weight;
    fn generic<T, const N: usize>(world: &World, user: T, weight: u32) -> Outcome
    where
        T: Display + Clone,
    {
        world.body();
        let _: [T; N] = std::array::from_fn(|_| user.clone());
        Ok(())
    }
}

limited! { world, &user, weight;
    async fn generic_asynchronous<T: Display + Send>(world: &World, user: T, weight: u32) -> Outcome {
        world.body();
        std::future::ready(()).await;
        drop(user);
        Ok(())
    }
}

limited! { world, &user, weight.into();
    fn impl_trait(world: &World, user: impl Display, weight: impl Into<u32> + Copy) -> Outcome {
        world.body();
        drop((user, weight));
        Ok(())
    }
}

limited! { world, &user, weight.into();
    async fn impl_trait_asynchronous(
        world: &World,
        user: impl Display + Send,
        weight: impl Into<u32> + Copy + Send,
    ) -> Outcome {
        world.body();
        drop((user, weight));
        Ok(())
    }
}

limited! { world, user, weight;
    fn explicit_lifetimes<'a, 'b>(world: &'b World, user: &'a str, weight: u32) -> Result<(&'a str, &'b World), Error> {
        world.body();
        Ok((user, world))
    }
}

limited! { world, user, *weight;
    fn mutable_reference(world: &World, user: u32, weight: &mut u32) -> Outcome {
        world.body();
        *weight += 1;
        Ok(())
    }
}

// A closure by name, with arguments that are patterns; what the key borrows does not survive into the future.
limited! {
    (
        bucket = world.bucket(),
        registry = world.registry(),
        key = |user, world: &&World| { let cell = Cell::new(*user); world.key(cell.get()) },
        weight = |weight, world| world.weight(*weight),
        max_delay = |world| world.max_delay(),
    )
    async fn closures((user, weight): (u32, u32), world: &World) -> Outcome {
        world.body();
        Ok(())
    }
}

struct Call<'a> {
    world: &'a World,
    user: u32,
}

limited! { world, user, weight;
    fn patterns(Call { world, user }: Call<'_>, [mut weight, ref spare @ ..]: [u32; 2], _: ()) -> Outcome {
        world.body();
        weight += spare.first().copied().unwrap_or_default();
        assert!(weight > 0);
        Ok(())
    }
}

limited! { call.world, call.user, *weight;
    async fn patterns_asynchronous(call @ Call { .. }: Call<'_>, (ref weight,): (u32,), _: ()) -> Outcome {
        call.world.body();
        let _ = weight;
        Ok(())
    }
}

limited! { world, user, weight;
    fn attributes_of_arguments(
        #[cfg(all())] world: &World,
        #[cfg(any())] world: &str,
        #[allow(unused)] user: u32,
        weight: u32,
    ) -> Outcome {
        world.body();
        Ok(())
    }
}

limited! { world, user, weight;
    /// Attributes of all kinds.
    #[inline]
    #[must_use = "it is the outcome"]
    #[cfg_attr(all(), cold)]
    pub(crate) fn attributes(world: &World, user: u32, weight: u32) -> Outcome {
        world.body();
        Ok(())
    }
}

limited! { unread [] world, user, weight;
    #[cfg_attr(all(), track_caller)]
    fn tracked(world: &World, user: u32, weight: u32) -> Outcome {
        world.body();
        Ok(())
    }
}

limited! { world, user, weight;
    #[allow(improper_ctypes_definitions, reason = "nobody calls it from C")]
    extern "C-unwind" fn foreign(world: &World, user: u32, weight: u32) -> Outcome {
        world.body();
        Ok(())
    }
}

#[cfg_attr(
    all(),
    ::rate_limited::rate_limited(
        bucket = world.bucket(),
        key = world.key(user),
        weight = world.weight(weight),
        max_delay = world.max_delay(),
        registry = world.registry(),
    ),
)]
async fn conditional(world: &World, user: u32, weight: u32) -> Outcome {
    world.body();
    Ok(())
}

/// Name, arguments, key, weight and body from the caller, in invisible groups.
macro_rules! made {
    ($name:ident($world:ident, $user:ident, $weight:ident), $key:expr, $cost:expr, $output:ty, $body:block) => {
        limited! {
            (
                bucket = $world.bucket(),
                key = $key,
                weight = $cost,
                max_delay = $world.max_delay(),
                registry = $world.registry(),
            )
            async fn $name($world: &World, $user: u32, $weight: u32) -> $output $body
        }
    };
}

made!(made_by_macro(world, user, weight), world.key(user), |weight| world.weight(*weight), Outcome, {
    world.body();
    Ok(())
});

limited! { world, user, weight;
    fn r#match(world: &World, user: u32, weight: u32) -> Outcome {
        world.body();
        Ok(())
    }
}

limited! { r#type, r#fn, r#struct;
    async fn raw_arguments(r#type: &World, r#fn: u32, r#struct: u32) -> Outcome {
        r#type.body();
        Ok(())
    }
}

/// The permit in hand instead of hidden.
#[rate_limited(
    bucket = world.bucket(),
    key = world.key(user),
    weight = world.weight(weight),
    max_delay = world.max_delay(),
    registry = world.registry(),
    permit = permit,
)]
async fn permit_bound(world: &World, user: u32, weight: u32) -> Outcome {
    world.body();
    std::future::ready(permit.waited()).await;
    Ok(())
}

fn outer(world: &World, user: u32, weight: u32) -> Outcome {
    limited! { world, user, weight;
        fn nested(world: &World, user: u32, weight: u32) -> Outcome {
            world.body();
            Ok(())
        }
    }
    nested(world, user, weight)
}

rate_limited_tests::forms! {
    "sync" => thread |world, user, weight| sync(&world, user, weight),
    "asynchronous" => awaited |world, user, weight| asynchronous(&world, user, weight),
    // Two instances, one call site: they share the bucket and mix nothing else up.
    "generic" => thread |world, user, weight| if weight == 1 {
        generic::<u32, 1>(&world, user, weight)
    } else {
        generic::<String, 2>(&world, user.to_string(), weight)
    },
    "generic_asynchronous" => awaited |world, user, weight| generic_asynchronous(&world, user, weight),
    "impl_trait" => thread |world, user, weight| impl_trait(&world, user, weight),
    "impl_trait_asynchronous" => awaited |world, user, weight| impl_trait_asynchronous(&world, user, weight),
    "explicit_lifetimes" => thread |world, user, weight| explicit_lifetimes(&world, &user.to_string(), weight).map(drop),
    "mutable_reference" => thread |world, user, weight| mutable_reference(&world, user, &mut { weight }),
    "closures" => awaited |world, user, weight| closures((user, weight), &world),
    "patterns" => thread |world, user, weight| patterns(Call { world: &world, user }, [weight, 0], ()),
    "patterns_asynchronous" => awaited |world, user, weight|
        patterns_asynchronous(Call { world: &world, user }, (weight,), ()),
    "attributes_of_arguments" => thread |world, user, weight| attributes_of_arguments(&world, user, weight),
    "attributes" => thread |world, user, weight| attributes(&world, user, weight),
    "tracked" => thread |world, user, weight| tracked(&world, user, weight),
    "foreign" => thread |world, user, weight| foreign(&world, user, weight),
    "conditional" => awaited |world, user, weight| conditional(&world, user, weight),
    "made_by_macro" => awaited |world, user, weight| made_by_macro(&world, user, weight),
    "match" => thread |world, user, weight| r#match(&world, user, weight),
    "raw_arguments" => awaited |world, user, weight| raw_arguments(&world, user, weight),
    "permit_bound" => awaited |world, user, weight| permit_bound(&world, user, weight),
    "nested" => thread |world, user, weight| outer(&world, user, weight),
}
