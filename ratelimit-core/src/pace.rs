//! Pace: a slower time given to the policies, so that every one of them, the user's own too, runs slower.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::time::Timestamp;

/// How fast the buckets of a registry run, against what they declare.
///
/// # Examples
///
/// ```
/// use rate_limited::Pace;
///
/// let pace: Pace = "slow".parse()?;
/// assert_eq!(pace, Pace::Slow);
/// assert_eq!(pace.to_string(), "slow");
/// # Ok::<(), rate_limited::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pace {
    /// As declared.
    #[default]
    Normal,
    /// At half speed.
    Slow,
}

impl Pace {
    /// How many times slower than declared it is.
    pub(crate) fn divisor(self) -> u32 {
        match self {
            Pace::Normal => 1,
            Pace::Slow => 2,
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pace::Normal => "normal",
            Pace::Slow => "slow",
        })
    }
}

impl FromStr for Pace {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "normal" => Ok(Pace::Normal),
            "slow" => Ok(Pace::Slow),
            _ => Err(Error::config(format!("invalid pace `{text}`: write `normal` or `slow`"))),
        }
    }
}

/// The clock's time as the policies see it: continuous, never backwards, at the pace set.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tempo {
    pace: Pace,
    /// When the pace was set, by the clock and by the policies' time.
    since: Timestamp,
    at: Timestamp,
}

impl Tempo {
    fn divisor(self) -> u64 {
        self.pace.divisor().into()
    }

    /// The policies' time at the clock's `now`, rounded down: never ahead.
    pub(crate) fn policy_time(self, now: Timestamp) -> Timestamp {
        let passed = now.as_nanos().saturating_sub(self.since.as_nanos());
        self.at.plus(passed / self.divisor())
    }

    /// The first time of the clock at which the policies' time is `at`; `MAX` = never.
    pub(crate) fn clock_time(self, at: Timestamp) -> Timestamp {
        let passed = at.as_nanos().saturating_sub(self.at.as_nanos());
        if at == Timestamp::MAX {
            Timestamp::MAX
        } else {
            self.since.plus(passed.saturating_mul(self.divisor()))
        }
    }

    /// The same time up to `now`, at another pace from there.
    pub(crate) fn changed(self, pace: Pace, now: Timestamp) -> Self {
        Tempo { pace, since: now, at: self.policy_time(now) }
    }

    /// The clock's time at which the pace was set, and the policies' time then.
    pub(crate) fn since(self) -> (Timestamp, Timestamp) {
        (self.since, self.at)
    }

    pub(crate) fn pace(self) -> Pace {
        self.pace
    }
}
