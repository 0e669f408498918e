//! A call in progress, sync or async, driven the same way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;

use rate_limited::Error;
use rate_limited::clock::ManualClock;

pub(crate) type Outcome = Result<(), Error>;

pub(crate) enum Running {
    Thread(JoinHandle<Outcome>),
    Future(Pin<Box<dyn Future<Output = Outcome> + Send>>),
}

impl Running {
    pub(crate) fn thread(call: impl FnOnce() -> Outcome + Send + 'static) -> Self {
        Running::Thread(std::thread::spawn(call))
    }

    pub(crate) fn future(call: impl Future<Output = Outcome> + Send + 'static) -> Self {
        Running::Future(Box::pin(call))
    }

    pub(crate) fn is_thread(&self) -> bool {
        matches!(self, Running::Thread(_))
    }

    /// Gives it every chance to go on, and sees that it waits, as one of `sleepers`.
    pub(crate) fn wait(&mut self, clock: &ManualClock, sleepers: usize) {
        match self {
            Running::Thread(thread) => {
                clock.wait_for_sleepers(sleepers);
                assert!(!thread.is_finished(), "it ended instead of waiting");
            }
            Running::Future(future) => {
                assert!(poll(future).is_pending(), "it ended instead of waiting");
                clock.wait_for_sleepers(sleepers);
            }
        }
    }

    /// What it gave, when nothing holds it up any more.
    pub(crate) fn result(self) -> Outcome {
        match self {
            Running::Thread(thread) => thread.join().unwrap(),
            Running::Future(mut future) => match poll(&mut future) {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => panic!("it still waits"),
            },
        }
    }
}

fn poll(future: &mut Pin<Box<dyn Future<Output = Outcome> + Send>>) -> Poll<Outcome> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}
