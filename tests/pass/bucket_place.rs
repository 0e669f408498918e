//! `bucket = if .. { PLACE } else { PLACE }` and the like: what is named is borrowed where it is named.

#![allow(clippy::declare_interior_mutable_const, reason = "one form is a constant")]

use std::sync::LazyLock;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static PAID: Bucket = Bucket::new("pass.bucket_place.paid", Rate::per_second(1_000));

static FREE: Bucket = Bucket::new("pass.bucket_place.free", Rate::per_second(1_000));

static LAZY: LazyLock<Bucket> =
    LazyLock::new(|| Bucket::named("pass.bucket_place.lazy", Rate::per_second(1_000)));

/// By a condition.
#[rate_limited(bucket = if paid { PAID } else { FREE })]
pub fn choose(paid: bool) -> Result<bool, Error> {
    Ok(paid)
}

/// In a block, in parentheses.
#[rate_limited(bucket = ({ LAZY }))]
pub async fn block() -> Result<(), Error> {
    Ok(())
}

/// Out of a variable of the expression's own, or none.
#[rate_limited(bucket = {
    let bucket = FREE.clone();
    if name.is_empty() { unreachable!() } else { bucket }
})]
pub async fn variable(name: &str) -> Result<usize, Error> {
    Ok(name.len())
}

/// Behind a reference.
#[rate_limited(bucket = match buckets {
    [bucket, ..] => **bucket,
    [] => PAID,
})]
pub async fn dereferenced(buckets: &[&Bucket]) -> Result<usize, Error> {
    Ok(buckets.len())
}

/// Two limits.
#[derive(Debug)]
pub struct Client {
    /// For whoever pays.
    paid: Bucket,
    /// For all others.
    free: [Bucket; 2],
}

impl Client {
    const CONSTANT: Bucket = Bucket::new("pass.bucket_place.free", Rate::per_second(1_000));

    /// By a pattern.
    #[rate_limited(bucket = match paid {
        Some(false) => self.free[1],
        Some(true) => self.paid,
        None => return Ok(false),
    })]
    pub async fn choose(&self, paid: Option<bool>) -> Result<bool, Error> {
        Ok(paid.is_some())
    }

    /// By a constant, which is the bucket of its name.
    #[rate_limited(bucket = if paid { self.paid } else if self.free.is_empty() { LAZY } else { Self::CONSTANT })]
    pub fn constant(&self, paid: bool) -> Result<bool, Error> {
        Ok(paid)
    }
}

#[test]
fn is_called() {
    assert_eq!((choose(true).ok(), choose(false).ok()), (Some(true), Some(false)));
    assert_eq!(crate::run(crate::send(block())).ok(), Some(()));
    assert_eq!(crate::run(crate::send(variable("a"))).ok(), Some(1));
    assert_eq!(crate::run(crate::send(dereferenced(&[]))).ok(), Some(0));
    assert_eq!(crate::run(crate::send(dereferenced(&[&FREE]))).ok(), Some(1));
    let client = Client { paid: PAID.clone(), free: [PAID.clone(), FREE.clone()] };
    assert_eq!(crate::run(crate::send(client.choose(Some(true)))).ok(), Some(true));
    assert_eq!(crate::run(crate::send(client.choose(Some(false)))).ok(), Some(true));
    assert_eq!(crate::run(crate::send(client.choose(None))).ok(), Some(false));
    assert_eq!((client.constant(true).ok(), client.constant(false).ok()), (Some(true), Some(false)));
    assert_eq!((crate::used(&PAID), crate::used(&FREE), crate::used(&LAZY)), (4, 5, 1));
}
