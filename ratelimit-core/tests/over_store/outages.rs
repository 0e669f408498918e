//! A store that fails, and what becomes of calls meanwhile and afterwards. How long that takes is what is tested, in real
//! time.
#![expect(clippy::disallowed_methods, clippy::expect_used, reason = "real time is what is tested")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::error::Error as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use ratelimit_core::clock::{ManualClock, Timestamp};
use ratelimit_core::feedback::Feedback;
use ratelimit_core::store::{Answer, Ask, Failure, MemoryStore, OnOutage, Store};
use ratelimit_core::{Bucket, ErrorKind, Rate, RateOutlook};

use crate::common::Task;

/// A store that can be switched off.
#[derive(Debug, Default)]
struct Switched {
    store: MemoryStore,
    is_off: AtomicBool,
    /// So many trips fail from now on; with the reply lost, if `loses`, after they were played.
    fails: AtomicUsize,
    /// So many before that do not.
    spares: AtomicUsize,
    loses: AtomicBool,
    /// How long each trip takes.
    takes: Mutex<Duration>,
    trips: AtomicUsize,
    /// The most that was asked in one, and how much in all.
    most: AtomicUsize,
    asks: AtomicUsize,
    /// As long as somebody holds it nobody is answered.
    gate: Mutex<()>,
    timeout: Option<Duration>,
}

impl Store for Switched {
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>> {
        self.trips.fetch_add(1, Ordering::Relaxed);
        self.most.fetch_max(asks.len(), Ordering::Relaxed);
        self.asks.fetch_add(asks.len(), Ordering::Relaxed);
        drop(self.gate.lock().expect("nobody panics with it"));
        let takes = *self.takes.lock().expect("nobody panics with it");
        thread::sleep(takes.min(timeout));
        if takes > timeout {
            return vec![Err(Failure::new("too slow")); asks.len()];
        }
        let less = |fails: usize| fails.checked_sub(1);
        let next =
            |count: &AtomicUsize| count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        let fails = !next(&self.spares) && next(&self.fails);
        if fails && self.loses.load(Ordering::Relaxed) {
            self.store.play(asks, timeout);
        }
        if fails || self.is_off.load(Ordering::Relaxed) {
            return vec![Err(Failure::new("switched off")); asks.len()];
        }
        self.store.play(asks, timeout)
    }

    fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(Duration::from_millis(250))
    }
}

impl Switched {
    fn switch(&self, is_off: bool) {
        self.is_off.store(is_off, Ordering::Relaxed);
    }

    /// The next trips fail: too few for the store to count as away.
    fn fail(&self, trips: usize) {
        self.fails.store(trips, Ordering::Relaxed);
    }
}

/// Goes on until `done`, for at most two seconds.
fn within_two_seconds(mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < Duration::from_secs(2), "not within two seconds");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn calls_fail_unless_said_otherwise_and_go_on_by_themselves() {
    let store = Arc::new(Switched::default());
    let bucket = Bucket::named("api", Rate::per_second(1000)).store(Arc::clone(&store));
    store.switch(true);
    for _ in 0..20 {
        let error = bucket.try_acquire().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store);
        assert_eq!(error.source().unwrap().to_string(), "switched off");
        assert_eq!(error.to_string(), "bucket `api` is kept in a store that does not answer: switched off");
    }
    let trips = store.trips.load(Ordering::Relaxed);
    assert!(trips < 8, "while it is away it is left alone: {trips}");
    store.switch(false);
    within_two_seconds(|| bucket.try_acquire().is_ok());
}

