//! The same calls by threads and by tasks: whoever calls, a store is asked the same and gives the same.

use std::thread;
use std::time::Duration;

use futures::executor::{LocalPool, block_on};
use futures::future::join_all;
use ratelimit_core::clock::ManualClock;
use ratelimit_core::store::{Answer, Ask, Failure, Store};
use ratelimit_core::{Bucket, Error, Permit, Rate, Request};

use crate::dice::Dice;

const CALLS: usize = 120;
/// How many call at once.
const AT_ONCE: usize = 12;

/// It is not the store's deadline that is tested, on a machine that has much else to do.
#[derive(Debug)]
struct Patient<S>(S);

impl<S: Store> Store for Patient<S> {
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>> {
        self.0.play(asks, timeout)
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(10)
    }
}

/// One way to call.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Threads,
    Tasks,
}

impl Manner {
    fn acquire(self, request: Request<'_>) -> Result<Permit, Error> {
        match self {
            Manner::Threads => request.acquire(),
            Manner::Tasks => block_on(request.acquire_async()),
        }
    }

    /// How many start of those who call at once.
    fn at_once(self, bucket: &Bucket) -> usize {
        let ended: Vec<Result<Permit, Error>> = match self {
            Manner::Threads => thread::scope(|scope| {
                let callers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(|| bucket.acquire())).collect();
                callers.into_iter().map(|caller| caller.join().expect("no panic")).collect()
            }),
            Manner::Tasks => {
                LocalPool::new().run_until(join_all((0..AT_ONCE).map(|_| bucket.acquire_async())))
            }
        };
        ended.iter().filter(|ended| ended.is_ok()).count()
    }
}

/// What a call comes to, as far as that does not depend on how long anything takes.
fn told(ended: &Result<Permit, Error>) -> String {
    match ended {
        Ok(_) => "started".to_owned(),
        Err(error) => {
            let (rate, has_time) = (error.rate(), error.retry_after().is_some());
            format!("{} by {rate:?} of {:?}, {has_time}", error.kind().as_str(), error.key())
        }
    }
}

/// Two processes that share limits which hardly change while this runs.
fn declared<S: Store>(open: &impl Fn() -> S, manner: Manner) -> [Bucket; 2] {
    let declared = || {
        let bucket = Bucket::named(format!("calls by {manner:?}"), Rate::per_hour(9));
        let bucket = bucket.and(Rate::per_day(10).burst(14)).total(Rate::per_hour(16).fixed());
        // By its clock all trips are short, and nobody is late to take what was granted, however busy the machine is.
        bucket.clock(ManualClock::new()).store(Patient(open()))
    };
    [declared(), declared()]
}

/// Calls one after the other, of two processes; some are given back, and now and then all is reset.
fn outcomes<S: Store>(open: &impl Fn() -> S, manner: Manner) -> Vec<String> {
    let processes = declared(open, manner);
    let mut dice = Dice::new(5);
    let mut outcomes = Vec::new();
    for _ in 0..CALLS {
        let bucket = &processes[usize::from(dice.one_in(2))];
        let weight = dice.pick(&[1, 1, 1, 1, 2, 3, 0, 15]);
        // None of them is so long that anybody would start by waiting.
        let allowed = Duration::from_millis(dice.pick(&[0, 0, 5, 30_000]));
        let request =
            bucket.request().key(dice.pick(&["ann", "bob", "eve"])).weight(weight).max_delay(allowed);
        let ended = manner.acquire(request);
        outcomes.push(told(&ended));
        if let Ok(permit) = ended
            && dice.one_in(3)
        {
            permit.refund();
            // It is told before this is asked.
            bucket.peek().expect("a store that answers");
        }
        if dice.one_in(60) {
            bucket.reset().expect("a store that answers");
        }
    }
    outcomes
}

/// Calls that have to wait, all of which start in time.
fn waits<S: Store>(open: &impl Fn() -> S, manner: Manner) -> bool {
    let bucket =
        Bucket::named(format!("waits by {manner:?}"), Rate::per_second(40).burst(10)).store(Patient(open()));
    let ended = (0..14).map(|_| manner.acquire(bucket.request().max_delay(Duration::MAX)));
    let waited: Duration = ended.map(|ended| ended.expect("there is time").waited()).sum();
    waited > Duration::ZERO
}

/// What both come to is the same.
pub(crate) fn agree<S: Store>(open: &impl Fn() -> S) {
    let [by_threads, by_tasks] = [Manner::Threads, Manner::Tasks].map(|manner| outcomes(open, manner));
    assert_eq!(by_threads, by_tasks);
    let kinds = |begin: &str| by_tasks.iter().filter(|outcome| outcome.starts_with(begin)).count();
    for kind in ["started", "limited", "delay_too_long", "too_heavy"] {
        assert!(kinds(kind) > 5, "{kind}: {by_tasks:?}");
    }
    for manner in [Manner::Threads, Manner::Tasks] {
        let bucket =
            Bucket::named(format!("at once by {manner:?}"), Rate::per_hour(7)).store(Patient(open()));
        let bucket = bucket.max_delay(Duration::from_secs(60));
        assert_eq!(manner.at_once(&bucket), 7, "{manner:?}");
        assert!(waits(open, manner), "{manner:?}");
    }
}
