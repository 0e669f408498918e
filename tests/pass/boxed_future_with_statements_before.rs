//! What stands before the `async` block runs when the function is called, without a permit.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.boxed_future_with_statements_before", Rate::per_second(1_000));

/// Counts its calls at once, and the runs of its future later.
#[rate_limited(bucket = BUCKET)]
pub fn counting(calls: &Cell<u32>, runs: Rc<Cell<u32>>) -> Pin<Box<dyn Future<Output = Result<u32, Error>>>> {
    let count = calls.get() + 1;
    calls.set(count);
    Box::pin(async move {
        runs.set(runs.get() + 1);
        Ok(count)
    })
}

/// The attribute sees the variables before the block.
#[rate_limited(bucket = BUCKET, key = double)]
#[must_use]
pub fn sees(number: u32) -> Pin<Box<dyn Future<Output = Result<u32, Error>> + Send>> {
    let double = 2 * number;
    Box::pin(async move { Ok(double) })
}

#[test]
fn is_called() {
    let (calls, runs) = (Cell::new(0), Rc::new(Cell::new(0)));
    let future = counting(&calls, Rc::clone(&runs));
    assert_eq!((calls.get(), runs.get(), crate::used(&BUCKET)), (1, 0, 0));
    assert_eq!(crate::run(future).ok(), Some(1));
    assert_eq!((calls.get(), runs.get(), crate::used(&BUCKET)), (1, 1, 1));
    assert_eq!(crate::run(sees(2)).ok(), Some(4));
    assert_eq!(crate::used_by(&BUCKET, "4"), 1);
}
