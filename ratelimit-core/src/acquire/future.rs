//! The one way through the line, for futures and, by polling the same future, for threads.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use super::{Answer, Asked, Found};
use crate::clock::ClockHandle;
use crate::error::{Error, SiteName};
use crate::line::{Began, Changed, Claimed, Entered, Handle, Shared, Ticket};
use crate::permit::Permit;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::thread::{self, Thread};

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
    /// Nobody has looked yet.
    Plain(Plain),
    New(Asked),
    /// Boxed, as it makes every future larger, and few calls have to wait.
    Long(Box<Long>),
    Done,
}

/// What most calls ask for, without a key: so little that making and polling the future takes no time.
#[derive(Debug)]
struct Plain {
    shared: Handle,
    weight: u32,
    max_delay: u64,
    site: Option<SiteName>,
}

impl Plain {
    fn asked(self) -> Asked {
        let Plain { shared, weight, max_delay, site } = self;
        Asked { shared: Ok(shared), key: None, weight: Some(weight), max_delay, site }
    }
}

/// A call that is not let through at once, with its place in line, which is given up when it is dropped.
#[derive(Debug)]
pub(super) struct Long {
    asked: Asked,
    /// The time of the first look, once there was one.
    began: Option<Began>,
    /// `None` before it is in line, and once it was granted or refused.
    ticket: Option<Ticket>,
    /// Counted as a sleeper of this clock.
    sleeper: Option<Sleeper>,
}

impl Drop for Long {
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
    /// A call that costs one and has no key.
    #[inline]
    pub(crate) fn unkeyed((shared, max_delay): Found, site: Option<SiteName>) -> Self {
        match shared {
            Ok(shared) => Acquire { stage: Stage::Plain(Plain { shared, weight: 1, max_delay, site }) },
            shared => Acquire::new(Asked { shared, key: None, weight: Some(1), max_delay, site }),
        }
    }

    #[inline]
    pub(crate) fn new(asked: Asked) -> Self {
        Acquire { stage: Stage::New(asked) }
    }

    /// Looks as a future.
    #[cold]
    fn poll_long(&mut self, context: &Context<'_>) -> Answer<Poll<Result<Permit, Error>>> {
        Answer(match self.look(&mut Some(context.waker().clone())) {
            Some(ended) => Poll::Ready(ended),
            None => Poll::Pending,
        })
    }

    fn look(&mut self, waker: &mut Option<Waker>) -> Option<Result<Permit, Error>> {
        // Taken out, so that a panic of what is foreign gives the place up.
        let asked = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Plain(plain) => plain.asked(),
            Stage::New(asked) => match asked.quick() {
                Some(permit) => return Some(Ok(permit)),
                None => asked,
            },
            Stage::Long(mut long) => {
                let ended = long.look(waker);
                if ended.is_none() {
                    self.stage = Stage::Long(long);
                }
                return ended;
            }
            #[expect(clippy::panic, reason = "as every future does when it is polled after its end")]
            Stage::Done => panic!("`Acquire` polled after it was ready"),
        };
        asked.short().or_else(|| {
            let mut long = Long::new(asked);
            let ended = long.look(waker);
            if ended.is_none() {
                self.stage = Stage::Long(Box::new(long));
            }
            ended
        })
    }
}

impl Long {
    pub(super) fn new(asked: Asked) -> Self {
        Long { asked, began: None, ticket: None, sleeper: None }
    }

    /// Waits on this thread.
    #[cold]
    pub(super) fn wait(mut self) -> Result<Permit, Error> {
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

    /// Looks once; a newcomer that brings no waker is not put in line, and must look again with one.
    fn look(&mut self, waker: &mut Option<Waker>) -> Option<Result<Permit, Error>> {
        match self.ticket {
            None => self.enter(waker),
            Some(_) if waker.is_none() => None,
            Some(ticket) => self.claim(ticket, waker),
        }
    }

    fn enter(&mut self, waker: &mut Option<Waker>) -> Option<Result<Permit, Error>> {
        let (shared, ask) = match self.asked.ask(self.began) {
            Ok(ask) => ask,
            Err(error) => return Some(Err(error)),
        };
        let Changed { result, rest } = shared.enter(ask, waker);
        match result {
            Entered::Granted(grant) => {
                let permit = self.asked.permit(&shared, grant);
                shared.finish(rest);
                Some(Ok(permit))
            }
            Entered::Refused(refusal) => {
                shared.finish(rest);
                Some(Err(self.asked.refusal(&shared, refusal)))
            }
            Entered::MustWait(began) => {
                shared.finish(rest);
                self.began = Some(began);
                None
            }
            Entered::Waits(ticket) => {
                // In place before anything foreign runs.
                self.ticket = Some(ticket);
                shared.finish(rest);
                self.fall_asleep(&shared);
                None
            }
        }
    }

    fn claim(&mut self, ticket: Ticket, waker: &mut Option<Waker>) -> Option<Result<Permit, Error>> {
        let shared = match self.asked.shared() {
            Ok(shared) => shared.clone(),
            Err(error) => return Some(Err(error)),
        };
        let Changed { result, rest } = shared.claim_turn(self.asked.key_id(), ticket, waker);
        match result {
            Claimed::Granted(grant) => {
                self.ticket = None;
                let permit = self.asked.permit(&shared, grant);
                shared.finish(rest);
                Some(Ok(permit))
            }
            Claimed::Refused(refusal) => {
                self.ticket = None;
                shared.finish(rest);
                Some(Err(self.asked.refusal(&shared, refusal)))
            }
            Claimed::Waits => {
                shared.finish(rest);
                self.fall_asleep(&shared);
                None
            }
        }
    }

    /// Counts this waiter among the sleepers of the bucket's present clock.
    fn fall_asleep(&mut self, shared: &Shared) {
        let (_, clock) = shared.clock();
        if clock.is_system() {
            self.sleeper = None;
        } else if self.sleeper.as_ref().is_none_or(|counted| !counted.0.is(&clock)) {
            clock.sleeper_came();
            self.sleeper = Some(Sleeper(clock));
        }
    }
}

impl Future for Acquire {
    type Output = Result<Permit, Error>;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the permit is put together where it is to be, and not copied")]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Stage::Plain(Plain { shared, weight, .. }) = &self.stage {
            let weight = *weight;
            if let Some(start) = shared.pass(weight)
                && let Stage::Plain(Plain { shared, .. }) = std::mem::replace(&mut self.stage, Stage::Done)
            {
                return Poll::Ready(Ok(Permit::plain(shared, None, start.grant(weight))));
            }
        }
        self.poll_long(context).0
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
