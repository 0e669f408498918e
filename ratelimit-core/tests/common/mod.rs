//! A waiting future that is polled by hand, and a generator of repeatable numbers.

#![allow(dead_code, reason = "each test crate uses its own part")]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "helpers of tests")]

mod dice;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use ratelimit_core::{Bucket, Error, Permit};

#[allow(unused_imports, reason = "each test crate uses its own part")]
pub(crate) use dice::Dice;

/// Forever, as an allowance.
pub(crate) const FOREVER: Duration = Duration::MAX;

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn ns(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

/// So many; in an interpreter, where everything takes some thousand times as long, a hundredth of them.
pub(crate) const fn many(usual: u64) -> u64 {
    if cfg!(miri) { usual.div_ceil(100) } else { usual }
}

type Acquiring = Pin<Box<dyn Future<Output = Result<Permit, Error>> + Send>>;

/// A future of a permit, its waker a flag; dropping it cancels it.
pub(crate) struct Task {
    future: Acquiring,
    flag: Arc<Flag>,
    waker: Waker,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Task {
    pub(crate) fn new(future: impl Future<Output = Result<Permit, Error>> + Send + 'static) -> Self {
        let flag = Arc::new(Flag::default());
        Task { future: Box::pin(future), waker: Waker::from(Arc::clone(&flag)), flag }
    }

    /// One that waits on `bucket` however long, polled once.
    pub(crate) fn waiting(bucket: &Bucket) -> Self {
        let mut task = Task::new(bucket.request().max_delay(FOREVER).acquire_async());
        assert!(task.poll().is_none(), "it has to wait");
        task
    }

    pub(crate) fn poll(&mut self) -> Option<Result<Permit, Error>> {
        self.flag.0.store(false, Ordering::SeqCst);
        match self.future.as_mut().poll(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(ended) => Some(ended),
            Poll::Pending => None,
        }
    }

    /// Polls it with a waker of somebody else's; whether it still waits.
    pub(crate) fn poll_with(&mut self, waker: &Waker) -> bool {
        self.future.as_mut().poll(&mut Context::from_waker(waker)).is_pending()
    }

    /// Whether it was woken since it was polled last.
    pub(crate) fn is_woken(&self) -> bool {
        self.flag.0.load(Ordering::SeqCst)
    }
}
