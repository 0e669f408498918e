//! One table of behaviour, run for every form of function: what holds for one holds for all.
//!
//! A form is an annotated function whose attribute evaluates the [`World`]'s `registry()`, `bucket()`, `key(user)`,
//! `weight(weight)` and `max_delay()`, and whose body begins with `body()`. A package gives its forms to
//! [`behaves!`](crate::behaves), which makes a test of each row; those whose answers are read by
//! `feedback = |_| answer()` also to [`reads!`](crate::reads).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

pub mod answers;
pub mod running;
pub mod server;

use std::fmt::Display;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rate_limited::{Error, ErrorKind, Registry};

pub use self::running::{Outcome, Running};
pub use self::server::{Server, answer};
use crate::{Bench, Log};

const NAME: &str = "forms";
const STEP: Duration = Duration::from_nanos(1);
const PATIENT: Duration = Duration::MAX;
const EVALUATED: [&str; 5] = ["registry", "bucket", "key", "weight", "max_delay"];
const ALL: [&str; 6] = ["registry", "bucket", "key", "weight", "max_delay", "body"];

/// Where the annotated functions are limited, and where they note what they do.
#[derive(Debug)]
pub struct World {
    bench: Bench,
    log: Log,
    max_delay: Duration,
    /// Whether the allowance panics instead of giving one.
    panics: AtomicBool,
    refused: Mutex<Option<Error>>,
}

/// The watched values of the parameters.
impl World {
    /// `registry = ..`
    pub fn registry(&self) -> &Registry {
        self.log.note("registry", &self.bench.registry)
    }

    /// `bucket = ..`
    pub fn bucket(&self) -> &'static str {
        self.log.note("bucket", NAME)
    }

    /// `key = ..`
    pub fn key(&self, user: impl Display) -> String {
        self.log.note("key", format!("u{user}"))
    }

    /// `weight = ..`
    pub fn weight(&self, weight: u32) -> u32 {
        self.log.note("weight", weight)
    }

    /// `max_delay = ..`
    pub fn max_delay(&self) -> Duration {
        if self.panics.load(Ordering::Relaxed) {
            resume_unwind(Box::new("in an expression"));
        }
        self.log.note("max_delay", self.max_delay)
    }

    /// The first thing that a body does.
    pub fn body(&self) {
        self.log.note("body", ());
    }

    /// What `on_limited` of a function does that cannot return the error.
    pub fn refuse(&self, error: Error) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// What such a function came to.
    ///
    /// # Errors
    ///
    /// What [`refuse`](Self::refuse) was given.
    pub fn outcome(&self) -> Outcome {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

impl World {
    fn new(max_delay: Duration) -> Arc<Self> {
        Arc::new(World {
            bench: Bench::new(NAME, "2/s").unwrap(),
            log: Log::default(),
            max_delay,
            panics: AtomicBool::new(false),
            refused: Mutex::default(),
        })
    }

    fn used(&self, user: u32) -> u32 {
        self.bench.used(NAME, &format!("u{user}")).unwrap()
    }

    /// How long a call of that user would wait now.
    fn wait(&self, user: u32) -> Duration {
        let bucket = self.bench.registry.get(NAME).unwrap();
        bucket.request().key(format!("u{user}")).peek().unwrap().wait().unwrap()
    }

    fn waiting(&self, user: u32) -> usize {
        let bucket = self.bench.registry.get(NAME).unwrap();
        bucket.request().key(format!("u{user}")).peek().unwrap().waiting()
    }
}

/// One way to write an annotated function.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// What [`Error::site`] says of it.
    pub site: &'static str,
    /// Calls it in that world, for a user, with a weight.
    pub call: fn(Arc<World>, u32, u32) -> Running,
}

impl Form {
    /// Whether its name is another.
    #[must_use]
    pub fn is_none_of(&self, names: &[&str]) -> bool {
        !names.iter().any(|name| self.site.strip_suffix(name).is_some_and(|path| path.ends_with("::")))
    }

    fn begin(&self, world: &Arc<World>, user: u32, weight: u32) -> Running {
        (self.call)(Arc::clone(world), user, weight)
    }

    fn outcome(&self, world: &Arc<World>, user: u32, weight: u32) -> Outcome {
        self.begin(world, user, weight).result()
    }

    #[track_caller]
    fn granted(&self, world: &Arc<World>, user: u32, weight: u32) {
        self.is_granted(&self.outcome(world, user, weight));
    }

    #[track_caller]
    fn refused(&self, world: &Arc<World>, user: u32, weight: u32) -> Error {
        match self.outcome(world, user, weight) {
            Ok(()) => panic!("{}: granted", self.site),
            Err(error) => error,
        }
    }

    #[track_caller]
    fn is_granted(&self, outcome: &Outcome) {
        assert!(outcome.is_ok(), "{}: {outcome:?}", self.site);
    }
}

