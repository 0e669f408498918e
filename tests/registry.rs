//! `registry`: limits of an instance, and of a test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use std::sync::Arc;

use rate_limited::{Bucket, Error, ErrorKind, Rate, Registry, rate_limited};
use rate_limited_tests::Log;

fn with(name: &str, amount: u32) -> Registry {
    let registry = Registry::new();
    registry.register(Bucket::named(name, Rate::per_day(amount))).unwrap();
    registry
}

struct Api {
    limits: Registry,
}

impl Api {
    #[rate_limited(bucket = "tests.instance", registry = self.limits)]
    fn call(&self) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = "tests.instance", registry = &self.limits)]
    async fn by_reference(&self) -> Result<(), Error> {
        std::future::ready(()).await;
        Ok(())
    }

    #[rate_limited(bucket = name, registry = self.limits)]
    fn by_expression(&self, name: &str) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = "tests.declared", rate = "2/d", registry = self.limits)]
    fn declared(&self) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(rate = "1/d", registry = self.limits)]
    fn own(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// One call site serves many registries, whatever it found before.
#[test]
fn instances_are_limited_apart() {
    let first = Api { limits: with("tests.instance", 1) };
    let second = Api { limits: with("tests.instance", 2) };
    let third = Api { limits: Registry::new() };
    for _ in 0..2 {
        assert_eq!(third.call().unwrap_err().kind(), ErrorKind::UnknownBucket);
        second.call().unwrap();
    }
    first.call().unwrap();
    assert_eq!(first.call().unwrap_err().rate(), Some(Rate::per_day(1)));
    assert_eq!(second.by_expression("tests.instance").unwrap_err().rate(), Some(Rate::per_day(2)));
    assert_eq!(
        futures::executor::block_on(second.by_reference()).unwrap_err().rate(),
        Some(Rate::per_day(2))
    );
}

#[test]
fn rates_are_declared_in_each() {
    let first = Api { limits: Registry::new() };
    let second = Api { limits: Registry::new() };
    for api in [&first, &second] {
        api.own().unwrap();
        assert_eq!(api.own().unwrap_err().kind(), ErrorKind::Limited);
        api.declared().unwrap();
        api.declared().unwrap();
        assert_eq!(api.declared().unwrap_err().kind(), ErrorKind::Limited);
        assert!(api.limits.names().contains(&"tests.declared".to_owned()));
    }
}

#[test]
fn replaced_limits_are_obeyed_and_closed_ones_refuse() {
    let api = Api { limits: with("tests.instance", 1) };
    api.call().unwrap();
    assert!(api.call().is_err());
    api.limits.register(Bucket::named("tests.instance", Rate::per_day(3))).unwrap();
    api.call().unwrap();

    assert!(api.limits.remove("tests.instance"));
    assert_eq!(api.call().unwrap_err().kind(), ErrorKind::UnknownBucket);
    api.limits.register(Bucket::named("tests.instance", Rate::per_day(1))).unwrap();
    api.call().unwrap();
    api.limits.close();
    assert_eq!(api.call().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn any_expression_of_a_registry_will_do() {
    #[rate_limited(bucket = "tests.instance", registry = limits)]
    fn shared(limits: Arc<Registry>) -> Result<Arc<Registry>, Error> {
        Ok(limits)
    }

    #[rate_limited(bucket = "tests.instance", registry = log.note("registry", limits))]
    fn noted(limits: &Registry, log: &Log) -> Result<(), Error> {
        Ok(())
    }

    #[rate_limited(bucket = "kitsu", registry = Registry::global(), on_limited = |_| ())]
    fn global() {}

    let limits = shared(Arc::new(with("tests.instance", 2))).unwrap();
    let log = Log::default();
    noted(&limits, &log).unwrap();
    noted(&limits, &log).unwrap_err();
    assert_eq!(log.take(), ["registry", "registry"]);
    global();
}
