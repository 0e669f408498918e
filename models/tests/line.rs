//! Who waits is dropped, closed, replaced, while it is being granted.
//!
//! The clock moves only where a model says so. So whoever is not told that his turn has come waits for ever, which the
//! scheduler finds, and nobody is passed over for having been late. When a call started is asked of the bucket: how long
//! a permit says it waited is by the reading that its own thread made, which may have stood still since.

mod common;

use std::time::Duration;

use common::{FOREVER, ONE_BY_ONE, SECOND, Waiter, bucket, explore, kind, wait};
use ratelimit_core::clock::ManualClock;
use ratelimit_core::{Bucket, Error, ErrorKind, Pace, Permit, Rate, Registry};
use shuttle::thread::{self, JoinHandle};

/// One second passes while the first in line is dropped: the second, a thread, starts at that very moment, the third,
/// a future, one second later.
#[test]
fn dropped_while_its_turn_comes() {
    explore("dropped while its turn comes", || ONE_BY_ONE.into_iter().for_each(drop_first));
}

fn drop_first(rate: Rate) {
    let (bucket, clock) = bucket(rate);
    let _running = bucket.try_acquire().expect("the first");
    let step = wait(&bucket);
    let first = Waiter::on(&bucket);
    let second = acquiring(&bucket);
    clock.wait_for_sleepers(2);
    let third = Waiter::on(&bucket);
    let third = thread::spawn(move || third.wait());
    let dropping = thread::spawn(move || drop(first));
    clock.advance(step);
    drop(second.join().unwrap().expect("a permit"));
    dropping.join().unwrap();
    assert_eq!(wait(&bucket), 2 * step, "one has just started, one waits");
    clock.advance(step);
    drop(third.join().unwrap().expect("a permit"));
    assert_eq!(wait(&bucket), step, "one has just started");
    assert_eq!(bucket.peek().unwrap().waiting(), 0);
}

/// As before, but the first looks once more before it is dropped: either it starts, and everybody else is one later, or
/// it was never there.
#[test]
fn dropped_after_a_last_look() {
    explore("dropped after a last look", || ONE_BY_ONE.into_iter().for_each(look_and_drop_first));
}

fn look_and_drop_first(rate: Rate) {
    let (bucket, clock) = bucket(rate);
    let _running = bucket.try_acquire().expect("the first");
    let step = wait(&bucket);
    let mut first = Waiter::on(&bucket);
    let second = Waiter::on(&bucket);
    let second = thread::spawn(move || second.wait());
    let dropping = thread::spawn(move || first.look().is_some_and(|ended| ended.is_ok()));
    clock.advance(step);
    if dropping.join().unwrap() {
        assert_eq!(wait(&bucket), 2 * step, "one has just started, one waits");
        clock.advance(step);
    }
    drop(second.join().unwrap().expect("a permit"));
    assert_eq!(wait(&bucket), step, "one has just started");
}

/// With a total over all keys, the first of those who contend for it is dropped.
#[test]
fn dropped_while_contending_for_the_total() {
    explore("dropped while contending for the total", || {
        let clock = ManualClock::new();
        let bucket = Bucket::named("modelled", Rate::per_second(10)).total(Rate::per_second(1));
        let bucket = bucket.guard(Duration::ZERO).clock(clock.clone());
        let of = |key: &str| Waiter::of(bucket.request().key(key).max_delay(FOREVER).acquire_async());
        let _running = bucket.request().key("a").try_acquire().expect("the first");
        let (first, second) = (of("a"), of("b"));
        let waits = |key: &str| bucket.request().key(key).peek().unwrap().wait().unwrap();
        let step = SECOND + Duration::from_nanos(1);
        assert_eq!(waits("c"), 3 * step, "one runs, two wait");
        let second = thread::spawn(move || second.wait());
        let dropping = thread::spawn(move || drop(first));
        clock.advance(step);
        drop(second.join().unwrap().expect("a permit"));
        dropping.join().unwrap();
        assert_eq!(waits("c"), step, "one has just started");
    });
}

/// A body ends while the first who waits for its end is dropped: the second starts, without any time passing.
#[test]
fn dropped_while_a_call_in_flight_ends() {
    explore("dropped while a call in flight ends", || {
        let (bucket, clock) = bucket(Rate::per_second(100));
        let bucket = bucket.in_flight(1);
        let running = bucket.try_acquire().expect("the first");
        let first = Waiter::on(&bucket);
        let second = acquiring(&bucket);
        clock.wait_for_sleepers(2);
        let ending = thread::spawn(move || drop(running));
        let dropping = thread::spawn(move || drop(first));
        drop(second.join().unwrap().expect("a permit"));
        ending.join().unwrap();
        dropping.join().unwrap();
        assert!(bucket.try_acquire().is_ok(), "nobody runs");
    });
}

/// A bucket is closed while the turn of one who waits comes, and while another comes: everybody ends, at most as many
/// start as may, and nobody afterwards.
#[test]
fn closed_while_waiting() {
    explore("closed while waiting", || ONE_BY_ONE.into_iter().for_each(close_while_waiting));
}