/// The forms of one file: `"name" => kind |world, user, weight| call`, where the kind is that of [`Running`].
#[macro_export]
macro_rules! forms {
    ($($name:literal => $kind:ident |$world:ident, $user:ident, $weight:ident| $call:expr,)*) => {
        /// The forms of this file.
        pub(crate) const FORMS: &[$crate::table::Form] = &[$(
            $crate::table::Form {
                site: ::core::concat!(::core::module_path!(), "::", $name),
                call: |$world, $user, $weight| $crate::forms!($kind $call),
            },
        )*];
    };
    (thread $call:expr) => { $crate::table::Running::thread(move || $call) };
    (future $call:expr) => { $crate::table::Running::future($call) };
    (awaited $call:expr) => { $crate::table::Running::future(async move { $call.await }) };
    (local $call:expr) => { $crate::table::Running::local($call) };
}

/// Makes a test of every row of the table, for all the forms that are given.
#[macro_export]
macro_rules! behaves {
    ($least:literal: $($forms:expr),* $(,)?) => {
        $crate::behaves! { @rows [$least: $($forms),*]
            a_call_takes_one_permit_and_evaluates_in_order_once
            a_weight_is_taken_whole
            a_refusal_takes_nothing_and_enters_no_body
            what_can_never_fit_is_refused_at_once
            keys_do_not_delay_each_other
            a_body_is_not_entered_before_the_wait_is_over
            an_allowance_is_judged_before_anything_is_taken
            waiters_start_in_the_order_in_which_they_came
            dropping_a_waiting_future_gives_its_place_up
            a_future_does_nothing_before_its_first_poll
            a_closed_bucket_refuses_those_who_wait
            a_panic_in_an_expression_takes_nothing
        }
    };
    (@rows $forms:tt $($row:ident)*) => {
        $($crate::behaves! { @row $forms $row })*
    };
    (@row [$least:literal: $($forms:expr),*] $row:ident) => {
        #[test]
        fn $row() {
            let mut forms = 0;
            for form in [$($forms),*].into_iter().flatten() {
                $crate::table::$row(form);
                forms += 1;
            }
            assert!(forms >= $least, "{forms} forms");
        }
    };
}

#[doc(hidden)]
pub fn a_call_takes_one_permit_and_evaluates_in_order_once(form: &Form) {
    let world = World::new(Duration::ZERO);
    for used in [1, 2] {
        form.granted(&world, 7, 1);
        assert_eq!(world.log.take(), ALL, "{}", form.site);
        assert_eq!(world.used(7), used, "{}", form.site);
    }
}

#[doc(hidden)]
pub fn a_weight_is_taken_whole(form: &Form) {
    let world = World::new(Duration::ZERO);
    form.granted(&world, 7, 2);
    assert_eq!(world.used(7), 2, "{}", form.site);
}

#[doc(hidden)]
pub fn a_refusal_takes_nothing_and_enters_no_body(form: &Form) {
    let world = World::new(Duration::ZERO);
    form.granted(&world, 7, 2);
    world.log.take();
    let wait = world.wait(7);

    let error = form.refused(&world, 7, 1);
    assert_eq!(world.log.take(), EVALUATED, "{}", form.site);
    assert_eq!(world.used(7), 2, "{}", form.site);
    assert_eq!(error.kind(), ErrorKind::Limited, "{}", form.site);
    assert_eq!(error.bucket(), Some(NAME), "{}", form.site);
    assert_eq!(error.key(), Some("u7"), "{}", form.site);
    assert_eq!(error.weight(), Some(1), "{}", form.site);
    assert_eq!(error.rate().map(|rate| rate.to_string()).as_deref(), Some("2/s"), "{}", form.site);
    assert_eq!(error.retry_after(), Some(wait), "{}", form.site);
    assert_eq!(error.max_delay(), Some(Duration::ZERO), "{}", form.site);
    assert_eq!(error.site(), Some(form.site));

    world.bench.clock.advance(wait.saturating_sub(STEP));
    let _too_early = form.refused(&world, 7, 1);
    world.bench.clock.advance(STEP);
    form.granted(&world, 7, 1);
}

#[doc(hidden)]
pub fn what_can_never_fit_is_refused_at_once(form: &Form) {
    let world = World::new(PATIENT);
    let error = form.refused(&world, 7, 3);
    assert_eq!(error.kind(), ErrorKind::TooHeavy, "{}", form.site);
    assert_eq!(error.weight(), Some(3), "{}", form.site);
    assert_eq!(world.log.take(), EVALUATED, "{}", form.site);
}

#[doc(hidden)]
pub fn keys_do_not_delay_each_other(form: &Form) {
    let world = World::new(Duration::ZERO);
    form.granted(&world, 7, 2);
    form.granted(&world, 8, 2);
    let _refused = form.refused(&world, 7, 1);
}

