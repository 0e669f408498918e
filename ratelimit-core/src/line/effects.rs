//! What a change of state asks of the world, done after the lock is released.

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;
use std::thread;

use crate::time::Timestamp;

/// Wakers to call, wakers to drop, and the alarm to set.
#[derive(Debug, Default)]
#[must_use]
pub(super) struct Effects {
    wakes: VecDeque<Waker>,
    drops: Vec<Waker>,
    /// The alarm's new time, if it changed, and which change this is.
    pub(super) alarm: Option<(u64, Option<Timestamp>)>,
}

impl Effects {
    pub(super) fn wake(&mut self, waker: Option<Waker>) {
        self.wakes.extend(waker);
    }

    pub(super) fn drop(&mut self, waker: Option<Waker>) {
        self.drops.extend(waker);
    }

    /// Calls the wakers, in order.
    pub(super) fn wake_all(self) {
        let Effects { wakes, drops, .. } = self;
        if !wakes.is_empty() {
            wake_all(wakes);
        }
        drop(drops);
    }
}

thread_local! {
    /// The wakers that the outermost [`wake_all`] of this thread still has to call.
    static WAKING: RefCell<Option<VecDeque<Waker>>> = const { RefCell::new(None) };
}

/// Calls `wakes` one after the other.
///
/// A waker may poll a waiter right away, whose start wakes the next, and so on: those further wakes are queued behind
/// the outermost loop instead of going one level deeper each. A waker that panics does not keep the others asleep.
fn wake_all(wakes: VecDeque<Waker>) {
    let mut wakes = Some(wakes);
    let nested = WAKING.try_with(|waking| match &mut *waking.borrow_mut() {
        Some(queue) => {
            queue.extend(wakes.take().into_iter().flatten());
            true
        }
        none => {
            *none = wakes.take();
            false
        }
    });
    let panicked = match nested {
        Ok(true) => None,
        Ok(false) => {
            let panicked = call(|| WAKING.with_borrow_mut(|queue| queue.as_mut()?.pop_front()));
            WAKING.set(None);
            panicked
        }
        // The thread is ending and has no locals any more.
        Err(_) => {
            let mut rest = wakes.unwrap_or_default();
            call(|| rest.pop_front())
        }
    };
    if let Some(panic) = panicked
        && !thread::panicking()
    {
        resume_unwind(panic);
    }
}

fn call(mut next: impl FnMut() -> Option<Waker>) -> Option<Box<dyn Any + Send>> {
    let mut panicked = None;
    while let Some(waker) = next() {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            panicked = Some(panic);
        }
    }
    panicked
}
