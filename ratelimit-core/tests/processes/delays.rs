//! How long callers are held up, and by what: law 7 over real processes.
//!
//! What a call may be late by is what was seen to be in its way: the trips of its process to the store, and the machine where
//! it stood still.

use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::judge::nanos;
use crate::lateness::{self, CLOCKS, Call, GUARD};
use crate::machine::{self, must};
use crate::stores::TRIP;

/// Who was told of its turn has so long to take it, and so late it may be.
const GRACE: Duration = Duration::from_millis(10);
/// Timers, and stalls that are too short to be noted, on a machine that does not stand still.
const USUAL: Duration = Duration::from_millis(3);
/// The longest allowance of a call, and what it may take until somebody stands in line no more.
const LONGEST: Duration = Duration::from_secs(3);
/// A call's wait: times in nanoseconds since 1970, spans in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) asked: u64,
    pub(crate) end: u64,
    pub(crate) allowed: u64,
    /// For how long threads of its process could have run meanwhile and were not let, all together: one of them asks for it,
    /// another may wake it.
    pub(crate) queued: u64,
}

impl FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Result<Vec<u64>, _> = text.split(' ').map(str::parse).collect();
        match numbers.as_deref() {
            Ok(&[asked, end, allowed, queued]) => Ok(Wait { asked, end, allowed, queued }),
            _ => Err(format!("no wait {text}")),
        }
    }
}

/// Something that took a while: when it was over, in nanoseconds since 1970, and how long it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Took {
    pub(crate) end: u64,
    pub(crate) span: u64,
}

impl FromStr for Took {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (end, span) = text.split_once(' ').ok_or("two words")?;
        let number = |word: &str| word.parse::<u64>().map_err(|error| error.to_string());
        Ok(Took { end: number(end)?, span: number(span)? })
    }
}

/// All stalls of this process since then.
pub(crate) fn stalls_since(begin: Instant) -> Vec<Took> {
    let (now, wall) = (Instant::now(), lateness::now());
    let stalls = machine::stalls_since(begin).into_iter();
    stalls.map(|(over, span)| Took { end: wall - nanos(now - over), span: nanos(span) }).collect()
}

/// The longest of them that was under way between these times.
fn longest(all: &[Took], from: u64, to: u64) -> u64 {
    let met = all.iter().filter(|took| took.end > from && took.end - took.span < to);
    met.map(|took| took.span).max().unwrap_or(0)
}

/// That a store has reserved nothing for a call of a process, when it said so, and after how long to ask again.
#[derive(Clone, Debug)]
pub(crate) struct Later {
    pub(crate) key: String,
    pub(crate) told: u64,
    pub(crate) wait: u64,
}

/// What a process met: its own trips, where any of those who watch has seen the machine stand still, and what it was told
/// to ask for later.
#[derive(Clone, Debug, Default)]
pub(crate) struct Met {
    pub(crate) trips: Vec<Took>,
    pub(crate) stalls: Vec<Took>,
    pub(crate) laters: Vec<Later>,
}

/// A refusal, and after how many nanoseconds to come again; 0 = nobody knows.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) key: String,
    pub(crate) wait: Wait,
    pub(crate) retry_after: u64,
}

impl Met {
    /// A call waits for a trip under way and for its own.
    fn two_trips(&self, from: u64, to: u64) -> u64 {
        2 * longest(&self.trips, from, to)
    }

    /// By how much the machine may have made a call late that waited so.
    fn machine(&self, wait: Wait, until: u64) -> u64 {
        longest(&self.stalls, wait.asked, until) + wait.queued + nanos(USUAL)
    }

    /// Whether there was something in the way, from then to then, of who had to start within the guard.
    fn misses_guard(&self, from: u64, to: u64, queued: u64) -> bool {
        // It may stand still as it is woken, once it has started, and as the server is.
        let stalls = 3 * longest(&self.stalls, from, to) + queued + nanos(USUAL);
        self.two_trips(from, to) + stalls >= nanos(GUARD)
    }

    /// A call that started: within its allowance, but for what it met.
    pub(crate) fn judge_start(&self, call: &Call) {
        let wait = call.wait;
        let took = wait.end - wait.asked;
        must(call.waited <= took + nanos(CLOCKS), || format!("it says more than it waited: {call:?}"));
        let late = took.saturating_sub(wait.allowed);
        let trips = (nanos(GRACE) + self.two_trips(wait.asked, wait.end)).min(nanos(TRIP));
        let most = trips + self.machine(wait, wait.end);
        assert!(late <= most, "{late} ns past its allowance, and {most} are explained: {call:?}");
        let latest = call.start.max(call.arrival);
        let is_late = latest > call.latest();
        assert!(
            !is_late || self.misses_guard(wait.asked, latest, wait.queued),
            "later than the guard, and nothing was in the way: {call:?}"
        );
    }

    /// Whether its process asked again as the wait ended, for a call of its key that the store had told to: what it was told
    /// to wait for is reserved for nobody, and others were first. Those behind it were told after that.
    ///
    /// Without a `retry_after` its allowance has ended while the one in front was still to ask again.
    fn asked_again(&self, Refusal { key, wait, retry_after }: &Refusal, at_once: u64) -> bool {
        let end = wait.end + nanos(CLOCKS);
        let of_key = self.laters.iter().filter(|later| later.key == *key && later.told < end);
        let mut due = of_key.map(|later| later.told + later.wait);
        due.any(|due| due + 2 * at_once > end && (due <= end || *retry_after == 0))
    }

