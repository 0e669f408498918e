//! What a closure makes or is given does not make the future `!Send`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.send_closures", Rate::per_second(1_000));

/// Cells that are borrowed, and counted references that are made.
#[rate_limited(
    bucket = BUCKET,
    key = |cell| Rc::new(cell.get()),
    weight = |cell, text| {
        cell.set(2);
        *Rc::new(text.borrow().len())
    },
    max_delay = |cell| {
        let rc = Rc::new(cell);
        Duration::from_secs(rc.get().into())
    },
)]
pub async fn closures(cell: Cell<u32>, text: RefCell<String>) -> Result<(u32, String), Error> {
    std::future::ready(()).await;
    Ok((cell.get(), text.into_inner()))
}

/// The error goes through a counted reference.
#[rate_limited(
    bucket = BUCKET,
    key = "{number}",
    weight = 9_999,
    on_limited = |error| {
        let rc = Rc::new(error);
        Err(Error::clone(&rc))
    },
)]
pub async fn refused(number: u32) -> Result<u32, Error> {
    std::future::ready(()).await;
    Ok(number)
}

#[test]
fn is_called() {
    let future = crate::send(closures(Cell::new(1), RefCell::new("ab".to_owned())));
    assert_eq!(crate::run(future).ok(), Some((2, "ab".to_owned())));
    assert_eq!(crate::used_by(&BUCKET, "1"), 2);
    assert!(crate::run(crate::send(refused(1))).is_err());
}
