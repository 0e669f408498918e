//! The table of behaviour over every executable form of function; also compiled in edition 2021.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]
#![allow(
    clippy::blocks_in_conditions,
    clippy::boxed_local,
    clippy::ignored_unit_patterns,
    clippy::manual_async_fn,
    clippy::match_single_binding,
    clippy::elidable_lifetime_names,
    clippy::needless_lifetimes,
    clippy::never_loop,
    clippy::redundant_allocation,
    clippy::redundant_closure_call,
    clippy::unnecessary_wraps,
    reason = "the forms are the point; they are strange on purpose"
)]

/// Puts the attribute, with all that the table watches, over a function.
macro_rules! limited {
    ([$($more:tt)*] $world:expr, $user:expr, $weight:expr; $($function:tt)*) => {
        #[::rate_limited::rate_limited(
            max_delay = $world.max_delay(),
            weight = $world.weight($weight),
            key = $world.key($user),
            bucket = $world.bucket(),
            registry = $world.registry(),
            $($more)*
        )]
        $($function)*
    };
    ($world:expr, $user:expr, $weight:expr; $($function:tt)*) => {
        limited! { [] $world, $user, $weight; $($function)* }
    };
}

mod forms {
    pub(crate) mod bodies;
    pub(crate) mod functions;
    pub(crate) mod futures;
    pub(crate) mod hostile;
    pub(crate) mod methods;
    pub(crate) mod outputs;
    pub(crate) mod traits;
    pub(crate) mod without_prelude;
}

rate_limited_tests::behaves! { 95:
    forms::bodies::FORMS,
    forms::functions::FORMS,
    forms::futures::FORMS,
    forms::hostile::FORMS,
    forms::methods::FORMS,
    forms::outputs::FORMS,
    forms::traits::FORMS,
    forms::without_prelude::FORMS,
}
