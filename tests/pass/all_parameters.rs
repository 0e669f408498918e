//! Every parameter at once, in an order that is not that of their evaluation.

use std::time::Duration;

use rate_limited::{Error, Registry, rate_limited};

/// Everything.
#[rate_limited(
    on_limited = |error| Err(error.to_string()),
    crate = ::rate_limited,
    max_delay = patience,
    weight = |ids| ids.len(),
    key = "{user}",
    registry = registry,
    bucket = name,
)]
pub async fn expressions(
    name: &str,
    registry: &Registry,
    user: u32,
    ids: &[u32],
    patience: Duration,
) -> Result<u32, String> {
    let _ = (name, registry, ids, patience);
    Ok(user)
}

/// Everything that is a literal.
#[rate_limited(
    burst = 9,
    rate = "1/d",
    max_delay = "1s",
    weight = 2,
    key = "{user}",
    bucket = "pass.all_parameters"
)]
pub fn literals(user: u32) -> Result<u32, Error> {
    Ok(user)
}

#[test]
fn is_called() -> Result<(), Error> {
    use rate_limited::{Bucket, Rate};

    let registry = Registry::new();
    let bucket = registry.register(Bucket::named("all", Rate::per_day(2)))?;
    let call = || crate::run(crate::send(expressions("all", &registry, 1, &[1, 2], Duration::ZERO)));
    assert_eq!(call(), Ok(1));
    assert!(call().is_err_and(|text| text.contains("`all` is limited")));
    assert_eq!(crate::used_by(&bucket, "1"), 2);
    assert_eq!(literals(3)?, 3);
    Ok(())
}
