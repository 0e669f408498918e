//! A call in progress, sync or async, driven the same way.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;

use rate_limited::Error;
use rate_limited::clock::ManualClock;

use super::server::Server;

/// What every form gives in the end.
pub type Outcome = Result<(), Error>;

type Boxed = Pin<Box<dyn Future<Output = Outcome>>>;

/// A call in progress.
#[expect(missing_debug_implementations, reason = "a future is opaque")]
pub enum Running {
    /// Of a sync function.
    Thread(JoinHandle<(Outcome, Server)>),
    /// Of a future, polled by hand.
    Future(Boxed),
}

impl Running {
    /// A sync function's, on a thread of its own.
    pub fn thread(call: impl FnOnce() -> Outcome + Send + 'static) -> Self {
        let server = Server::here();
        Running::Thread(std::thread::spawn(|| {
            server.stand_here();
            (call(), Server::here())
        }))
    }

    /// A future's, which any executor could have run.
    pub fn future(call: impl Future<Output = Outcome> + Send + 'static) -> Self {
        Running::Future(Box::pin(call))
    }

    /// A future's that stays on its thread.
    pub fn local(call: impl Future<Output = Outcome> + 'static) -> Self {
        Running::Future(Box::pin(call))
    }

    /// Whether it began already and cannot be dropped.
    #[must_use]
    pub fn is_thread(&self) -> bool {
        matches!(self, Running::Thread(_))
    }

    /// Gives it every chance to go on, and sees that it waits, as one of `sleepers`.
    ///
    /// # Panics
    ///
    /// If it ended.
    pub fn wait(&mut self, clock: &ManualClock, sleepers: usize) {
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
    ///
    /// # Panics
    ///
    /// If the call panicked or still waits.
    pub fn result(self) -> Outcome {
        self.ended().unwrap_or_else(|_| panic!("the call panicked"))
    }

    /// What it gave, or what it panicked with.
    ///
    /// # Errors
    ///
    /// The payload of the panic.
    ///
    /// # Panics
    ///
    /// If it still waits.
    pub fn ended(self) -> Result<Outcome, Box<dyn Any + Send>> {
        match self {
            Running::Thread(thread) => {
                let (outcome, server) = thread.join()?;
                server.stand_here();
                Ok(outcome)
            }
            Running::Future(mut future) => {
                catch_unwind(AssertUnwindSafe(|| poll(&mut future))).map(|polled| match polled {
                    Poll::Ready(outcome) => outcome,
                    Poll::Pending => panic!("it still waits"),
                })
            }
        }
    }
}

fn poll(future: &mut Boxed) -> Poll<Outcome> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}
