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
        // The own one has a name for errors only.
        let own = api.own().unwrap_err().bucket().unwrap().to_owned();
        assert_eq!(api.limits.names(), ["tests.declared"]);
        assert_eq!(api.limits.get(&own).unwrap_err().kind(), ErrorKind::UnknownBucket);
        assert!(!api.limits.remove(&own));
        assert_eq!(api.own().unwrap_err().kind(), ErrorKind::Limited);
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
fn a_removed_name_is_unknown_until_it_is_registered() {
    type Call = fn(&Api) -> Result<(), Error>;

    let api = Api { limits: with("tests.instance", 2) };
    let calls: [Call; 3] = [
        Api::call,
        |api| futures::executor::block_on(api.by_reference()),
        |api| api.by_expression("tests.instance"),
    ];
    for call in calls {
        call(&api).unwrap();
        assert!(api.limits.remove("tests.instance"));
        assert!(!api.limits.remove("tests.instance"));
        for _ in 0..2 {
            let error = call(&api).unwrap_err();
            assert_eq!((error.kind(), error.bucket()), (ErrorKind::UnknownBucket, Some("tests.instance")));
        }
        // It comes back as a bucket that has seen no calls.
        api.limits.register(Bucket::named("tests.instance", Rate::per_day(2))).unwrap();
        call(&api).unwrap();
        call(&api).unwrap();
        assert_eq!(call(&api).unwrap_err().kind(), ErrorKind::Limited);
        api.limits.reset();
    }
}

/// A declaration does not undo what was removed on purpose.
#[test]
fn a_removed_declaration_is_closed_until_it_is_registered() {
    #[rate_limited(bucket = "tests.declared", rate = "2/d", registry = limits)]
    fn unreached(limits: &Registry) -> Result<(), Error> {
        Ok(())
    }

    let api = Api { limits: Registry::new() };
    api.declared().unwrap();
    assert!(api.limits.remove("tests.declared"));
    for refused in [api.declared(), api.declared(), unreached(&api.limits)] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Closed);
    }
    assert!(api.limits.names().is_empty());

    api.limits.register(Bucket::named("tests.declared", Rate::per_day(2))).unwrap();
    api.declared().unwrap();
    unreached(&api.limits).unwrap();
    assert_eq!(api.declared().unwrap_err().kind(), ErrorKind::Limited);
}

#[test]
fn a_removed_static_is_closed_until_it_is_registered() {
    static BUCKET: Bucket = Bucket::new("tests.removed_static", Rate::per_day(2));

    #[rate_limited(bucket = BUCKET)]
    fn call() -> Result<(), Error> {
        Ok(())
    }

    call().unwrap();
    assert!(Registry::global().remove("tests.removed_static"));
    for _ in 0..2 {
        assert_eq!(call().unwrap_err().kind(), ErrorKind::Closed);
    }

    Registry::global().register(Bucket::named("tests.removed_static", Rate::per_day(2))).unwrap();
    call().unwrap();
    call().unwrap();
    assert_eq!(call().unwrap_err().kind(), ErrorKind::Limited);
}

#[test]
fn a_removed_declaration_of_a_call_site_gives_way_to_what_is_registered() {
    #[rate_limited(bucket = "tests.removed_site", rate = "2/day")]
    fn call() -> Result<(), Error> {
        Ok(())
    }

    call().unwrap();
    assert!(Registry::global().remove("tests.removed_site"));
    assert_eq!(call().unwrap_err().kind(), ErrorKind::Closed);

    Registry::global().register(Bucket::named("tests.removed_site", Rate::per_day(1))).unwrap();
    call().unwrap();
    assert_eq!(call().unwrap_err().rate(), Some(Rate::per_day(1)));
}

#[test]
fn a_handle_is_that_bucket_whatever_the_registry() {
    #[rate_limited(bucket = bucket, registry = limits)]
    fn call(bucket: &Bucket, limits: &Registry) -> Result<(), Error> {
        Ok(())
    }

    let limits = with("tests.handle", 5);
    let bucket = Bucket::named("tests.handle", Rate::per_day(1));
    call(&bucket, &limits).unwrap();
    assert_eq!(call(&bucket, &limits).unwrap_err().rate(), Some(Rate::per_day(1)));
    let registered = limits.get("tests.handle").unwrap().peek().unwrap();
    assert!(registered.rates().iter().all(|rate| rate.used() == 0));
    limits.close();
    assert_eq!(call(&bucket, &limits).unwrap_err().kind(), ErrorKind::Limited);
}

/// What is registered goes before what was declared, for whoever agreed with the declaration.
#[test]
fn registered_limits_rule_those_who_declared_others() {
    #[rate_limited(bucket = "tests.declared", rate = "2/d", registry = limits)]
    fn later(limits: &Registry) -> Result<(), Error> {
        Ok(())
    }

    let api = Api { limits: Registry::new() };
    api.declared().unwrap();
    api.limits.register(Bucket::named("tests.declared", Rate::per_day(3))).unwrap();
    later(&api.limits).unwrap();
    api.declared().unwrap();
    for refused in [api.declared(), later(&api.limits)] {
        assert_eq!(refused.unwrap_err().rate(), Some(Rate::per_day(3)));
    }
}

#[test]
fn a_declaration_does_not_change_what_is_registered() {
    let api = Api { limits: with("tests.declared", 3) };
    let error = api.declared().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    assert!(text.contains("2/d") && text.contains("3/d"), "{text}");
    assert_eq!(api.limits.get("tests.declared").unwrap().rates(), [Rate::per_day(3)]);

    // Not kept: once the limits agree, so does the call site.
    api.limits.register(Bucket::named("tests.declared", Rate::per_day(2))).unwrap();
    api.declared().unwrap();
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
