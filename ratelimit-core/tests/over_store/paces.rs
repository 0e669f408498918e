//! Processes at half speed, whose calls take twice their weight: what of that is given back, whatever the pace is then.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ratelimit_core::feedback::Feedback;
use ratelimit_core::site::Site;
use ratelimit_core::{Bucket, Error, Pace, Permit, Rate, Registry};

use crate::common::{FOREVER, Task};
use crate::stalled::{Stalled, settle, used};

/// A process at half speed, and another one.
struct Slow {
    world: Stalled,
    registry: Registry,
    bucket: Bucket,
    other: Bucket,
}

impl Slow {
    fn new(rate: Rate) -> Self {
        Slow::of(Bucket::named("api", rate))
    }

    fn of(declared: Bucket) -> Self {
        let world = Stalled::new();
        let process = || {
            let store = Arc::clone(&world.store);
            Registry::builder().store(store).clock(world.clock.clone()).build()
        };
        let (registry, others) = (process(), process());
        let bucket = registry.register(declared.clone()).unwrap();
        let other = others.register(declared).unwrap();
        registry.set_pace(Pace::Slow);
        // One that is dropped closes its buckets.
        std::mem::forget(others);
        Slow { world, registry, bucket, other }
    }

    fn used(&self) -> u32 {
        settle(&self.bucket);
        used(&self.other)
    }
}

const PACES: [Pace; 2] = [Pace::Slow, Pace::Normal];

#[test]
fn who_leaves_gives_back_all_that_was_reserved() {
    for pace in PACES {
        let slow = Slow::new(Rate::per_second(10));
        let tasks: Vec<Task> = (0..10).map(|_| Stalled::asking(&slow.bucket, 1)).collect();
        assert_eq!(slow.used(), 20);
        slow.registry.set_pace(pace);
        drop(tasks);
        assert_eq!(slow.used(), 0, "{pace}");
    }
}

/// Of what was reserved at full speed no more is given back.
#[test]
fn who_leaves_gives_back_no_more_than_was_reserved() {
    let slow = Slow::new(Rate::per_second(10));
    let _four = [(); 2].map(|()| slow.bucket.try_acquire().unwrap());
    slow.registry.set_pace(Pace::Normal);
    let tasks: Vec<Task> = (0..10).map(|_| Stalled::asking(&slow.bucket, 1)).collect();
    assert_eq!(slow.used(), 14);
    slow.registry.set_pace(Pace::Slow);
    drop(tasks);
    assert_eq!(slow.used(), 4);
}

/// Half of the limit or more takes all of it, at most twice the weight; what is charged takes twice its weight, into debt.
#[test]
fn permits_give_back_what_was_taken() {
    type Take = fn(&Bucket) -> Result<Permit, Error>;
    let takes: [(Take, u32); 4] = [
        (|bucket| bucket.request().weight(3).try_acquire(), 6),
        (|bucket| bucket.request().weight(7).max_delay(FOREVER).acquire(), 10),
        (|bucket| bucket.request().weight(10).try_acquire(), 10),
        (|bucket| bucket.request().weight(8).charge(), 16),
    ];
    for pace in PACES {
        for (take, taken) in takes {
            let slow = Slow::new(Rate::per_hour(10));
            let permit = take(&slow.bucket).unwrap();
            assert_eq!(slow.used(), taken);
            slow.registry.set_pace(pace);
            permit.correct(2);
            assert_eq!(slow.used(), 4, "{taken}: as if it had been asked for 2");
            permit.correct(1);
            assert_eq!(slow.used(), 2, "{taken}");
            permit.refund();
            assert_eq!(slow.used(), 0, "{taken}");
            assert!(slow.other.request().weight(10).try_acquire().is_ok());
        }
    }
}

#[test]
fn what_is_still_within_what_was_taken_gives_nothing_back() {
    let slow = Slow::new(Rate::per_hour(10));
    let permit = slow.bucket.request().weight(7).try_acquire().unwrap();
    for (cost, left) in [(6, 10), (5, 10), (4, 8)] {
        permit.correct(cost);
        assert_eq!(slow.used(), left);
    }
    permit.refund();
    assert_eq!(slow.used(), 0);
}

