//! When a call could start, who holds it up until then, and why it is refused.

use super::state::Reading;
use crate::error::{ErrorKind, ErrorScope};
use crate::policy::Earliest;
use crate::rate::Rate;
use crate::time::Timestamp;

/// When a weight could start by the clock (`None` = never or unknown), and who holds it up until then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) at: Option<Timestamp>,
    /// Not never: no time is known before a started call ends, or something else changes.
    pub(super) is_unknown: bool,
    pub(super) holder: Option<Holder>,
}

/// Who holds a start up: what is known of the key, of the bucket or of the server, and which rate, if it is one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder {
    scope: ErrorScope,
    rate: Option<Rate>,
}

impl Holder {
    const KEY: Holder = Holder::by(ErrorScope::Key, None);
    pub(super) const BUCKET: Holder = Holder::by(ErrorScope::Bucket, None);
    pub(super) const SERVER: Holder = Holder::by(ErrorScope::Server, None);

    pub(super) const fn by(scope: ErrorScope, rate: Option<Rate>) -> Self {
        Holder { scope, rate }
    }
}

impl Due {
    /// What the key has in flight, or a user's own policy, has to say first.
    pub(super) const UNKNOWN: Due = Due { at: None, is_unknown: true, holder: Some(Holder::KEY) };

    pub(super) fn at(at: Timestamp, holder: Option<Holder>) -> Self {
        Due { at: Some(at), is_unknown: false, holder }
    }

    /// What the server's window says, which is in the clock's time.
    pub(super) fn by_server(earliest: Earliest) -> Self {
        let holder = Some(Holder::SERVER);
        match earliest {
            Earliest::At(at) => Due::at(at, holder),
            Earliest::WhenSettled => Due { holder, ..Due::UNKNOWN },
            Earliest::Never => Due { at: None, is_unknown: false, holder },
        }
    }

    /// The later of both; of two at once it is this one that holds up.
    pub(super) fn and(self, other: Due) -> Due {
        let rank = |due: &Due| (due.at.is_none(), due.at.is_none() && !due.is_unknown, due.at);
        if rank(&other) > rank(&self) { other } else { self }
    }

    /// Whether it is too late for somebody whose allowance ends at `deadline`, as far as that is known.
    pub(super) fn misses(self, deadline: Timestamp, reading: Reading) -> bool {
        !self.is_unknown && !self.is_by(deadline, reading)
    }

    /// Whether that is not past `deadline`: what is due now never is, though a clock that went back shows less.
    pub(super) fn is_by(self, deadline: Timestamp, reading: Reading) -> bool {
        self.at.is_some_and(|at| at <= deadline.max(reading.now))
    }

    /// How long that is by the clock: nothing if the bucket's time has come to it, though a clock that went back does
    /// not show it; `None` if it is due only with the end of time.
    pub(super) fn wait(self, reading: Reading) -> Option<u64> {
        match self.at? {
            at if at <= reading.now => Some(0),
            Timestamp::MAX => None,
            at => Some(at.as_nanos().saturating_sub(reading.clock.as_nanos())),
        }
    }
}

/// Why a call is not started; becomes an [`Error`](crate::Error) outside of the lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) kind: ErrorKind,
    pub(crate) scope: ErrorScope,
    pub(crate) rate: Option<Rate>,
    /// Nanoseconds from the refusal.
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    /// By what bounds or policies of the key say, or by the bucket where that alone can be.
    pub(crate) fn of(kind: ErrorKind) -> Self {
        let scope = ErrorScope::of(kind).unwrap_or(ErrorScope::Key);
        Refusal { kind, scope, rate: None, retry_after: None }
    }

    /// The weight can never fit into that rate.
    pub(super) fn above((scope, rate): (ErrorScope, Rate)) -> Self {
        Refusal { scope, rate: Some(rate), ..Refusal::of(ErrorKind::TooHeavy) }
    }

    /// The weight is above the server's limit.
    pub(super) fn above_servers() -> Self {
        Refusal { scope: ErrorScope::Server, ..Refusal::of(ErrorKind::TooHeavy) }
    }

    /// Refused because it would be `due` only then.
    pub(super) fn until(due: Due, reading: Reading, max_delay: u64) -> Self {
        let kind = if max_delay == 0 { ErrorKind::Limited } else { ErrorKind::DelayTooLong };
        // Where nothing holds it up, those in front on its key are to start first.
        let Holder { scope, rate } = due.holder.unwrap_or(Holder::KEY);
        Refusal { kind, scope, rate, retry_after: due.wait(reading) }
    }
}
