//! One table of behaviour, run for every form of function: what holds for one holds for all.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

mod forms {
    pub(crate) mod functions;
    pub(crate) mod running;
}

use std::sync::Arc;
use std::time::Duration;

use rate_limited::ErrorKind;
use rate_limited_tests::{Bench, Log};

use forms::functions::FORMS;
use forms::running::{Outcome, Running};

/// What the annotated functions are given: where they are limited, and where they note what they do.
pub(crate) struct World {
    bench: Bench,
    log: Log,
    max_delay: Duration,
}

const NAME: &str = "forms";
const STEP: Duration = Duration::from_nanos(1);
const PATIENT: Duration = Duration::MAX;

impl World {
    fn new(max_delay: Duration) -> Arc<Self> {
        Arc::new(World { bench: Bench::new(NAME, "2/s").unwrap(), log: Log::default(), max_delay })
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

/// One way to write an annotated function: key `u{user}`, the weight as given, the world's registry and allowance,
/// each noted as it is evaluated, and `body` as the body starts.
pub(crate) struct Form {
    name: &'static str,
    call: fn(Arc<World>, u32, u32) -> Running,
}

const EVALUATED: [&str; 5] = ["registry", "bucket", "key", "weight", "max_delay"];
const ALL: [&str; 6] = ["registry", "bucket", "key", "weight", "max_delay", "body"];

#[track_caller]
fn granted(outcome: &Outcome, form: &Form) {
    assert!(outcome.is_ok(), "{}: {outcome:?}", form.name);
}

fn each_form(check: fn(&Form)) {
    assert!(FORMS.len() >= 16);
    for form in FORMS {
        check(form);
    }
}

#[test]
fn a_call_takes_one_permit_and_evaluates_in_order_once() {
    each_form(|form| {
        let world = World::new(Duration::ZERO);
        granted(&(form.call)(Arc::clone(&world), 7, 1).result(), form);
        assert_eq!(world.log.take(), ALL, "{}", form.name);
        assert_eq!(world.used(7), 1, "{}", form.name);
        granted(&(form.call)(Arc::clone(&world), 7, 1).result(), form);
        assert_eq!(world.log.take(), ALL, "{}", form.name);
        assert_eq!(world.used(7), 2, "{}", form.name);
    });
}

#[test]
fn a_weight_is_taken_whole() {
    each_form(|form| {
        let world = World::new(Duration::ZERO);
        granted(&(form.call)(Arc::clone(&world), 7, 2).result(), form);
        assert_eq!(world.used(7), 2, "{}", form.name);
    });
}

#[test]
fn a_refusal_takes_nothing_and_enters_no_body() {
    each_form(|form| {
        let world = World::new(Duration::ZERO);
        granted(&(form.call)(Arc::clone(&world), 7, 2).result(), form);
        world.log.take();
        let wait = world.wait(7);

        let error = (form.call)(Arc::clone(&world), 7, 1).result().unwrap_err();
        assert_eq!(world.log.take(), EVALUATED, "{}", form.name);
        assert_eq!(world.used(7), 2, "{}", form.name);
        assert_eq!(error.kind(), ErrorKind::Limited, "{}", form.name);
        assert_eq!(error.bucket(), Some(NAME), "{}", form.name);
        assert_eq!(error.key(), Some("u7"), "{}", form.name);
        assert_eq!(error.weight(), Some(1), "{}", form.name);
        assert_eq!(error.rate().map(|rate| rate.to_string()).as_deref(), Some("2/s"), "{}", form.name);
        assert_eq!(error.retry_after(), Some(wait), "{}", form.name);
        assert_eq!(error.max_delay(), Some(Duration::ZERO), "{}", form.name);
        let site = format!("forms::forms::functions::{}", form.name);
        assert_eq!(error.site(), Some(site.as_str()), "{}", form.name);

        world.bench.clock.advance(wait.saturating_sub(STEP));
        assert!((form.call)(Arc::clone(&world), 7, 1).result().is_err(), "{}: too early", form.name);
        world.bench.clock.advance(STEP);
        granted(&(form.call)(Arc::clone(&world), 7, 1).result(), form);
    });
}

#[test]
fn what_can_never_fit_is_refused_at_once() {
    each_form(|form| {
        let world = World::new(PATIENT);
        let error = (form.call)(Arc::clone(&world), 7, 3).result().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooHeavy, "{}", form.name);
        assert_eq!(error.weight(), Some(3), "{}", form.name);
        assert_eq!(world.log.take(), EVALUATED, "{}", form.name);
    });
}

#[test]
fn keys_do_not_delay_each_other() {
    each_form(|form| {
        let world = World::new(Duration::ZERO);
        granted(&(form.call)(Arc::clone(&world), 7, 2).result(), form);
        granted(&(form.call)(Arc::clone(&world), 8, 2).result(), form);
        assert!((form.call)(Arc::clone(&world), 7, 1).result().is_err(), "{}", form.name);
    });
}

#[test]
fn a_body_is_not_entered_before_the_wait_is_over() {
    each_form(|form| {
        let world = World::new(PATIENT);
        granted(&(form.call)(Arc::clone(&world), 7, 2).result(), form);
        world.log.take();
        let wait = world.wait(7);

        let mut waiter = (form.call)(Arc::clone(&world), 7, 2);
        waiter.wait(&world.bench.clock, 1);
        assert_eq!(world.log.take(), EVALUATED, "{}", form.name);
        world.bench.clock.advance(wait.saturating_sub(STEP));
        waiter.wait(&world.bench.clock, 1);
        assert_eq!(world.log.take(), [""; 0], "{}: entered too early", form.name);
        world.bench.clock.advance(STEP);
        granted(&waiter.result(), form);
        assert_eq!(world.log.take(), ["body"], "{}", form.name);
        assert_eq!(world.used(7), 2, "{}", form.name);
    });
}

#[test]
fn an_allowance_is_judged_before_anything_is_taken() {
    each_form(|form| {
        let full = || {
            let world = World::new(PATIENT);
            granted(&(form.call)(Arc::clone(&world), 7, 2).result(), form);
            world.wait(7)
        };
        let wait = full();
        let just = World::new(wait);
        granted(&(form.call)(Arc::clone(&just), 7, 2).result(), form);
        let mut waiter = (form.call)(Arc::clone(&just), 7, 1);
        waiter.wait(&just.bench.clock, 1);
        just.bench.clock.advance(wait);
        granted(&waiter.result(), form);

        let short = World::new(wait.saturating_sub(STEP));
        granted(&(form.call)(Arc::clone(&short), 7, 2).result(), form);
        let error = (form.call)(Arc::clone(&short), 7, 1).result().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DelayTooLong, "{}", form.name);
        assert_eq!(error.retry_after(), Some(wait), "{}", form.name);
        assert_eq!(error.max_delay(), Some(wait.saturating_sub(STEP)), "{}", form.name);
        assert_eq!(short.waiting(7), 0, "{}", form.name);
    });
}

