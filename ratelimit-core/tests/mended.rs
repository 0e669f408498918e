//! What once went wrong, found by reading: each test failed before its mend.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::fmt;
use std::future::{Future, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use common::{FOREVER, Task, ms, ns};
use ratelimit_core::clock::{Clock, ManualClock, Sleep, Timestamp};
use ratelimit_core::{Bucket, ErrorKind, Pace, Rate, Registry};

const HOUR: Duration = Duration::from_secs(3600);

/// A clock that is moved by hand and panics once when told to.
#[derive(Clone, Debug, Default)]
struct Panicky {
    inner: ManualClock,
    now: Arc<AtomicBool>,
    sleep: Arc<AtomicBool>,
    left: Arc<AtomicBool>,
}

impl Clock for Panicky {
    fn now(&self) -> Timestamp {
        assert!(!self.now.swap(false, Ordering::SeqCst), "now");
        self.inner.now()
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        assert!(!self.sleep.swap(false, Ordering::SeqCst), "sleep");
        self.inner.sleep_until(at)
    }

    fn sleeper_left(&self) {
        assert!(!self.left.swap(false, Ordering::SeqCst), "left");
    }
}

/// A clock whose sleeps are made by a function of its time and their end.
struct Odd(AtomicU64, fn(u64, u64) -> Sleep);

impl fmt::Debug for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Odd")
    }
}

impl Clock for Odd {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        (self.1)(self.0.load(Ordering::SeqCst), at.as_nanos())
    }
}

/// Runs a closure when it is woken.
struct OnWake<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for OnWake<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn quiet(call: impl FnOnce()) {
    drop(catch_unwind(AssertUnwindSafe(call)));
}

fn take(bucket: &Bucket, weight: u32) {
    drop(bucket.request().weight(weight).try_acquire().expect("there is room"));
}

fn waits(bucket: &Bucket, key: &str, weight: u32) -> Task {
    let mut task = Task::new(bucket.request().key(key).weight(weight).max_delay(FOREVER).acquire_async());
    assert!(task.poll().is_none(), "it has to wait");
    task
}

#[test]
fn who_is_polled_late_and_before_any_alarm_has_its_turn() {
    let clock = Arc::new(Odd(AtomicU64::new(0), |_, _| Box::pin(pending())));
    let bucket = Bucket::named("b", Rate::per_second(1).burst(1)).guard(ns(0)).clock(Arc::clone(&clock));
    take(&bucket, 1);
    let mut task = Task::waiting(&bucket);
    clock.0.store(1_000_000_000, Ordering::SeqCst);
    bucket.peek().expect("it is open"); // notices that its turn has come
    clock.0.store(1_011_000_000, Ordering::SeqCst);
    assert!(task.poll().expect("its turn is not over while it is here").is_ok());
}

/// `Future` that wakes whoever polls it, once, and never ends.
struct WakesOnce(bool);

impl Future for WakesOnce {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !std::mem::replace(&mut self.0, true) {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

#[test]
fn a_sleep_that_wakes_while_it_is_polled_costs_no_depth() {
    let clock = Arc::new(Odd(AtomicU64::new(0), |_, _| Box::pin(WakesOnce(false))));
    let bucket = Bucket::named("b", Rate::per_second(1)).clock(clock);
    take(&bucket, 1);
    drop(Task::waiting(&bucket));
}

#[cfg(feature = "tokio")]
#[test]
fn tokio_clock_serves_a_task_that_has_used_up_its_budget() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let clock = ratelimit_core::clock::TokioClock::current();
        let bucket = Bucket::named("b", Rate::new(1, ms(20))).max_delay(FOREVER).clock(clock);
        take(&bucket, 1);
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        (0..1000).for_each(|number| sender.send(number).expect("it is open"));
        let mut acquiring = Box::pin(bucket.acquire_async());
        let granted = std::future::poll_fn(|context| {
            // As `join!` would: all that is there is read, then the permit is asked for, in one poll.
            while let Poll::Ready(Some(_)) = receiver.poll_recv(context) {}
            acquiring.as_mut().poll(context)
        });
        assert!(granted.await.is_ok());
    });
}

