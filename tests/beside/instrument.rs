//! Beside `#[tracing::instrument]`: of the two attributes the lower is outermost when the function runs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use futures::executor::block_on;
use rate_limited::{Bucket, Error, ErrorKind, Rate, Registry, rate_limited};
use rate_limited_beside::used;
use rate_limited_tests::{Bench, Log};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::with_default;
use tracing::{Event, Metadata, Subscriber, instrument};

/// Notes what enters and leaves spans, and what is reported.
struct Noting(Arc<Log>);

impl Subscriber for Noting {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What buckets tell by themselves, with the feature `tracing`, is another matter.
        metadata.target() != "rate_limited"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.note("event", ());
    }

    fn enter(&self, _: &Id) {
        self.0.note("enter", ());
    }

    fn exit(&self, _: &Id) {
        self.0.note("exit", ());
    }
}

#[rate_limited(bucket = bucket, key = log.note("key", "all"))]
#[instrument(skip_all)]
fn above(bucket: &Bucket, log: &Log) -> Result<u32, Error> {
    log.note("body", Ok(1))
}

#[instrument(skip_all)]
#[rate_limited(bucket = bucket, key = log.note("key", "all"))]
fn below(bucket: &Bucket, log: &Log) -> Result<u32, Error> {
    log.note("body", Ok(1))
}

#[rate_limited(bucket = bucket, key = log.note("key", "all"))]
#[instrument(skip_all)]
async fn above_async(bucket: &Bucket, log: &Log) -> Result<u32, Error> {
    std::future::ready(log.note("body", Ok(1))).await
}

#[instrument(skip_all)]
#[rate_limited(bucket = bucket, key = log.note("key", "all"))]
async fn below_async(bucket: &Bucket, log: &Log) -> Result<u32, Error> {
    std::future::ready(log.note("body", Ok(1))).await
}

#[rate_limited(bucket = bucket, key = log.note("key", "all"))]
#[instrument(skip_all, err, ret)]
fn above_err(bucket: &Bucket, log: &Log) -> Result<u32, Error> {
    log.note("body", Ok(1))
}

#[instrument(skip_all, err, ret)]
#[rate_limited(bucket = bucket, key = log.note("key", "all"))]
fn below_err(bucket: &Bucket, log: &Log) -> Result<u32, Error> {
    log.note("body", Ok(1))
}

#[rate_limited(bucket = bucket, key = log.note("key", "all"))]
#[instrument(skip_all, err)]
async fn above_err_async(bucket: &Bucket, log: &Log) -> Result<u32, Error> {
    std::future::ready(log.note("body", Ok(1))).await
}

#[instrument(skip_all, err)]
#[rate_limited(bucket = bucket, key = log.note("key", "all"))]
async fn below_err_async(bucket: &Bucket, log: &Log) -> Result<u32, Error> {
    std::future::ready(log.note("body", Ok(1))).await
}

#[rate_limited(bucket = "waiting", registry = registry, max_delay = "forever")]
#[instrument(skip_all)]
async fn above_waiting(registry: &Registry, log: &Log) -> Result<u32, Error> {
    std::future::ready(log.note("body", Ok(1))).await
}

#[instrument(skip_all)]
#[rate_limited(bucket = "waiting", registry = registry, max_delay = "forever")]
async fn below_waiting(registry: &Registry, log: &Log) -> Result<u32, Error> {
    std::future::ready(log.note("body", Ok(1))).await
}

type Call = fn(&Bucket, &Log) -> Result<u32, Error>;

/// What happened in a call that is granted and in one that is refused. A span that is entered again only to be
/// dropped is left out.
fn granted_and_refused(call: Call) -> (Vec<&'static str>, Vec<&'static str>) {
    let bucket = Bucket::named("beside.instrument", Rate::per_day(1));
    let log = Arc::new(Log::default());
    let noted = || {
        let mut noted = log.take();
        while noted.iter().filter(|event| **event == "enter").count() > 1
            && noted.ends_with(&["enter", "exit"])
        {
            noted.truncate(noted.len() - 2);
        }
        noted
    };
    with_default(Noting(Arc::clone(&log)), || {
        assert_eq!(call(&bucket, &log).unwrap(), 1);
        let granted = noted();
        assert_eq!(bucket.request().key("all").peek().unwrap().rates().first().unwrap().used(), 1);
        let refused = call(&bucket, &log).unwrap_err();
        assert_eq!((refused.kind(), used(&bucket).unwrap()), (ErrorKind::Limited, 0));
        (granted, noted())
    })
}

/// Above, the wait is a part of the span.
#[test]
fn above_the_wait_is_inside_the_span() {
    let calls: [Call; 2] = [above, |bucket, log| block_on(above_async(bucket, log))];
    for call in calls {
        let (granted, refused) = granted_and_refused(call);
        assert_eq!(granted, ["enter", "key", "body", "exit"]);
        assert_eq!(refused, ["enter", "key", "exit"]);
    }
}

/// Below, the span begins when the wait is over, and there is none of a refused call.
#[test]
fn below_the_wait_is_outside_the_span() {
    let calls: [Call; 2] = [below, |bucket, log| block_on(below_async(bucket, log))];
    for call in calls {
        let (granted, refused) = granted_and_refused(call);
        assert_eq!(granted, ["key", "enter", "body", "exit"]);
        assert_eq!(refused, ["key"]);
    }
}

/// `err` reports a refusal only from above.
#[test]
fn refusals_are_reported_from_above() {
    let (granted, refused) = granted_and_refused(above_err);
    assert_eq!(granted, ["enter", "key", "body", "event", "exit"]);
    assert_eq!(refused, ["enter", "key", "event", "exit"]);
    let (granted, refused) = granted_and_refused(below_err);
    assert_eq!(granted, ["key", "enter", "body", "event", "exit"]);
    assert_eq!(refused, ["key"]);
    let (_, refused) = granted_and_refused(|bucket, log| block_on(above_err_async(bucket, log)));
    assert_eq!(refused, ["enter", "key", "event", "exit"]);
    let (_, refused) = granted_and_refused(|bucket, log| block_on(below_err_async(bucket, log)));
    assert_eq!(refused, ["key"]);
}

/// A future that waits is polled inside the span, or before there is one.
#[test]
fn a_wait_is_where_the_prologue_is() {
    let (bench, log) = (Bench::new("waiting", "1/s").unwrap(), Arc::new(Log::default()));
    let mut context = Context::from_waker(Waker::noop());
    with_default(Noting(Arc::clone(&log)), || {
        drop(bench.registry.get("waiting").unwrap().try_acquire().unwrap());
        let mut above = pin!(above_waiting(&bench.registry, &log));
        assert!(above.as_mut().poll(&mut context).is_pending());
        assert_eq!(log.take(), ["enter", "exit"]);
        bench.clock.advance(Duration::from_secs(2));
        assert!(above.as_mut().poll(&mut context).is_ready());
        assert!(log.take().starts_with(&["enter", "body", "exit"]));

        let mut below = pin!(below_waiting(&bench.registry, &log));
        assert!(below.as_mut().poll(&mut context).is_pending());
        assert_eq!(log.take(), [""; 0]);
        bench.clock.advance(Duration::from_secs(2));
        assert!(below.as_mut().poll(&mut context).is_ready());
        assert!(log.take().starts_with(&["enter", "body", "exit"]));
    });
}
