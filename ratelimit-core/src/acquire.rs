//! The one way through the line, for futures and, by polling the same future, for threads.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::clock::ClockHandle;
use crate::error::{Error, ErrorKind, Named, Refused, SiteName};
use crate::key::Key;
use crate::line::{Ask, Began, Changed, Claimed, Entered, Grant, Handle, KeyId, Passage, Refusal, Ticket};
use crate::permit::Permit;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::thread::{self, Thread};

/// A request as it was asked: owned, so that a future of it can go anywhere.
///
/// It is made once and moved as seldom as can be: a call that need not wait takes less time than moving it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Boxed, as few calls have an error.
    pub(crate) shared: Result<Handle, Box<Error>>,
    pub(crate) key: Option<Key>,
    /// `None` = below zero or above `u32::MAX`.
    pub(crate) weight: Option<u32>,
    /// Nanoseconds; `u64::MAX` = however long.
    pub(crate) max_delay: u64,
    pub(crate) site: Option<SiteName>,
}

/// What came of the short ways through.
enum Passed {
    Granted(Grant),
    Refused(Refusal),
    /// Nothing: the long way is to be taken.
    Not,
}

impl Asked {
    /// Starts now or is refused, without waiting.
    pub(crate) fn start(mut self) -> Result<Permit, Error> {
        self.max_delay = 0;
        if let Ok(shared) = &self.shared {
            match self.pass(shared) {
                Passed::Granted(grant) => return Ok(self.plain_permit(shared, grant)),
                Passed::Refused(refusal) => return Err(self.refusal(shared, refusal)),
                Passed::Not => {}
            }
        }
        self.enter_and_leave()
    }

    /// Waits on this thread.
    pub(crate) fn block(self) -> Result<Permit, Error> {
        if let Ok(shared) = &self.shared {
            match self.pass(shared) {
                Passed::Granted(grant) => return Ok(self.plain_permit(shared, grant)),
                Passed::Refused(refusal) => return Err(self.refusal(shared, refusal)),
                Passed::Not => {}
            }
        }
        Acquire::new(self).wait()
    }

    #[cold]
    fn enter_and_leave(self) -> Result<Permit, Error> {
        let (shared, ask) = self.ask(None)?;
        let Changed { result, rest } = shared.enter(ask, &mut None);
        shared.finish(rest);
        match result {
            Entered::Granted(grant) => Ok(self.permit(&shared, grant)),
            Entered::Refused(refusal) => Err(self.refusal(&shared, refusal)),
            // Nobody waits without an allowance.
            Entered::MustWait(_) | Entered::Waits(_) => {
                Err(self.refusal(&shared, Refusal::of(ErrorKind::Limited)))
            }
        }
    }

    /// Takes it whatever the limit says.
    pub(crate) fn charge(self) -> Result<Permit, Error> {
        let (shared, ask) = self.ask(None)?;
        match shared.charge(ask.key, ask.weight) {
            Ok(grant) => Ok(self.permit(&shared, grant)),
            Err(refusal) => Err(self.refusal(&shared, refusal)),
        }
    }

