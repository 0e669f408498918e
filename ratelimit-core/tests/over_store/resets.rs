//! What is forgotten in a store on purpose.
#![allow(clippy::expect_used, reason = "a failure of the tests' own world")]

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ratelimit_core::clock::ManualClock;
use ratelimit_core::feedback::Feedback;
use ratelimit_core::store::{Answer, Ask, Failure, MemoryStore, Store};
use ratelimit_core::{Bucket, Rate, RateOutlook, Registry};

use crate::basics::World;
use crate::common::{FOREVER, Task};
use crate::faulty::Faulty;

/// All keys together, and no trip for each.
#[test]
fn a_reset_asks_for_many_keys_in_a_trip() {
    let clock = ManualClock::new();
    let store = Arc::new(Faulty::new(&clock));
    let process = || Bucket::named("api", Rate::per_hour(1)).store(Arc::clone(&store)).clock(clock.clone());
    let (one, other) = (process(), process());
    for key in 0..300 {
        drop(one.request().key(key).try_acquire().expect("the first of its key"));
    }
    // Learning, each of them has the bucket's window and one by the route.
    one.request().key(0).route("GET /").observe(&Feedback::default()).expect("a bucket that is open");
    one.peek().expect("a store that answers");
    let (asks, trips) = (store.asks(), store.trips.load(Ordering::SeqCst));
    one.reset().expect("a store that answers");
    assert_eq!(store.asks() - asks, 301 * 3);
    assert_eq!(store.trips.load(Ordering::SeqCst) - trips, 4, "256 asks each");
    assert!((0..300).all(|key| other.request().key(key).try_acquire().is_ok()));
    let trips = store.trips.load(Ordering::SeqCst);
    one.request().key(7).reset().expect("a store that answers");
    assert_eq!(store.trips.load(Ordering::SeqCst) - trips, 1);
    assert!(other.request().key(7).try_acquire().is_ok() && other.request().key(8).try_acquire().is_err());
}

fn settle(bucket: &Bucket) {
    bucket.peek().expect("a store that answers");
}

/// What was started before a reset is not given back by taking away what was started since.
#[test]
fn a_start_from_before_a_reset_gives_nothing_back() {
    for rate in [Rate::per_hour(1), Rate::per_hour(1).fixed(), Rate::per_hour(1).burst(1)] {
        let world = World::new();
        let declared = || Bucket::named("api", rate).total(rate).guard(Duration::ZERO);
        let processes = [(); 3].map(|()| world.process(declared()));
        let [one, other, third] = &processes;
        for resets in [one, other] {
            let (early, corrected) = (one.try_acquire().expect("as fresh"), one.request().weight(0).charge());
            resets.reset().expect("a store that answers");
            let between = other.try_acquire().expect("as fresh");
            early.refund();
            corrected.expect("it costs nothing").correct(0);
            settle(one);
            assert!(third.try_acquire().is_err(), "{rate}");
            between.refund();
            settle(other);
            drop(third.try_acquire().expect("what is of today is given back"));
            // Of a key alone, what it took from the total is not reset, and given back.
            one.reset().expect("a store that answers");
            let early = one.request().key("ann").try_acquire().expect("as fresh");
            resets.request().key("ann").reset().expect("a store that answers");
            early.refund();
            settle(one);
            let between = other.request().key("ann").try_acquire().expect("as fresh, and the total too");
            between.refund();
            settle(other);
            one.reset().expect("a store that answers");
        }
    }
}

/// However many keys it is of: how often it was reset is told in a few bits.
#[test]
fn what_is_of_all_keys_is_reset_once() {
    let world = World::new();
    let declared = || Bucket::named("api", Rate::per_hour(10)).total(Rate::per_hour(1000).burst(1000));
    let (one, other) = (world.process(declared()), world.process(declared()));
    let start = |bucket: &Bucket, key: u32| bucket.request().key(key).try_acquire().expect("as fresh");
    for key in 1..255 {
        drop(start(&one, key));
    }
    let early = start(&one, 0);
    drop(one.try_acquire().expect("as fresh"));
    one.reset().expect("a store that answers");
    for key in 0..3 {
        drop(start(&other, key));
    }
    early.refund();
    settle(&one);
    let of_all = other.peek().expect("a store that answers").rates().last().map(RateOutlook::used);
    assert_eq!(of_all, Some(3));
}

