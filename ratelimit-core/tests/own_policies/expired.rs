//! Many allowances end at once: how often a policy is asked, and who is told so.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ratelimit_core::ErrorKind;
use ratelimit_core::clock::Timestamp;
use ratelimit_core::policy::{Earliest, Outcome, Policy};

use crate::common::{FOREVER, Task, ms};
use crate::slots::{bucket, slots};

/// One start in each millisecond; counts how often it is asked.
#[derive(Clone, Debug)]
struct Spaced {
    next: Timestamp,
    asked: Arc<AtomicUsize>,
}

impl Policy for Spaced {
    fn earliest(&self, now: Timestamp, _weight: u32) -> Earliest {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Earliest::At(now.max(self.next))
    }

    fn commit(&mut self, now: Timestamp, _weight: u32) {
        self.next = Timestamp::from_nanos(now.max(self.next).as_nanos() + 1_000_000);
    }

    fn settle(&mut self, _start: Timestamp, _now: Timestamp, _weight: u32, _outcome: &Outcome) {}

    fn idle_at(&self) -> Option<Timestamp> {
        Some(self.next)
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }
}

/// All that are too late are found by one walk along the line, however many wait in front of them.
#[test]
fn those_who_are_late_together_are_refused_by_one_walk() {
    const MANY: usize = 300;
    let asked = Arc::default();
    let (clock, bucket) = bucket(Spaced { next: Timestamp::ZERO, asked: Arc::clone(&asked) });
    let waits = |allowed| {
        let mut task = Task::new(bucket.request().max_delay(allowed).acquire_async());
        assert!(task.poll().is_none());
        task
    };
    drop(bucket.try_acquire().expect("the first"));
    let patient: Vec<Task> = (0..MANY).map(|_| waits(FOREVER)).collect();
    let mut late: Vec<Task> = (0..MANY).map(|_| waits(ms(2000))).collect();
    let before = asked.load(Ordering::SeqCst);
    clock.advance(ms(9000));
    let asked = asked.load(Ordering::SeqCst) - before;
    println!("asked {asked} times about {} who wait", 2 * MANY);
    assert!(asked <= 8 * MANY, "{asked} times");
    for task in &mut late {
        let refused = task.poll().expect("it is refused").expect_err("it is late");
        assert_eq!(refused.kind(), ErrorKind::DelayTooLong);
        let wait = refused.retry_after().expect("it is known");
        assert_eq!(wait, ms(300), "behind all that wait however long");
    }
    drop(patient);
}

/// Only the first whose turn is unknown goes: behind it there may be room.
#[test]
fn who_has_room_once_the_first_is_refused_is_in_time() {
    let (_probe, clock, bucket) = slots(2);
    let held = bucket.try_acquire().expect("room");
    let asks = |weight, allowed| {
        let mut task = Task::new(bucket.request().weight(weight).max_delay(ms(allowed)).acquire_async());
        assert!(task.poll().is_none(), "it has to wait");
        task
    };
    let (mut heavy, mut light) = (asks(2, 100), asks(1, 101));
    clock.advance(ms(105));
    assert!(heavy.is_woken() && heavy.poll().is_some_and(|ended| ended.is_err()));
    assert!(light.is_woken() && light.poll().is_some_and(|ended| ended.is_ok()));
    drop(held);
}
