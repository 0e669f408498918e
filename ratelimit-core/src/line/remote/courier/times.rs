//! What time it is in a store, as far as a process knows.

use crate::clock::{Clock, SystemClock};
use crate::time::Timestamp;

/// What is started before the store has ever answered is counted from here on, in microseconds: later than any store's time
/// is, so that it is told from theirs, and well before the end of all times. No clock of this machine is asked what day it
/// is, which it may not know.
const AHEAD: u64 = 1 << 52;

/// A store's time by the time that goes by here.
///
/// The store says what time it is somewhere between the asking and its answer. So what time it is later is known within as
/// long as that took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// What the store said last.
    seen: Option<Seen>,
    /// When counting began, here.
    began: Timestamp,
    /// By how much what was counted before the first answer was ahead.
    ahead: u64,
}

/// What time it was there, and when it was asked for that and had answered, here.
#[derive(Clone, Copy, Debug)]
struct Seen {
    there: u64,
    sent: Timestamp,
    received: Timestamp,
}

impl Times {
    pub(super) fn new() -> Self {
        Times { seen: None, began: SystemClock.now(), ahead: 0 }
    }

    /// What time it is there at least.
    pub(super) fn now(&self) -> u64 {
        let Seen { there, received, .. } = self.seen();
        there.saturating_add(micros_between(received, SystemClock.now()))
    }

    /// By how much later than [`now`](Self::now) it may be there.
    pub(super) fn doubt(&self) -> u64 {
        let Seen { sent, received, .. } = self.seen();
        // What is cut off twice is told as well.
        micros_between(sent, received).saturating_add(2)
    }

    /// The store was asked at `sent`, and has answered at `received` that it is `there`; by how much too late all was counted
    /// until then, with the first answer.
    pub(super) fn see(&mut self, there: u64, (sent, received): (Timestamp, Timestamp)) -> Option<u64> {
        let is_first = self.seen.is_none();
        if is_first {
            // No start of before is counted too early by that.
            let by_then = AHEAD.saturating_add(micros_between(self.began, sent));
            self.ahead = by_then.saturating_sub(there);
        }
        self.seen = Some(Seen { there, sent, received });
        is_first.then_some(self.ahead)
    }

    /// When an answer of `now` is to be noted where one was that was `written`: where the store has said of late that it is
    /// that late, no clock was put back, but it is an answer of before that one.
    pub(super) fn in_order(&self, now: u64, written: u64) -> u64 {
        if written <= self.seen().there { now.max(written) } else { now }
    }

    /// A start that may have been counted before the first answer, in the store's time.
    pub(super) fn there(&self, start: u64) -> u64 {
        if start >= AHEAD { start.saturating_sub(self.ahead) } else { start }
    }

    /// Whether that is no time of the store's.
    pub(super) fn is_ahead(&self, start: u64) -> bool {
        self.there(start) >= AHEAD
    }

    fn seen(&self) -> Seen {
        self.seen.unwrap_or(Seen { there: AHEAD, sent: self.began, received: self.began })
    }
}

fn micros_between(from: Timestamp, to: Timestamp) -> u64 {
    to.as_nanos().saturating_sub(from.as_nanos()) / 1000
}
