//! Beside itself: the lower attribute is asked first.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use rate_limited::{Error, ErrorKind, Registry, rate_limited};
use rate_limited_tests::{Bench, Log};

#[rate_limited(bucket = "upper", registry = registry, key = log.note("upper", "all"))]
#[rate_limited(bucket = "lower", registry = registry, key = log.note("lower", "all"))]
fn sync(registry: &Registry, log: &Log) -> Result<u32, Error> {
    log.note("body", Ok(1))
}

#[rate_limited(bucket = "upper", registry = registry, key = log.note("upper", "all"))]
#[rate_limited(bucket = "lower", registry = registry, key = log.note("lower", "all"))]
async fn asynchronous(registry: &Registry, log: &Log) -> Result<u32, Error> {
    std::future::ready(log.note("body", Ok(1))).await
}

fn bench(upper: &str, lower: &str) -> Bench {
    let bench = Bench::new("upper", upper).unwrap();
    bench.add("lower", lower).unwrap();
    bench
}

type Call = fn(&Registry, &Log) -> Result<u32, Error>;

fn calls() -> [Call; 2] {
    [sync, |registry, log| futures::executor::block_on(asynchronous(registry, log))]
}

#[test]
fn each_takes_one_permit_the_lower_first() {
    for call in calls() {
        let (bench, log) = (bench("9/s", "9/s"), Log::default());
        assert_eq!(call(&bench.registry, &log).unwrap(), 1);
        assert_eq!(log.take(), ["lower", "upper", "body"]);
        assert_eq!((bench.used("lower", "all").unwrap(), bench.used("upper", "all").unwrap()), (1, 1));
    }
}

/// The lower one is not asked whether the upper one will agree.
#[test]
fn what_the_lower_one_took_stays_taken_when_the_upper_one_refuses() {
    for call in calls() {
        let (bench, log) = (bench("1/s", "9/s"), Log::default());
        assert_eq!(call(&bench.registry, &log).unwrap(), 1);
        log.take();
        let refused = call(&bench.registry, &log).unwrap_err();
        assert_eq!((refused.kind(), refused.bucket()), (ErrorKind::Limited, Some("upper")));
        assert_eq!(log.take(), ["lower", "upper"]);
        assert_eq!((bench.used("lower", "all").unwrap(), bench.used("upper", "all").unwrap()), (2, 1));
    }
}

#[test]
fn nothing_is_asked_of_the_upper_one_when_the_lower_one_refuses() {
    for call in calls() {
        let (bench, log) = (bench("9/s", "1/s"), Log::default());
        assert_eq!(call(&bench.registry, &log).unwrap(), 1);
        log.take();
        assert_eq!(call(&bench.registry, &log).unwrap_err().bucket(), Some("lower"));
        assert_eq!(log.take(), ["lower"]);
        assert_eq!((bench.used("lower", "all").unwrap(), bench.used("upper", "all").unwrap()), (1, 1));
    }
}
