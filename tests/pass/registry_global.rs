//! `registry = Registry::global()`, and by an argument, and by a static.

use std::sync::LazyLock;

use rate_limited::{Error, Registry, rate_limited};

static LIMITS: LazyLock<Registry> = LazyLock::new(Registry::new);

/// The global one.
#[rate_limited(bucket = "pass.registry_global", rate = "1000/s", registry = Registry::global())]
pub fn global() -> Result<u32, Error> {
    Ok(1)
}

/// By a static.
#[rate_limited(bucket = "static", rate = "1000/s", registry = *LIMITS)]
pub async fn by_static() -> Result<u32, Error> {
    Ok(2)
}

/// By an argument.
#[rate_limited(bucket = "argument", rate = "1000/s", registry = registry)]
pub async fn by_argument(registry: &Registry) -> Result<u32, Error> {
    Ok(registry.names().len().try_into().unwrap_or(0))
}

#[test]
fn is_called() -> Result<(), Error> {
    assert_eq!((global()?, crate::run(crate::send(by_static()))?), (1, 2));
    assert_eq!(crate::run(crate::send(by_argument(&LIMITS)))?, 2);
    assert_eq!(crate::used(&Registry::global().get("pass.registry_global")?), 1);
    assert_eq!((crate::used(&LIMITS.get("static")?), crate::used(&LIMITS.get("argument")?)), (1, 1));
    Ok(())
}
