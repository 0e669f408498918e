//! Many tasks that wait for one limiter, which lets them go at its rate.

use super::{Contest, CrowdNames, MANY as MANY_CROWD, MANY_NAMES, SOME as SOME_CROWD, SOME_NAMES};
use crate::limiters::{Waiting, each_waiting};
use crate::measure::waiting::{Crowd, Passage, pass};
use crate::measure::{Failure, Line, Spread};

pub(super) const MANY: Contest =
    Contest { name: "100000 tasks", run: || contest(&MANY_NAMES, MANY_CROWD, 3) };
pub(super) const SOME: Contest = Contest { name: "1000 tasks", run: || contest(&SOME_NAMES, SOME_CROWD, 3) };

type Pass = (&'static str, fn(Crowd) -> Result<Passage, Failure>);

fn contest(names: &'static CrowdNames, crowd: Crowd, rounds: usize) -> Result<Vec<Line>, Failure> {
    fn one<L: Waiting>() -> Pass {
        (L::NAME, pass::<L>)
    }
    let passes = each_waiting!(one());
    let mut passages: Vec<Vec<Passage>> = passes.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for ((who, pass), passages) in passes.iter().zip(&mut passages) {
            passages.push(pass(crowd).map_err(|error| format!("{who}: {error}"))?);
        }
    }
    Ok(passes
        .iter()
        .zip(passages)
        .flat_map(|((who, _), passages)| lines(names, crowd, who, &passages))
        .collect())
}

fn lines(names: &'static CrowdNames, crowd: Crowd, who: &'static str, passages: &[Passage]) -> [Line; 4] {
    let spread = |of: fn(&Passage) -> f64| Spread::of(passages.iter().map(of).collect());
    let (burst, shift) = (spread(|passage| passage.burst), spread(|passage| passage.rank_shift));
    // Never broken = not in the worst of all either.
    let burst = Spread { p10: burst.p90, median: burst.p90, p90: burst.p90 };
    let mut lines = [
        Line::new(names.wall, who, "s", spread(|passage| passage.wall)),
        Line::new(names.law, who, "calls", burst),
        Line::new(names.order, who, "places", shift),
        Line::new(names.cpu, who, "s", spread(|passage| passage.cpu)),
    ];
    let flaw = flaw(crowd, burst.median, shift.median);
    for line in &mut lines {
        line.flaw.clone_from(&flaw);
    }
    lines
}

/// What makes a figure no match for that of a limiter which keeps its limit and the order.
fn flaw(crowd: Crowd, burst: f64, shift: f64) -> Option<String> {
    let declared = f64::from(crowd.plan.burst);
    let tenth = f64::from(crowd.tasks) / 10.0;
    match (burst > declared * 1.5, shift > tenth) {
        (true, _) => Some(format!("bursts of {burst:.0}")),
        (false, true) => Some("no order".to_owned()),
        (false, false) => None,
    }
}
