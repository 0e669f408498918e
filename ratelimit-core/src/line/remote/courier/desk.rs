//! Where asks wait to be carried, and who carries them.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, Weak};

use super::health::Health;
use super::late::Late;
use super::mirror::Mirror;
use super::{MOST, Way, caught, lock};
use crate::clock::{Clock, SystemClock};
use crate::line::KeyId;
use crate::line::remote::answer::{Asker, Moment, Span};
use crate::line::shared::Shared;
use crate::store::{Ask, Failure, Said, StoreHandle};
use crate::sync::thread::{self, ThreadId};
use crate::sync::{Condvar, Mutex, MutexGuard};
use crate::time::Timestamp;

pub(super) struct Desk {
    pub(super) store: StoreHandle,
    pub(super) shared: Weak<Shared>,
    pub(super) inner: Mutex<Inner>,
    /// Rung for the bucket's thread.
    pub(super) bell: Condvar,
    pub(super) mirror: Mutex<Mirror>,
    pub(super) health: Mutex<Health>,
    pub(super) late: Mutex<Late>,
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) errands: VecDeque<Errand>,
    /// Who carries, and will take along what is put here.
    pub(super) carrier: Option<ThreadId>,
    pub(super) thread: Worker,
    /// Whether the store is there, and has more to be told that was started without it.
    pub(super) is_to_tell: bool,
    pub(super) is_closed: bool,
}

/// The bucket's thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Worker {
    /// There is none yet.
    #[default]
    None,
    Idle,
    /// It is to carry.
    Called,
}

pub(super) struct Errand {
    pub(super) ask: Ask,
    pub(super) key: KeyId,
    /// When it was put there, by the system's clock, or when its caller's allowance was over.
    pub(super) since: Timestamp,
    pub(super) to: To,
}

impl Errand {
    /// Whether it only tells the store something, and nobody waits for that.
    pub(super) fn is_told(&self) -> bool {
        matches!(self.to, To::Nobody)
    }
}

/// What was put on its way, to be carried; if it is dropped instead, as something foreign has panicked, another thread
/// carries it.
#[must_use]
pub(crate) struct Put<'a>(Option<&'a Arc<Desk>>);

impl Put<'_> {
    pub(crate) fn carry(mut self, way: Way) {
        let Some(desk) = self.0.take() else { return };
        match way {
            // What others bring meanwhile is not this caller's to wait for.
            Way::Here => desk.carry(1),
            Way::Elsewhere => desk.call_for(),
        }
    }
}

impl Drop for Put<'_> {
    fn drop(&mut self) {
        if let Some(desk) = self.0.take() {
            desk.call_for();
        }
    }
}

/// Who gets the answer.
pub(super) enum To {
    Asker(Asker),
    Caller(Caller),
    Nobody,
}

/// What the store answered, and when.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) said: Result<Said, Failure>,
    pub(super) trip: Option<Span>,
}

impl Reply {
    /// What is not the store's is of no trip.
    pub(super) fn failed(failure: Failure) -> Self {
        Reply { said: Err(failure), trip: None }
    }
}

/// Somebody who blocks until the answer is there: one comes, whatever becomes of it on its way.
pub(super) struct Caller {
    cell: Arc<Cell>,
    is_answered: bool,
}

impl Caller {
    pub(super) fn new(cell: &Arc<Cell>) -> Self {
        Caller { cell: Arc::clone(cell), is_answered: false }
    }

    pub(super) fn answer(mut self, reply: Reply) {
        self.tell(reply);
    }

    fn tell(&mut self, reply: Reply) {
        let before = std::mem::replace(&mut *lock(&self.cell.slot), Slot::Answered(reply));
        // Who carries for itself is not waiting, and to ring asks the system.
        if matches!(before, Slot::Awaited) {
            self.cell.bell.notify_one();
        }
        self.is_answered = true;
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        if !self.is_answered {
            self.tell(Reply::failed(Failure::new("what was asked was lost on its way, by a panic")));
        }
    }
}

/// Where a caller waits who blocks for one trip.
#[derive(Default)]
pub(super) struct Cell {
    pub(super) slot: Mutex<Slot>,
    pub(super) bell: Condvar,
}