/// By the pace of that moment.
#[test]
fn what_a_call_cost_more_counts_twice() {
    let slow = Slow::new(Rate::per_hour(100));
    let permit = slow.bucket.try_acquire().unwrap();
    permit.correct(5);
    assert_eq!(slow.used(), 10);
    slow.registry.set_pace(Pace::Normal);
    permit.correct(7);
    assert_eq!(slow.used(), 12);
    permit.refund();
    assert_eq!(slow.used(), 10, "what it cost more cannot be given back");
}

/// An answer under limits that are not in force any more, whoever asked for it.
#[test]
fn what_is_of_no_use_goes_back_whole() {
    for blocks in [false, true] {
        let slow = Slow::new(Rate::per_hour(10));
        let stall = slow.world.store.gate.lock().unwrap();
        let asks = slow.world.store.asks();
        let bucket = slow.bucket.clone();
        let mut task = (!blocks).then(|| Stalled::asking(&bucket, 3));
        let thread = blocks.then(|| {
            thread::spawn(move || bucket.request().weight(3).max_delay(Duration::from_secs(1)).acquire())
        });
        while slow.world.store.asks() == asks {
            thread::yield_now();
        }
        slow.bucket.close();
        drop(stall);
        let refused = thread.map(|thread| thread.join().unwrap());
        assert!(refused.or_else(|| task.as_mut()?.poll()).unwrap().is_err());
        while slow.world.store.asks() < asks + 2 {
            thread::yield_now();
        }
        drop(slow.world.store.gate.lock().unwrap());
        let mut looks = (0..100_000).map(|_| used(&slow.other));
        assert!(looks.any(|used| used == 0), "{blocks}: {}", used(&slow.other));
    }
}

/// What the server counts knows no pace: a call weighs there what it weighs, and that is given back.
#[test]
fn the_servers_windows_are_given_back_what_they_counted() {
    let slow = Slow::of(Bucket::named("api", Rate::per_hour(100)).max_waiting(3));
    let at = || slow.bucket.request().key("ann").route("GET /");
    let answer = Feedback::default().limit(3).remaining(3).reset_after(Duration::from_secs(3600));
    at().try_acquire().unwrap().observe(&answer);
    settle(&slow.bucket);
    let _charged = at().charge().unwrap();
    assert_eq!(at().peek().unwrap().wait(), Some(Duration::ZERO));
    let stall = slow.world.store.gate.lock().unwrap();
    let mut task = Task::new(at().max_delay(FOREVER).acquire_async());
    assert!(task.poll().is_none());
    drop(task);
    drop(stall);
    settle(&slow.bucket);
    let _two = [(); 2].map(|()| at().try_acquire().unwrap());
    assert!(at().try_acquire().is_err());
}

/// Its permits have accounts from the start on.
#[test]
fn an_answer_is_of_the_function_that_was_called() {
    static FIRST: Site = Site::dynamic("first");
    static SECOND: Site = Site::dynamic("second");
    let slow = Slow::new(Rate::per_hour(100));
    let start = |site: &'static Site| site.call_on(&slow.bucket).acquire().map(|permit| site.mark(permit));
    let answer = Feedback::default().limit(5).remaining(1).reset_after(Duration::from_secs(60));
    let mut first = Task::new(FIRST.call_on(&slow.bucket).acquire_async());
    assert!(first.poll().is_none());
    settle(&slow.bucket);
    FIRST.mark(first.poll().unwrap().unwrap()).observe(&answer);
    settle(&slow.bucket);
    let _last = start(&FIRST).unwrap();
    assert!(start(&FIRST).is_err());
    let _others = [(); 9].map(|()| start(&SECOND).unwrap());
}

#[test]
fn a_look_tells_what_a_call_would_meet() {
    let slow = Slow::new(Rate::per_hour(3));
    assert_eq!(slow.bucket.peek().unwrap().wait(), Some(Duration::ZERO));
    drop(slow.bucket.request().try_acquire().unwrap());
    let (look, refused) = (slow.bucket.peek().unwrap(), slow.bucket.try_acquire().unwrap_err());
    assert!(refused.retry_after() > Some(Duration::ZERO));
    assert_eq!(look.wait(), refused.retry_after());
}
