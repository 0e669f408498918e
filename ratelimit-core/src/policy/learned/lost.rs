//! What nobody has heard of: calls that ended without news.

use super::Sent;
use crate::time::Timestamp;

/// Calls that ended without news and may have come to the server after answers that are heard now were given: until an
/// answer is heard to a call that was sent after they ended.
///
/// In two lots, so that the earlier is done with however closely they follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) earlier: Lot,
    pub(super) later: Lot,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lot {
    pub(super) weight: u64,
    /// When the last of them ended.
    pub(super) last: Timestamp,
}

impl Lost {
    pub(super) fn weight(self) -> u64 {
        self.earlier.weight.saturating_add(self.later.weight)
    }

    pub(super) fn add(&mut self, weight: u32, now: Timestamp) {
        if weight == 0 {
            return;
        }
        let lot = if self.earlier.weight == 0 { &mut self.earlier } else { &mut self.later };
        *lot = Lot { weight: lot.weight.saturating_add(u64::from(weight)), last: now };
    }

    pub(super) fn hear(&mut self, sent: Sent) {
        for _ in 0..2 {
            if sent.at >= self.earlier.last {
                self.earlier = std::mem::take(&mut self.later);
            }
        }
    }
}