#[test]
fn by_itself_a_process_keeps_to_its_share_and_tells_it_afterwards() {
    let store = Arc::new(Switched::default());
    let declared = || {
        let bucket = Bucket::named("api", Rate::per_hour(20)).store(Arc::clone(&store));
        bucket.on_outage(OnOutage::Local { share: 0.5 })
    };
    let (one, other) = (declared(), declared());
    for _ in 0..4 {
        drop(one.try_acquire().unwrap());
    }
    store.switch(true);
    let granted = (0..30).filter(|_| one.try_acquire().is_ok()).count();
    assert_eq!(granted, 6, "its half, less what it has started before");
    store.switch(false);
    within_two_seconds(|| {
        let _ = one.try_acquire();
        other.peek().is_ok_and(|outlook| outlook.rates()[0].used() >= 10)
    });
    let granted = (0..30).filter(|_| other.try_acquire().is_ok()).count();
    let used = other.peek().unwrap().rates()[0].used();
    assert_eq!(used, 20, "{granted} granted after ten");
}

#[test]
fn everything_may_be_allowed() {
    let store = Arc::new(Switched::default());
    let bucket = Bucket::named("api", Rate::per_hour(2)).store(Arc::clone(&store));
    let bucket = bucket.on_outage(OnOutage::Allow);
    store.switch(true);
    let mut started = 0;
    let mut start = || {
        let granted = bucket.try_acquire().is_ok();
        started += u32::from(granted);
        granted
    };
    assert!((0..50).all(|_| start()));
    store.switch(false);
    within_two_seconds(|| !start());
    assert_eq!(bucket.peek().unwrap().rates()[0].used(), started);
}

#[test]
fn what_the_store_has_lost_is_put_back() {
    let store = Arc::new(Switched::default());
    let declared =
        || Bucket::named("api", Rate::per_hour(10)).total(Rate::per_hour(15)).store(Arc::clone(&store));
    let (one, other) = (declared(), declared());
    for _ in 0..4 {
        drop(one.try_acquire().unwrap());
        drop(other.try_acquire().unwrap());
    }
    store.store.clear();
    drop(one.try_acquire().unwrap());
    assert_eq!(one.peek().unwrap().rates()[0].used(), 5, "what the other started is not known yet");
    drop(other.try_acquire().unwrap());
    let outlook = other.peek().unwrap();
    assert_eq!(outlook.rates().iter().map(RateOutlook::used).collect::<Vec<_>>(), [10, 10]);
    assert!(one.try_acquire().is_err());
}

#[test]
fn no_call_takes_longer_than_one_trip_may() {
    let store = Arc::new(Switched::default());
    let bucket = Bucket::named("api", Rate::per_second(1000)).store(Arc::clone(&store));
    *store.takes.lock().unwrap() = Duration::from_secs(10);
    for _ in 0..5 {
        let begin = Instant::now();
        assert_eq!(bucket.try_acquire().unwrap_err().kind(), ErrorKind::Store);
        assert!(begin.elapsed() < Duration::from_millis(550), "{:?}", begin.elapsed());
    }
}

/// Each start is within the guard of how it is counted, although the answer takes longer than that.
#[test]
fn a_slow_store_serves_in_time() {
    let store = Arc::new(Switched::default());
    let bucket = Bucket::named("api", Rate::per_second(5)).store(Arc::clone(&store));
    *store.takes.lock().unwrap() = Duration::from_millis(60);
    let begin = Instant::now();
    let starts: Vec<Duration> = (0..11)
        .map(|_| {
            drop(bucket.request().max_delay(Duration::from_secs(5)).acquire().unwrap());
            begin.elapsed()
        })
        .collect();
    for (first, sixth) in starts.iter().zip(&starts[5..]) {
        assert!(*sixth > *first + Duration::from_secs(1), "{starts:?}");
    }
    assert!(starts[10] < Duration::from_secs(4), "{starts:?}");
}

/// A process of its own that goes on with that share of so many an hour.
fn process(store: &Arc<Switched>, amount: u32, share: f64) -> Bucket {
    let bucket = Bucket::named("api", Rate::per_hour(amount)).store(Arc::clone(store));
    bucket.on_outage(OnOutage::Local { share })
}

fn used(bucket: &Bucket) -> u32 {
    bucket.peek().unwrap().rates()[0].used()
}

fn starts(bucket: &Bucket, tries: usize) -> usize {
    (0..tries).filter(|_| bucket.try_acquire().is_ok()).count()
}

