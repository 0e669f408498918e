//! What an expression holds while it is evaluated does not make the future `!Send`.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rate_limited::{Bucket, Error, Rate, rate_limited};

/// A bucket that stays in its thread.
#[derive(Debug)]
struct NotSend(Rc<Bucket>);

fn local() -> NotSend {
    NotSend(Rc::new(Bucket::named("pass.send_expressions", Rate::per_second(1))))
}

/// Locks, counts references and borrows, all in the attribute.
#[rate_limited(
    bucket = &*local().0,
    key = format!("{}{}", names.lock().unwrap_or_else(PoisonError::into_inner), Rc::new(1)),
    weight = *RefCell::new(1).borrow(),
    max_delay = *Rc::new(Duration::ZERO),
)]
pub async fn call(names: &Mutex<String>) -> Result<bool, Error> {
    std::future::ready(()).await;
    Ok(names.try_lock().is_ok())
}

#[test]
fn is_called() {
    assert_eq!(crate::run(crate::send(call(&Mutex::default()))).ok(), Some(true));
}
