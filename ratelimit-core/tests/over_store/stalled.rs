//! Processes over a store that keeps them waiting for its answers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic fails the test"
)]

use std::sync::Arc;
use std::time::Duration;

use ratelimit_core::clock::ManualClock;
use ratelimit_core::{Bucket, Error, Permit, Rate};

use crate::common::{FOREVER, Task};
use crate::faulty::Faulty;

/// Processes over a store that can be stalled.
pub(crate) struct Stalled {
    pub(crate) clock: ManualClock,
    pub(crate) store: Arc<Faulty>,
}

impl Stalled {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new();
        clock.advance(Duration::from_secs(1_000_000));
        Stalled { store: Arc::new(Faulty::new(&clock)), clock }
    }

    pub(crate) fn process(&self, rate: Rate) -> Bucket {
        Bucket::named("api", rate).store(Arc::clone(&self.store)).clock(self.clock.clone())
    }

    pub(crate) fn asking(bucket: &Bucket, weight: u32) -> Task {
        let mut task = Task::new(bucket.request().weight(weight).max_delay(FOREVER).acquire_async());
        assert!(task.poll().is_none(), "the store is asked elsewhere");
        task
    }
}

/// Until all is answered that was asked, and all is told that came of it.
pub(crate) fn settle(bucket: &Bucket) {
    for _ in 0..2 {
        // It may be carried along with what is to fail.
        let _ = bucket.peek();
    }
}

pub(crate) fn used(bucket: &Bucket) -> u32 {
    bucket.peek().unwrap().rates()[0].used()
}
/// Polls `task` whenever it is woken, as time goes on, until it ends.
pub(crate) fn end(world: &Stalled, bucket: &Bucket, task: &mut Task) -> Result<Permit, Error> {
    for _ in 0..20 {
        settle(bucket);
        if task.is_woken() {
            if let Some(ended) = task.poll() {
                return ended;
            }
        } else {
            world.clock.set(world.clock.next_wake().expect("somebody waits"));
        }
    }
    panic!("it waits for ever")
}