#[test]
fn waiters_start_in_the_order_in_which_they_came() {
    each_form(|form| {
        let world = World::new(PATIENT);
        granted(&(form.call)(Arc::clone(&world), 7, 2).result(), form);
        let mut first = (form.call)(Arc::clone(&world), 7, 2);
        first.wait(&world.bench.clock, 1);
        let mut second = (form.call)(Arc::clone(&world), 7, 1);
        second.wait(&world.bench.clock, 2);
        world.log.take();
        let wait = {
            let first_turn = Duration::from_secs(1) + STEP;
            world.bench.clock.advance(first_turn);
            granted(&first.result(), form);
            world.wait(7)
        };
        assert_eq!(world.log.take(), ["body"], "{}", form.name);
        world.bench.clock.advance(wait);
        granted(&second.result(), form);
        assert_eq!(world.log.take(), ["body"], "{}", form.name);
    });
}

#[test]
fn dropping_a_waiting_future_gives_its_place_up() {
    each_form(|form| {
        let world = World::new(PATIENT);
        granted(&(form.call)(Arc::clone(&world), 7, 2).result(), form);
        let mut waiter = (form.call)(Arc::clone(&world), 7, 2);
        if waiter.is_thread() {
            // A blocked thread cannot be dropped; it ends as the others do.
            world.bench.registry.close();
            assert_eq!(waiter.result().unwrap_err().kind(), ErrorKind::Closed, "{}", form.name);
            return;
        }
        waiter.wait(&world.bench.clock, 1);
        assert_eq!(world.waiting(7), 1, "{}", form.name);
        drop(waiter);
        assert_eq!(world.waiting(7), 0, "{}", form.name);
        world.bench.clock.advance(world.wait(7));
        world.log.take();
        granted(&(form.call)(Arc::clone(&world), 7, 2).result(), form);
        assert_eq!(world.log.take(), ALL, "{}", form.name);
        assert_eq!(world.used(7), 2, "{}", form.name);
    });
}

#[test]
fn a_future_does_nothing_before_its_first_poll() {
    each_form(|form| {
        let world = World::new(Duration::ZERO);
        let call = (form.call)(Arc::clone(&world), 7, 1);
        if !call.is_thread() {
            assert_eq!(world.log.take(), [""; 0], "{}", form.name);
            drop(call);
            assert_eq!(world.used(7), 0, "{}", form.name);
        }
    });
}
