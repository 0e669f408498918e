//! Eight threads and 64 tasks hammer one bucket in real time, guard zero: no window over what they started holds too much.
//!
//! What can be proven from outside: the bucket decides at a time that lies between a reading that the granting call
//! made of the clock, on the thread that made it, and the newest reading that anybody had made when the call returned
//! (a bucket's time never goes back, so a call may be counted at another's newer reading). A recording clock remembers
//! both. Between its grant and its body a thread may be descheduled for any time, so a body's own time says only that
//! the grant was not later. Hence all is judged by intervals: starts that *surely* fall into one window may not exceed the
//! limit, and no machine's noise can make a right engine fail. How fast it goes is a lower bound only.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod common;

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use common::{FOREVER, ns};
use ratelimit_core::clock::{Clock, Sleep, SystemClock, Timestamp};
use ratelimit_core::{Bucket, Permit, Rate};

const THREADS: usize = 8;
const TASKS: usize = 64;
const SPAN: u64 = 3_000_000_000;

static NEWEST: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static READINGS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// The system clock, which remembers what it showed to whom.
#[derive(Debug)]
struct Recorder;

impl Clock for Recorder {
    fn now(&self) -> Timestamp {
        let now = SystemClock.now();
        NEWEST.fetch_max(now.as_nanos(), Ordering::SeqCst);
        READINGS.with_borrow_mut(|readings| readings.push(now.as_nanos()));
        now
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        SystemClock.sleep_until(at)
    }
}

/// What is known of one start.
#[derive(Clone, Copy, Debug)]
struct Start {
    /// The grant's reading: it was decided then or later.
    from: u64,
    /// The newest reading when the call returned: it was decided then or before.
    to: u64,
    /// When the body ran.
    body: u64,
}

fn take_readings() -> Vec<u64> {
    READINGS.with_borrow_mut(std::mem::take)
}

/// The body: `readings` are those of its own call.
fn body(permit: &Permit, readings: &[u64]) -> Start {
    let to = NEWEST.load(Ordering::SeqCst);
    let body = SystemClock.now().as_nanos();
    let waited = u64::try_from(permit.waited().as_nanos()).expect("it fits");
    // The call joined at one of its readings and started at another, `waited` later; of several such pairs the
    // earliest start is the careful choice.
    let grants =
        readings.iter().filter(|read| read.checked_sub(waited).is_some_and(|it| readings.contains(&it)));
    let from = *grants.min().expect("a grant is decided at a reading that its own call made");
    Start { from, to, body }
}

async fn start_async(bucket: &Bucket) -> Start {
    let mut acquire = pin!(bucket.acquire_async());
    let mut readings = Vec::new();
    let permit = poll_fn(|context| {
        take_readings();
        let polled = acquire.as_mut().poll(context);
        readings.append(&mut take_readings());
        polled
    });
    let permit = permit.await.expect("a permit");
    body(&permit, &readings)
}

fn start_sync(bucket: &Bucket) -> Start {
    take_readings();
    let permit = bucket.acquire().expect("a permit");
    body(&permit, &take_readings())
}

fn hammer(rate: Rate) -> Vec<Start> {
    let bucket = Bucket::named("hammered", rate).guard(ns(0)).max_delay(FOREVER).clock(Recorder);
    let starts = Mutex::new(Vec::new());
    let record = |start: Start| starts.lock().expect("no panic").push(start);
    let end = SystemClock.now().as_nanos() + SPAN;
    let is_over = || SystemClock.now().as_nanos() > end;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().expect("a runtime");
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while !is_over() {
                    record(start_sync(&bucket));
                }
            });
        }
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let bucket = bucket.clone();
                runtime.spawn(async move {
                    let mut own = Vec::new();
                    while SystemClock.now().as_nanos() <= end {
                        own.push(start_async(&bucket).await);
                    }
                    own
                })
            })
            .collect();
        for task in tasks {
            runtime.block_on(task).expect("no panic").into_iter().for_each(record);
        }
    });
    let mut starts = starts.into_inner().expect("no panic");
    starts.sort_unstable_by_key(|start| start.from);
    starts
}

/// Most of those that surely lie in one closed span, for all spans from one's earliest to another's latest time:
/// `excess(span, count)` says by how much that is too many.
fn check(starts: &[Start], latest: impl Fn(&Start) -> u64, is_too_much: impl Fn(u64, u64) -> bool) {
    let mut by_end: Vec<(u64, u64)> = starts.iter().map(|start| (latest(start), start.from)).collect();
    by_end.sort_unstable();
    for first in starts {
        let mut count = 0;
        for (end, from) in &by_end {
            if *from >= first.from {
                count += 1;
                let span = end - first.from;
                assert!(!is_too_much(span, count), "{count} starts within {span} ns");
            }
        }
    }
}

fn check_all(starts: &[Start], rate: Rate) {
    let (amount, per) = (u64::from(rate.amount()), u64::try_from(rate.per().as_nanos()).expect("it fits"));
    let is_too_much = |span: u64, count: u64| match rate.burst_amount() {
        None => span <= per && count > amount,
        Some(burst) => {
            u128::from(count.saturating_sub(u64::from(burst))) * u128::from(per)
                > u128::from(span) * u128::from(amount)
        }
    };
    for start in starts {
        assert!(start.from <= start.to && start.to <= start.body, "a body runs after its grant: {start:?}");
    }
    // Exactly, over the times of the grants; then over those of the bodies, each widened by its own proven lag.
    check(starts, |start| start.to, is_too_much);
    check(starts, |start| start.body, is_too_much);
    let lag = starts.iter().map(|start| start.to - start.from).max().unwrap_or(0);
    let late = starts.iter().map(|start| start.body - start.from).max().unwrap_or(0);
    let span = starts[starts.len() - 1].from - starts[0].from;
    let permitted = span * amount / per;
    println!(
        "{rate}: {} starts of {permitted}, lag up to {lag} ns, bodies up to {late} ns late",
        starts.len()
    );
    // A lower bound only, and lax: a machine may stand still. What it shows is that no wake-up was lost.
    assert!(starts.len() as u64 * 10 >= permitted * 5, "{} of {permitted}", starts.len());
}

/// One after the other, so that they do not disturb each other.
#[test]
fn no_window_over_real_threads_and_tasks_holds_too_much() {
    for rate in [Rate::new(200, Duration::from_millis(500)), Rate::per_second(1000).burst(200)] {
        check_all(&hammer(rate), rate);
    }
}
