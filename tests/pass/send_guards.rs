//! A lock's guard and a `RefCell`'s borrow as the key itself: gone before the wait.

use std::cell::{Cell, RefCell};
use std::sync::{Mutex, PoisonError, RwLock};

use rate_limited::{Bucket, Error, Rate, rate_limited};

static BUCKET: Bucket = Bucket::new("pass.send_guards", Rate::per_second(1_000));

/// Has state behind locks.
#[derive(Debug, Default)]
pub struct Api {
    name: Mutex<String>,
    page: RwLock<u32>,
}

impl Api {
    /// The guard is the key.
    #[rate_limited(bucket = BUCKET, key = self.name.lock().unwrap_or_else(PoisonError::into_inner))]
    pub async fn guard(&self) -> Result<bool, Error> {
        std::future::ready(()).await;
        Ok(self.name.try_lock().is_ok())
    }

    /// The guard is taken in a closure.
    #[rate_limited(bucket = BUCKET, key = || *self.page.read().unwrap_or_else(PoisonError::into_inner))]
    pub async fn closure(&self) -> Result<bool, Error> {
        std::future::ready(()).await;
        Ok(self.page.try_write().is_ok())
    }
}

/// The borrow is the key, the weight is a cell's.
#[rate_limited(bucket = BUCKET, key = text.borrow(), weight = cell.get())]
pub async fn cells(cell: Cell<u32>, text: RefCell<String>) -> Result<String, Error> {
    std::future::ready(()).await;
    cell.set(0);
    Ok(text.into_inner())
}

#[test]
fn is_called() {
    let api = Api::default();
    assert_eq!(crate::run(crate::send(api.guard())).ok(), Some(true));
    assert_eq!(crate::run(crate::send(api.closure())).ok(), Some(true));
    let future = crate::send(cells(Cell::new(2), RefCell::new("a".to_owned())));
    assert_eq!(crate::run(future).ok().as_deref(), Some("a"));
    assert_eq!(crate::used_by(&BUCKET, "a"), 2);
}
