//! Labelled blocks, slices in parentheses, macros with a `return` or with items inside: not looked into.

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.places_and_labels", Rate::per_second(1_000));

/// A `break` carries the value.
#[rate_limited(
    bucket = BUCKET,
    key = 'key: {
        match id {
            0 => break 'key "zero",
            _ => name,
        }
    },
)]
pub fn labelled(id: u32, name: &str) -> Result<usize, Error> {
    Ok(name.len() + id as usize)
}

/// A slice is a place.
#[rate_limited(bucket = BUCKET, key = (name[..]))]
pub fn sliced(name: &str) -> Result<usize, Error> {
    Ok(name.len())
}

macro_rules! early {
    ($id:ident) => {
        if *$id == 0 {
            return "zero".to_owned();
        }
    };
}

/// A macro in the closure may return.
#[rate_limited(bucket = BUCKET, key = |id| { early!(id); id.to_string() })]
pub fn returned(id: u32) -> Result<u32, Error> {
    Ok(id)
}

macro_rules! items {
    () => {
        use std::fmt::Result;
    };
}

/// A macro in the body may declare a name of the head's.
#[rate_limited(bucket = BUCKET, on_limited = |error| Err(error.to_string()))]
pub fn shadowed(id: u32) -> Result<u32, String> {
    items!();
    let fine: Result = Ok(());
    Ok(id + u32::from(fine.is_err()))
}

#[test]
fn is_called() {
    assert_eq!(labelled(0, "a").ok(), Some(1));
    assert_eq!(sliced("a").ok(), Some(1));
    assert_eq!(returned(0).ok(), Some(0));
    assert_eq!(shadowed(1), Ok(1));
    assert_eq!(crate::used_by(&BUCKET, "zero"), 2);
    assert_eq!(crate::used_by(&BUCKET, "a"), 1);
}
