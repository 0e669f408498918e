//! Waiting works under every executor, and `TokioClock` follows tokio's time.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::future::Future;
use std::thread;

use common::{FOREVER, ms, ns};
use ratelimit_core::clock::{Clock, ManualClock, SystemClock};
use ratelimit_core::{Bucket, Rate};

/// 1 in 20 ms, so that three starts take at least 40 ms.
fn bucket() -> Bucket {
    Bucket::named("b", Rate::new(1, ms(20))).guard(ns(0)).max_delay(FOREVER)
}

async fn three_starts(bucket: Bucket) {
    let begin = SystemClock.now();
    for _ in 0..3 {
        drop(bucket.acquire_async().await.expect("a permit"));
    }
    assert!(SystemClock.now().saturating_since(begin) >= ms(40));
}

fn current_thread(configure: impl Fn(&mut tokio::runtime::Builder)) -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    configure(&mut builder);
    builder.build().expect("a runtime")
}

#[test]
fn waits_under_tokio_without_timers() {
    current_thread(|_| {}).block_on(three_starts(bucket()));
}

#[test]
fn waits_under_tokio_with_timers_and_when_their_time_is_paused() {
    current_thread(|builder| _ = builder.enable_time()).block_on(three_starts(bucket()));
    let paused = current_thread(|builder| _ = builder.enable_time().start_paused(true));
    paused.block_on(three_starts(bucket()));
}

#[test]
fn waits_under_tokio_on_many_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().expect("a runtime");
    let bucket = bucket();
    let begin = SystemClock.now();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..6).map(|_| tokio::spawn(bucket.acquire_async())).collect();
        for task in tasks {
            drop(task.await.expect("no panic").expect("a permit"));
        }
    });
    assert!(SystemClock.now().saturating_since(begin) >= ms(100));
}

#[test]
fn waits_under_futures_and_smol() {
    futures::executor::block_on(three_starts(bucket()));
    smol::block_on(three_starts(bucket()));
    let executor = smol::Executor::new();
    let bucket = bucket();
    let tasks: Vec<_> = (0..3).map(|_| executor.spawn(bucket.acquire_async())).collect();
    smol::block_on(executor.run(async {
        for task in tasks {
            drop(task.await.expect("a permit"));
        }
    }));
}

#[test]
fn one_bucket_serves_several_executors_and_threads_at_once() {
    let bucket = bucket();
    let begin = SystemClock.now();
    thread::scope(|scope| {
        scope.spawn(|| futures::executor::block_on(bucket.acquire_async()).map(drop).expect("a permit"));
        scope.spawn(|| smol::block_on(bucket.acquire_async()).map(drop).expect("a permit"));
        scope.spawn(|| bucket.acquire().map(drop).expect("a permit"));
        scope.spawn(|| {
            current_thread(|_| {}).block_on(bucket.acquire_async()).map(drop).expect("a permit");
        });
    });
    assert!(SystemClock.now().saturating_since(begin) >= ms(60));
}

#[test]
fn a_thread_that_blocks_inside_tokio_is_served() {
    let bucket = bucket();
    current_thread(|_| {}).block_on(async {
        for _ in 0..3 {
            drop(bucket.acquire().expect("a permit"));
        }
    });
}

#[test]
fn a_future_can_be_sent_and_outlive_its_bucket() {
    fn anywhere<F: Future + Send + 'static>(future: F) -> F {
        future
    }
    let waiting = {
        let bucket = bucket();
        drop(bucket.try_acquire().expect("a permit"));
        anywhere(bucket.acquire_async())
    };
    let started = thread::spawn(|| futures::executor::block_on(waiting).is_ok());
    assert!(started.join().expect("no panic"));
}

#[test]
fn selecting_and_racing_futures_lose_nothing() {
    let clock = ManualClock::new();
    let bucket = bucket().clock(clock.clone());
    drop(bucket.try_acquire().expect("a permit"));
    let waits = thread::spawn({
        let bucket = bucket.clone();
        move || {
            let (one, other) = (Box::pin(bucket.acquire_async()), Box::pin(bucket.acquire_async()));
            // The one that loses is dropped here.
            futures::executor::block_on(futures::future::select(one, other)).factor_first().0.is_ok()
        }
    });
    clock.wait_for_sleepers(2);
    clock.advance(ms(20) + ns(1));
    assert!(waits.join().expect("no panic"));
    clock.advance(ms(20) + ns(1));
    assert!(bucket.try_acquire().is_ok(), "the loser took nothing");
}

#[test]
fn a_manual_clock_counts_threads_and_futures_that_wait_and_wakes_them_in_order() {
    let clock = ManualClock::new();
    let bucket = bucket().clock(clock.clone());
    drop(bucket.try_acquire().expect("a permit"));
    let thread = thread::spawn({
        let bucket = bucket.clone();
        move || bucket.acquire().expect("a permit").waited()
    });
    clock.wait_for_sleepers(1);
    let task = thread::spawn({
        let bucket = bucket.clone();
        move || futures::executor::block_on(bucket.acquire_async()).expect("a permit").waited()
    });
    clock.wait_for_sleepers(2);
    clock.advance(ms(20) + ns(1));
    assert_eq!(thread.join().expect("no panic"), ms(20) + ns(1));
    clock.advance(ms(20) + ns(1));
    assert_eq!(task.join().expect("no panic"), ms(40) + ns(2));
}

#[cfg(feature = "tokio")]
#[expect(clippy::disallowed_methods, reason = "these tests are about tokio's own time")]
mod tokio_clock {
    use super::{Bucket, FOREVER, Rate, current_thread, ms, ns};
    use ratelimit_core::clock::TokioClock;
    use ratelimit_core::{ErrorKind, Registry};
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn follows_paused_time() {
        let bucket = Bucket::named("b", Rate::per_hour(1))
            .guard(ns(0))
            .max_delay(FOREVER)
            .clock(TokioClock::current());
        let begin = Instant::now();
        for _ in 0..25 {
            drop(bucket.acquire_async().await.expect("a permit"));
        }
        let hours = begin.elapsed().as_secs() / 3600;
        assert_eq!(hours, 24);
    }

    #[tokio::test(start_paused = true)]
    async fn refuses_by_paused_time() {
        let registry = Registry::builder().clock(TokioClock::current()).guard(ns(0)).build();
        let bucket = registry.register(Bucket::named("b", Rate::per_second(1))).expect("it is new");
        drop(bucket.try_acquire().expect("a permit"));
        let refused = bucket.request().max_delay(ms(1000)).acquire_async().await.expect_err("too long");
        assert_eq!(
            (refused.kind(), refused.retry_after()),
            (ErrorKind::DelayTooLong, Some(ms(1000) + ns(1)))
        );
        tokio::time::advance(ms(1000) + ns(1)).await;
        assert!(bucket.try_acquire().is_ok());
    }

    #[test]
    fn sleeps_by_the_runtime_wherever_the_future_is_polled() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
        let runtime = runtime.expect("a runtime");
        let clock = TokioClock::of(runtime.handle().clone());
        let bucket = Bucket::named("b", Rate::new(1, ms(20))).guard(ns(0)).max_delay(FOREVER).clock(clock);
        for _ in 0..3 {
            drop(futures::executor::block_on(bucket.acquire_async()).expect("a permit"));
        }
        drop(bucket.acquire().expect("a permit"));
        let elsewhere = current_thread(|_| {});
        drop(elsewhere.block_on(bucket.acquire_async()).expect("a permit"));
    }
}
