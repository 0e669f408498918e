//! Real time, tens of milliseconds: what cannot be shown under a manual clock.
//!
//! Lower bounds follow from the laws and hold on any machine. Upper bounds are met by one attempt of several: a machine
//! may stand still during any of them.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use common::{FOREVER, Task, ms, ns};
use ratelimit_core::clock::{Clock, SystemClock, Timestamp};
use ratelimit_core::{Bucket, Rate};

const ATTEMPTS: usize = 40;

fn since(begin: Timestamp) -> Duration {
    SystemClock.now().saturating_since(begin)
}

fn fast() -> Bucket {
    Bucket::named("fast", Rate::per_second(1000).burst(10)).guard(ns(0)).max_delay(FOREVER)
}

/// Whether one of several attempts is as quick as it should be.
async fn is_met<F: Future<Output = bool>>(attempt: impl Fn() -> F) -> bool {
    for _ in 0..ATTEMPTS {
        if attempt().await {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn after_a_thousand_were_dropped_twenty_start_within_10_to_25_ms() {
    let attempt = || async {
        let bucket = fast();
        let mut tasks: Vec<Task> = (0..1010).map(|_| Task::new(bucket.acquire_async())).collect();
        tasks.retain_mut(|task| task.poll().is_none());
        drop(tasks);
        let begin = SystemClock.now();
        for _ in 0..20 {
            drop(bucket.acquire_async().await.expect("a permit"));
        }
        let took = since(begin);
        assert!(took >= ms(10), "20 within {took:?} are more than the burst and the refill");
        took <= ms(25)
    };
    assert!(is_met(attempt).await, "the dropped ones still hold others up");
}

/// Where a token bucket holds more than one, the alarm is late on purpose and serves several.
#[tokio::test]
async fn a_crowd_loses_no_start_to_an_alarm_that_serves_several() {
    let attempt = || async {
        let bucket = Bucket::named("crowd", Rate::per_second(2000).burst(20)).guard(ns(0)).max_delay(FOREVER);
        let begin = SystemClock.now();
        let crowd = (0..220).map(|_| bucket.acquire_async());
        let started = futures::future::join_all(crowd).await.into_iter().flatten().count();
        let took = since(begin);
        assert!(started == 220 && took >= ms(100), "{started} within {took:?}");
        took <= ms(105)
    };
    assert!(is_met(attempt).await, "the bucket was full at times");
}

#[tokio::test]
async fn behind_a_waiter_that_is_never_polled_again_others_start_10_ms_later() {
    let attempt = || async {
        let bucket = Bucket::named("b", Rate::new(1, ms(20))).guard(ns(0)).max_delay(FOREVER);
        let begin = SystemClock.now();
        drop(bucket.try_acquire().expect("it is fresh"));
        let dead = Task::waiting(&bucket);
        let permit = bucket.acquire_async().await.expect("a permit");
        let took = since(begin);
        assert!(took >= ms(20), "{took:?}: no sooner than the window lets it");
        drop((dead, permit));
        // Due after 20 ms, held up for 10, and some for the two timers.
        took <= ms(40)
    };
    assert!(is_met(attempt).await, "the dead one holds others up");
}

#[test]
fn threads_that_block_all_workers_of_a_runtime_are_served() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    let bucket = Bucket::named("b", Rate::new(1, ms(5))).guard(ns(0)).max_delay(FOREVER);
    let begin = SystemClock.now();
    runtime.block_on(async {
        let sync = |bucket: Bucket| async move { bucket.acquire().map(drop) };
        let tasks: Vec<_> = (0..6)
            .map(|task| match task % 3 {
                0 => tokio::spawn({
                    let waiting = bucket.acquire_async();
                    async { waiting.await.map(drop) }
                }),
                _ => tokio::spawn(sync(bucket.clone())),
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic").expect("a permit");
        }
    });
    assert!(since(begin) >= ms(25), "six, one in any 5 ms");
}

/// Futures that come and go at random, polled by many threads: whoever stays is served, and nothing is lost.
#[test]
fn tasks_that_are_cancelled_at_any_time_lose_no_start() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().expect("a runtime");
    let bucket = Bucket::named("b", Rate::per_second(2000).burst(20)).guard(ns(0)).max_delay(FOREVER);
    let started = Arc::new(AtomicUsize::new(0));
    let begin = SystemClock.now();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..300)
            .map(|_| {
                let (waiting, started) = (bucket.acquire_async(), Arc::clone(&started));
                tokio::spawn(async move {
                    waiting.await.map(drop).expect("a permit");
                    started.fetch_add(1, Ordering::SeqCst);
                })
            })
            .collect();
        for (index, task) in tasks.iter().enumerate() {
            if index % 3 != 0 {
                task.abort();
            }
            tokio::task::yield_now().await;
        }
        let mut served = 0;
        for (index, task) in tasks.into_iter().enumerate() {
            let ended = task.await;
            assert!(ended.is_ok() || index % 3 != 0, "who stays is served");
            served += usize::from(ended.is_ok());
        }
        assert_eq!(started.load(Ordering::SeqCst), served);
    });
    let served = u32::try_from(started.load(Ordering::SeqCst)).expect("few");
    assert!(since(begin) >= Duration::from_micros(500) * served.saturating_sub(20), "{served} starts");
    assert_eq!(bucket.peek().expect("it is open").waiting(), 0);
    let after = thread::spawn(move || bucket.acquire().is_ok());
    assert!(after.join().expect("no panic"), "the line works on");
}
