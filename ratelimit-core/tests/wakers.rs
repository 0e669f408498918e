//! Wakers may do what they like where they are called or dropped: poll or drop the next in line, or themselves.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use common::{Dice, FOREVER, Task, many, ms, ns};
use ratelimit_core::clock::{Clock, ManualClock};
use ratelimit_core::{Bucket, Error, Permit, Rate};

type Waiting = Pin<Box<dyn Future<Output = Result<Permit, Error>> + Send>>;

/// What a waker does to a future of the shared list, right where it is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    PollSelf,
    PollNext,
    DropNext,
    DropSelf,
}

/// Futures that wait on one bucket, in order, and when each started.
struct List {
    clock: ManualClock,
    waiting: Mutex<Vec<Option<Waiting>>>,
    started: Mutex<Vec<(usize, u64)>>,
    acts: Vec<Act>,
}

/// The waker of one future of a list.
struct Inline {
    list: Arc<List>,
    place: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl List {
    /// So many that wait on `bucket`, each polled once, in order.
    fn new(bucket: &Bucket, clock: &ManualClock, acts: Vec<Act>) -> Arc<Self> {
        let waiting = acts.iter().map(|_| Some(Box::pin(bucket.acquire_async()) as Waiting)).collect();
        let clock = clock.clone();
        let list = Arc::new(List { clock, waiting: Mutex::new(waiting), started: Mutex::default(), acts });
        (0..list.acts.len()).for_each(|place| list.poll(place));
        list
    }

    /// Polls the future at `place`, unless it is gone or is being polled further up.
    fn poll(self: &Arc<Self>, place: usize) {
        let Some(mut future) = self.take(place) else { return };
        let waker = Waker::from(Arc::new(Inline { list: Arc::clone(self), place }));
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(permit) => {
                drop(permit.expect("it waits however long"));
                lock(&self.started).push((place, self.clock.now().as_nanos()));
            }
            Poll::Pending => {
                if let Some(slot) = lock(&self.waiting).get_mut(place) {
                    *slot = Some(future);
                }
            }
        }
    }

    fn take(&self, place: usize) -> Option<Waiting> {
        lock(&self.waiting).get_mut(place)?.take()
    }

    fn left(&self) -> usize {
        lock(&self.waiting).iter().flatten().count()
    }

    /// Polls all that are left, as an executor would that was told nothing in particular.
    fn poll_all(self: &Arc<Self>) {
        (0..self.acts.len()).for_each(|place| self.poll(place));
    }
}

impl Wake for Inline {
    fn wake(self: Arc<Self>) {
        match self.list.acts.get(self.place).expect("one act each") {
            Act::PollSelf => self.list.poll(self.place),
            Act::PollNext => self.list.poll(self.place + 1),
            Act::DropNext => {
                drop(self.list.take(self.place + 1));
                self.list.poll(self.place);
            }
            Act::DropSelf => drop(self.list.take(self.place)),
        }
    }
}

fn drained(rate: Rate) -> (ManualClock, Bucket) {
    let clock = ManualClock::new();
    let bucket = Bucket::named("b", rate).guard(ns(0)).max_delay(FOREVER).clock(clock.clone());
    let all = rate.burst_amount().unwrap_or(rate.amount());
    drop(bucket.request().weight(all).try_acquire().expect("it is fresh"));
    (clock, bucket)
}

#[test]
fn wakers_that_poll_the_very_next_future_do_no_harm() {
    let (clock, bucket) = drained(Rate::per_second(1).burst(1));
    let list = List::new(&bucket, &clock, vec![Act::PollNext; 20]);
    clock.advance(ms(1000));
    assert!(lock(&list.started).is_empty(), "the next has no turn yet, and the first was not polled");
    list.poll(0);
    assert_eq!(*lock(&list.started), [(0, 1_000_000_000)]);
    for second in 2..=20_u64 {
        clock.set(ratelimit_core::clock::Timestamp::from_nanos(second * 1_000_000_000));
        list.poll_all();
    }
    let started = lock(&list.started).clone();
    assert!(started.iter().map(|(place, _)| *place).eq(0..20), "in order: {started:?}");
    assert_eq!(started.last(), Some(&(19, 20_000_000_000)), "one a second");
}