    /// A call that was refused: it could not make it, and was told so at once, but for a start that was void, and for what
    /// the store had not reserved.
    pub(crate) fn judge_refusal(&self, refusal: &Refusal) {
        let Refusal { wait, retry_after, .. } = *refusal;
        let took = wait.end - wait.asked;
        let makes_it = if retry_after == 0 {
            // Of who never waits the store need not be asked, and who lost its start is told as its allowance ends.
            wait.allowed > took + nanos(CLOCKS)
        } else {
            wait.allowed >= took + retry_after + nanos(CLOCKS)
        };
        must(!makes_it, || format!("refused after {took} ns, and told to come in {retry_after}: {wait:?}"));
        let at_once = nanos(GRACE) + self.two_trips(wait.asked, wait.end) + self.machine(wait, wait.end);
        let late = took.saturating_sub(wait.allowed);
        assert!(late <= at_once, "refused {late} ns past its allowance, {at_once} are explained: {wait:?}");
        assert!(
            took <= at_once
                || self.misses_guard(wait.asked, wait.end, wait.queued)
                || self.asked_again(refusal, at_once),
            "refused late, and nothing was in the way: {wait:?} {retry_after}"
        );
    }

    /// A start that was granted and not made: somebody was late for it, or for one before it.
    pub(crate) fn judge_void(&self, counted: u64) {
        let (from, to) = (counted.saturating_sub(nanos(LONGEST)), counted + 2 * nanos(GUARD));
        assert!(self.misses_guard(from, to, 0), "a start at {counted} is void, and nobody was late");
    }
}

const MS: u64 = 1_000_000;

/// What there is to be seen of a call that asked at 1 s and may wait for so long, in milliseconds.
fn wait(allowed: u64, took: u64) -> Wait {
    Wait { asked: 1000 * MS, end: (1000 + took) * MS, allowed: allowed * MS, queued: 0 }
}

fn met(trip: u64, stall: u64) -> Met {
    let took = |span| Took { end: (1000 + span) * MS, span: span * MS };
    Met { trips: vec![took(trip)], stalls: vec![took(stall)], laters: vec![] }
}

fn fails(judge: impl FnOnce()) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(judge)).is_err()
}

#[test]
fn who_starts_late_has_met_what_makes_it_late() {
    let late = |met: Met, allowed, took, counted, arrival| {
        let wait = wait(allowed, took);
        let times = (counted * MS, arrival * MS);
        let call = Call { counted: times.0, arrival: times.1, start: wait.end, wait, ..Call::default() };
        fails(|| met.judge_start(&call))
    };
    // Past its allowance.
    assert!(!late(met(1, 1), 500, 516, 1500, 1516), "10 ms, two trips and a stall");
    assert!(late(met(1, 1), 500, 517, 1500, 1517));
    assert!(!late(met(20, 1), 500, 550, 1540, 1550));
    assert!(!late(met(1, 40), 500, 550, 1540, 1550));
    // Past the guard.
    assert!(!late(met(1, 1), 500, 400, 1380, 1400));
    assert!(late(met(1, 1), 500, 400, 1379, 1400));
    assert!(late(met(1, 1), 500, 400, 1400, 1421));
    assert!(!late(met(9, 1), 500, 400, 1379, 1400));
    assert!(!late(met(1, 6), 500, 400, 1379, 1421));
}

#[test]
fn who_is_refused_cannot_make_it() {
    let fails = |met: Met, allowed, took, retry_after: u64| {
        let refusal = Refusal { key: "ann".into(), wait: wait(allowed, took), retry_after: retry_after * MS };
        fails(|| met.judge_refusal(&refusal))
    };
    assert!(!fails(met(1, 1), 500, 1, 499));
    assert!(fails(met(1, 1), 500, 1, 498), "it would have made it");
    assert!(fails(met(1, 1), 500, 1, 0), "somebody knows when");
    assert!(!fails(met(1, 1), 0, 1, 0));
    // Late.
    assert!(!fails(met(1, 1), 500, 16, 499));
    assert!(fails(met(1, 1), 500, 17, 499));
    assert!(!fails(met(9, 0), 500, 490, 499), "its start was void");
    assert!(!fails(met(9, 0), 500, 510, 0), "as its allowance ends");
    assert!(fails(met(9, 0), 500, 532, 0));
    // Where nothing was reserved.
    let later = |key: &str, wait: u64| {
        let later = Later { key: key.into(), told: 1001 * MS, wait: wait * MS };
        Met { laters: vec![later], ..met(1, 1) }
    };
    assert!(!fails(later("ann", 50), 300, 60, 900));
    assert!(fails(later("bob", 50), 300, 60, 900), "another key");
    assert!(fails(later("ann", 60), 300, 59, 900), "it was to ask later");
    assert!(fails(later("ann", 30), 300, 70, 900), "it was to ask sooner");
    assert!(!fails(later("ann", 310), 300, 300, 0));
    assert!(fails(later("ann", 250), 300, 300, 0) && fails(met(1, 1), 300, 300, 0), "it was known by then");
}

#[test]
fn a_start_is_void_as_somebody_was_late() {
    let fails = |met: Met, counted| fails(|| met.judge_void(counted * MS));
    assert!(fails(met(1, 1), 1010));
    assert!(!fails(met(9, 0), 1010) && !fails(met(0, 6), 1010));
    assert!(fails(met(0, 50), 900), "that was later");
    assert!(fails(met(0, 50), 4060), "that was long ago");
}
