//! A subscriber that is limited by buckets itself: no lock is held while it is told, and of its own calls it is told
//! nothing, or it would never come to an end. The only test of this process, as it subscribes for all of it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ratelimit_core::clock::ManualClock;
use ratelimit_core::{Bucket, ErrorKind, Rate};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Asks the bucket that it is told of.
struct Busy(Bucket);

static TOLD: AtomicU32 = AtomicU32::new(0);

impl Subscriber for Busy {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn event(&self, _event: &Event<'_>) {
        TOLD.fetch_add(1, Ordering::Relaxed);
        assert!(self.0.try_acquire().is_err() && self.0.request().key("k").weight(2).try_acquire().is_err());
        let paused = self.0.pause(Duration::from_secs(u64::from(TOLD.load(Ordering::Relaxed))));
        assert!(paused.is_ok() || self.0.try_acquire().unwrap_err().kind() == ErrorKind::Closed);
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

#[test]
fn a_subscriber_may_call_and_is_told_nothing_of_that() {
    let bucket = Bucket::named("b", Rate::per_hour(1)).clock(ManualClock::new());
    drop(bucket.try_acquire().unwrap());
    tracing::subscriber::set_global_default(Busy(bucket.clone())).unwrap();
    assert!(bucket.try_acquire().is_err());
    assert_eq!(TOLD.load(Ordering::Relaxed), 1);
    assert!(bucket.request().max_delay(Duration::from_secs(1)).acquire().is_err());
    assert_eq!(TOLD.load(Ordering::Relaxed), 2);
    bucket.pause(Duration::from_secs(60)).unwrap();
    assert_eq!(TOLD.load(Ordering::Relaxed), 3);
    bucket.close();
    assert_eq!(TOLD.load(Ordering::Relaxed), 4);
}