#[test]
fn what_was_started_in_one_failed_trip_is_told() {
    for manner in [OnOutage::Allow, OnOutage::Local { share: 1.0 }] {
        let store = Arc::new(Switched::default());
        let bucket = process(&store, 10, 1.0).on_outage(manner);
        store.fail(2);
        assert_eq!(starts(&bucket, 2), 2);
        assert_eq!(starts(&bucket, 20), 8, "{manner:?}");
        assert_eq!(used(&bucket), 10);
    }
}

#[test]
fn what_is_told_is_told_once_whoever_wrote_meanwhile() {
    for others in [0, 1] {
        let store = Arc::new(Switched::default());
        let (one, other) = (process(&store, 20, 1.0), process(&store, 20, 1.0));
        assert_eq!(starts(&one, 3), 3);
        store.fail(2);
        assert_eq!(starts(&one, 2), 2);
        assert_eq!(starts(&other, others), others);
        assert_eq!(starts(&one, 1), 1);
        assert_eq!(used(&one) as usize, 6 + others);
    }
}

/// As a server does that restarts empty: it is away, and it loses what it knew.
#[test]
fn what_is_told_is_told_once_where_the_store_has_lost_the_rest() {
    let store = Arc::new(Switched::default());
    let bucket = process(&store, 20, 1.0);
    assert_eq!(starts(&bucket, 3), 3);
    store.fail(2);
    assert_eq!(starts(&bucket, 2), 2);
    store.store.clear();
    assert_eq!(starts(&bucket, 1), 1);
    assert_eq!(used(&bucket), 6);
    store.store.clear();
    assert_eq!(starts(&bucket, 1), 1);
    assert_eq!(used(&bucket), 7, "told once, they are its own as well");
}

#[test]
fn the_share_counts_what_was_started_by_the_store_in_between() {
    let store = Arc::new(Switched::default());
    let bucket = process(&store, 20, 0.5);
    assert_eq!(starts(&bucket, 4), 4);
    store.fail(2);
    assert_eq!(starts(&bucket, 2), 2);
    assert_eq!(starts(&bucket, 3), 3);
    store.fail(2);
    assert_eq!(starts(&bucket, 2), 1, "its half is ten");
    assert_eq!(used(&bucket), 10);
}

/// Nobody knows whether it counts: it is never left out, and told again only to a store that answers.
#[test]
fn what_was_told_without_a_reply_is_told_again() {
    let store = Arc::new(Switched::default());
    let (bucket, other) = (process(&store, 40, 0.5), process(&store, 40, 0.5));
    store.fail(2);
    assert_eq!(starts(&bucket, 2), 2);
    store.loses.store(true, Ordering::Relaxed);
    store.fail(8);
    assert_eq!(starts(&bucket, 8), 8);
    store.fail(0);
    within_two_seconds(|| bucket.peek().is_ok() && used(&other) > 0);
    assert_eq!((used(&other), used(&bucket)), (10, 10), "while it did not answer it was told nothing");
    store.fail(1);
    assert_eq!(starts(&bucket, 1), 1, "the store has counted this one, which was then started without it");
    store.spares.store(1, Ordering::Relaxed);
    store.fail(1);
    // The reply to what it was told is lost.
    assert_eq!(starts(&bucket, 1), 0);
    assert_eq!(starts(&bucket, 1), 1);
    assert_eq!(used(&bucket), 14, "ten, the one three times, and the last");
}

