//! Calls that are dropped, closed, moved to other limits, stores and clocks, while a store is being asked for them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic fails the test"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

use ratelimit_core::clock::{Clock, ManualClock, Sleep, Timestamp};
use ratelimit_core::store::MemoryStore;
use ratelimit_core::{Bucket, Error, ErrorKind, Permit, Rate, Registry};

use crate::common::{FOREVER, Task, ms};
use crate::faulty::{Fault, Faulty};

/// Processes over a store that can be stalled.
struct Stalled {
    clock: ManualClock,
    store: Arc<Faulty>,
}

impl Stalled {
    fn new() -> Self {
        let clock = ManualClock::new();
        clock.advance(Duration::from_secs(1_000_000));
        Stalled { store: Arc::new(Faulty::new(&clock)), clock }
    }

    fn process(&self, rate: Rate) -> Bucket {
        Bucket::named("api", rate).store(Arc::clone(&self.store)).clock(self.clock.clone())
    }

    fn asking(bucket: &Bucket, weight: u32) -> Task {
        let mut task = Task::new(bucket.request().weight(weight).max_delay(FOREVER).acquire_async());
        assert!(task.poll().is_none(), "the store is asked elsewhere");
        task
    }
}

/// Until all is answered that was asked, and all is told that came of it.
fn settle(bucket: &Bucket) {
    for _ in 0..2 {
        // It may be carried along with what is to fail.
        let _ = bucket.peek();
    }
}

fn used(bucket: &Bucket) -> u32 {
    bucket.peek().unwrap().rates()[0].used()
}

#[test]
fn dropped_before_it_is_polled_nothing_is_asked() {
    let world = Stalled::new();
    let bucket = world.process(Rate::per_second(1));
    drop(bucket.acquire_async());
    assert_eq!(world.store.asks(), 0);
}

#[test]
fn dropped_while_it_is_asked_for_it_gives_back_what_comes() {
    let world = Stalled::new();
    let (bucket, other) = (world.process(Rate::per_second(1)), world.process(Rate::per_second(1)));
    let stall = world.store.gate.lock().unwrap();
    let first = Stalled::asking(&bucket, 1);
    drop(first);
    drop(stall);
    settle(&bucket);
    assert_eq!(used(&other), 0);
    assert!(other.try_acquire().is_ok());
}

#[test]
fn dropped_with_a_start_reserved_those_behind_move_up_and_the_last_place_is_given_back() {
    let world = Stalled::new();
    let (bucket, other) = (world.process(Rate::per_second(1)), world.process(Rate::per_second(1)));
    drop(other.try_acquire().unwrap());
    let first = Stalled::asking(&bucket, 1);
    let mut second = Stalled::asking(&bucket, 1);
    settle(&bucket);
    let asks = world.store.asks();
    drop(first);
    settle(&bucket);
    // The refund and two looks.
    assert_eq!(world.store.asks(), asks + 3);
    assert_eq!(other.peek().unwrap().wait(), Some(Duration::from_micros(2 * 1_020_001)));
    world.clock.advance(Duration::from_micros(1_020_001));
    assert!(second.is_woken());
    assert!(second.poll().unwrap().is_ok());
}

#[test]
fn dropped_at_its_turn_the_next_has_it() {
    let world = Stalled::new();
    let bucket = world.process(Rate::per_second(1));
    drop(bucket.try_acquire().unwrap());
    let first = Stalled::asking(&bucket, 1);
    let mut second = Stalled::asking(&bucket, 1);
    settle(&bucket);
    world.clock.advance(Duration::from_micros(1_020_001));
    assert!(first.is_woken() && !second.is_woken());
    drop(first);
    assert!(second.is_woken());
    assert!(second.poll().unwrap().is_ok());
    settle(&bucket);
    assert_eq!(used(&bucket), 1);
}

/// What somebody who has left was asking for is nobody's reason to fail.
#[test]
fn who_comes_behind_one_who_left_is_asked_for_itself() {
    let world = Stalled::new();
    let bucket = world.process(Rate::per_second(2));
    let stall = world.store.gate.lock().unwrap();
    drop(Stalled::asking(&bucket, 1));
    let mut tries = Task::new(bucket.request().max_delay(Duration::ZERO).acquire_async());
    assert!(tries.poll().is_none());
    // A trip is no waiting, whosever it is.
    world.clock.advance(ms(1));
    drop(stall);
    settle(&bucket);
    assert!(tries.poll().unwrap().is_ok());
    settle(&bucket);
    assert_eq!(used(&bucket), 1);
}

