//! `registry = if .. { PLACE } else { PLACE }`: borrowed where it is named.

use std::sync::LazyLock;

use rate_limited::{Bucket, Error, Rate, Registry, rate_limited};

static ONE: LazyLock<Registry> = LazyLock::new(with_bucket);

static OTHER: LazyLock<Registry> = LazyLock::new(with_bucket);

fn with_bucket() -> Registry {
    let registry = Registry::new();
    let _bucket = registry.register(Bucket::named("pass.registry_place", Rate::per_second(1_000)));
    registry
}

/// By a condition.
#[rate_limited(bucket = "pass.registry_place", registry = if other { OTHER } else { ONE })]
pub async fn choose(other: bool) -> Result<bool, Error> {
    Ok(other)
}

/// Two of them.
#[derive(Debug)]
pub struct Client {
    /// For the one.
    one: Registry,
    /// For the other.
    other: Registry,
}

impl Client {
    /// By a pattern, beside a name that is computed.
    #[rate_limited(
        bucket = name,
        registry = match other {
            Some(_) => self.other,
            None => self.one,
        }
    )]
    pub fn choose(&self, name: &str, other: Option<u32>) -> Result<bool, Error> {
        Ok(other.is_some() && !name.is_empty())
    }
}

#[test]
fn is_called() {
    assert_eq!(crate::run(crate::send(choose(true))).ok(), Some(true));
    assert_eq!(crate::run(crate::send(choose(false))).ok(), Some(false));
    let client = Client { one: with_bucket(), other: with_bucket() };
    assert_eq!(client.choose("pass.registry_place", Some(1)).ok(), Some(true));
    for registry in [&*ONE, &*OTHER, &client.other] {
        assert_eq!(crate::used(&registry.get("pass.registry_place").expect("it is registered")), 1);
    }
    assert_eq!(crate::used(&client.one.get("pass.registry_place").expect("it is registered")), 0);
}