/// Grain 10 s, but sleeps compare finely: they are over although the clock shows less.
#[test]
fn a_clock_that_does_not_sleep_leaves_nobody_asleep() {
    #[derive(Debug, Default)]
    struct Coarse(AtomicU64);
    impl Clock for Coarse {
        fn now(&self) -> Timestamp {
            let grain = 10_000_000_000;
            Timestamp::from_nanos(self.0.load(Ordering::SeqCst) / grain * grain)
        }
        fn sleep_until(&self, at: Timestamp) -> Sleep {
            let is_over = self.0.load(Ordering::SeqCst) >= at.as_nanos();
            if is_over { Box::pin(ready(())) } else { Box::pin(pending()) }
        }
    }
    let clock = Arc::new(Coarse::default());
    let bucket = Bucket::named("b", Rate::per_second(1)).guard(ns(0)).clock(Arc::clone(&clock));
    take(&bucket, 1);
    clock.0.store(9_999_999_999, Ordering::SeqCst);
    let task = Task::waiting(&bucket);
    clock.0.store(20_000_000_000, Ordering::SeqCst);
    // Real time: the system's clock stands in, and looks again every 10 ms.
    let woken = (0..2_000).any(|_| {
        #[expect(clippy::disallowed_methods, reason = "the stand-in lives in real time")]
        thread::sleep(ms(5));
        task.is_woken()
    });
    assert!(woken);
}

#[test]
fn a_sleep_that_panics_as_the_alarm_rings_or_somebody_leaves_leaves_nobody_asleep() {
    let clock = Panicky::default();
    let bucket = Bucket::named("b", Rate::per_second(1).burst(2)).guard(ns(0)).clock(clock.clone());
    for key in ["dead", "alive"] {
        drop(bucket.request().key(key).weight(2).try_acquire().expect("there is room"));
    }
    let (_dead, alive) = (waits(&bucket, "dead", 1), waits(&bucket, "alive", 2));
    clock.sleep.store(true, Ordering::SeqCst);
    quiet(|| clock.inner.advance(ms(1000)));
    (0..9).for_each(|_| clock.inner.advance(ms(1000)));
    assert!(alive.is_woken(), "due at 2 s");
}

#[test]
fn a_clock_that_panics_as_the_head_leaves_does_not_make_those_behind_late() {
    for (panics_in_now, panics_in_sleep) in [(true, false), (false, true)] {
        let clock = Panicky::default();
        let bucket = Bucket::named("b", Rate::per_second(1).burst(10)).guard(ns(0)).clock(clock.clone());
        take(&bucket, 10);
        let mut heavy = Task::new(bucket.request().weight(10).max_delay(FOREVER).acquire_async());
        assert!(heavy.poll().is_none());
        let light = Task::waiting(&bucket);
        clock.now.store(panics_in_now, Ordering::SeqCst);
        clock.sleep.store(panics_in_sleep, Ordering::SeqCst);
        quiet(|| drop(heavy));
        clock.inner.advance(ms(1000));
        assert!(light.is_woken(), "due at 1 s");
    }
}

#[test]
fn a_clock_that_panics_twice_in_one_call_does_not_abort() {
    let clock = Panicky::default();
    let bucket = Bucket::named("b", Rate::per_second(1)).guard(ns(0)).clock(clock.clone());
    take(&bucket, 1);
    let mut task = Task::waiting(&bucket);
    clock.now.store(true, Ordering::SeqCst);
    clock.left.store(true, Ordering::SeqCst);
    quiet(|| drop(task.poll()));
    assert!(!clock.left.load(Ordering::SeqCst), "both have panicked");
}

#[test]
fn a_new_total_counts_what_all_keys_owe_and_remember() {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).guard(ns(0)).build();
    let rate = Rate::per_second(1).burst(5);
    let bucket = registry.register(Bucket::named("owe", rate)).unwrap();
    for key in ["a", "b"] {
        drop(bucket.request().key(key).weight(5).try_acquire().unwrap());
    }
    let total = Rate::per_second(1).burst(10);
    let bucket = registry.register(Bucket::named("owe", rate).total(total)).unwrap();
    assert!(bucket.request().key("c").try_acquire().is_err(), "ten are owed");

    let rate = Rate::per_hour(100);
    let bucket = registry.register(Bucket::named("log", rate).total(Rate::per_second(10))).unwrap();
    for key in 0..10 {
        drop(bucket.request().key(key).weight(10).try_acquire().unwrap());
        clock.advance(ms(1001));
    }
    let bucket = registry.register(Bucket::named("log", rate).total(Rate::per_hour(100))).unwrap();
    assert!(bucket.request().key("new").try_acquire().is_err(), "the keys remember a hundred");
}

#[test]
fn handles_of_one_clock_are_one_clock() {
    let clock = ManualClock::new();
    let registry = Registry::new();
    let declare = || Bucket::named("b", Rate::per_hour(5)).guard(ns(0)).clock(clock.clone());
    take(&registry.register(declare()).unwrap(), 5);
    assert!(registry.register(declare()).unwrap().try_acquire().is_err(), "nothing was forgotten");

    let declare = || Bucket::new("mended-clock", Rate::per_hour(5)).clock(clock.clone());
    take(&declare(), 5);
    assert_eq!(declare().try_acquire().unwrap_err().kind(), ErrorKind::Limited, "two declarations agree");
}

