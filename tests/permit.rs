//! `permit`: the permit under a name of the body's own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rate_limited::{Error, Permit, Registry, rate_limited};
use rate_limited_tests::Bench;

const NAME: &str = "permit";

#[rate_limited(bucket = NAME, registry = registry, key = "{user}", permit = permit)]
fn cached(registry: &Registry, user: u32, hit: bool) -> Result<Duration, Error> {
    let waited = permit.waited();
    if hit {
        permit.refund();
    }
    Ok(waited)
}

#[rate_limited(bucket = NAME, registry = registry, max_delay = "forever", permit = permit)]
async fn waits(registry: &Registry) -> Result<Duration, Error> {
    std::future::ready(()).await;
    Ok(permit.waited())
}

#[rate_limited(bucket = NAME, registry = registry, permit = r#yield)]
fn raw(registry: &Registry) -> Result<Permit, Error> {
    Ok(r#yield)
}

#[rate_limited(bucket = NAME, registry = registry, permit = mine)]
#[rate_limited(bucket = NAME, registry = registry, permit = other, weight = 2)]
fn stacked(registry: &Registry) -> Result<(), Error> {
    other.refund();
    drop(mine);
    Ok(())
}

macro_rules! bound {
    ($name:ident, $permit:ident) => {
        #[rate_limited(bucket = NAME, registry = registry, permit = $permit)]
        fn $name(registry: &Registry) -> Result<(), Error> {
            $permit.refund();
            Ok(())
        }
    };
}

bound!(by_macro, theirs);

#[rate_limited(bucket = NAME, registry = Registry::global(), permit = permit, on_limited = |_| None)]
fn unknown_bucket() -> Option<Permit> {
    Some(permit)
}

struct Api {
    limits: Registry,
}

#[async_trait::async_trait]
trait Remote {
    async fn fetch(&self, hit: bool) -> Result<(), Error>;
}

#[async_trait::async_trait]
impl Remote for Api {
    #[rate_limited(bucket = NAME, registry = self.limits, permit = permit)]
    async fn fetch(&self, hit: bool) -> Result<(), Error> {
        if hit {
            permit.refund();
        }
        Ok(())
    }
}

impl Api {
    #[rate_limited(bucket = NAME, registry = self.limits, permit = permit)]
    fn boxed(&self, hit: bool) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + '_>> {
        Box::pin(async move {
            let _ = &self.limits;
            if hit {
                permit.refund();
            }
            Ok(())
        })
    }
}

fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn what_is_refunded_was_never_taken() {
    let bench = Bench::new(NAME, "2/s").unwrap();
    for _ in 0..5 {
        assert_eq!(cached(&bench.registry, 7, true).unwrap(), Duration::ZERO);
    }
    assert_eq!(bench.used(NAME, "7").unwrap(), 0);
    cached(&bench.registry, 7, false).unwrap();
    assert_eq!(bench.used(NAME, "7").unwrap(), 1);
}

#[test]
fn it_says_how_long_the_call_waited() {
    let bench = Bench::new(NAME, "1/s").unwrap();
    assert_eq!(now(waits(&bench.registry)).unwrap(), Duration::ZERO);
    let mut second = Box::pin(waits(&bench.registry));
    let context = &mut Context::from_waker(Waker::noop());
    assert!(second.as_mut().poll(context).is_pending());
    let wait = Duration::from_secs(1) + Duration::from_nanos(1);
    bench.clock.advance(wait);
    let Poll::Ready(waited) = second.as_mut().poll(context) else { panic!("it waits") };
    assert_eq!(waited.unwrap(), wait);
}

#[test]
fn it_may_leave_the_function() {
    let bench = Bench::new(NAME, "2/s").unwrap();
    let permit = raw(&bench.registry).unwrap();
    assert_eq!(bench.used_unkeyed(NAME).unwrap(), 1);
    permit.refund();
    assert_eq!(bench.used_unkeyed(NAME).unwrap(), 0);
    assert!(unknown_bucket().is_none());
}

#[test]
fn stacked_attributes_bind_each_its_own() {
    let bench = Bench::new(NAME, "9/s").unwrap();
    stacked(&bench.registry).unwrap();
    assert_eq!(bench.used_unkeyed(NAME).unwrap(), 1);
}

#[test]
fn a_macro_may_bring_the_name() {
    let bench = Bench::new(NAME, "1/s").unwrap();
    by_macro(&bench.registry).unwrap();
    by_macro(&bench.registry).unwrap();
    assert_eq!(bench.used_unkeyed(NAME).unwrap(), 0);
}

#[test]
fn it_is_bound_inside_the_future() {
    let bench = Bench::new(NAME, "1/s").unwrap();
    let api = Api { limits: bench.registry.clone() };
    for hit in [true, true, false] {
        now(api.boxed(hit)).unwrap();
    }
    assert!(now(api.fetch(true)).is_err());
    assert_eq!(bench.used_unkeyed(NAME).unwrap(), 1);
    bench.clock.advance(Duration::from_secs(2));
    for hit in [true, true, false] {
        now(api.fetch(hit)).unwrap();
    }
    assert_eq!(bench.used_unkeyed(NAME).unwrap(), 1);
}
