//! What goes wrong or calls in between while a store is being asked: failures, wakers, clocks, and many at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a panic fails the test"
)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

use ratelimit_core::clock::{Clock, ManualClock, Sleep, Timestamp};
use ratelimit_core::feedback::Feedback;
use ratelimit_core::store::{Answer, Ask, Entry, Failure, MemoryStore, Store};
use ratelimit_core::{Bucket, Error, ErrorKind, Permit, Rate, RateOutlook, Registry};

use crate::common::{FOREVER, Task, ms};
use crate::faulty::Fault;
use crate::stalled::{Stalled, settle, used};

/// A store to which it is some milliseconds, by the clock that both go by.
#[derive(Debug)]
struct Distant {
    store: MemoryStore,
    clock: ManualClock,
    /// By how much earlier than counted the last start may be, in microseconds, as trips were slow.
    slack: AtomicU64,
    granted: AtomicU32,
}

impl Store for Distant {
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>> {
        self.clock.advance(ms(4));
        let answers = self.store.play(asks, timeout);
        self.clock.advance(ms(4));
        if let Some(slack) = answers.iter().flatten().find_map(Answer::slack) {
            self.slack.store(slack, Ordering::SeqCst);
            self.granted.fetch_add(1, Ordering::SeqCst);
        }
        answers
    }
}

/// What the store has lost is put back by further trips, and asked for again: a wait is from the last answer on, and its
/// trip alone has to be quick enough.
#[test]
fn nobody_starts_early_or_too_late_whose_ask_was_played_again() {
    let clock = ManualClock::new();
    clock.advance(Duration::from_secs(1_000_000));
    let store = MemoryStore::new(clock.clone());
    let (slack, granted) = (AtomicU64::new(0), AtomicU32::new(0));
    let store = Arc::new(Distant { store, clock: clock.clone(), slack, granted });
    let declared = Bucket::named("api", Rate::per_second(2)).guard(ms(20)).clock(clock.clone());
    let bucket = declared.store(Arc::clone(&store));
    let started: Vec<_> = (0..2).map(|_| bucket.try_acquire().unwrap().counted().unwrap()).collect();
    // It was decided half way.
    let micros = |clock: &ManualClock| clock.now().as_nanos() / 1000;
    let offset = started[1] - (micros(&clock) - 4000);
    store.store.clear();
    let mut task = Stalled::asking(&bucket, 1);
    settle(&bucket);
    clock.set(clock.next_wake().expect("it was granted"));
    let permit = task.poll().expect("its time has come").unwrap();
    assert_eq!(store.granted.load(Ordering::SeqCst), 2 + 1, "not one in vain");
    let (now, counted) = (micros(&clock) + offset, permit.counted().unwrap());
    let earliest = counted - store.slack.load(Ordering::SeqCst);
    assert!(counted > started[0] + 1_020_000, "{counted} after {started:?}");
    assert!(
        (earliest..counted + 20_000).contains(&now),
        "{now}, and it counts at {counted}, from {earliest} on"
    );
}

/// What a store has lost of many is put back for all who ask together, once, in two further trips.
#[test]
fn what_is_lost_of_many_keys_is_put_back_together() {
    let world = Stalled::new();
    let bucket = world.process(Rate::per_hour(10)).total(Rate::per_hour(1000));
    let asking = |key: u32| {
        let mut task = Task::new(bucket.request().key(key).max_delay(FOREVER).acquire_async());
        assert!(task.poll().is_none(), "the store is asked elsewhere");
        task
    };
    for key in 0..40_u32 {
        drop(bucket.request().key(key).try_acquire().unwrap());
    }
    world.store.store.clear();
    let before = world.store.trips.load(Ordering::SeqCst);
    let stall = world.store.gate.lock().unwrap();
    let mut tasks: Vec<Task> = (0..40).chain([7, 7]).map(asking).collect();
    drop(stall);
    settle(&bucket);
    for task in &mut tasks {
        assert!(task.poll().expect("it was answered").is_ok());
    }
    let trips = world.store.trips.load(Ordering::SeqCst) - before;
    assert!(trips <= 3 + (1 + 3 * 2) + 2, "{trips}: who came first, all the others, and two looks");
    let used = |key: u32| -> Vec<u32> {
        bucket.request().key(key).peek().unwrap().rates().iter().map(RateOutlook::used).collect()
    };
    assert_eq!([used(7), used(39)], [[4, 82], [2, 82]]);
}

/// A store of which records can be lost, and all else stays.
#[derive(Debug)]
struct Forgetful {
    states: Mutex<HashMap<Entry, Vec<u8>>>,
    clock: ManualClock,
    takes: Duration,
}

impl Forgetful {
    fn new(clock: &ManualClock, takes: Duration) -> Arc<Self> {
        Arc::new(Forgetful { states: Mutex::default(), clock: clock.clone(), takes })
    }
}

impl Store for Forgetful {
    fn play(&self, asks: &[Ask], _timeout: Duration) -> Vec<Result<Answer, Failure>> {
        let mut table = self.states.lock().unwrap();
        self.clock.advance(self.takes);
        let now = Duration::from_nanos(self.clock.now().as_nanos());
        let play = |ask: &Ask| {
            let states: Vec<_> = ask.entries().map(|entry| table.get(entry).map(Vec::as_slice)).collect();
            let judged = ask.judge(now, &states)?;
            for (entry, written) in ask.entries().zip(judged.writes()) {
                if let Some(written) = written {
                    table.insert(entry.clone(), written.state().to_vec());
                }
            }
            Ok(judged.into_answer())
        };
        asks.iter().map(play).collect()
    }
}

