//! The pace as the contract tells it: a slower time given to the policies.

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tempo {
    pub slow: bool,
    since: u64,
    at: u64,
}

impl Tempo {
    fn times(self) -> u64 {
        if self.slow { 2 } else { 1 }
    }

    pub(crate) fn policy(self, clock: u64) -> u64 {
        self.at + (clock - self.since) / self.times()
    }

    /// What lies beyond `u64::MAX` is never.
    pub(crate) fn clock(self, policy: u64) -> u64 {
        self.since.saturating_add((policy - self.at).saturating_mul(self.times()))
    }

    /// One that has shown what the clock shows until `now`.
    pub(crate) fn starting(slow: bool, now: u64) -> Self {
        Tempo { slow, since: now, at: now }
    }

    pub(crate) fn set(&mut self, slow: bool, now: u64) {
        *self = Tempo { slow, since: now, at: self.policy(now) };
    }
}
