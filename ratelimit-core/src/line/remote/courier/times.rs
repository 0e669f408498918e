//! What time it is in a store, as far as a process knows.

use crate::clock::{Clock, SystemClock};
use crate::time::Timestamp;

/// What is started before the store has ever answered is counted from here on, in microseconds: later than any store's time
/// is, so that it is told from theirs, and well before the end of all times. No clock of this machine is asked what day it
/// is, which it may not know.
const AHEAD: u64 = 1 << 52;

/// A store's time by the time that goes by here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// What time it was there, and here.
    seen: Option<(u64, Timestamp)>,
    /// When counting began, here.
    began: Timestamp,
    /// By how much what was counted before the first answer was ahead.
    ahead: u64,
}

impl Times {
    pub(super) fn new() -> Self {
        Times { seen: None, began: SystemClock.now(), ahead: 0 }
    }

    /// What time it is there.
    pub(super) fn now(&self) -> u64 {
        let (there, seen) = self.seen.unwrap_or((AHEAD, self.began));
        there.saturating_add(SystemClock.now().as_nanos().saturating_sub(seen.as_nanos()) / 1000)
    }

    /// The store says that it is `now` there; by how much too late all was counted until then, with the first answer.
    pub(super) fn see(&mut self, now: u64) -> Option<u64> {
        let is_first = self.seen.is_none();
        if is_first {
            self.ahead = self.now().saturating_sub(now);
        }
        self.seen = Some((now, SystemClock.now()));
        is_first.then_some(self.ahead)
    }

    /// A start that may have been counted before the first answer, in the store's time.
    pub(super) fn there(&self, start: u64) -> u64 {
        if start >= AHEAD { start.saturating_sub(self.ahead) } else { start }
    }
}
