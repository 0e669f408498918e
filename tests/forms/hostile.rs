//! Functions among names that the expansion might mistake for its own.

#![allow(non_camel_case_types, non_upper_case_globals, dead_code, reason = "the names are the point")]

use rate_limited_tests::table::{Outcome, World};

mod core {}
mod std {}
mod rate_limited {}

struct Result;
struct Option;
struct Ok;
struct Err;
struct Site;
struct Call;
struct FromLimited;
struct Duration;

const SITE: u32 = 0;
static registry: u32 = 1;
const error: u32 = 2;
struct permit;

fn apply() {}

limited! { call, site + error - 2, weight + registry - 1;
    fn shadowed(call: &World, site: u32, weight: u32) -> Outcome {
        let _ = (apply(), permit, Duration, SITE);
        call.body();
        call.outcome()
    }
}

limited! { request, key, weight;
    async fn arguments_like_locals(request: &World, key: u32, weight: u32, __call: u32, __permit: u32) -> Outcome {
        request.body();
        assert!(__call + __permit == 3);
        request.outcome()
    }
}

/// Macros of the user's own are not found by the expansion.
#[allow(unused_macros, reason = "nothing may use it")]
macro_rules! concat {
    ($($anything:tt)*) => {
        compile_error!("the user's own `concat!`")
    };
}

limited! { world, user, weight;
    async fn shadowed_macros(world: &World, user: u32, weight: u32) -> Outcome {
        #[allow(unused_macros, reason = "nothing may use it")]
        macro_rules! module_path {
            () => {
                compile_error!("the user's own `module_path!`")
            };
        }
        world.body();
        world.outcome()
    }
}

rate_limited_tests::forms! {
    "shadowed" => thread |world, user, weight| shadowed(&world, user, weight),
    "arguments_like_locals" => awaited |world, user, weight| arguments_like_locals(&world, user, weight, 1, 2),
    "shadowed_macros" => awaited |world, user, weight| shadowed_macros(&world, user, weight),
}
