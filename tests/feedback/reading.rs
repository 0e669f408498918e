//! How an answer is read, and when.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rate_limited::feedback::Feedback;
use rate_limited::{Bucket, Error, Registry, rate_limited};
use rate_limited_tests::Log;

use crate::{Answer, ApiError, NAME, PAUSE, Page, bench, now, window};

static READ: AtomicUsize = AtomicUsize::new(0);

fn read(_: &Answer) -> Option<Feedback> {
    READ.fetch_add(1, Ordering::Relaxed);
    None
}

#[rate_limited(rate = "2/day", feedback = read)]
fn counted() -> Answer {
    Err(ApiError::Broken)
}

#[rate_limited(rate = "1/day", feedback = read, on_limited = |_| Err(ApiError::Busy))]
async fn counted_refusals() -> Answer {
    Ok(Page(None))
}

#[test]
fn an_answer_is_read_once_and_a_refusal_is_none() {
    for read in [1, 2, 2, 2] {
        let _ = counted();
        assert_eq!(READ.load(Ordering::Relaxed), read);
    }
    for _ in 0..3 {
        let _ = now(counted_refusals());
        assert_eq!(READ.load(Ordering::Relaxed), 3);
    }
}

#[rate_limited(bucket = NAME, registry = registry, feedback = |page: &std::io::Result<u32>| {
    if page.is_err() { window(0) } else { Page(None) }
})]
fn of_a_closure(registry: &Registry, number: u32) -> std::io::Result<u32> {
    if number == 0 {
        Err(std::io::ErrorKind::NotFound)?;
    }
    Ok(number)
}

struct Client {
    registry: Registry,
    pause: Duration,
}

impl Client {
    #[rate_limited(bucket = NAME, registry = self.registry, feedback = |answer| self.told(answer))]
    async fn busy(&self, times: &mut u32) -> Result<u32, Error> {
        *times += 1;
        Ok(*times)
    }

    fn told(&self, answer: &Result<u32, Error>) -> Option<Feedback> {
        let times = *answer.as_ref().ok()?;
        Some(Feedback::default().rejected(true).retry_after(self.pause * times))
    }
}

#[test]
fn a_closure_reads_what_does_not_speak() {
    let bench = bench();
    assert_eq!(of_a_closure(&bench.registry, 1).unwrap(), 1);
    assert_eq!(of_a_closure(&bench.registry, 0).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    let refused = of_a_closure(&bench.registry, 1).unwrap_err();
    assert!(refused.downcast::<Error>().is_ok());

    let client = Client { registry: bench.registry.clone(), pause: PAUSE };
    let mut times = 1;
    assert_eq!(now(client.busy(&mut times)).unwrap(), 2);
    assert_eq!(now(client.busy(&mut times)).unwrap_err().retry_after(), Some(PAUSE * 2));
}

static NARROW: Bucket = Bucket::unlimited("feedback.narrow").in_flight(1);

/// Whether the call is over.
fn is_over(_: &Result<(), Error>) -> Option<Feedback> {
    match NARROW.try_acquire() {
        Ok(_) => panic!("it is over before it is read"),
        Err(_) => None,
    }
}

#[rate_limited(bucket = NARROW, feedback = is_over)]
fn narrow() -> Result<(), Error> {
    Ok(())
}

#[rate_limited(bucket = NARROW, feedback = is_over)]
async fn narrow_asynchronous() -> Result<(), Error> {
    std::future::ready(()).await;
    Ok(())
}

#[test]
fn the_permit_lives_until_the_answer_is_read() {
    for _ in 0..2 {
        narrow().unwrap();
        now(narrow_asynchronous()).unwrap();
    }
    assert!(NARROW.try_acquire().is_ok());
}

/// Says when it goes.
struct Noted<'a>(&'a Log);

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.0.note("variable", ());
    }
}

#[rate_limited(
    bucket = log.note("bucket", NAME),
    registry = registry,
    feedback = |_| log.note("feedback", None::<Feedback>)
)]
async fn ordered(registry: &Registry, log: &Log) -> Result<u32, Error> {
    let _variable = Noted(log);
    log.note("body", Ok(1))
}

#[rate_limited(
    feedback = |_| log.note("feedback", None::<Feedback>),
    bucket = log.note("bucket", NAME),
    registry = registry
)]
fn ordered_sync(registry: &Registry, log: &Log) -> Result<u32, Error> {
    let _variable = Noted(log);
    log.note("body", Ok(1))
}

#[test]
fn it_is_read_when_the_body_is_gone() {
    let bench = bench();
    let log = Log::default();
    let order = ["bucket", "body", "variable", "feedback"];
    now(ordered(&bench.registry, &log)).unwrap();
    assert_eq!(log.take(), order);
    ordered_sync(&bench.registry, &log).unwrap();
    assert_eq!(log.take(), order);
}
