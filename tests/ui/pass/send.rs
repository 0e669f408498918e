//! What a parameter holds while it is evaluated does not make the future `!Send`.

#![deny(warnings)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Mutex;
use std::time::Duration;

use rate_limited::{Bucket, Error, Rate, rate_limited};

struct NotSend(Rc<Bucket>);

fn make() -> NotSend {
    NotSend(Rc::new(Bucket::named("kitsu", Rate::per_second(1))))
}

#[rate_limited(
    bucket = &*make().0,
    key = format!("{}{}", names.lock().unwrap(), Rc::new(1)),
    weight = *RefCell::new(1).borrow(),
    max_delay = *Rc::new(Duration::ZERO),
)]
async fn expressions(names: &Mutex<String>) -> Result<(), Error> {
    std::future::ready(()).await;
    Ok(())
}

#[rate_limited(
    bucket = "kitsu",
    key = |cell| Rc::new(cell.get()),
    weight = |cell, text| { cell.set(2); *Rc::new(text.borrow().len()) },
    max_delay = |cell| { let rc = Rc::new(cell); Duration::from_secs(rc.get().into()) },
)]
async fn closures(cell: Cell<u32>, text: RefCell<String>) -> Result<usize, Error> {
    std::future::ready(()).await;
    Ok(text.into_inner().len() + cell.get() as usize)
}

#[rate_limited(bucket = "kitsu", key = "{number}", on_limited = |error| { let rc = Rc::new(error); Err(Error::clone(&rc)) })]
async fn strings(number: u32) -> Result<u32, Error> {
    std::future::ready(()).await;
    Ok(number)
}

fn send<T: Send>(future: T) {
    drop(future);
}

fn main() {
    send(expressions(&Mutex::new(String::new())));
    send(closures(Cell::new(1), RefCell::default()));
    send(strings(1));
}
