//! Answers are heard, or never come, while others wait for what the server's window lets through.
//!
//! The clock stands still: whoever is not told that he may start waits for ever, which the scheduler finds.

mod common;

use std::time::Duration;

use common::{FOREVER, SECOND, Waiter, bucket, explore};
use ratelimit_core::feedback::Feedback;
use ratelimit_core::{Bucket, Permit, Rate, Request};
use shuttle::thread;

fn on(bucket: &Bucket) -> Request<'_> {
    bucket.request().route("route").max_delay(FOREVER)
}

fn left(remaining: u64) -> Feedback {
    Feedback::default().limit(10).remaining(remaining).reset_after(60 * SECOND)
}

/// As many are on their way as the window has room for.
fn full<const N: usize>() -> (Bucket, [Permit; N]) {
    let (bucket, _clock) = bucket(Rate::per_second(1_000));
    on(&bucket).try_acquire().expect("nothing is known").observe(&left(N as u64));
    let permits = [(); N].map(|()| on(&bucket).try_acquire().expect("there is room"));
    (bucket, permits)
}

fn wait(bucket: &Bucket) -> thread::JoinHandle<()> {
    let waiter = Waiter::of(on(bucket).acquire_async());
    thread::spawn(move || drop(waiter.wait().expect("a permit")))
}

/// One gives its place back while a newcomer looks: whoever waits starts.
#[test]
fn given_back_while_another_looks() {
    explore("given back while another looks", || {
        let (bucket, [permit]) = full();
        let waiting = wait(&bucket);
        let newcomer = bucket.clone();
        let looking = thread::spawn(move || drop(on(&newcomer).max_delay(Duration::ZERO).try_acquire()));
        permit.refund();
        looking.join().unwrap();
        waiting.join().unwrap();
        assert_eq!(bucket.peek().unwrap().waiting(), 0);
    });
}

/// One is answered and one is lost, in whatever order: there is room for one more either way, and for no two.
#[test]
fn answered_while_another_is_lost() {
    explore("answered while another is lost", || {
        let (bucket, [heard, lost]) = full();
        let waiting = wait(&bucket);
        let losing = thread::spawn(move || drop(lost));
        heard.observe(&left(9));
        losing.join().unwrap();
        waiting.join().unwrap();
        assert!(on(&bucket).try_acquire().is_err(), "two are charged");
    });
}

/// The server names the window while somebody waits for it and another call ends: he goes along, and so does the call.
#[test]
fn named_while_another_ends() {
    explore("named while another ends", || {
        let (bucket, [heard, ends]) = full();
        let waiting = wait(&bucket);
        let ending = thread::spawn(move || ends.refund());
        heard.observe(&left(5).bucket("name"));
        ending.join().unwrap();
        waiting.join().unwrap();
        let rest = [(); 3].map(|()| on(&bucket).try_acquire().is_ok());
        assert_eq!(rest, [true, false, false], "two remained, and one of them is charged");
    });
}

/// A permit is marked, corrected and told of by two threads.
#[test]
fn corrected_while_it_is_told_of() {
    explore("corrected while it is told of", || {
        let (bucket, [permit, other]) = full();
        let waiting = wait(&bucket);
        thread::scope(|scope| {
            scope.spawn(|| permit.correct(0));
            permit.observe(&left(9));
        });
        drop((permit, other));
        waiting.join().unwrap();
    });
}