#[test]
fn wakers_that_drop_the_very_next_future_do_no_harm() {
    let (clock, bucket) = drained(Rate::per_second(1).burst(1));
    let list = List::new(&bucket, &clock, vec![Act::DropNext; 20]);
    for _ in 0..10 {
        clock.advance(ms(1000));
    }
    let started = lock(&list.started).clone();
    let expected: Vec<(usize, u64)> = (0..10).map(|n| (2 * n, (n as u64 + 1) * 1_000_000_000)).collect();
    assert_eq!(started, expected, "every other one, one a second");
    assert_eq!((list.left(), bucket.peek().unwrap().waiting()), (0, 0));
}

/// Ten thousand, but in an interpreter.
const CROWD: u32 = if cfg!(miri) { 30 } else { 10_000 };

/// On a small stack: the depth must not grow with the line.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(256 * 1024).spawn(test).expect("a thread");
    thread.join().expect("no panic");
}

#[test]
fn ten_thousand_who_poll_themselves_where_they_are_woken_need_no_stack() {
    on_a_small_stack(|| {
        for cause in 0..4 {
            let (clock, bucket) = drained(Rate::per_hour(CROWD).burst(CROWD));
            let list = List::new(&bucket, &clock, vec![Act::PollSelf; CROWD as usize]);
            match cause {
                0 => clock.advance(std::time::Duration::from_secs(3600)),
                1 => bucket.reset().unwrap(),
                2 => list.poll_all(),
                _ => drop(list.take(0)),
            }
            clock.advance(std::time::Duration::from_secs(3600));
            let started = lock(&list.started).len();
            assert_eq!(
                (started + usize::from(cause == 3), list.left()),
                (CROWD as usize, 0),
                "cause {cause}"
            );
        }
    });
}

#[test]
fn ten_thousand_who_drop_themselves_or_the_next_need_no_stack() {
    on_a_small_stack(|| {
        for act in [Act::DropSelf, Act::DropNext] {
            let (clock, bucket) = drained(Rate::per_hour(CROWD).burst(CROWD));
            let list = List::new(&bucket, &clock, vec![act; CROWD as usize]);
            clock.advance(std::time::Duration::from_secs(3600));
            let started = lock(&list.started).len();
            assert_eq!(
                (started, list.left()),
                (if act == Act::DropSelf { 0 } else { CROWD as usize / 2 }, 0),
                "{act:?}"
            );
            assert_eq!(bucket.peek().unwrap().waiting(), 0);
        }
    });
}

/// Any mixture: nobody deadlocks, starts twice, or too early, and whoever is polled at last comes to start.
#[test]
fn any_mixture_of_wakers_leaves_a_line_that_works() {
    for seed in 0..many(300) {
        let mut dice = Dice::new(seed);
        let burst = u32::try_from(dice.between(1, 4)).expect("small");
        let (clock, bucket) = drained(Rate::per_second(100).burst(burst));
        let acts = [Act::PollSelf, Act::PollNext, Act::DropNext, Act::DropSelf];
        let acts: Vec<Act> = (0..30).map(|_| dice.pick(&acts)).collect();
        let list = List::new(&bucket, &clock, acts);
        for _ in 0..many(1000) {
            clock.advance(ns(dice.below(15_000_000)));
            if dice.one_in(3) {
                list.poll(usize::try_from(dice.below(30)).expect("an index"));
            }
        }
        for _ in 0..40 {
            clock.advance(ms(10));
            list.poll_all();
        }
        assert_eq!((list.left(), bucket.peek().unwrap().waiting()), (0, 0), "seed {seed}");
        let started = lock(&list.started).clone();
        for (index, (_, first)) in started.iter().enumerate() {
            for (count, (_, last)) in started.iter().skip(index).enumerate() {
                let over = (count as u64 + 1).saturating_sub(u64::from(burst));
                assert!(over * 10_000_000 <= last - first, "seed {seed}: {started:?}");
            }
        }
    }
}

