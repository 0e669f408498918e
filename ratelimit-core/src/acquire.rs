//! The one way through the line, for futures and, by polling the same future, for threads.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use crate::clock::ClockHandle;
use crate::error::{Error, ErrorKind, SiteName};
use crate::key::Key;
use crate::line::{Ask, Began, Changed, Claimed, Entered, Grant, KeyId, Refusal, Shared, Ticket};
use crate::permit::Permit;

/// A request as it was asked: owned, so that a future of it can go anywhere.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) shared: Arc<Shared>,
    pub(crate) key: Option<Key>,
    /// `None` = below zero or above `u32::MAX`.
    pub(crate) weight: Option<u32>,
    /// Nanoseconds; `u64::MAX` = however long.
    pub(crate) max_delay: u64,
    pub(crate) site: Option<SiteName>,
}

impl Asked {
    /// Starts now or is refused, without waiting.
    pub(crate) fn start(mut self) -> Result<Permit, Error> {
        self.max_delay = 0;
        match self.enter(&mut None)? {
            Entered::Granted(grant) => Ok(self.permit(grant)),
            Entered::Refused(refusal) => Err(self.refusal(refusal)),
            // Nobody waits without an allowance.
            Entered::MustWait(_) | Entered::Waits(_) => Err(self.refusal(Refusal::of(ErrorKind::Limited))),
        }
    }

    fn enter(&self, waker: &mut Option<Waker>) -> Result<Entered, Error> {
        let ask = self.ask(None)?;
        let Changed { result, rest } = self.shared.enter(ask, waker);
        self.shared.finish(rest);
        Ok(result)
    }

    fn ask(&self, began: Option<Began>) -> Result<Ask, Error> {
        let Some(weight) = self.weight else { return Err(self.refusal(Refusal::of(ErrorKind::TooHeavy))) };
        Ok(Ask { key: self.key_id(), weight, max_delay: self.max_delay, began })
    }

    fn key_id(&self) -> KeyId {
        self.key.as_ref().map(Key::digest)
    }

    fn permit(&self, grant: Grant) -> Permit {
        Permit::new(Arc::clone(&self.shared), self.key_id(), grant)
    }

    /// Rendered here, without a lock.
    fn refusal(&self, refusal: Refusal) -> Error {
        refusal
            .error()
            .with_bucket(self.shared.name())
            .with_key(self.key.as_ref())
            .with_request(self.weight.unwrap_or(0), self.max_delay)
            .with_site(self.site)
    }
}

/// Waits in line for a permit.
///
/// # Cancel safety
///
/// Dropping it leaves the line as if it had never come: nothing was taken, and those behind it move up.
///
/// # Fairness
///
/// First come, first served, by the first poll.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Acquire {
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Not in line yet, or the bucket could not be had; with the time of the first look, once there was one.
    New(Result<Asked, Error>, Option<Began>),
    Waiting(Place),
    Done,
}

/// A place in line, given up when dropped.
#[derive(Debug)]
struct Place {
    asked: Asked,
    /// `None` once it was granted or refused.
    ticket: Option<Ticket>,
    /// Counted as a sleeper of this clock.
    sleeper: Option<Sleeper>,
}

impl Place {
    /// Counts this waiter among the sleepers of the bucket's present clock.
    fn fall_asleep(&mut self) {
        let (_, clock) = self.asked.shared.clock();
        if self.sleeper.as_ref().is_none_or(|counted| !counted.0.is(&clock)) {
            clock.sleeper_came();
            self.sleeper = Some(Sleeper(clock));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.asked.shared.leave(self.asked.key_id(), ticket);
        }
    }
}

#[derive(Debug)]
struct Sleeper(ClockHandle);

impl Drop for Sleeper {
    fn drop(&mut self) {
        // Foreign code, run while futures are dropped: its panic must not meet another.
        let _ = catch_unwind(AssertUnwindSafe(|| self.0.sleeper_left()));
    }
}

