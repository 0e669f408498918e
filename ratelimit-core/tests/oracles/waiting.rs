//! Those who wait, as futures polled by hand while the time passes.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use ratelimit_core::clock::{Clock, Timestamp};
use ratelimit_core::{Error, Permit};

use crate::replay::Engine;

type Acquiring = Pin<Box<dyn Future<Output = Result<Permit, Error>> + Send>>;

/// Wakes nobody, but remembers that it was told to.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Futures by number; whoever is removed has left the line.
#[derive(Default)]
pub(crate) struct Waiting {
    futures: BTreeMap<u32, (Acquiring, Arc<Flag>)>,
}

/// Somebody who waited and has started.
pub(crate) struct Started {
    pub(crate) id: u32,
    pub(crate) at: u64,
    pub(crate) permit: Permit,
}

impl Waiting {
    /// Asks for `weight`, however long it takes; `None` = it waits.
    pub(crate) fn join(&mut self, id: u32, weight: u32, engine: &Engine) -> Option<Result<Permit, Error>> {
        self.join_for(id, weight, Duration::MAX, engine)
    }

    /// The same for `allowed` at most.
    pub(crate) fn join_for(
        &mut self,
        id: u32,
        weight: u32,
        allowed: Duration,
        engine: &Engine,
    ) -> Option<Result<Permit, Error>> {
        let request = engine.bucket.request().weight(weight).max_delay(allowed);
        let (mut future, flag): (Acquiring, _) = (Box::pin(request.acquire_async()), Arc::default());
        match poll(&mut future, &flag) {
            Poll::Ready(ended) => Some(ended),
            Poll::Pending => {
                self.futures.insert(id, (future, flag));
                None
            }
        }
    }

    /// Whether it was still waiting.
    pub(crate) fn leave(&mut self, id: u32) -> bool {
        self.futures.remove(&id).is_some()
    }

    pub(crate) fn is_waiting(&self, id: u32) -> bool {
        self.futures.contains_key(&id)
    }

    /// Lets the time pass until `nanos`, and everybody start who is woken on the way.
    pub(crate) fn pass(&mut self, nanos: u64, engine: &Engine) -> Vec<Started> {
        let end = Timestamp::from_nanos(nanos);
        let mut started = Vec::new();
        while let Some(at) = engine.clock.next_wake().filter(|at| *at <= end) {
            assert!(at > engine.clock.now(), "nobody sleeps until a time that is over");
            engine.clock.set(at);
            while self.poll_woken(at, &mut started) {}
        }
        engine.clock.set(end);
        while self.poll_woken(end, &mut started) {}
        started
    }

    /// Lets the time pass in one step, and everybody start who is woken by then.
    pub(crate) fn come_late(&mut self, nanos: u64, engine: &Engine) -> Vec<Started> {
        let (now, mut started) = (Timestamp::from_nanos(nanos), Vec::new());
        engine.clock.set(now);
        while self.poll_woken(now, &mut started) {}
        started
    }

    /// Polls all those who were woken; whether there was anybody.
    fn poll_woken(&mut self, now: Timestamp, started: &mut Vec<Started>) -> bool {
        let mut polled = false;
        self.futures.retain(|id, (future, flag)| {
            if !flag.0.swap(false, Ordering::SeqCst) {
                return true;
            }
            polled = true;
            match poll(future, flag) {
                Poll::Pending => true,
                Poll::Ready(ended) => {
                    let permit = ended.expect("a permit");
                    started.push(Started { id: *id, at: now.as_nanos(), permit });
                    false
                }
            }
        });
        polled
    }
}

fn poll(future: &mut Acquiring, flag: &Arc<Flag>) -> Poll<Result<Permit, Error>> {
    future.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(flag))))
}