/// A head that is to ask again, and is not polled, holds nobody up who stands behind it.
#[test]
fn who_does_not_ask_is_passed_over() {
    let world = Stalled::new();
    // Reserved starts are over after 5 ms: before anybody is passed over.
    let bucket = world.process(Rate::new(4, ms(250)));
    drop(bucket.request().weight(4).try_acquire().unwrap());
    let mut heavy = Stalled::asking(&bucket, 2);
    let mut light = Stalled::asking(&bucket, 1);
    settle(&bucket);
    let ended = end(&world, &bucket, &mut light);
    assert!(ended.is_ok(), "it was held up by one that nobody polls");
    assert!(heavy.is_woken() && heavy.poll().is_none());
    assert!(end(&world, &bucket, &mut heavy).is_ok());
}

/// Polls `task` whenever it is woken, as time goes on, until it ends.
fn end(world: &Stalled, bucket: &Bucket, task: &mut Task) -> Result<Permit, Error> {
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

#[test]
fn closed_while_it_is_asked_for() {
    let world = Stalled::new();
    let (bucket, other) = (world.process(Rate::per_second(1)), world.process(Rate::per_second(1)));
    let stall = world.store.gate.lock().unwrap();
    let mut task = Stalled::asking(&bucket, 1);
    bucket.close();
    assert!(task.is_woken());
    assert_eq!(task.poll().unwrap().unwrap_err().kind(), ErrorKind::Closed);
    drop(stall);
    // What was granted meanwhile goes back.
    while world.store.asks() < 2 {
        thread::yield_now();
    }
    drop(world.store.gate.lock().unwrap());
    while used(&other) > 0 {
        thread::yield_now();
    }
}

/// Who waits under other limits has its place under the old ones given back before it asks anew.
#[test]
fn other_limits_while_others_wait() {
    let world = Stalled::new();
    let registry = Registry::new();
    let bucket = registry.register(world.process(Rate::per_hour(1))).unwrap();
    drop(bucket.try_acquire().unwrap());
    let mut first = Stalled::asking(&bucket, 1);
    let mut second = Stalled::asking(&bucket, 1);
    settle(&bucket);
    registry.register(world.process(Rate::per_hour(3))).unwrap();
    for task in [&mut first, &mut second] {
        assert!(task.is_woken());
        assert!(task.poll().is_none());
        settle(&bucket);
        assert!(task.poll().unwrap().is_ok());
    }
    assert_eq!(used(&bucket), 3);
    assert!(bucket.try_acquire().is_err());
}

/// An answer under limits that are not in force any more is of no use, and its start goes back.
#[test]
fn other_limits_while_the_store_is_asked() {
    let world = Stalled::new();
    let registry = Registry::new();
    let bucket = registry.register(world.process(Rate::per_hour(5))).unwrap();
    let stall = world.store.gate.lock().unwrap();
    let mut task = Stalled::asking(&bucket, 3);
    registry.register(world.process(Rate::per_hour(2))).unwrap();
    drop(stall);
    settle(&bucket);
    assert!(task.is_woken());
    let ended = task.poll().or_else(|| {
        settle(&bucket);
        task.poll()
    });
    assert_eq!(ended.unwrap().unwrap_err().kind(), ErrorKind::TooHeavy);
    settle(&bucket);
    assert_eq!(used(&bucket), 0);
}

#[test]
fn another_store_and_none_while_others_wait() {
    let world = Stalled::new();
    let registry = Registry::builder().clock(world.clock.clone()).build();
    let here = || Bucket::named("api", Rate::per_hour(2)).clock(world.clock.clone());
    let bucket = registry.register(here()).unwrap();
    let permits = [bucket.try_acquire().unwrap(), bucket.try_acquire().unwrap()];
    let waiting = |span| Task::new(bucket.request().max_delay(span).acquire_async());
    let (mut first, mut second, mut third) = (waiting(FOREVER), waiting(FOREVER), waiting(FOREVER));
    let mut short = waiting(Duration::from_secs(3605));
    for task in [&mut first, &mut second, &mut third] {
        assert!(task.poll().is_none());
    }
    assert!(short.poll().unwrap().is_err(), "behind all others");
    let mut short = Task::new(bucket.request().key("k").max_delay(ms(5)).acquire_async());
    let _of_key = bucket.request().key("k").weight(2).try_acquire().unwrap();
    assert!(short.poll().unwrap().is_err());
    // From none to a store: what was started here is not known there.
    registry.register(here().store(Arc::clone(&world.store))).unwrap();
    assert!(first.is_woken() && first.poll().is_none());
    settle(&bucket);
    assert!(first.poll().unwrap().is_ok());
    assert!(second.poll().is_none());
    // To another one, while the first is asked.
    let clock = world.clock.clone();
    let other = Arc::new(MemoryStore::new(clock));
    registry.register(here().store(Arc::clone(&other))).unwrap();
    assert!(second.poll().is_none());
    settle(&bucket);
    assert!(second.poll().unwrap().is_ok());
    assert!(third.poll().is_none());
    settle(&bucket);
    // What this process has started over the first store counts there, too.
    assert!(third.poll().is_none());
    assert_eq!(used(&bucket), 3, "two have started, one has a start reserved");
    // And to none again.
    registry.register(here()).unwrap();
    assert!(third.poll().unwrap().is_ok(), "nothing is remembered here");
    drop(permits);
}

/// Allowances go on where a bucket gets a store, and where it loses it while that is asked.
#[test]
fn allowances_end_whatever_becomes_of_the_store() {
    let world = Stalled::new();
    let registry = Registry::builder().clock(world.clock.clone()).build();
    let here = || Bucket::named("api", Rate::per_hour(1)).clock(world.clock.clone()).in_flight(1);
    let bucket = registry.register(here()).unwrap();
    let running = bucket.try_acquire().unwrap();
    let mut waits = Task::new(bucket.request().max_delay(ms(500)).acquire_async());
    assert!(waits.poll().is_none(), "a body runs that may end");
    registry.register(here().store(Arc::clone(&world.store))).unwrap();
    assert!(waits.poll().is_none());
    settle(&bucket);
    world.clock.advance(ms(501));
    assert!(waits.is_woken());
    assert_eq!(waits.poll().unwrap().unwrap_err().kind(), ErrorKind::DelayTooLong);
    drop(running);
    let stall = world.store.gate.lock().unwrap();
    let mut asks = Task::new(bucket.request().max_delay(ms(500)).acquire_async());
    assert!(asks.poll().is_none());
    registry.register(here().and(Rate::new(1, ms(1)))).unwrap();
    drop(stall);
    bucket.pause(Duration::from_secs(9)).unwrap();
    assert!(asks.is_woken());
    assert_eq!(asks.poll().unwrap().unwrap_err().kind(), ErrorKind::DelayTooLong);
}

/// A pause moves turns past allowances at once, and gives back what is reserved within it.
#[test]
fn paused_while_others_wait() {
    let world = Stalled::new();
    let (bucket, other) = (world.process(Rate::per_second(1)), world.process(Rate::per_second(1)));
    drop(bucket.try_acquire().unwrap());
    let mut short = Task::new(bucket.request().max_delay(Duration::from_secs(2)).acquire_async());
    assert!(short.poll().is_none());
    let mut long = Stalled::asking(&bucket, 1);
    settle(&bucket);
    bucket.pause(Duration::from_secs(3)).unwrap();
    assert!(short.is_woken());
    let error = short.poll().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::DelayTooLong, Some(Duration::from_secs(3))));
    settle(&bucket);
    assert_eq!(other.peek().unwrap().wait(), Some(Duration::from_micros(1_020_001)));
    world.clock.advance(Duration::from_secs(3));
    assert!(long.is_woken() && long.poll().is_none());
    settle(&bucket);
    assert!(long.poll().unwrap().is_ok());
}

