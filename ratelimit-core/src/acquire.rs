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
use crate::line::{Ask, Began, Changed, Claimed, Entered, Grant, Handle, KeyId, Passage, Refusal, Ticket};
use crate::permit::Permit;

/// A request as it was asked: owned, so that a future of it can go anywhere.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) shared: Handle,
    pub(crate) key: Option<Key>,
    /// `None` = below zero or above `u32::MAX`.
    pub(crate) weight: Option<u32>,
    /// Nanoseconds; `u64::MAX` = however long.
    pub(crate) max_delay: u64,
    pub(crate) site: Option<SiteName>,
}

impl Asked {
    /// Starts now or is refused, without waiting.
    #[inline]
    pub(crate) fn start(mut self) -> Result<Permit, Error> {
        self.max_delay = 0;
        match self.pass() {
            Some(ended) => ended,
            None => self.enter_and_leave(),
        }
    }

    fn enter_and_leave(self) -> Result<Permit, Error> {
        let ask = self.ask(None)?;
        let Changed { result, rest } = self.shared.enter(ask, &mut None);
        self.shared.finish(rest);
        match result {
            Entered::Granted(grant) => Ok(self.permit(grant)),
            Entered::Refused(refusal) => Err(self.refusal(refusal)),
            // Nobody waits without an allowance.
            Entered::MustWait(_) | Entered::Waits(_) => Err(self.refusal(Refusal::of(ErrorKind::Limited))),
        }
    }

    /// The short ways through, for a call that meets nobody; `None` if it has to take the long one.
    #[inline]
    fn pass(&self) -> Option<Result<Permit, Error>> {
        let weight = self.weight?;
        if self.key.is_none() {
            match self.shared.pass(weight) {
                Passage::Granted(grant) => return Some(Ok(self.permit(grant))),
                Passage::Refused(rate, retry_after) if self.max_delay == 0 => {
                    let retry_after = Some(retry_after);
                    return Some(Err(self.refusal(Refusal { kind: ErrorKind::Limited, rate, retry_after })));
                }
                Passage::Refused(..) => return None,
                Passage::Shut => {}
            }
        }
        let ask = Ask { key: self.key_id(), weight, max_delay: self.max_delay, began: None };
        self.shared.take(ask).map(|grant| Ok(self.permit(grant)))
    }

    fn ask(&self, began: Option<Began>) -> Result<Ask, Error> {
        let Some(weight) = self.weight else { return Err(self.refusal(Refusal::of(ErrorKind::TooHeavy))) };
        Ok(Ask { key: self.key_id(), weight, max_delay: self.max_delay, began })
    }

    fn key_id(&self) -> KeyId {
        self.key.as_ref().map(Key::digest)
    }

    fn permit(&self, grant: Grant) -> Permit {
        Permit::new(self.shared.clone(), self.key_id(), grant)
    }

    /// Rendered here, without a lock.
    fn refusal(&self, refusal: Refusal) -> Error {
        let error = match &self.shared {
            Handle::Static(shared) => refusal.error().with_static_bucket(shared.name()),
            Handle::Counted(shared) => refusal.error().with_extra(shared.named()),
        };
        error
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
    ///
    /// Boxed, as it makes every future larger, and few clocks count.
    sleeper: Option<Box<Sleeper>>,
}

impl Place {
    /// Counts this waiter among the sleepers of the bucket's present clock.
    fn fall_asleep(&mut self) {
        let (_, clock) = self.asked.shared.clock();
        if clock.is_system() {
            self.sleeper = None;
            return;
        }
        if self.sleeper.as_ref().is_none_or(|counted| !counted.0.is(&clock)) {
            clock.sleeper_came();
            self.sleeper = Some(Box::new(Sleeper(clock)));
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
    #[inline]
    pub(crate) fn block(mut self) -> Result<Permit, Error> {
        match self.pass() {
            Some(ended) => ended,
            None => self.wait(),
        }
    }

    /// The short ways through: most calls need no other.
    #[inline]
    fn pass(&mut self) -> Option<Result<Permit, Error>> {
        let Stage::New(Ok(asked), None) = &self.stage else { return None };
        let ended = asked.pass()?;
        self.stage = Stage::Done;
        Some(ended)
    }

    fn wait(mut self) -> Result<Permit, Error> {
        // The first look needs no waker: a clock that is late, or a caller who is refused, never wakes anybody.
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
                let shared = asked.shared.clone();
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
        let shared = place.asked.shared.clone();
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

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(ended) = self.pass() {
            return Poll::Ready(ended);
        }
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
