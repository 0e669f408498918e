//! Bodies that are handed over: run once a permit is had, and until it goes.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::cell::Cell;
use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use common::{FOREVER, Task, ms, ns};
use ratelimit_core::clock::ManualClock;
use ratelimit_core::{Bucket, ErrorKind, Rate, RateOutlook};

fn bucket(rate: Rate) -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    (clock.clone(), Bucket::named("b", rate).guard(ns(0)).in_flight(1).clock(clock))
}

fn used(bucket: &Bucket) -> u32 {
    bucket.peek().expect("it is open").rates().first().map_or(0, RateOutlook::used)
}

fn poll<F: Future>(future: &mut Pin<&mut F>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn it_gives_what_the_body_gives_which_holds_the_permit_meanwhile() {
    let (_clock, bucket) = bucket(Rate::per_hour(4));
    let given = bucket.run(|| {
        assert_eq!(bucket.try_acquire().unwrap_err().retry_after(), None, "in flight");
        "17".parse::<u8>()
    });
    assert_eq!(given.unwrap(), Ok(17));
    assert_eq!((used(&bucket), bucket.request().weight(2).run(|| 5).unwrap()), (1, 5));
    assert_eq!(used(&bucket), 3);
    let mut kept = 0;
    bucket.run(|| kept += 1).unwrap();
    assert_eq!(kept, 1, "a body may borrow");

    let refused = bucket.run(|| unreachable!("it has no permit")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Limited);
    bucket.request().key("other").run(|| ()).unwrap();
}

#[test]
fn a_body_that_panics_lets_the_next_start() {
    let (_clock, bucket) = bucket(Rate::per_hour(2));
    assert!(catch_unwind(AssertUnwindSafe(|| bucket.run(|| panic!("it fails")))).is_err());
    assert!(bucket.run(|| ()).is_ok());
    assert_eq!(used(&bucket), 2);
}

#[test]
fn an_async_body_is_polled_once_the_permit_is_had() {
    let (clock, bucket) = bucket(Rate::per_second(1));
    drop(bucket.try_acquire().unwrap());
    let polled = Cell::new(0);
    let body = poll_fn(|_| {
        polled.set(polled.get() + 1);
        if polled.get() < 3 { Poll::Pending } else { Poll::Ready(polled.get()) }
    });
    let mut run = pin!(bucket.request().max_delay(FOREVER).run_async(body));
    assert!(poll(&mut run).is_pending() && polled.get() == 0);
    clock.advance(ms(1000) + ns(1));
    assert!(poll(&mut run).is_pending() && polled.get() == 1);
    assert!(bucket.try_acquire().is_err(), "in flight");
    assert!(poll(&mut run).is_pending());
    assert!(matches!(poll(&mut run), Poll::Ready(Ok(3))));
    clock.advance(ms(1000) + ns(1));
    assert!(bucket.try_acquire().is_ok(), "it has ended");
}

#[test]
fn a_refused_body_is_never_polled() {
    let (_clock, bucket) = bucket(Rate::per_hour(1));
    drop(bucket.try_acquire().unwrap());
    let mut run = pin!(bucket.run_async(async { unreachable!("it has no permit") }));
    let Poll::Ready(refused) = poll(&mut run) else { panic!("it may not wait") };
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Limited);
}

#[test]
fn dropped_while_it_waits_it_was_never_there_and_later_it_ends_the_body() {
    let (clock, bucket) = bucket(Rate::per_second(1));
    drop(bucket.try_acquire().unwrap());
    let mut waits = Box::pin(bucket.request().max_delay(FOREVER).run_async(pending::<()>()));
    assert!(poll(&mut waits.as_mut()).is_pending());
    let mut next = Task::waiting(&bucket);
    drop(waits);
    clock.advance(ms(1000) + ns(1));
    assert!(next.is_woken() && next.poll().unwrap().is_ok());

    clock.advance(ms(1000) + ns(1));
    let mut runs = Box::pin(bucket.run_async(pending::<()>()));
    assert!(poll(&mut runs.as_mut()).is_pending());
    clock.advance(ms(3000));
    let mut next = Task::waiting(&bucket);
    drop(runs);
    assert!(next.is_woken() && next.poll().unwrap().is_ok());
}

#[test]
fn its_future_goes_where_the_body_can() {
    fn sent<F: Future<Output = Result<u8, ratelimit_core::Error>> + Send + 'static>(future: F) -> F {
        future
    }
    let (_clock, bucket) = bucket(Rate::per_hour(9));
    let run = sent(bucket.run_async(ready(7)));
    let run = std::thread::spawn(|| poll(&mut Box::pin(run).as_mut())).join().unwrap();
    assert!(matches!(run, Poll::Ready(Ok(7))));
    let _keyed = sent(bucket.request().key(3).run_async(async { 1 }));
    // And a body that cannot is run all the same, as is one that borrows.
    let here = Rc::new(8);
    let mut run = pin!(bucket.run_async(async { *here }));
    assert!(matches!(poll(&mut run), Poll::Ready(Ok(8))));
}
