//! What schedules met, so that a run can show that its schedules were not all alike.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a schedule may meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    TwoRates,
    Totals,
    Bursts,
    Fixed,
    Guard,
    Keys,
    HeavyCalls,
    FreeCalls,
    TooHeavy,
    Refused,
    Waited,
    PassedOver,
    FailedInLine,
    Cancelled,
    LateWakes,
    Stalls,
    ClockBack,
    Peeked,
    Paused,
    Refunded,
    Charged,
    Debt,
    CostMore,
    CostMoreSince,
    CostLess,
    InFlight,
    OwnPolicy,
    UnknownTurn,
    UnknownEnded,
    BodyEnded,
    Replaced,
    FixedReplaced,
    Paced,
    Reset,
    KeyReset,
    Foreseen,
    ExactProbe,
    BoundProbe,
}

/// Each with the least share of schedules, in percent, that must have met it: about two thirds of what they do.
pub(crate) const KINDS: [(Kind, u64); 38] = [
    (Kind::TwoRates, 35),
    (Kind::Totals, 20),
    (Kind::Bursts, 45),
    (Kind::Fixed, 18),
    (Kind::Guard, 12),
    (Kind::Keys, 33),
    (Kind::HeavyCalls, 50),
    (Kind::FreeCalls, 35),
    (Kind::TooHeavy, 45),
    (Kind::Refused, 60),
    (Kind::Waited, 60),
    (Kind::PassedOver, 33),
    (Kind::FailedInLine, 20),
    (Kind::Cancelled, 50),
    (Kind::LateWakes, 50),
    (Kind::Stalls, 20),
    (Kind::ClockBack, 40),
    (Kind::Peeked, 50),
    (Kind::Paused, 20),
    (Kind::Refunded, 20),
    (Kind::Charged, 34),
    (Kind::Debt, 15),
    (Kind::CostMore, 6),
    (Kind::CostMoreSince, 2),
    (Kind::CostLess, 8),
    (Kind::InFlight, 24),
    (Kind::OwnPolicy, 16),
    (Kind::UnknownTurn, 22),
    (Kind::UnknownEnded, 10),
    (Kind::BodyEnded, 32),
    (Kind::Replaced, 17),
    (Kind::FixedReplaced, 6),
    (Kind::Paced, 16),
    (Kind::Reset, 16),
    (Kind::KeyReset, 16),
    (Kind::Foreseen, 40),
    (Kind::ExactProbe, 46),
    (Kind::BoundProbe, 2),
];

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Met(u64);

impl Met {
    pub(crate) fn note(&mut self, kind: Kind) {
        self.note_if(true, kind);
    }

    pub(crate) fn note_if(&mut self, is_so: bool, kind: Kind) {
        self.0 |= u64::from(is_so) << kind as u32;
    }

    fn has(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u32 != 0
    }
}

/// How many schedules met what, and what they did together.
#[derive(Debug)]
pub(crate) struct Figures {
    schedules: AtomicU64,
    starts: AtomicU64,
    kinds: [AtomicU64; KINDS.len()],
}

impl Default for Figures {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Figures { schedules: zero(), starts: zero(), kinds: std::array::from_fn(|_| zero()) }
    }
}

impl Figures {
    pub(crate) fn schedules(&self) -> u64 {
        self.schedules.load(Ordering::Relaxed)
    }

    pub(crate) fn count(&self, met: Met, starts: u64) {
        self.schedules.fetch_add(1, Ordering::Relaxed);
        self.starts.fetch_add(starts, Ordering::Relaxed);
        for ((kind, _), count) in KINDS.iter().zip(&self.kinds) {
            count.fetch_add(u64::from(met.has(*kind)), Ordering::Relaxed);
        }
    }

    /// # Panics
    ///
    /// If something was met by less than its share over `part`, and there were enough schedules to say so; but for
    /// what they are made without.
    pub(crate) fn are_many(&self, part: u64, without: &[Kind]) {
        let schedules = self.schedules();
        for ((kind, least), count) in
            KINDS.iter().zip(&self.kinds).filter(|((kind, _), _)| !without.contains(kind))
        {
            let count = count.load(Ordering::Relaxed);
            assert!(
                schedules < 1000 || count * 100 * part >= schedules * least,
                "too few schedules with {kind:?}"
            );
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schedules = self.schedules();
        write!(f, "{schedules} schedules with {} starts; in percent:", self.starts.load(Ordering::Relaxed))?;
        for ((kind, _), count) in KINDS.iter().zip(&self.kinds) {
            write!(f, " {kind:?} {}", 100 * count.load(Ordering::Relaxed) / schedules.max(1))?;
        }
        Ok(())
    }
}
