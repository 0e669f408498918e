//! How often a policy is asked when many allowances end at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ratelimit_core::ErrorKind;
use ratelimit_core::clock::Timestamp;
use ratelimit_core::policy::{Earliest, Outcome, Policy};

use crate::common::{FOREVER, Task, ms};
use crate::slots::bucket;

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