/// Who has not heard of it remembers starts that count no more.
#[test]
fn a_reset_is_undone_by_nobody() {
    for rate in [Rate::per_hour(2), Rate::per_hour(2).fixed(), Rate::per_hour(2).burst(2)] {
        let world = World::new();
        let declared = || Bucket::named("api", rate).guard(Duration::ZERO);
        let (one, other) = (world.process(declared()), world.process(declared()));
        let two = [(); 2].map(|()| other.try_acquire().expect("as fresh"));
        one.reset().expect("a store that answers");
        // As long as the store keeps what nothing counts of.
        world.clock.advance(Duration::from_secs(100));
        drop(other.try_acquire().expect("as fresh"));
        // Nor where the store loses what it knows.
        world.store.clear();
        drop(other.try_acquire().expect("one of two"));
        assert!(other.try_acquire().is_err(), "{rate}: but what came since is put back");
        drop(two);
    }
}

/// A store in which somebody comes between two trips.
struct Between {
    store: MemoryStore,
    comes: Arc<Mutex<Option<Task>>>,
    /// How many trips to let go by.
    after: AtomicU64,
}

impl fmt::Debug for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Between").finish_non_exhaustive()
    }
}

impl Store for Between {
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>> {
        let answers = self.store.play(asks, timeout);
        if self.after.fetch_sub(1, Ordering::SeqCst) == 1
            && let Some(task) = &mut *self.comes.lock().expect("nobody panics with it")
        {
            assert!(task.poll().is_none(), "it asks in the next trip");
        }
        answers
    }
}

/// What is reserved while a reset is under way is of after it, and not used.
#[test]
fn what_is_reserved_while_a_reset_runs_is_given_back() {
    let clock = ManualClock::new();
    clock.advance(Duration::from_secs(1_000_000));
    let comes = Arc::new(Mutex::new(None));
    let (store, after) = (MemoryStore::new(clock.clone()), AtomicU64::new(u64::MAX));
    let store = Arc::new(Between { store, comes: Arc::clone(&comes), after });
    let bucket = Bucket::named("api", Rate::per_hour(1)).store(Arc::clone(&store)).clock(clock);
    for key in 0..300 {
        drop(bucket.request().key(key).try_acquire().expect("the first of its key"));
    }
    *comes.lock().expect("nobody panics with it") =
        Some(Task::new(bucket.request().max_delay(FOREVER).acquire_async()));
    // The calls without a key are reset in the first trip of two.
    store.after.store(1, Ordering::SeqCst);
    bucket.reset().expect("a store that answers");
    let started = (0..100).find_map(|_| {
        settle(&bucket);
        comes.lock().expect("nobody panics with it").as_mut()?.poll()
    });
    assert!(started.expect("nothing was started").is_ok());
}

/// It is in another record then.
#[test]
fn what_was_put_back_can_be_given_back() {
    let world = World::new();
    let declared = || Bucket::named("api", Rate::per_hour(2)).total(Rate::per_hour(2));
    let (one, other) = (world.process(declared()), world.process(declared()));
    let two = [(); 2].map(|()| one.try_acquire().expect("as fresh"));
    world.store.clear();
    for early in two {
        // The first of them finds out that it is lost.
        early.refund();
        settle(&one);
        drop(other.try_acquire().expect("it was given back"));
        assert!(other.try_acquire().is_err());
    }
}

/// A clock of one process is none of the others' business.
#[test]
fn the_same_clock_again_resets_nothing_in_a_store() {
    let world = World::new();
    let registry = Registry::builder().store(Arc::clone(&world.store)).clock(world.clock.clone()).build();
    let declared = || Bucket::named("api", Rate::per_hour(1));
    let (here, other) =
        (registry.register(declared()).expect("limits that can be"), world.process(declared()));
    drop(other.try_acquire().expect("as fresh"));
    here.pause(Duration::from_secs(7200)).expect("a bucket that is open");
    registry.set_clock(world.clock.clone());
    assert!(other.try_acquire().is_err());
    let waits = here.peek().expect("a store that answers").wait();
    assert_eq!(waits, Some(Duration::from_micros(3_600_020_001)), "what is of the process is as fresh");
}

/// What was on its way to the server before a reset takes nothing of what is since.
#[test]
fn a_call_from_before_a_reset_lands_nowhere() {
    let world = World::new();
    let (one, other) = (world.process(Bucket::learned("api")), world.process(Bucket::learned("api")));
    let early = one.try_acquire().expect("the first finds out");
    world.clock.advance(Duration::from_secs(1));
    other.reset().expect("a store that answers");
    world.clock.advance(Duration::from_secs(1));
    let probe = other.try_acquire().expect("the first since");
    early.refund();
    settle(&one);
    assert!(other.try_acquire().is_err(), "it is still on its way");
    drop(probe);
}