/// As many as there are, in calls of some; whoever asks for one of the others afterwards finds it.
#[test]
fn what_was_started_of_many_keys_is_told_in_parts() {
    let store = Arc::new(Switched::default());
    let declared = || {
        let bucket = Bucket::named("api", Rate::per_hour(2)).total(Rate::per_hour(2000));
        bucket.store(Arc::clone(&store)).on_outage(OnOutage::Local { share: 1.0 })
    };
    let (one, other) = (declared(), declared());
    store.switch(true);
    for key in 0..1000 {
        assert!(one.request().key(key).try_acquire().is_ok());
    }
    store.switch(false);
    within_two_seconds(|| {
        let _ = one.request().key(0).peek();
        let outlook = other.request().key(999).peek().unwrap();
        outlook.rates()[1].used() == 1000 && outlook.rates()[0].used() == 1
    });
    within_two_seconds(|| (0..1000).all(|key| used_of(&other, key) == 1));
    assert!(store.most.load(Ordering::Relaxed) < 300, "{:?}", store.most);
}

fn used_of(bucket: &Bucket, key: u32) -> u32 {
    bucket.request().key(key).peek().unwrap().rates()[0].used()
}

/// What the server says while the store is away is no start.
#[test]
fn what_is_heard_meanwhile_leaves_no_start_untold() {
    let store = Arc::new(Switched::default());
    let bucket = process(&store, 20, 1.0);
    let permit = bucket.try_acquire().unwrap();
    store.fail(1);
    permit.observe(&Feedback::default().limit(1000).remaining(900).reset_after(Duration::from_secs(60)));
    within_two_seconds(|| store.fails.load(Ordering::Relaxed) == 0);
    store.fail(1);
    assert_eq!(starts(&bucket, 2), 2);
    assert_eq!(used(&bucket), 3);
}

#[test]
fn a_key_that_is_reset_meanwhile_leaves_the_total_as_it_is() {
    let store = Arc::new(Switched::default());
    let bucket = Bucket::named("api", Rate::per_hour(2)).total(Rate::per_hour(20)).store(Arc::clone(&store));
    let bucket = bucket.on_outage(OnOutage::Local { share: 1.0 });
    store.switch(true);
    for _ in 0..2 {
        assert!(bucket.request().key(1).try_acquire().is_ok());
    }
    bucket.request().key(1).reset().unwrap();
    store.switch(false);
    // It is away, and asked again after a tenth of a second.
    let trips = store.trips.load(Ordering::Relaxed);
    within_two_seconds(|| {
        bucket.request().key(2).peek().is_ok() && store.trips.load(Ordering::Relaxed) > trips
    });
    let outlook = bucket.request().key(1).peek().unwrap();
    assert_eq!(outlook.rates().iter().map(RateOutlook::used).collect::<Vec<_>>(), [0, 2]);
}

/// By the clock of which nobody could count what is started before the first answer.
#[test]
fn what_day_a_program_takes_it_for_does_not_matter() {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let hour = Duration::from_secs(3600);
    for there in [wall.saturating_sub(hour), wall + hour, hour] {
        let clock = ManualClock::new();
        clock.set(Timestamp::from_nanos(u64::try_from(there.as_nanos()).unwrap()));
        let store = Arc::new(Switched { store: MemoryStore::new(clock.clone()), ..Switched::default() });
        let bucket = process(&store, 20, 1.0);
        store.fail(2);
        let permits = [bucket.try_acquire().unwrap(), bucket.try_acquire().unwrap()];
        assert_eq!(starts(&bucket, 1), 1);
        assert_eq!(used(&bucket), 3);
        for permit in permits {
            permit.refund();
        }
        assert_eq!(used(&bucket), 1, "what it is given back counts where it was told");
        clock.advance(hour + Duration::from_secs(60));
        assert_eq!(used(&bucket), 0);
    }
}

#[test]
fn nobody_goes_on_by_a_share_of_what_only_the_server_knows() {
    let store = Arc::new(Switched::default());
    let bucket = Bucket::learned("api").store(Arc::clone(&store));
    let bucket = bucket.on_outage(OnOutage::Local { share: 1.0 });
    store.switch(true);
    assert_eq!(bucket.try_acquire().unwrap_err().kind(), ErrorKind::Store);
    store.switch(false);
    within_two_seconds(|| bucket.try_acquire().is_ok());
}

