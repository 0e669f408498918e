//! The one way through the line, for futures and, by polling the same future, for threads.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use super::{Answer, Asked, Found};
use crate::clock::ClockHandle;
use crate::error::{Error, SiteName};
use crate::line::remote::{Brought, Way, Wish};
use crate::line::{Began, Changed, Claimed, Entered, Handle, Rest, Route, Shared, Ticket};
use crate::permit::Permit;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::thread::{self, Thread};

/// Waits in line for a permit that costs one and has no key.
///
/// # Cancel safety
///
/// Dropping it leaves the line as if it had never come: nothing was taken, and those behind it move up.
///
/// # Fairness
///
/// First come, first served, by the first poll.
#[derive(Debug)]
// So little that making, moving and polling it takes no time.
#[must_use = "futures do nothing unless polled"]
pub struct Acquire {
    /// Nobody has looked yet; `None` from then on.
    shared: Option<Handle>,
    max_delay: u64,
    site: Option<SiteName>,
    long: Later,
}

/// Waits in line for a permit, as [`Acquire`] does, whatever was asked for.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct AcquireWith {
    /// Nobody has looked yet; `None` from then on.
    asked: Option<Asked>,
    long: Later,
}

/// Boxed, as it makes every future larger, and few calls have to wait.
#[derive(Debug)]
struct Later(Option<Box<Long>>);

/// In two parts, so that what most futures have to drop is one look.
impl Drop for Later {
    #[inline]
    fn drop(&mut self) {
        if let Some(long) = self.0.take() {
            give_up(long);
        }
    }
}

#[cold]
#[inline(never)]
fn give_up(long: Box<Long>) {
    drop(long);
}

/// A call that is not let through at once, with its place in line, which is given up when it is dropped.
#[derive(Debug)]
pub(super) struct Long {
    asked: Asked,
    /// Whose answer will be told of, and by what.
    route: Route,
    /// The time of the first look, once there was one.
    began: Option<Began>,
    /// `None` before it is in line, and once it was granted or refused.
    ticket: Option<Ticket>,
    /// Counted as a sleeper of this clock.
    sleeper: Option<Sleeper>,
    /// Who carries what is to be asked of a store.
    way: Way,
    /// What a store has answered already.
    brought: Option<Brought>,
    /// A store was asked since the last look.
    has_carried: bool,
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
    #[inline]
    pub(crate) fn new((shared, max_delay): Found, site: Option<SiteName>) -> Self {
        match shared {
            Ok(shared) => Acquire { shared: Some(shared), max_delay, site, long: Later(None) },
            shared => {
                let asked = Asked::one((shared, max_delay), site);
                Acquire { shared: None, max_delay, site, long: Later(Some(Box::new(Long::new(asked, None)))) }
            }
        }
    }

    #[cold]
    fn poll_long(&mut self, context: &Context<'_>) -> Answer<Poll<Result<Permit, Error>>> {
        let Acquire { shared, max_delay, site, long } = self;
        // Taken out, so that a panic of what is foreign gives the place up.
        let asked = shared.take().map(|shared| Asked::one((Ok(shared), *max_delay), *site));
        poll_long(asked, long, context)
    }
}

impl AcquireWith {
    #[inline]
    pub(crate) fn new(asked: Asked) -> Self {
        AcquireWith { asked: Some(asked), long: Later(None) }
    }

    /// For a call whose answer will be told of.
    pub(crate) fn on(asked: Asked, route: Route) -> Self {
        AcquireWith { asked: None, long: Later(Some(Box::new(Long::new(asked, route)))) }
    }

    #[cold]
    fn poll_long(&mut self, context: &Context<'_>) -> Answer<Poll<Result<Permit, Error>>> {
        poll_long(self.asked.take(), &mut self.long, context)
    }
}

/// Looks as a future: by a precise reading first, then from the line.
fn poll_long(
    asked: Option<Asked>,
    later: &mut Later,
    context: &Context<'_>,
) -> Answer<Poll<Result<Permit, Error>>> {
    let mut waker = Some(context.waker().clone());
    // Taken out, so that a panic of what is foreign gives the place up.
    let ended = match (asked, later.0.take()) {
        (Some(asked), _) => asked.short().or_else(|| {
            let mut long = Long::new(asked, None);
            let ended = long.look(&mut waker);
            if ended.is_none() {
                later.0 = Some(Box::new(long));
            }
            ended
        }),
        (None, Some(mut long)) => {
            let ended = long.look(&mut waker);
            if ended.is_none() {
                later.0 = Some(long);
            }
            ended
        }
        #[expect(clippy::panic, reason = "as every future does when it is polled after its end")]
        (None, None) => panic!("polled for a permit after it was ready"),
    };
    // Foreign code: if it panics here, what was granted is not in the caller's hands yet, and ends.
    drop(waker);
    Answer(ended.map_or(Poll::Pending, Poll::Ready))
}

impl Long {
    pub(super) fn new(asked: Asked, route: Route) -> Self {
        let way = Way::Elsewhere;
        Long {
            asked,
            route,
            began: None,
            ticket: None,
            sleeper: None,
            way,
            brought: None,
            has_carried: false,
        }
    }

    /// Waits on this thread.
    #[cold]
    pub(super) fn wait(mut self) -> Result<Permit, Error> {
        self.way = Way::Here;
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
            // Who was carried here has its answer, and where this is called by a waker nobody else is woken before it ends.
            if std::mem::take(&mut self.has_carried) {
                continue;
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
        let (shared, ask) = match self.asked.ask(self.route, self.began) {
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
            Entered::Asks(ticket, wish) => {
                self.ticket = Some(ticket);
                self.ask_store(&shared, &wish, rest);
                None
            }
        }
    }

    /// The same for who has asked a store already.
    pub(super) fn bringing(asked: Asked, brought: Brought) -> Self {
        let mut long = Long::new(asked, None);
        long.began = Some(brought.began);
        long.brought = Some(brought);
        long
    }

    /// Has the store asked; the answer comes as a turn, or a refusal, of this place in line.
    fn ask_store(&mut self, shared: &Shared, wish: &Wish, mut rest: Rest) {
        // What is given back is there for what is asked for now.
        rest.tell_stores();
        let brought = self.brought.take().map(|brought| shared.bring(brought, wish));
        let is_answered = brought.as_ref().is_some_and(|brought| brought.result);
        // On its way before anything foreign runs, whose panic must leave nobody waiting for an answer.
        let put = (!is_answered).then(|| wish.put(self.asked.named().1));
        self.has_carried = true;
        if let Some(Changed { rest, .. }) = brought {
            shared.finish(rest);
        }
        shared.finish(rest);
        self.fall_asleep(shared);
        if let Some(put) = put {
            put.carry(self.way);
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
            Claimed::Asks(wish) => {
                self.ask_store(&shared, &wish, rest);
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
        if let Some(start) = self.shared.as_ref().and_then(|shared| shared.pass(1))
            && let Some(shared) = self.shared.take()
        {
            return Poll::Ready(Ok(Permit::plain(shared, None, start.grant(1))));
        }
        self.poll_long(context).0
    }
}

impl Future for AcquireWith {
    type Output = Result<Permit, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(permit) = self.asked.as_ref().and_then(Asked::quick) {
            self.asked = None;
            return Poll::Ready(Ok(permit));
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