#[test]
fn another_clock_while_the_store_is_asked() {
    let world = Stalled::new();
    let registry = Registry::new();
    let clock = world.clock.clone();
    registry.set_clock(clock.clone());
    let bucket = Bucket::named("api", Rate::per_second(1)).store(Arc::clone(&world.store));
    let bucket = registry.register(bucket).unwrap();
    drop(bucket.try_acquire().unwrap());
    let stall = world.store.gate.lock().unwrap();
    let mut task = Stalled::asking(&bucket, 1);
    // Far behind the old one.
    let slow = ManualClock::new();
    registry.set_clock(slow.clone());
    drop(stall);
    settle(&bucket);
    assert!(task.is_woken() && task.poll().is_none());
    settle(&bucket);
    let step = Duration::from_micros(1_020_001);
    for clock in [&clock, &slow] {
        clock.advance(step);
    }
    assert!(task.poll().unwrap().is_ok());
    settle(&bucket);
    assert_eq!(used(&bucket), 1);
}

/// A store that fails while others wait: who asked is told, who has a start reserved keeps it.
#[test]
fn a_failure_meets_who_asked_alone() {
    let world = Stalled::new();
    let bucket = world.process(Rate::per_second(1));
    drop(bucket.try_acquire().unwrap());
    let mut reserved = Stalled::asking(&bucket, 1);
    settle(&bucket);
    for fault in [Fault::Before, Fault::After] {
        world.store.fail_next(fault);
        let mut fails = Stalled::asking(&bucket, 1);
        settle(&bucket);
        assert_eq!(fails.poll().unwrap().unwrap_err().kind(), ErrorKind::Store);
    }
    world.clock.advance(Duration::from_micros(1_020_001));
    assert!(reserved.poll().unwrap().is_ok());
}