#[derive(Default)]
pub(super) enum Slot {
    /// There is no answer yet, and nobody sleeps.
    #[default]
    Empty,
    Awaited,
    Answered(Reply),
}

impl Inner {
    fn is_to_do(&self) -> bool {
        self.is_to_tell || !self.errands.is_empty()
    }
}

/// While somebody carries; however that ends, somebody else may then, and what is left is the bucket's thread's.
struct Shift<'a>(&'a Arc<Desk>);

impl Drop for Shift<'_> {
    fn drop(&mut self) {
        let Shift(desk) = self;
        let mut inner = lock(&desk.inner);
        inner.carrier = None;
        if inner.is_to_do() {
            desk.hire(inner);
        }
    }
}

impl Shared {
    /// What the bucket's clock shows, and which clock that is; `None` if it panics.
    pub(super) fn moment(&self) -> Option<Moment> {
        let (epoch, clock) = self.clock();
        caught(|| (epoch, clock.now()))
    }
}

impl Desk {
    pub(super) fn put(self: &Arc<Self>, ask: Ask, key: KeyId, to: To) -> Put<'_> {
        self.put_overdue(ask, key, to, 0)
    }

    /// For somebody whose allowance has been over for so many nanoseconds: they are the trip's.
    pub(super) fn put_overdue(self: &Arc<Self>, ask: Ask, key: KeyId, to: To, overdue: u64) -> Put<'_> {
        let since = Timestamp::from_nanos(SystemClock.now().as_nanos().saturating_sub(overdue));
        lock(&self.inner).errands.push_back(Errand { ask, key, since, to });
        Put(Some(self))
    }

    /// Has the bucket's thread carry, unless somebody does.
    pub(super) fn call_for(self: &Arc<Self>) {
        let inner = lock(&self.inner);
        if inner.carrier.is_none() && inner.is_to_do() {
            self.hire(inner);
        }
    }

    /// Has the bucket's thread carry.
    pub(super) fn hire(self: &Arc<Self>, mut inner: MutexGuard<'_, Inner>) {
        let before = std::mem::replace(&mut inner.thread, Worker::Called);
        drop(inner);
        match before {
            // Whoever has called it rings; to ring asks the system.
            Worker::Called => return,
            Worker::Idle => return self.bell.notify_one(),
            Worker::None => {}
        }
        let desk = Arc::clone(self);
        let started = thread::Builder::new().name("rate-limited".to_owned()).spawn(move || desk.work());
        if started.is_err() {
            // Rather late than never.
            lock(&self.inner).thread = Worker::None;
            self.carry(usize::MAX);
        }
    }

    /// What the bucket's thread does.
    pub(super) fn work(self: &Arc<Self>) {
        loop {
            let mut inner = lock(&self.inner);
            while inner.thread != Worker::Called {
                if inner.is_closed {
                    // Should something still come, another thread is started for it.
                    inner.thread = Worker::None;
                    return;
                }
                inner = self.bell.wait(inner).unwrap_or_else(PoisonError::into_inner);
            }
            inner.thread = Worker::Idle;
            drop(inner);
            caught(|| self.carry(usize::MAX));
        }
    }

    /// Carries, unless somebody does: so many times at most, as long as there is something; the rest is the bucket's
    /// thread's.
    ///
    /// Whoever is woken may call from within, on the thread that carries: then it carries on for itself, as nobody else
    /// would.
    pub(super) fn carry(self: &Arc<Self>, times: usize) {
        let me = thread::current().id();
        let mut inner = lock(&self.inner);
        let is_within = inner.carrier == Some(me);
        if inner.carrier.is_some() && !is_within {
            return;
        }
        inner.carrier = Some(me);
        drop(inner);
        let _shift = (!is_within).then_some(Shift(self));
        for _ in 0..if is_within { usize::MAX } else { times } {
            let mut inner = lock(&self.inner);
            if !inner.is_to_do() {
                break;
            }
            inner.is_to_tell = false;
            let count = inner.errands.len().min(MOST);
            let mut batch = Vec::with_capacity(count);
            batch.extend(inner.errands.drain(..count));
            drop(inner);
            let is_to_tell = self.deliver(batch);
            lock(&self.inner).is_to_tell |= is_to_tell;
        }
    }
}
