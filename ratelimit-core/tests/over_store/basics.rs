//! One call after the other.
#![allow(clippy::expect_used, reason = "a failure of the tests' own world")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::executor::block_on;
use ratelimit_core::clock::ManualClock;
use ratelimit_core::store::MemoryStore;
use ratelimit_core::{Bucket, ErrorKind, Pace, Rate, RateOutlook, Registry};

/// Processes that share a store, all on one manual clock.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) store: Arc<MemoryStore>,
    /// One that is dropped closes its buckets.
    registries: Mutex<Vec<Registry>>,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new();
        clock.advance(Duration::from_secs(1_000_000));
        World { store: Arc::new(MemoryStore::new(clock.clone())), clock, registries: Mutex::default() }
    }

    /// A process's handle of `bucket`.
    pub(crate) fn process(&self, bucket: Bucket) -> Bucket {
        let bucket = bucket.store(Arc::clone(&self.store)).clock(self.clock.clone());
        let registry = Registry::new();
        let bucket = registry.register(bucket).expect("limits that can be");
        self.registries.lock().expect("nobody panics with it").push(registry);
        bucket
    }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn processes_share_one_limit() {
    let world = World::new();
    let declared = || Bucket::named("api", Rate::per_second(3)).guard(Duration::ZERO);
    let (one, other) = (world.process(declared()), world.process(declared()));
    let first = one.try_acquire().unwrap();
    assert_eq!(first.waited(), Duration::ZERO);
    assert!(other.try_acquire().is_ok() && one.try_acquire().is_ok());
    let refused = other.try_acquire().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Limited);
    assert_eq!(refused.rate(), Some(Rate::per_second(3)));
    assert_eq!(refused.retry_after(), Some(Duration::from_micros(1_000_001)));
    world.clock.advance(Duration::from_micros(1_000_001));
    assert!(block_on(other.request().max_delay(Duration::ZERO).acquire_async()).is_ok());
}

#[test]
fn a_look_tells_the_guard_in_force() {
    let world = World::new();
    let guard = |bucket| world.process(bucket).peek().unwrap().guard();
    assert_eq!(guard(Bucket::named("usual", Rate::per_second(3))), ms(20));
    let keyed = Bucket::named("total", Rate::per_second(3)).guard(ms(7)).total(Rate::per_second(30));
    assert_eq!(guard(keyed), ms(7));
}

#[test]
fn who_waits_has_a_start_reserved() {
    let world = World::new();
    let declared = || Bucket::named("api", Rate::per_second(1));
    let (one, other) = (world.process(declared()), world.process(declared()));
    drop(one.try_acquire().unwrap());
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| other.request().max_delay(ms(5000)).acquire());
        world.clock.wait_for_sleepers(1);
        // The next in line, of another process, stands behind it.
        while wait(&one) < Some(ms(2_000)) {
            std::thread::yield_now();
        }
        let refused = one.try_acquire().unwrap_err();
        assert_eq!(refused.retry_after(), Some(Duration::from_micros(2 * 1_020_001)));
        world.clock.advance(Duration::from_micros(1_020_001));
        assert_eq!(waits.join().unwrap().unwrap().waited(), Duration::from_micros(1_020_001));
    });
}

/// How long a call would wait.
fn wait(bucket: &Bucket) -> Option<Duration> {
    bucket.peek().ok()?.wait()
}

#[test]
fn at_half_speed_a_process_takes_half() {
    let world = World::new();
    let registry = Registry::builder().store(Arc::clone(&world.store)).clock(world.clock.clone()).build();
    let slow = registry.register(Bucket::named("api", Rate::per_second(10))).unwrap();
    registry.set_pace(Pace::Slow);
    assert_eq!((0..10).filter(|_| slow.try_acquire().is_ok()).count(), 5);
    registry.set_pace(Pace::Normal);
    assert!(slow.try_acquire().is_err(), "the others are kept from nobody else's call");
    // What is heavier than half of it takes all of it.
    world.clock.advance(Duration::from_secs(2));
    registry.set_pace(Pace::Slow);
    assert!(slow.request().weight(7).try_acquire().is_ok());
    assert!(slow.try_acquire().is_err());
    assert_eq!(slow.request().weight(11).try_acquire().unwrap_err().kind(), ErrorKind::TooHeavy);
}

#[test]
fn every_verb_works() {
    let world = World::new();
    let declared = || {
        Bucket::named("api", Rate::per_hour(10)).and(Rate::per_second(4).burst(8)).total(Rate::per_hour(20))
    };
    let (one, other) = (world.process(declared()), world.process(declared()));
    let used = |bucket: &Bucket| -> Vec<u32> {
        bucket.request().key("ann").peek().unwrap().rates().iter().map(RateOutlook::used).collect()
    };
    let permit = one.request().key("ann").weight(3).try_acquire().unwrap();
    assert_eq!(used(&other), [3, 3, 3]);
    permit.correct(5);
    assert_eq!(used(&one), [5, 5, 5], "what is told is told before what is asked later");
    permit.correct(4);
    drop(permit);
    assert_eq!(used(&one), [4, 4, 4]);
    let permit = other.request().key("ann").weight(2).try_acquire().unwrap();
    permit.refund();
    assert_eq!(used(&other), [4, 4, 4]);
    drop(one.request().key("ann").weight(7).charge().unwrap());
    assert_eq!(used(&other), [11, 11, 11], "into debt");
    let refused = other.request().key("ann").try_acquire().unwrap_err();
    assert_eq!((refused.kind(), refused.key()), (ErrorKind::Limited, Some("ann")));
    assert!(other.request().key("bob").try_acquire().is_ok());
    one.request().key("ann").reset().unwrap();
    assert_eq!(used(&other), [0, 0, 12], "what it took from the total stays taken");
    one.reset().unwrap();
    assert_eq!(used(&other), [0, 0, 0]);
    one.close();
    assert_eq!(one.try_acquire().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(one.peek().unwrap_err().kind(), ErrorKind::Closed);
    assert!(other.try_acquire().is_ok(), "that was this process's handle alone");
}
