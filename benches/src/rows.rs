//! The rows: what is measured, against what, and how much is allowed.

mod annotated;
mod by_attribute;
mod by_hand;
mod by_peers;
mod idle;
mod keyed;
mod one_thread;
mod paced;
mod process;
mod two_threads;

pub(crate) use self::process::print_first_use;
use crate::limiters::{ASYNC_RATE_LIMITER, GOVERNOR, Plan};
use crate::measure::waiting::Crowd;
use crate::measure::{Failure, Line};

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Also the action of the lines that it is read off.
    pub(crate) name: &'static str,
    pub(crate) contest: &'static Contest,
    pub(crate) ratio: Ratio,
    /// The most that the ratio may be; `None` = it is reported only.
    pub(crate) limit: Option<f64>,
}

impl figures::Named for Row {
    fn name(&self) -> &'static str {
        self.name
    }
}

/// What is measured together; one or more rows are read off its lines.
#[derive(Debug)]
pub(crate) struct Contest {
    pub(crate) name: &'static str,
    pub(crate) run: fn() -> Result<Vec<Line>, Failure>,
}

/// What the ratio is; below 1 is better for us.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ratio {
    /// Ours / this peer's, which has to be correct.
    To(&'static str),
    /// Ours / what this peer spends, correct or not.
    ToCostOf(&'static str),
    /// What ours takes longer than this one, in pairs / so many units.
    AddedTo(&'static str, f64),
    /// Ours / a bound.
    ToBound(&'static str, f64),
}

impl Ratio {
    pub(crate) fn peer(self) -> &'static str {
        match self {
            Ratio::To(peer) | Ratio::ToCostOf(peer) | Ratio::AddedTo(peer, _) | Ratio::ToBound(peer, _) => {
                peer
            }
        }
    }
}

/// Who a line of differences in pairs is of.
pub(crate) const ADDED: &str = "added";

pub(crate) const BY_HAND: &str = "the same acquire by hand";

const GRANTED_ALWAYS: &str = "granted, huge burst";
const GRANTED_IDLE: &str = "granted, idle 10/s";
const GRANTED_SOME: &str = "granted, 1000/s burst 100";
const GRANTED_SLIDING: &str = "granted, sliding window 10/s";
const GRANTED_SLIDING_MANY: &str = "granted, sliding window 1000/s";
const REFUSED_LONG: &str = "refused, 1/h burst 1";
const REFUSED: &str = "refused, 1000/s burst 100";
const TWO_THREADS_GRANTED: &str = "two threads, granted";
const TWO_THREADS_REFUSED: &str = "two threads, refused";
const KEYED: &str = "keyed, 1000 keys";
const KEYED_MANY: &str = "keyed, 1000000 keys";
const HEAP: &str = "heap per key, 1000000 keys";
const HEAP_BEYOND: &str = "heap per key beyond max_keys";
const ASYNC: &str = "async, granted";
const ANNOTATED: &str = "annotated, granted";
const FIRST_USE: &str = "first use";

/// The rows that are read off one crowd of waiting tasks.
#[derive(Debug)]
struct CrowdNames {
    wall: &'static str,
    law: &'static str,
    order: &'static str,
    cpu: &'static str,
}

const MANY: Crowd = Crowd { tasks: 100_000, plan: Plan::per_second(50_000, 50) };
const MANY_NAMES: CrowdNames = CrowdNames {
    wall: "100000 tasks at 50000/s, wall",
    law: "100000 tasks at 50000/s, law 2",
    order: "100000 tasks at 50000/s, order",
    cpu: "100000 tasks at 50000/s, CPU",
};
const SOME: Crowd = Crowd { tasks: 1_000, plan: Plan::per_second(1_000, 10) };
const SOME_NAMES: CrowdNames = CrowdNames {
    wall: "1000 tasks at 1000/s, wall",
    law: "1000 tasks at 1000/s, law 2",
    order: "1000 tasks at 1000/s, order",
    cpu: "1000 tasks at 1000/s, CPU",
};

/// A refusal reads a counter that is calibrated against the clock, and builds its error. Where the kernel trusts no counter
/// the clock itself is read, 3.0 is what may be asked for, and the rows are over this.
const REFUSAL: f64 = 1.6;
/// In places: of 100 starts, 99 are at most so far from the order of arrival.
const RANK_SHIFT: Ratio = Ratio::ToBound("bound", 51.0);
const CPU: Ratio = Ratio::ToCostOf(ASYNC_RATE_LIMITER);

pub(crate) const ROWS: &[Row] = &[
    row(GRANTED_ALWAYS, &one_thread::GRANTED, Ratio::To(GOVERNOR), 1.0),
    row(GRANTED_IDLE, &idle::IDLE, Ratio::To(GOVERNOR), 1.0),
    Row { limit: None, ..row(GRANTED_SOME, &idle::IDLE, Ratio::To(GOVERNOR), 1.0) },
    row(GRANTED_SLIDING, &idle::IDLE, Ratio::To(GOVERNOR), 2.5),
    row(GRANTED_SLIDING_MANY, &idle::IDLE, Ratio::To(GOVERNOR), 2.5),
    row(REFUSED_LONG, &one_thread::REFUSED_LONG, Ratio::To(GOVERNOR), REFUSAL),
    row(REFUSED, &one_thread::REFUSED, Ratio::To(GOVERNOR), REFUSAL),
    row(TWO_THREADS_GRANTED, &two_threads::GRANTED, Ratio::To(GOVERNOR), 1.0),
    row(TWO_THREADS_REFUSED, &two_threads::REFUSED, Ratio::To(GOVERNOR), 1.0),
    row(KEYED, &keyed::THOUSAND, Ratio::To(keyed::PEER), 1.0),
    row(KEYED_MANY, &keyed::MILLION, Ratio::To(keyed::PEER), 0.6),
    row(HEAP, &process::HEAP, Ratio::ToBound("bound", 48.0), 1.0),
    row(HEAP_BEYOND, &process::HEAP, Ratio::ToBound("bound", 1.0), 1.0),
    row(ASYNC, &one_thread::ASYNC, Ratio::To(GOVERNOR), 1.0),
    row(ANNOTATED, &annotated::GRANTED, Ratio::To(annotated::PEER), 1.0),
    row(FIRST_USE, &process::FIRST_USE, Ratio::ToBound("bound", 20.0), 1.0),
    row(MANY_NAMES.wall, &paced::MANY, Ratio::ToBound("ideal", 1.999), 1.01),
    row(MANY_NAMES.law, &paced::MANY, Ratio::ToBound("declared", 50.0), 1.0),
    row(MANY_NAMES.order, &paced::MANY, RANK_SHIFT, 1.0),
    row(MANY_NAMES.cpu, &paced::MANY, CPU, 2.0),
    row(SOME_NAMES.wall, &paced::SOME, Ratio::ToBound("ideal", 0.99), 1.02),
    row(SOME_NAMES.law, &paced::SOME, Ratio::ToBound("declared", 10.0), 1.0),
    row(SOME_NAMES.order, &paced::SOME, RANK_SHIFT, 1.0),
    row(SOME_NAMES.cpu, &paced::SOME, CPU, 2.0),
    attribute(&annotated::SYNC),
    attribute(&annotated::ASYNC),
    attribute(&annotated::KEYED),
    attribute(&annotated::KEYED_ASYNC),
    attribute(&annotated::BY_NAME),
    // What the way of measuring finds between two functions that are the same.
    Row { limit: None, ..attribute(&annotated::NOTHING) },
];

const fn row(name: &'static str, contest: &'static Contest, ratio: Ratio, limit: f64) -> Row {
    Row { name, contest, ratio, limit: Some(limit) }
}

/// The attribute beside the same acquire by hand, on the same bucket: it may take 1 ns longer.
const fn attribute(contest: &'static Contest) -> Row {
    row(contest.name, contest, Ratio::AddedTo(BY_HAND, 1.0), 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_crowds() {
        for (names, crowd) in [(&MANY_NAMES, MANY), (&SOME_NAMES, SOME)] {
            let bound = |name| match ROWS.iter().find(|row| row.name == name).map(|row| row.ratio) {
                Some(Ratio::ToBound(_, bound)) => bound,
                other => panic!("{name}: {other:?}"),
            };
            let ideal = f64::from(crowd.tasks - crowd.plan.burst) / crowd.plan.a_second();
            assert!((bound(names.wall) - ideal).abs() < 1e-9);
            assert!((bound(names.law) - f64::from(crowd.plan.burst)).abs() < 1e-9);
        }
    }

    #[test]
    fn no_two_rows_have_one_name() {
        for row in ROWS {
            assert_eq!(ROWS.iter().filter(|other| other.name == row.name).count(), 1, "{}", row.name);
        }
    }
}
