//! What a change of state asks of the world, done after the lock is released.

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::Waker;
use std::thread;

use super::events::{Event, Notes, Told};
use super::remote::{Courier, Note};
use super::{KeyId, Ticket};
use crate::error::BucketName;
use crate::policy::own::{self, Payload};
use crate::sync::thread_local;
use crate::time::Timestamp;

/// Wakers to call, wakers to drop, what to tell, and the alarm to set.
#[derive(Debug, Default)]
#[must_use]
pub(super) struct Effects {
    wakes: VecDeque<Job>,
    drops: VecDeque<Job>,
    /// The alarm's new time, if it changed, and which change this is.
    pub(super) alarm: Option<(u64, Option<Timestamp>)>,
    /// Who of those in line is being polled: its turn is its own business.
    pub(super) caller: Option<Ticket>,
    /// What the user's policy panicked with over the caller's own call.
    pub(super) panicked: Option<Payload>,
    /// What it panicked with over and over: dropped without a lock, as it is foreign too.
    panicked_again: Vec<Payload>,
    notes: Notes,
    /// What is to be told to a store: by whom, and of which key.
    told: Vec<(Arc<Courier>, KeyId, Note)>,
}

/// What is to be done with a waker, or told; all of it runs foreign code.
#[derive(Debug)]
enum Job {
    Wake(Waker),
    Drop(Waker),
    Tell(Told),
}

impl Effects {
    pub(super) fn wake(&mut self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            self.wakes.push_back(Job::Wake(waker));
        }
    }

    pub(super) fn drop(&mut self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            self.drops.push_back(Job::Drop(waker));
        }
    }

    /// The store is to be told.
    pub(super) fn tell(&mut self, courier: &Arc<Courier>, key: KeyId, note: Note) {
        self.told.push((Arc::clone(courier), key, note));
    }

    /// Tells stores what there is to be told.
    pub(super) fn tell_stores(&mut self) {
        for (courier, key, note) in self.told.drain(..) {
            courier.tell(key, &note);
        }
    }

    /// Takes note of what is told by `tracing`, once the lock is released.
    pub(super) fn note(&mut self, event: impl FnOnce() -> Event) {
        self.notes.note(event);
    }

    /// The user's policy was asked on the caller's behalf: whether it panicked, now or before.
    pub(super) fn meet_panic(&mut self) -> bool {
        if let Some(payload) = own::noted() {
            match self.panicked {
                None => self.panicked = Some(payload),
                Some(_) => self.panicked_again.push(payload),
            }
        }
        self.panicked.is_some()
    }

    /// Whether there is nothing to do, as after most calls.
    pub(super) fn is_empty(&self) -> bool {
        self.wakes.is_empty()
            && self.drops.is_empty()
            && self.alarm.is_none()
            && self.panicked.is_none()
            && self.notes.is_empty()
            && self.told.is_empty()
    }

    /// Calls the wakers in order, drops those that are done with, and tells what happened to `bucket`.
    pub(super) fn wake_all(self, bucket: &BucketName) {
        let mut effects = self;
        effects.tell_stores();
        let Effects { mut wakes, drops, panicked_again, notes, .. } = effects;
        panicked_again.into_iter().for_each(own::discard);
        wakes.extend(drops);
        wakes.extend(notes.of(bucket).map(Job::Tell));
        if !wakes.is_empty() {
            run_all(wakes);
        }
    }
}

thread_local! {
    /// What the outermost [`run_all`] of this thread still has to do.
    static RUNNING: RefCell<Option<VecDeque<Job>>> = const { RefCell::new(None) };
}

/// Does `jobs` one after the other.
///
/// A waker may poll a waiter right away, whose start wakes the next, and so on; one that is dropped may drop a waiter,
/// whose waker is dropped: what comes of a job is queued behind the outermost loop instead of going one level deeper
/// each. A waker that panics does not keep the others asleep.
fn run_all(jobs: VecDeque<Job>) {
    let mut jobs = Some(jobs);
    let nested = RUNNING.try_with(|running| match &mut *running.borrow_mut() {
        Some(queue) => {
            queue.extend(jobs.take().into_iter().flatten());
            true
        }
        none => {
            *none = jobs.take();
            false
        }
    });
    let panicked = match nested {
        Ok(true) => None,
        Ok(false) => {
            let panicked = run(|| RUNNING.with(|running| running.borrow_mut().as_mut()?.pop_front()));
            RUNNING.with(RefCell::take);
            panicked
        }
        // The thread is ending and has no locals any more.
        Err(_) => {
            let mut rest = jobs.unwrap_or_default();
            run(|| rest.pop_front())
        }
    };
    if let Some(panic) = panicked
        && !thread::panicking()
    {
        resume_unwind(panic);
    }
}

fn run(mut next: impl FnMut() -> Option<Job>) -> Option<Box<dyn Any + Send>> {
    let mut panicked = None;
    while let Some(job) = next() {
        let done = catch_unwind(AssertUnwindSafe(|| match job {
            Job::Wake(waker) => waker.wake(),
            Job::Drop(waker) => drop(waker),
            Job::Tell(told) => told.tell(),
        }));
        panicked = done.err().or(panicked);
    }
    panicked
}