fn close_while_waiting(rate: Rate) {
    let (bucket, clock) = bucket(rate);
    let _running = bucket.try_acquire().expect("the first");
    let step = wait(&bucket);
    let future = Waiter::on(&bucket);
    let mut asleep = Waiter::on(&bucket);
    let future = thread::spawn(move || future.wait());
    let blocked = acquiring(&bucket);
    let closing = thread::spawn({
        let bucket = bucket.clone();
        move || bucket.close()
    });
    clock.advance(step);
    let mut started = 0;
    for ended in [future.join().unwrap(), blocked.join().unwrap()] {
        match kind(ended) {
            None => started += 1,
            refused => assert_eq!(refused, Some(ErrorKind::Closed)),
        }
    }
    assert!(started <= 1, "{started} at once");
    closing.join().unwrap();
    assert_eq!(asleep.look().and_then(kind), Some(ErrorKind::Closed));
    assert_eq!(kind(bucket.try_acquire()), Some(ErrorKind::Closed));
    assert_eq!(kind(bucket.acquire()), Some(ErrorKind::Closed));
}

/// Twice as much is let through from some moment on: those who wait start at once or when their time has come, and at no
/// time more of them than the new limits let through.
#[test]
fn replaced_by_more_while_waiting() {
    explore("replaced by more while waiting", || {
        let registry = Registry::new();
        let (bucket, clock) = bucket(Rate::per_second(1));
        let bucket = registry.register(bucket).unwrap();
        let _running = bucket.try_acquire().expect("the first");
        let step = wait(&bucket);
        let first = Waiter::on(&bucket);
        let first = thread::spawn(move || first.wait());
        let second = acquiring(&bucket);
        clock.wait_for_sleepers(1);
        let replacing = thread::spawn({
            let (registry, clock) = (registry.clone(), clock.clone());
            let more = Bucket::named("modelled", Rate::per_second(2)).guard(Duration::ZERO).clock(clock);
            move || drop(registry.register(more).unwrap())
        });
        clock.advance(step);
        drop(first.join().unwrap().expect("a permit"));
        drop(second.join().unwrap().expect("a permit"));
        replacing.join().unwrap();
        assert_eq!(bucket.rates(), [Rate::per_second(2)]);
        // The one who ran at the beginning is one window old by now; of the others one may be.
        assert!((1..=2).contains(&used(&bucket)), "{}", used(&bucket));
    });
}

/// Half as much is let through from some moment on: who waits starts at its time, or is refused, at once and with the
/// new time, as its allowance ends before.
#[test]
fn replaced_by_less_while_waiting() {
    explore("replaced by less while waiting", || {
        let registry = Registry::new();
        let (bucket, clock) = bucket(Rate::per_second(1));
        let bucket = registry.register(bucket).unwrap();
        let _running = bucket.try_acquire().expect("the first");
        let step = wait(&bucket);
        let first = Waiter::of(bucket.request().max_delay(step).acquire_async());
        let first = thread::spawn(move || first.wait());
        let replacing = thread::spawn({
            let (registry, clock) = (registry.clone(), clock.clone());
            let less = Bucket::named("modelled", Rate::new(1, 2 * SECOND)).guard(Duration::ZERO).clock(clock);
            move || drop(registry.register(less).unwrap())
        });
        clock.advance(step);
        match first.join().unwrap() {
            Ok(_) => assert!(used(&bucket) == 1, "it started one window after the first"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::DelayTooLong);
                let retry_after = error.retry_after().expect("a known time");
                assert!([step + SECOND, SECOND].contains(&retry_after), "{retry_after:?}");
            }
        }
        replacing.join().unwrap();
    });
}

/// A pause, another pace and back, while somebody waits: the one who waits is told of each.
#[test]
fn paused_and_slowed_while_waiting() {
    explore("paused and slowed while waiting", || {
        let registry = Registry::new();
        let (bucket, clock) = bucket(Rate::per_second(1));
        let bucket = registry.register(bucket).unwrap();
        let _running = bucket.try_acquire().expect("the first");
        let step = wait(&bucket);
        let first = Waiter::on(&bucket);
        let first = thread::spawn(move || first.wait());
        let pausing = thread::spawn({
            let bucket = bucket.clone();
            move || bucket.pause(SECOND).unwrap()
        });
        let slowing = thread::spawn({
            let registry = registry.clone();
            move || {
                registry.set_pace(Pace::Slow);
                registry.set_pace(Pace::Normal);
            }
        });
        // Half of the way lies behind it, then all of it, and the longest pause.
        clock.advance(step / 2);
        pausing.join().unwrap();
        slowing.join().unwrap();
        clock.advance(2 * step);
        drop(first.join().unwrap().expect("a permit"));
        assert_eq!(wait(&bucket), step, "one has just started");
    });
}

fn used(bucket: &Bucket) -> u32 {
    bucket.peek().unwrap().rates()[0].used()
}

fn acquiring(bucket: &Bucket) -> JoinHandle<Result<Permit, Error>> {
    let bucket = bucket.clone();
    thread::spawn(move || bucket.request().max_delay(FOREVER).acquire())
}