#[test]
fn what_is_too_heavy_for_the_share_alone_fails_with_the_store() {
    let store = Arc::new(Switched::default());
    let bucket = process(&store, 4, 0.25);
    store.fail(1);
    assert_eq!(bucket.request().weight(3).try_acquire().unwrap_err().kind(), ErrorKind::Store);
    assert_eq!(bucket.request().weight(5).try_acquire().unwrap_err().kind(), ErrorKind::TooHeavy);
    assert!(bucket.request().weight(3).try_acquire().is_ok());
}

/// Far more than one trip takes along, and all of them too late when the first is back: nothing was sent for them, which
/// says nothing of the store and spends nothing, and what is given back meanwhile is not lost with them.
#[test]
fn who_comes_too_late_for_a_trip_is_no_failure_of_the_store() {
    let store = Arc::new(Switched { timeout: Some(Duration::from_millis(50)), ..Switched::default() });
    let bucket = Bucket::named("api", Rate::per_hour(10_000)).store(Arc::clone(&store));
    let permit = bucket.try_acquire().unwrap();
    let gate = store.gate.lock().unwrap();
    let asking = || Task::new(bucket.request().acquire_async());
    let mut tasks: Vec<Task> = vec![asking()];
    assert!(tasks[0].poll().is_none());
    within_two_seconds(|| store.trips.load(Ordering::Relaxed) == 2);
    for _ in 0..1000 {
        let mut task = asking();
        assert!(task.poll().is_none());
        tasks.push(task);
    }
    permit.refund();
    thread::sleep(Duration::from_millis(60));
    drop(gate);
    let mut granted = 0;
    for task in &mut tasks {
        let mut ended = None;
        within_two_seconds(|| {
            ended = task.poll();
            ended.is_some()
        });
        granted += u32::from(ended.unwrap().is_ok());
    }
    assert!(bucket.try_acquire().is_ok(), "it is there");
    assert_eq!((granted, used(&bucket)), (1, 2));
}

/// A bucket that is gone while the store is asked for it starts nothing any more.
#[test]
fn what_is_asked_for_a_bucket_that_is_gone_is_not_spent() {
    let store = Arc::new(Switched::default());
    let other = process(&store, 20, 1.0);
    let bucket = process(&store, 20, 1.0);
    assert_eq!(used(&other), 0);
    let gate = store.gate.lock().unwrap();
    let mut tasks = [0, 1].map(|_| Task::new(bucket.request().acquire_async()));
    assert!(tasks[0].poll().is_none());
    within_two_seconds(|| store.trips.load(Ordering::Relaxed) == 2);
    assert!(tasks[1].poll().is_none());
    drop((tasks, bucket));
    drop(gate);
    within_two_seconds(|| used(&other) == 0 && store.asks.load(Ordering::Relaxed) >= 3);
    thread::sleep(Duration::from_millis(50));
    assert_eq!(used(&other), 0);
}

/// The cause of a failure, which panics as it is dropped.
#[derive(Debug)]
struct Grim;

impl std::fmt::Display for Grim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("grim")
    }
}

impl std::error::Error for Grim {}

impl Drop for Grim {
    fn drop(&mut self) {
        assert!(thread::panicking(), "dropped");
    }
}

#[derive(Debug)]
struct GrimStore;

impl Store for GrimStore {
    fn play(&self, asks: &[Ask], _: Duration) -> Vec<Result<Answer, Failure>> {
        asks.iter().map(|_| Err(Failure::new(Grim))).collect()
    }
}

#[test]
fn whoever_panics_on_the_way_the_next_are_answered() {
    let bucket = Bucket::named("api", Rate::per_hour(20)).store(GrimStore);
    let mut tasks: Vec<Task> = (0..20).map(|_| Task::new(bucket.request().acquire_async())).collect();
    let mut ended = 0;
    for task in &mut tasks {
        let mut error = None;
        within_two_seconds(|| {
            error = task.poll();
            error.is_some()
        });
        ended += 1;
        let error = error.unwrap().unwrap_err();
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(error)));
    }
    assert_eq!(ended, 20);
    std::mem::forget(bucket);
}
