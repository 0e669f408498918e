//! A store that counts what came of what it was asked.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ratelimit_core::store::{Answer, Ask, Failure, RedisStore, Store};

/// A store of which is known what it granted and what nobody heard of.
#[derive(Debug)]
pub(crate) struct Counted(RedisStore, Arc<Counts>);

#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// When the starts are counted that were granted.
    granted: Mutex<Vec<u64>>,
    lost: AtomicU32,
    /// How many of these had no time left.
    late: AtomicU32,
}

impl Counted {
    pub(crate) fn over(url: &str) -> (Self, Arc<Counts>) {
        Self::of(RedisStore::connect(url).expect("a URL"))
    }

    pub(crate) fn of(store: RedisStore) -> (Self, Arc<Counts>) {
        let counts = Arc::<Counts>::default();
        (Counted(store, Arc::clone(&counts)), counts)
    }
}

impl Counts {
    /// When the starts are counted that were granted.
    pub(crate) fn granted(&self) -> Vec<u64> {
        self.granted.lock().expect("nobody panics with it").clone()
    }

    /// How many starts were granted that are none of `started`, and how many of these were not granted.
    pub(crate) fn void_and_alone(&self, started: impl Iterator<Item = u64>) -> (u32, u32) {
        let (mut granted, mut alone) = (self.granted(), 0);
        for start in started {
            match granted.iter().position(|granted| *granted == start) {
                Some(place) => _ = granted.swap_remove(place),
                None => alone += 1,
            }
        }
        (count(granted.iter()), alone)
    }

    /// How many starts may be counted beside `started` where no fault is to blame: what was granted and came too late for
    /// anybody, and what was not answered in time.
    pub(crate) fn late_beside(&self, started: impl Iterator<Item = u64>) -> u32 {
        self.void_and_alone(started).0 + self.late.load(Ordering::SeqCst)
    }

    /// How many asks came to nothing, or to what nobody heard of.
    pub(crate) fn lost(&self) -> u32 {
        self.lost.load(Ordering::SeqCst)
    }
}

impl Store for Counted {
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>> {
        let answers = self.0.play(asks, timeout);
        let granted = answers.iter().flatten().filter_map(Answer::start);
        self.1.granted.lock().expect("nobody panics with it").extend(granted);
        let lost = answers.iter().filter_map(|answer| answer.as_ref().err());
        self.1.lost.fetch_add(count(lost.clone()), Ordering::SeqCst);
        let late = lost.filter(|failure| failure.to_string().contains("did not answer"));
        self.1.late.fetch_add(count(late), Ordering::SeqCst);
        answers
    }
}

pub(crate) fn count(of: impl Iterator) -> u32 {
    u32::try_from(of.count()).expect("a few")
}
