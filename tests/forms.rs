//! The table of behaviour over every executable form of function; also compiled in edition 2021.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]
#![allow(
    clippy::blocks_in_conditions,
    clippy::boxed_local,
    clippy::duplicate_mod,
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
macro_rules! annotated {
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
}

macro_rules! limited {
    (($($arguments:tt)*) $($function:tt)*) => {
        #[::rate_limited::rate_limited($($arguments)*)]
        $($function)*
    };
    (unread $($rest:tt)*) => {
        annotated! { $($rest)* }
    };
    ([$($more:tt)*] $($rest:tt)*) => {
        annotated! { [$($more)*] $($rest)* }
    };
    ($($rest:tt)*) => {
        annotated! { [] $($rest)* }
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

/// The same with their answers read, for all but those that say `unread` or bring an attribute of their own.
macro_rules! limited {
    (($($arguments:tt)*) $($function:tt)*) => {
        #[::rate_limited::rate_limited(feedback = |_| ::rate_limited_tests::table::answer(), $($arguments)*)]
        $($function)*
    };
    (unread $($rest:tt)*) => {
        annotated! { $($rest)* }
    };
    ([$($more:tt)*] $($rest:tt)*) => {
        annotated! { [feedback = |_| ::rate_limited_tests::table::answer(), $($more)*] $($rest)* }
    };
    ($($rest:tt)*) => {
        annotated! { [feedback = |_| ::rate_limited_tests::table::answer()] $($rest)* }
    };
}

#[path = "forms"]
mod read {
    pub(crate) mod bodies;
    pub(crate) mod functions;
    pub(crate) mod futures;
    pub(crate) mod hostile;
    pub(crate) mod methods;
    pub(crate) mod outputs;
    pub(crate) mod traits;
    pub(crate) mod without_prelude;
}

rate_limited_tests::behaves! { 96:
    forms::bodies::FORMS,
    forms::functions::FORMS,
    forms::futures::FORMS,
    forms::hostile::FORMS,
    forms::methods::FORMS,
    forms::outputs::FORMS,
    forms::traits::FORMS,
    forms::without_prelude::FORMS,
}

mod with_feedback {
    use crate::read::{bodies, functions, futures, hostile, methods, outputs, traits, without_prelude};

    rate_limited_tests::behaves! { 96:
        bodies::FORMS,
        functions::FORMS,
        futures::FORMS,
        hostile::FORMS,
        methods::FORMS,
        outputs::FORMS,
        traits::FORMS,
        without_prelude::FORMS,
    }

    rate_limited_tests::reads! { 89:
        bodies::FORMS,
        functions::FORMS,
        futures::FORMS,
        hostile::FORMS,
        methods::FORMS,
        outputs::FORMS,
        traits::FORMS,
        without_prelude::FORMS;
        but "never" "tracked" "permit_bound" "conditional" "async_trait" "async_trait_mut" "async_trait_local"
    }
}
