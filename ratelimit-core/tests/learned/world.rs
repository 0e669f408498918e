//! Callers who wait as futures or as threads, on one bucket under the manual clock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

use ratelimit_core::clock::ManualClock;
use ratelimit_core::feedback::Feedback;
use ratelimit_core::{Bucket, Error, Permit, Request};

use crate::common::{FOREVER, Task, ms};

/// How calls wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Futures,
    Threads,
}

pub(crate) struct World {
    by: By,
    pub(crate) clock: ManualClock,
    pub(crate) bucket: Bucket,
}

pub(crate) enum Caller {
    Future(Task),
    Thread(Receiver<Result<Permit, Error>>),
}

/// A bucket that knows only what the server says.
pub(crate) fn learned() -> Bucket {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let name = format!("learned-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    Bucket::learned(name.leak())
}

/// Plays `scenario` with futures and with threads.
pub(crate) fn each_way(scenario: impl Fn(World)) {
    for by in [By::Futures, By::Threads] {
        let clock = ManualClock::new();
        let bucket = learned().clock(clock.clone());
        scenario(World { by, clock, bucket });
    }
}

impl World {
    pub(crate) fn ask(&self) -> Caller {
        self.ask_by(|bucket| bucket.request().max_delay(FOREVER))
    }

    pub(crate) fn ask_by(&self, request: impl FnOnce(&Bucket) -> Request<'_> + Send + 'static) -> Caller {
        match self.by {
            By::Futures => Caller::Future(Task::new(request(&self.bucket).acquire_async())),
            By::Threads => {
                let (sender, receiver) = channel();
                let bucket = self.bucket.clone();
                thread::spawn(move || drop(sender.send(request(&bucket).acquire())));
                Caller::Thread(receiver)
            }
        }
    }

    /// A caller that can be dropped while it waits.
    pub(crate) fn ask_as_future(&self) -> Caller {
        Caller::Future(Task::new(self.bucket.request().max_delay(FOREVER).acquire_async()))
    }

    /// These and no others wait.
    pub(crate) fn wait<const N: usize>(&self, callers: [&mut Caller; N]) {
        let (mut futures, mut threads) = (0, Vec::new());
        for caller in callers {
            match caller {
                Caller::Future(task) => {
                    assert!(task.poll().is_none(), "it is let through");
                    futures += 1;
                }
                Caller::Thread(answer) => threads.push(answer),
            }
        }
        self.clock.wait_for_sleepers(futures + threads.len());
        for answer in threads {
            assert!(matches!(answer.try_recv(), Err(TryRecvError::Empty)), "it is let through");
        }
    }

    /// Seconds of virtual time.
    pub(crate) fn at(&self, millis: u64) {
        self.clock.set(ratelimit_core::clock::Timestamp::ZERO.saturating_add(ms(millis)));
    }

    /// How many more may start now.
    pub(crate) fn starts(&self) -> usize {
        let mut permits = Vec::new();
        while let Ok(permit) = self.bucket.try_acquire() {
            permits.push(permit);
            assert!(permits.len() < 1_000, "there is no limit");
        }
        let started = permits.len();
        // They never reached the server.
        permits.into_iter().for_each(Permit::refund);
        started
    }
}

/// The answers of all these callers, who have them now.
pub(crate) fn ended<const N: usize>(callers: [&mut Caller; N]) -> [Result<Permit, Error>; N] {
    callers.map(|caller| match caller {
        Caller::Future(task) => task.poll().expect("it waits"),
        Caller::Thread(answer) => answer.recv().expect("it waits"),
    })
}

pub(crate) fn admitted<const N: usize>(callers: [&mut Caller; N]) -> [Permit; N] {
    ended(callers).map(|ended| ended.expect("it is admitted"))
}

/// An answer in a window of so many, of which so many remain for so many milliseconds.
pub(crate) fn ans(limit: u64, remaining: u64, millis: u64) -> Feedback {
    Feedback::default().limit(limit).remaining(remaining).reset_after(ms(millis))
}

pub(crate) fn rejected(millis: u64) -> Feedback {
    Feedback::default().rejected(true).retry_after(ms(millis))
}