/// Polls at once, and calls the bucket from there.
struct Caller {
    bucket: Bucket,
    calls: AtomicU32,
}

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        assert!(self.bucket.peek().is_ok());
        let granted = self.bucket.try_acquire().is_ok();
        self.calls.fetch_add(1 + u32::from(granted), Ordering::SeqCst);
    }
}

/// A waker runs on the thread that carries: what it asks of the same bucket is carried by it.
#[test]
fn a_waker_may_call() {
    let world = Stalled::new();
    let bucket = world.process(Rate::per_second(5));
    let caller = Arc::new(Caller { bucket: bucket.clone(), calls: AtomicU32::new(0) });
    let mut task = Task::new(bucket.acquire_async());
    assert!(task.poll_with(&Waker::from(Arc::clone(&caller))));
    while caller.calls.load(Ordering::SeqCst) < 1 {
        thread::yield_now();
    }
    assert!(task.poll().unwrap().is_ok());
    settle(&bucket);
    assert!(used(&bucket) <= 2);
}

/// Panics once it is told to.
#[derive(Clone, Debug)]
struct Panicky {
    clock: ManualClock,
    panics: Arc<AtomicBool>,
}

impl Clock for Panicky {
    fn now(&self) -> Timestamp {
        assert!(!self.panics.load(Ordering::SeqCst), "on purpose");
        self.clock.now()
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        self.clock.sleep_until(at)
    }
}

/// A clock that panics while the store is asked holds nobody up afterwards.
#[test]
fn a_clock_that_panics_loses_no_answer() {
    let world = Stalled::new();
    let clock = Panicky { clock: world.clock.clone(), panics: Arc::default() };
    let bucket =
        Bucket::named("api", Rate::per_second(2)).store(Arc::clone(&world.store)).clock(clock.clone());
    let stall = world.store.gate.lock().unwrap();
    let mut task = Stalled::asking(&bucket, 1);
    while world.store.asks() < 1 {
        thread::yield_now();
    }
    clock.panics.store(true, Ordering::SeqCst);
    drop(stall);
    while !task.is_woken() {
        thread::yield_now();
    }
    clock.panics.store(false, Ordering::SeqCst);
    assert!(task.poll().is_none(), "nobody knows when it may start: it asks again");
    settle(&bucket);
    assert!(task.poll().unwrap().is_ok());
    settle(&bucket);
    assert_eq!(used(&bucket), 1);
}

/// Tasks and threads on one bucket, and another process beside them: nobody waits for ever, and no window has more.
#[test]
#[expect(clippy::disallowed_methods, reason = "real time is what is tested")]
fn tasks_and_threads_at_once() {
    let store = Arc::new(MemoryStore::default());
    let declared = || Bucket::named("api", Rate::new(40, ms(250))).store(Arc::clone(&store));
    let (one, other) = (declared(), declared());
    let begin = std::time::Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut starts: Vec<Duration> = Vec::new();
    let tasks: Vec<_> = (0..100)
        .map(|index| {
            let bucket = if index % 3 == 0 { other.clone() } else { one.clone() };
            runtime.spawn(async move {
                let acquired = bucket.request().max_delay(FOREVER).acquire_async();
                if index % 5 == 0 {
                    // Half of them leave.
                    let left = tokio::time::timeout(ms(index % 40), acquired).await;
                    return left.ok().map(|permit| (permit.unwrap(), begin.elapsed()).1);
                }
                drop(acquired.await.unwrap());
                Some(begin.elapsed())
            })
        })
        .collect();
    let threads: Vec<_> = (0..6)
        .map(|index| {
            let bucket = if index % 2 == 0 { other.clone() } else { one.clone() };
            thread::spawn(move || {
                let start = |_| {
                    drop(bucket.request().max_delay(FOREVER).acquire().unwrap());
                    begin.elapsed()
                };
                (0..10).map(start).collect::<Vec<_>>()
            })
        })
        .collect();
    for thread in threads {
        starts.extend(thread.join().unwrap());
    }
    for task in tasks {
        starts.extend(runtime.block_on(task).unwrap());
    }
    starts.sort_unstable();
    assert!((140..=160).contains(&starts.len()), "{}", starts.len());
    // What is noted of a start is noted later than it, by as much as the machine is busy.
    for window in starts.windows(41 + 20) {
        assert!(window[60] > window[0] + ms(250), "{starts:?}");
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_eq!(one.peek().unwrap().waiting() + other.peek().unwrap().waiting(), 0);
}