/// Of two who were asked for together the one that was asked for again has the later answer, which is noted first.
#[test]
fn an_answer_of_before_the_last_one_moves_no_start() {
    let clock = ManualClock::new();
    clock.advance(Duration::from_secs(1_000_000));
    let store = Forgetful::new(&clock, ms(8));
    let bucket = Bucket::named("api", Rate::per_second(10)).total(Rate::per_second(4)).guard(ms(200));
    let bucket = bucket.store(Arc::clone(&store)).clock(clock.clone());
    let first = bucket.request().key("lost").try_acquire().unwrap().counted().unwrap();
    store.states.lock().unwrap().retain(|entry, _| !entry.to_string().ends_with("lost"));
    let stall = store.states.lock().unwrap();
    let asking = |key: &str| {
        let mut task = Task::new(bucket.request().key(key).max_delay(FOREVER).acquire_async());
        assert!(task.poll().is_none(), "the store is asked elsewhere");
        task
    };
    let tasks = ["alone", "lost", "other"].map(asking);
    drop(stall);
    settle(&bucket);
    for mut task in tasks {
        drop(task.poll().expect("it was answered").unwrap());
    }
    store.states.lock().unwrap().clear();
    let refused = bucket.request().key("other").try_acquire().unwrap_err();
    let now = Duration::from_nanos(clock.now().as_nanos());
    let again = now + refused.retry_after().unwrap();
    assert_eq!(again, Duration::from_micros(first + 1_200_001), "as it was put back");
}

/// Two processes of a bucket that learns, over such a store, which have both called before the server named its window.
fn renamed(clock: &ManualClock) -> (Arc<Forgetful>, [Registry; 2], [Bucket; 2], Permit) {
    clock.advance(Duration::from_secs(1_000_000));
    let store = Forgetful::new(clock, Duration::ZERO);
    let registries = [Registry::new(), Registry::new()];
    let processes = registries.each_ref().map(|process| {
        let bucket = Bucket::learned("api").and(Rate::per_hour(10)).store(Arc::clone(&store));
        process.register(bucket.clock(clock.clone())).unwrap()
    });
    let [one, other] = &processes;
    let says = Feedback::default().limit(5).remaining(3).reset_after(Duration::from_secs(60));
    of_route(one).unwrap().observe(&says);
    settle(one);
    let permit = of_route(other).unwrap();
    settle(other);
    of_route(one).unwrap().observe(&says.bucket("abcd"));
    settle(one);
    (store, registries, processes, permit)
}

fn of_route(bucket: &Bucket) -> Result<Permit, Error> {
    bucket.request().route("GET /").try_acquire()
}

fn is_record(entry: &Entry) -> bool {
    !entry.to_string().contains("/window:")
}

/// A replica that takes over may have heard of the one and not of the other.
#[test]
fn what_is_lost_of_a_window_that_has_another_name_is_found_there() {
    let (store, _registries, [_, other], permit) = renamed(&ManualClock::new());
    drop(permit);
    settle(&other);
    store.states.lock().unwrap().retain(|entry, _| !is_record(entry));
    assert!(of_route(&other).is_ok());
    assert_eq!(other.peek().unwrap().rates()[0].used(), 2, "what it knew of itself");
}

/// Else they would look as new as what this process knows of its own, and it would put back nothing that they lack.
#[test]
fn an_answer_that_follows_a_name_writes_no_record() {
    let clock = ManualClock::new();
    let (store, _registries, [_, other], permit) = renamed(&clock);
    let records = || {
        let states = store.states.lock().unwrap();
        let records = states.iter().filter(|(entry, _)| is_record(entry));
        records.map(|(entry, state)| (entry.to_string(), state.clone())).collect::<Vec<_>>()
    };
    let before = records();
    clock.advance(ms(7));
    permit.observe(&Feedback::default().limit(5).remaining(1).reset_after(Duration::from_secs(60)));
    settle(&other);
    assert_eq!(records(), before);
    assert!(of_route(&other).is_ok() && of_route(&other).is_err(), "it was heard");
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

/// A thread that was answered, and whose clock panics before it could start, has started nothing.
#[test]
fn a_clock_that_panics_as_a_thread_is_answered_takes_nothing() {
    let world = Stalled::new();
    let clock = Panicky { clock: world.clock.clone(), panics: Arc::default() };
    let bucket =
        Bucket::named("api", Rate::per_second(2)).store(Arc::clone(&world.store)).clock(clock.clone());
    let stall = world.store.gate.lock().unwrap();
    let calling = bucket.clone();
    let caller = thread::spawn(move || calling.try_acquire().is_ok());
    while world.store.asks() < 1 {
        thread::yield_now();
    }
    clock.panics.store(true, Ordering::SeqCst);
    drop(stall);
    assert!(caller.join().is_err(), "the panic is the caller's");
    clock.panics.store(false, Ordering::SeqCst);
    settle(&bucket);
    assert_eq!(used(&bucket), 0);
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
