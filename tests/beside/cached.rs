//! Beside `#[cached]`, which copies the attributes below it over both of the functions that it makes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by panicking")]

use cached::proc_macro::cached;
use rate_limited::{Bucket, Error, Rate, rate_limited};
use rate_limited_beside::used;

static ABOVE: Bucket = Bucket::new("beside.cached.above", Rate::per_day(9));
static BELOW: Bucket = Bucket::new("beside.cached.below", Rate::per_day(9));

/// As it should be: only a call that is not in the cache is one of the API.
#[rate_limited(bucket = ABOVE)]
#[cached]
fn answer_above(id: u32) -> Result<u32, Error> {
    Ok(id + 1)
}

/// A mistake that the attribute cannot see.
#[cached]
#[rate_limited(bucket = BELOW)]
fn answer_below(id: u32) -> Result<u32, Error> {
    Ok(id + 1)
}

#[test]
fn above_a_miss_takes_one_permit_and_a_hit_none() {
    assert_eq!((answer_above(1).unwrap(), used(&ABOVE).unwrap()), (2, 1));
    assert_eq!((answer_above(1).unwrap(), used(&ABOVE).unwrap()), (2, 1));
    assert_eq!((answer_above(2).unwrap(), used(&ABOVE).unwrap()), (3, 2));
}

#[test]
fn below_a_miss_takes_two_permits_and_a_hit_one() {
    assert_eq!((answer_below(1).unwrap(), used(&BELOW).unwrap()), (2, 2));
    assert_eq!((answer_below(1).unwrap(), used(&BELOW).unwrap()), (2, 3));
    assert_eq!((answer_below(2).unwrap(), used(&BELOW).unwrap()), (3, 5));
}
