//! A policy of the user's own while its store is away.

use std::sync::Arc;
use std::time::Duration;

use ratelimit_core::clock::{ManualClock, Timestamp};
use ratelimit_core::policy::{Earliest, Outcome, Policy};
use ratelimit_core::store::OnOutage;
use ratelimit_core::{Bucket, ErrorKind};

use super::{Switched, starts};

/// One start an hour.
#[derive(Clone, Debug)]
struct Hourly(Option<Timestamp>);

impl Hourly {
    fn again_at(&self) -> Timestamp {
        self.0.map_or(Timestamp::ZERO, |last| last.saturating_add(Duration::from_secs(3600)))
    }
}

impl Policy for Hourly {
    fn earliest(&self, now: Timestamp, _weight: u32) -> Earliest {
        Earliest::At(self.again_at().max(now))
    }

    fn commit(&mut self, now: Timestamp, _weight: u32) {
        self.0 = Some(now);
    }

    fn settle(&mut self, _start: Timestamp, _now: Timestamp, _weight: u32, _outcome: &Outcome) {}

    fn idle_at(&self) -> Option<Timestamp> {
        Some(self.again_at())
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }

    fn save(&self) -> Option<Vec<u8>> {
        Some(self.0?.as_nanos().to_le_bytes().to_vec())
    }

    fn load(&self, bytes: &[u8]) -> Option<Box<dyn Policy>> {
        let last = u64::from_le_bytes(bytes.try_into().ok()?);
        Some(Box::new(Hourly(Some(Timestamp::from_nanos(last)))))
    }
}

/// The states of a user's policy are those of keys as well.
#[test]
fn no_more_states_of_ones_own_policy_are_kept_than_there_may_be_keys() {
    let store = Arc::new(Switched::default());
    let bucket = Bucket::with_policy("own", Hourly(None)).store(Arc::clone(&store));
    let bucket = bucket.on_outage(OnOutage::Local { share: 1.0 }).max_keys(3).clock(ManualClock::new());
    store.switch(true);
    let start = |key: u32| bucket.request().key(key).try_acquire().map(drop).map_err(|error| error.kind());
    assert_eq!(starts(&bucket, 1), 1, "no key");
    assert_eq!([1, 2, 3].map(start), [Ok(()); 3]);
    assert_eq!([4, 5].map(start), [Err(ErrorKind::TooManyKeys); 2]);
    assert_eq!([1, 2, 3].map(start), [Err(ErrorKind::Limited); 3]);
    assert_eq!(starts(&bucket, 1), 0);
}