    /// The short ways through, for a call that meets nobody.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "what it gives is put together where it is to be, and not copied"
    )]
    fn pass(&self, shared: &Handle) -> Passed {
        let Some(weight) = self.weight else { return Passed::Not };
        if self.key.is_none() {
            match shared.pass(weight) {
                Passage::Granted(grant) => return Passed::Granted(grant),
                Passage::Refused(rate, retry_after) if self.max_delay == 0 => {
                    return Passed::Refused(Refusal {
                        kind: ErrorKind::Limited,
                        rate: Some(rate),
                        retry_after: Some(retry_after),
                    });
                }
                Passage::Refused(..) => return Passed::Not,
                Passage::Shut => {}
            }
        }
        let ask = Ask { key: self.key_id(), weight, max_delay: self.max_delay, began: None };
        shared.take(ask).map_or(Passed::Not, Passed::Granted)
    }

    /// Where to ask, and what.
    fn ask(&self, began: Option<Began>) -> Result<(Handle, Ask), Error> {
        match &self.shared {
            Err(error) => Err(Error::clone(error).with_site(self.site)),
            Ok(shared) => {
                let too_heavy = || self.refusal(shared, Refusal::of(ErrorKind::TooHeavy));
                let weight = self.weight.ok_or_else(too_heavy)?;
                let ask = Ask { key: self.key_id(), weight, max_delay: self.max_delay, began };
                Ok((shared.clone(), ask))
            }
        }
    }

    pub(crate) fn shared(&self) -> Result<&Handle, Error> {
        self.shared.as_ref().map_err(|error| Error::clone(error))
    }

    #[inline]
    pub(crate) fn key_id(&self) -> KeyId {
        self.key.as_ref().map(Key::digest)
    }

    /// For a grant of the short ways, which are shut where calls in flight are counted.
    #[inline]
    fn plain_permit(&self, shared: &Handle, grant: Grant) -> Permit {
        Permit::plain(shared.clone(), self.key_id(), grant)
    }

    fn permit(&self, shared: &Handle, grant: Grant) -> Permit {
        Permit::new(shared.clone(), self.key_id(), grant)
    }

    /// Rendered here, without a lock.
    fn refusal(&self, shared: &Handle, Refusal { kind, rate, retry_after }: Refusal) -> Error {
        let handle = match shared {
            Handle::Static(shared) => Named::Static(shared.name()),
            Handle::Counted(shared) => Named::Counted(shared.named()),
        };
        let (weight, max_delay, site) = (self.weight.unwrap_or(0), self.max_delay, self.site);
        let error = Error::refused(Refused { kind, handle, rate, retry_after, weight, max_delay, site });
        match &self.key {
            None => error,
            Some(key) => error.with_key(key),
        }
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
    /// Not in line yet; with the time of the first look, once there was one.
    New(Asked, Option<Began>),
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
        let Ok(shared) = &self.asked.shared else { return };
        let (_, clock) = shared.clock();
        if clock.is_system() {
            self.sleeper = None;
        } else if self.sleeper.as_ref().is_none_or(|counted| !counted.0.is(&clock)) {
            clock.sleeper_came();
            self.sleeper = Some(Box::new(Sleeper(clock)));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let (Some(ticket), Ok(shared)) = (self.ticket, &self.asked.shared) {
            shared.leave(self.asked.key_id(), ticket);
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
    pub(crate) fn new(asked: Asked) -> Self {
        Acquire { stage: Stage::New(asked, None) }
    }

    #[cold]
    fn wait(mut self) -> Result<Permit, Error> {
        // The first look needs no waker: most who are here are refused.
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

    /// Looks as a future.
    #[cold]
    fn poll_long(&mut self, context: &Context<'_>) -> Poll<Result<Permit, Error>> {
        match self.look(&mut Some(context.waker().clone())) {
            Some(ended) => Poll::Ready(ended),
            None => Poll::Pending,
        }
    }

    /// Looks once; a newcomer that brings no waker is not put in line, and must look again with one.
    fn look(&mut self, waker: &mut Option<Waker>) -> Option<Result<Permit, Error>> {
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::New(asked, began) => self.enter(asked, began, waker),
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
        let (shared, ask) = match asked.ask(began) {
            Ok(ask) => ask,
            Err(error) => return Some(Err(error)),
        };
        let Changed { result, rest } = shared.enter(ask, waker);
        match result {
            Entered::Granted(grant) => {
                let permit = asked.permit(&shared, grant);
                shared.finish(rest);
                Some(Ok(permit))
            }
            Entered::Refused(refusal) => {
                shared.finish(rest);
                Some(Err(asked.refusal(&shared, refusal)))
            }
            Entered::MustWait(began) => {
                shared.finish(rest);
                self.stage = Stage::New(asked, Some(began));
                None
            }
            Entered::Waits(ticket) => {
                // In place before anything foreign runs, so that a panic there gives the place up.
                let mut place = Place { asked, ticket: Some(ticket), sleeper: None };
                shared.finish(rest);
                place.fall_asleep();
                self.stage = Stage::Waiting(place);
                None
            }
        }
    }

    fn claim(&mut self, mut place: Place, waker: &mut Option<Waker>) -> Option<Result<Permit, Error>> {
        let shared = match place.asked.shared() {
            Ok(shared) => shared.clone(),
            Err(error) => return Some(Err(error)),
        };
        let (Some(ticket), Some(waker)) = (place.ticket, waker.take()) else {
            self.stage = Stage::Waiting(place);
            return None;
        };
        let Changed { result, rest } = shared.claim_turn(place.asked.key_id(), ticket, waker);
        match result {
            Claimed::Granted(grant) => {
                place.ticket = None;
                let permit = place.asked.permit(&shared, grant);
                shared.finish(rest);
                Some(Ok(permit))
            }
            Claimed::Refused(refusal) => {
                place.ticket = None;
                shared.finish(rest);
                Some(Err(place.asked.refusal(&shared, refusal)))
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
        if let Stage::New(asked, None) = &self.stage
            && let Ok(shared) = &asked.shared
            && let Passed::Granted(grant) = asked.pass(shared)
        {
            let permit = asked.plain_permit(shared, grant);
            self.stage = Stage::Done;
            return Poll::Ready(Ok(permit));
        }
        self.poll_long(context)
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