#[test]
fn heads_of_other_keys_that_stand_before_are_reckoned_with() {
    let clock = ManualClock::new();
    let total = Rate::per_second(1).burst(5);
    let bucket = Bucket::named("b", Rate::per_second(100)).total(total).guard(ns(0)).clock(clock);
    drop(bucket.request().key(0).weight(4).try_acquire().unwrap());
    let _heavy = waits(&bucket, "heavy", 5); // due at 4 s
    let refused = bucket.request().key("light").try_acquire().unwrap_err();
    assert_eq!((refused.retry_after(), refused.rate()), (Some(ms(5000)), Some(total)));
    let mut light = Task::new(bucket.request().key("light").max_delay(ms(500)).acquire_async());
    assert_eq!(light.poll().expect("at once").unwrap_err().kind(), ErrorKind::DelayTooLong);
}

#[test]
fn defaults_that_a_waker_changes_during_register_stay() {
    let (old, new) = (ManualClock::new(), ManualClock::new());
    let registry = Registry::builder().clock(old).guard(ns(0)).build();
    let bucket = registry.register(Bucket::named("b", Rate::per_hour(1))).unwrap();
    take(&bucket, 1);
    let mut acquiring = Box::pin(bucket.request().max_delay(FOREVER).acquire_async());
    let (in_waker, to) = (registry.clone(), new.clone());
    let waker = Waker::from(Arc::new(OnWake(move || {
        in_waker.set_clock(to.clone());
        in_waker.set_pace(Pace::Slow);
    })));
    assert!(acquiring.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let bucket = registry.register(Bucket::named("b", Rate::per_hour(5))).unwrap(); // its turn: woken
    drop(acquiring);
    take(&bucket, 5);
    assert!(bucket.try_acquire().is_err());
    new.advance(HOUR + ns(2));
    assert!(bucket.try_acquire().is_err(), "slow");
    new.advance(HOUR + ns(2));
    assert!(bucket.try_acquire().is_ok(), "on the new clock");
}

/// A clock whose `Debug` and drop look into the registry that holds it.
struct Curious(ManualClock, Mutex<Option<Registry>>);

impl Clock for Curious {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        self.0.sleep_until(at)
    }
}

impl fmt::Debug for Curious {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registry = self.1.lock().expect("no panic").clone();
        write!(f, "{:?}", registry.map(|registry| registry.names()))
    }
}

impl Drop for Curious {
    fn drop(&mut self) {
        drop(self.1.get_mut().expect("no panic").take().map(|registry| registry.names()));
    }
}

#[test]
fn no_table_is_locked_while_a_clock_is_printed_or_dropped() {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let registry = Registry::new();
        registry.set_clock(Curious(ManualClock::new(), Mutex::new(Some(registry.clone()))));
        drop(format!("{registry:?}"));
        registry.set_clock(ManualClock::new());
        done.send(()).expect("somebody waits");
    });
    #[expect(clippy::disallowed_methods, reason = "a deadlock has to be noticed in real time")]
    let ended = is_done.recv_timeout(Duration::from_secs(20));
    assert!(ended.is_ok(), "deadlock");
}

#[test]
fn who_waits_however_long_is_never_refused_for_the_length() {
    let bucket = Bucket::named("b", Rate::per_second(1)).clock(ManualClock::new());
    bucket.pause(Duration::MAX).unwrap();
    let _first = Task::waiting(&bucket);
    assert!(bucket.try_acquire().is_err(), "which makes a plan");
    let _second = Task::waiting(&bucket);
}

#[test]
fn a_closed_name_is_registered_anew_and_a_new_registration_forgets_the_old_allowance() {
    let registry = Registry::new();
    let declare = || Bucket::named("b", Rate::per_hour(1));
    registry.register(declare().max_delay(ms(200))).unwrap().close();
    take(&registry.register(declare().max_delay(ms(200))).unwrap(), 1);
    registry.register(declare()).unwrap();
    let refused = registry.get("b").unwrap().acquire().unwrap_err();
    assert_eq!((refused.kind(), refused.max_delay()), (ErrorKind::Limited, Some(Duration::ZERO)));
}

#[test]
fn the_reset_of_one_key_leaves_the_refunds_of_others() {
    let bucket = Bucket::named("b", Rate::per_hour(1));
    let permit = bucket.request().key("a").try_acquire().unwrap();
    bucket.request().key("b").reset().unwrap();
    permit.refund();
    assert!(bucket.request().key("a").try_acquire().is_ok());
}