/// The waker of one is the last owner of the next: dropped by the bucket, it drops a waiter of the same bucket.
#[test]
fn a_waker_whose_end_drops_the_next_waiter_does_no_harm() {
    struct Owner(Mutex<Option<Task>>);
    impl Wake for Owner {
        fn wake(self: Arc<Self>) {}
    }
    for cause in 0..4 {
        let (clock, bucket) = drained(Rate::per_second(1).burst(1));
        let owner = Arc::new(Owner(Mutex::default()));
        let mut first = Task::new(bucket.acquire_async());
        assert!(first.poll_with(&Waker::from(Arc::clone(&owner))));
        *lock(&owner.0) = Some(Task::waiting(&bucket));
        drop(owner);
        let mut last = Task::waiting(&bucket);
        assert_eq!(bucket.peek().unwrap().waiting(), 3);
        match cause {
            0 => drop(first),
            1 => assert!(first.poll().is_none(), "another waker takes its place"),
            2 => clock.advance(ms(1000)),
            _ => bucket.close(),
        }
        if cause == 3 {
            assert_eq!(last.poll().map(|ended| ended.is_ok()), Some(false));
            continue;
        }
        assert_eq!(bucket.peek().unwrap().waiting(), 1 + usize::from(cause != 0), "cause {cause}");
        clock.advance(ms(1000));
        clock.advance(ms(10));
        assert!(last.is_woken() && last.poll().unwrap().is_ok(), "cause {cause}");
    }
}

#[test]
fn a_dropped_future_whose_turn_has_come_passes_it_on_at_once() {
    let waiters = if cfg!(miri) { 10 } else { 100 };
    for is_polled_again in [false, true] {
        let (clock, bucket) = drained(Rate::per_second(1));
        let mut tasks: Vec<Task> = (0..waiters).map(|_| Task::waiting(&bucket)).collect();
        if is_polled_again {
            assert!(tasks.iter_mut().all(|task| task.poll().is_none()));
        }
        clock.advance(ms(1000) + ns(1));
        let mut tasks = tasks.into_iter();
        let mut turn = tasks.next().expect("the first");
        for next in tasks {
            assert!(turn.is_woken() && !next.is_woken());
            assert!(bucket.try_acquire().is_err(), "it is its turn, and no newcomer's");
            drop(turn);
            assert!(next.is_woken(), "at the same moment");
            turn = next;
        }
        assert!(turn.poll().unwrap().is_ok());
    }
}

#[test]
fn a_turn_that_is_dropped_wakes_a_thread_too() {
    let (clock, bucket) = drained(Rate::per_second(1));
    let head = Task::waiting(&bucket);
    let thread = thread::spawn({
        let bucket = bucket.clone();
        move || bucket.acquire().expect("it waits however long").waited()
    });
    clock.wait_for_sleepers(2);
    clock.advance(ms(1000) + ns(1));
    assert!(head.is_woken());
    drop(head);
    assert_eq!(thread.join().expect("no panic"), ms(1000) + ns(1));
}

#[test]
fn a_thread_behind_a_waiter_that_is_never_polled_again_waits_10_ms_longer() {
    let (clock, bucket) = drained(Rate::per_second(1));
    let mut dead = Task::waiting(&bucket);
    let thread = thread::spawn({
        let bucket = bucket.clone();
        move || bucket.acquire().expect("it waits however long").waited()
    });
    clock.wait_for_sleepers(2);
    clock.advance(ms(1000) + ns(1));
    assert_eq!(bucket.try_acquire().unwrap_err().retry_after().map(|wait| wait > ms(1000)), Some(true));
    clock.advance(ms(10));
    assert_eq!(thread.join().expect("no panic"), ms(1010) + ns(1));
    // It kept its place in front: the next free start is its own, as soon as it is polled.
    assert!(dead.poll().is_none());
    clock.advance(ms(1000) + ns(1));
    assert!(bucket.try_acquire().is_err());
    assert!(dead.is_woken() && dead.poll().unwrap().is_ok());
}

#[test]
fn a_newcomer_gets_past_a_waiter_that_is_never_polled_again_after_10_ms() {
    for rate in [Rate::per_second(1), Rate::per_second(1).burst(1)] {
        let (clock, bucket) = drained(rate);
        let mut dead = Task::waiting(&bucket);
        let due = clock.next_wake().expect("somebody waits");
        clock.set(due);
        assert!(dead.is_woken());
        clock.advance(ms(10).checked_sub(ns(1)).expect("it is shorter"));
        assert!(bucket.try_acquire().is_err());
        clock.advance(ns(1));
        assert!(bucket.try_acquire().is_ok(), "{rate}");
        assert!(dead.poll().is_none());
    }
}
