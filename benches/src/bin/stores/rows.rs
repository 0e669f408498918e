//! The rows: what is measured, against what, and how much is allowed.

use crate::contests::{CONNECTION, INSTRUCTIONS, MEMORY, ONE_PROCESS, PROCESSES, PYRATE, TASKS};
use crate::measure::{Failure, Measured};

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) contest: &'static Contest,
    pub(crate) figure: Figure,
    /// The most that the figure may be; infinite = it is there to compare others with.
    pub(crate) limit: f64,
}

impl figures::Named for Row {
    fn name(&self) -> &'static str {
        self.name
    }
}

/// What is measured together; one or more rows are read off it.
#[derive(Debug)]
pub(crate) struct Contest {
    pub(crate) name: &'static str,
    pub(crate) run: fn() -> Result<Vec<Measured>, Failure>,
}

/// What is limited; less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    /// What ours takes longer than this one.
    AddedTo(&'static str),
    /// Ours / this one's.
    To(&'static str),
    /// Ours itself.
    Alone,
}

impl Figure {
    pub(crate) fn peer(self) -> Option<&'static str> {
        match self {
            Figure::AddedTo(peer) | Figure::To(peer) => Some(peer),
            Figure::Alone => None,
        }
    }

    /// As scripts are told.
    pub(crate) fn means(self) -> &'static str {
        match self {
            Figure::AddedTo(_) => "ours - peer",
            Figure::To(_) => "ours / peer",
            Figure::Alone => "ours",
        }
    }
}

pub(crate) const PING_TOKENS: &str = "Redis, acquire over PING: token bucket";
pub(crate) const PING_SLIDING: &str = "Redis, acquire over PING: sliding";
pub(crate) const PING_THREE: &str = "Redis, acquire over PING: three rates";
pub(crate) const PING_BARE: &str = "Redis, the barest script over PING";
pub(crate) const PYRATE_TOKENS: &str = "Redis, acquire by PyrateLimiter's: token bucket";
pub(crate) const PYRATE_SLIDING: &str = "Redis, acquire by PyrateLimiter's: sliding";
pub(crate) const PYRATE_THREE: &str = "Redis, acquire by PyrateLimiter's: three rates";
pub(crate) const MEMORY_TOKENS: &str = "Redis, memory per key: token bucket";
pub(crate) const MEMORY_SLIDING: &str = "Redis, memory per key: 1000 starts sliding";
pub(crate) const SQL: &str = "SQLite, acquire by bare SQL's";
pub(crate) const SHARES: &str = "SQLite, 8 processes: largest by smallest share";
pub(crate) const LONGEST_WAIT: &str = "SQLite, 8 processes: longest wait";
pub(crate) const CALLERS: &str = "Redis, 64 async callers";
pub(crate) const IN_MEMORY: &str = "in memory, granted, all features compiled in";

const PING: Figure = Figure::AddedTo("PING");
const PYRATE_LIMITER: Figure = Figure::To("PyrateLimiter");

pub(crate) const ROWS: &[Row] = &[
    row(PING_TOKENS, &CONNECTION, PING, 9.0),
    row(PING_SLIDING, &CONNECTION, PING, 13.0),
    row(PING_THREE, &CONNECTION, PING, 16.0),
    row(PING_BARE, &CONNECTION, PING, f64::INFINITY),
    row(PYRATE_TOKENS, &PYRATE, PYRATE_LIMITER, 0.35),
    row(PYRATE_SLIDING, &PYRATE, PYRATE_LIMITER, 0.35),
    row(PYRATE_THREE, &PYRATE, PYRATE_LIMITER, 0.35),
    row(MEMORY_TOKENS, &MEMORY, Figure::Alone, 200.0),
    row(MEMORY_SLIDING, &MEMORY, Figure::Alone, 11_000.0),
    row(CALLERS, &TASKS, Figure::To("a trivial script"), 1.5),
    row(SQL, &ONE_PROCESS, Figure::To("bare SQL"), 1.5),
    row(SHARES, &PROCESSES, Figure::To("smallest share"), 2.0),
    row(LONGEST_WAIT, &PROCESSES, Figure::Alone, 500.0),
    row(IN_MEMORY, &INSTRUCTIONS, Figure::To("before"), 1.03),
];

const fn row(name: &'static str, contest: &'static Contest, figure: Figure, limit: f64) -> Row {
    Row { name, contest, figure, limit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_rows_have_one_name() {
        for row in ROWS {
            assert_eq!(ROWS.iter().filter(|other| other.name == row.name).count(), 1, "{}", row.name);
        }
    }
}