impl Acquire {
    #[inline]
    pub(crate) fn new(asked: Result<Asked, Error>) -> Self {
        Acquire { stage: Stage::New(asked, None) }
    }

    /// Waits on this thread.
    pub(crate) fn block(mut self) -> Result<Permit, Error> {
        // The first look needs no waker, and most calls need no second.
        if let Some(ended) = self.look(&mut None) {
            return ended;
        }
        let parker = Arc::new(Parker { thread: thread::current(), woken: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&parker));
        loop {
            if let Some(ended) = self.look(&mut Some(waker.clone())) {
                return ended;
            }
            parker.park();
        }
    }

    /// Looks once; a newcomer that brings no waker is not put in line, and must look again with one.
    fn look(&mut self, waker: &mut Option<Waker>) -> Option<Result<Permit, Error>> {
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::New(Err(error), _) => Some(Err(error)),
            Stage::New(Ok(asked), began) => self.enter(asked, began, waker),
            Stage::Waiting(place) => self.claim(place, waker),
            #[expect(clippy::panic, reason = "as every future does when it is polled after its end")]
            Stage::Done => panic!("`Acquire` polled after it was ready"),
        }
    }

    fn enter(
        &mut self,
        asked: Asked,
        began: Option<Began>,
        waker: &mut Option<Waker>,
    ) -> Option<Result<Permit, Error>> {
        let ask = match asked.ask(began) {
            Ok(ask) => ask,
            Err(error) => return Some(Err(error)),
        };
        let Changed { result, rest } = asked.shared.enter(ask, waker);
        match result {
            Entered::Granted(grant) => {
                let permit = asked.permit(grant);
                asked.shared.finish(rest);
                Some(Ok(permit))
            }
            Entered::Refused(refusal) => {
                asked.shared.finish(rest);
                Some(Err(asked.refusal(refusal)))
            }
            Entered::MustWait(began) => {
                asked.shared.finish(rest);
                self.stage = Stage::New(Ok(asked), Some(began));
                None
            }
            Entered::Waits(ticket) => {
                // In place before anything foreign runs, so that a panic there gives the place up.
                let shared = Arc::clone(&asked.shared);
                let mut place = Place { asked, ticket: Some(ticket), sleeper: None };
                shared.finish(rest);
                place.fall_asleep();
                self.stage = Stage::Waiting(place);
                None
            }
        }
    }

    fn claim(&mut self, mut place: Place, waker: &mut Option<Waker>) -> Option<Result<Permit, Error>> {
        let (Some(ticket), Some(waker)) = (place.ticket, waker.take()) else {
            self.stage = Stage::Waiting(place);
            return None;
        };
        let shared = Arc::clone(&place.asked.shared);
        let Changed { result, rest } = shared.claim_turn(place.asked.key_id(), ticket, waker);
        match result {
            Claimed::Granted(grant) => {
                place.ticket = None;
                let permit = place.asked.permit(grant);
                shared.finish(rest);
                Some(Ok(permit))
            }
            Claimed::Refused(refusal) => {
                place.ticket = None;
                shared.finish(rest);
                Some(Err(place.asked.refusal(refusal)))
            }
            Claimed::Waits => {
                shared.finish(rest);
                place.fall_asleep();
                self.stage = Stage::Waiting(place);
                None
            }
        }
    }
}

impl Future for Acquire {
    type Output = Result<Permit, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Only a caller that must wait has its waker cloned.
        if matches!(self.stage, Stage::New(..))
            && let Some(ended) = self.look(&mut None)
        {
            return Poll::Ready(ended);
        }
        match self.look(&mut Some(context.waker().clone())) {
            Some(ended) => Poll::Ready(ended),
            None => Poll::Pending,
        }
    }
}

/// Wakes a thread; its own flag, so that others' use of the thread's park token does no harm.
struct Parker {
    thread: Thread,
    woken: AtomicBool,
}

impl Parker {
    fn park(&self) {
        while !self.woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