#[doc(hidden)]
pub fn a_body_is_not_entered_before_the_wait_is_over(form: &Form) {
    let world = World::new(PATIENT);
    form.granted(&world, 7, 2);
    world.log.take();
    let wait = world.wait(7);

    let mut waiter = form.begin(&world, 7, 2);
    waiter.wait(&world.bench.clock, 1);
    assert_eq!(world.log.take(), EVALUATED, "{}", form.site);
    world.bench.clock.advance(wait.saturating_sub(STEP));
    waiter.wait(&world.bench.clock, 1);
    assert_eq!(world.log.take(), [""; 0], "{}: entered too early", form.site);
    world.bench.clock.advance(STEP);
    form.is_granted(&waiter.result());
    assert_eq!(world.log.take(), ["body"], "{}", form.site);
    assert_eq!(world.used(7), 2, "{}", form.site);
}

#[doc(hidden)]
pub fn an_allowance_is_judged_before_anything_is_taken(form: &Form) {
    let full = World::new(PATIENT);
    form.granted(&full, 7, 2);
    let wait = full.wait(7);

    let just = World::new(wait);
    form.granted(&just, 7, 2);
    let mut waiter = form.begin(&just, 7, 1);
    waiter.wait(&just.bench.clock, 1);
    just.bench.clock.advance(wait);
    form.is_granted(&waiter.result());

    let short = World::new(wait.saturating_sub(STEP));
    form.granted(&short, 7, 2);
    let error = form.refused(&short, 7, 1);
    assert_eq!(error.kind(), ErrorKind::DelayTooLong, "{}", form.site);
    assert_eq!(error.retry_after(), Some(wait), "{}", form.site);
    assert_eq!(error.max_delay(), Some(wait.saturating_sub(STEP)), "{}", form.site);
    assert_eq!(short.waiting(7), 0, "{}", form.site);
}

#[doc(hidden)]
pub fn waiters_start_in_the_order_in_which_they_came(form: &Form) {
    let world = World::new(PATIENT);
    form.granted(&world, 7, 2);
    let mut first = form.begin(&world, 7, 2);
    first.wait(&world.bench.clock, 1);
    let mut second = form.begin(&world, 7, 1);
    second.wait(&world.bench.clock, 2);
    world.log.take();
    world.bench.clock.advance(Duration::from_secs(1) + STEP);
    form.is_granted(&first.result());
    assert_eq!(world.log.take(), ["body"], "{}", form.site);
    world.bench.clock.advance(world.wait(7));
    form.is_granted(&second.result());
    assert_eq!(world.log.take(), ["body"], "{}", form.site);
}

#[doc(hidden)]
pub fn dropping_a_waiting_future_gives_its_place_up(form: &Form) {
    let world = World::new(PATIENT);
    form.granted(&world, 7, 2);
    let mut waiter = form.begin(&world, 7, 2);
    waiter.wait(&world.bench.clock, 1);
    assert_eq!(world.waiting(7), 1, "{}", form.site);
    if waiter.is_thread() {
        // A blocked thread cannot be dropped.
        world.bench.clock.advance(world.wait(7));
        form.is_granted(&waiter.result());
        return;
    }
    drop(waiter);
    assert_eq!(world.waiting(7), 0, "{}", form.site);
    world.bench.clock.advance(world.wait(7));
    world.log.take();
    form.granted(&world, 7, 2);
    assert_eq!(world.log.take(), ALL, "{}", form.site);
    assert_eq!(world.used(7), 2, "{}", form.site);
}

#[doc(hidden)]
pub fn a_future_does_nothing_before_its_first_poll(form: &Form) {
    let world = World::new(Duration::ZERO);
    let call = form.begin(&world, 7, 1);
    if call.is_thread() {
        form.is_granted(&call.result());
        return;
    }
    assert_eq!(world.log.take(), [""; 0], "{}", form.site);
    drop(call);
    assert_eq!(world.used(7), 0, "{}", form.site);
}

#[doc(hidden)]
pub fn a_closed_bucket_refuses_those_who_wait(form: &Form) {
    let world = World::new(PATIENT);
    form.granted(&world, 7, 2);
    let mut waiter = form.begin(&world, 7, 1);
    waiter.wait(&world.bench.clock, 1);
    world.log.take();
    world.bench.registry.close();
    let error = waiter.result().unwrap_err();
    assert_eq!((error.kind(), error.site()), (ErrorKind::Closed, Some(form.site)));
    assert_eq!(world.log.take(), [""; 0], "{}", form.site);
}

#[doc(hidden)]
pub fn a_panic_in_an_expression_takes_nothing(form: &Form) {
    let world = World::new(PATIENT);
    world.panics.store(true, Ordering::Relaxed);
    let payload = form.begin(&world, 7, 1).ended().unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"in an expression"), "{}", form.site);
    assert_eq!(world.log.take(), ["registry", "bucket", "key", "weight"], "{}", form.site);
    assert_eq!((world.used(7), world.waiting(7)), (0, 0), "{}", form.site);
    world.panics.store(false, Ordering::Relaxed);
    form.granted(&world, 7, 2);
}
