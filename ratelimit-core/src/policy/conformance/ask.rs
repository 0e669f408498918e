//! What a state answers, and whether its answers fit together.

use super::Law;
use crate::policy::{Earliest, Policy};
use crate::time::Timestamp;

/// A law, and how it is broken.
pub(super) type Found = Result<(), (Law, String)>;

/// How great the weights and times are with which something happens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// The greatest weight that a fresh state may ever let start, at least 1.
    pub(super) heaviest: u32,
    /// Nanoseconds from one such weight to the next, at least 1.
    pub(super) span: u64,
}

impl Default for Scale {
    fn default() -> Self {
        Scale { heaviest: 1, span: 1_000_000_000 }
    }
}

impl Scale {
    pub(super) fn of(fresh: &dyn Policy) -> Self {
        let fits = |weight| fresh.earliest(Timestamp::ZERO, weight) != Earliest::Never;
        // By doubling first: what is heavier than something impossible must not be possible, but may be all the same.
        let (mut heaviest, mut beyond) = (1, 2_u32);
        while fits(beyond) && beyond < u32::MAX {
            (heaviest, beyond) = (beyond, beyond.saturating_mul(2));
        }
        if fits(beyond) {
            heaviest = beyond;
        }
        while heaviest < beyond - 1 {
            let middle = heaviest + (beyond - heaviest) / 2;
            if fits(middle) { heaviest = middle } else { beyond = middle }
        }
        let mut full = fresh.fork();
        full.commit(Timestamp::ZERO, heaviest);
        match full.earliest(Timestamp::ZERO, heaviest) {
            Earliest::At(time) if time > Timestamp::ZERO => Scale { heaviest, span: time.as_nanos() },
            _ => Scale { heaviest, ..Scale::default() },
        }
    }

    /// The weights that are asked for, ascending.
    fn weights(self) -> Vec<u32> {
        let heaviest = self.heaviest;
        let mut weights =
            vec![1, 2, heaviest / 2, heaviest - 1, heaviest, heaviest.saturating_add(1), u32::MAX];
        weights.retain(|weight| *weight > 0);
        weights.sort_unstable();
        weights.dedup();
        weights
    }

    /// Times from `now` on to ask at, ascending: some that are always asked, and around those that were promised.
    fn times(self, now: Timestamp, promised: impl Iterator<Item = Timestamp>) -> Vec<Timestamp> {
        let later = [
            0,
            1,
            self.span / u64::from(self.heaviest),
            self.span / 3,
            self.span,
            self.span.saturating_mul(2),
        ];
        let mut times: Vec<_> = later.iter().map(|later| now.plus(*later)).collect();
        for time in promised {
            let before = Timestamp::from_nanos(time.as_nanos().saturating_sub(1)).max(now);
            times.extend([before, time, time.plus(1)]);
        }
        times.sort_unstable();
        times.dedup();
        times
    }
}

/// What a state says of each weight at one time.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    at: Timestamp,
    answers: Vec<(u32, Earliest)>,
}

fn row(state: &dyn Policy, at: Timestamp, scale: Scale) -> Row {
    let answers = scale.weights().into_iter().map(|weight| (weight, state.earliest(at, weight)));
    Row { at, answers: answers.collect() }
}

/// The laws of questions, of `state` as it is at `now`.
pub(super) fn questions(state: &dyn Policy, now: Timestamp, scale: Scale) -> Found {
    // Both are taken before anything is asked.
    let (asked, unasked) = (state.fork(), state.fork());
    let first = row(&*asked, now, scale);
    let promised = first.answers.iter().filter_map(|(_, answer)| match answer {
        Earliest::At(time) => Some((*time).max(now)),
        _ => None,
    });
    let times = scale.times(now, promised);
    let rows = |state: &dyn Policy| times.iter().map(|at| row(state, *at, scale)).collect::<Vec<_>>();
    let table = rows(&*asked);
    for (fork, when) in [(&asked, "asked again"), (&unasked, "asked for the first time")] {
        same(&table, &rows(&**fork)).map_err(|(at, weight, is, was)| {
            let said = format!("weight {weight} at {at} was promised {was}, and {when} {is}");
            (Law::AskingChangesNothing, said)
        })?;
    }
    same(&table, &rows(state)).map_err(|(at, weight, is, was)| {
        (Law::ForkIsItsOwn, format!("weight {weight} at {at} is promised {is}, and by a fork {was}"))
    })?;
    for row in &table {
        within(row)?;
    }
    for (earlier, later) in table.iter().zip(table.iter().skip(1)) {
        in_time(earlier, later)?;
    }
    Ok(())
}

/// The first answer in which two tables differ: time, weight, the second's answer, the first's.
fn same(first: &[Row], second: &[Row]) -> Result<(), (String, u32, String, String)> {
    for (first, second) in first.iter().zip(second) {
        for ((weight, was), (_, is)) in first.answers.iter().zip(&second.answers) {
            if was != is {
                return Err((time(first.at), *weight, words(*is), words(*was)));
            }
        }
    }
    Ok(())
}

/// What must hold among the answers to all weights at one time.
fn within(row: &Row) -> Found {
    let at = time(row.at);
    for (weight, answer) in &row.answers {
        if *answer < Earliest::At(row.at) {
            let said = format!("weight {weight} asked for at {at} is promised {}", words(*answer));
            return Err((Law::NotBeforeNow, said));
        }
    }
    for ((light, first), (heavy, second)) in row.answers.iter().zip(row.answers.iter().skip(1)) {
        if second < first {
            let law = if *first == Earliest::Never { Law::NeverIsForEver } else { Law::HeavierIsNoEarlier };
            let (first, second) = (words(*first), words(*second));
            return Err((
                law,
                format!("at {at} weight {light} is promised {first}, and weight {heavy} {second}"),
            ));
        }
    }
    Ok(())
}

/// What must hold between the answers at one time and at a later one.
fn in_time(earlier: &Row, later: &Row) -> Found {
    for ((weight, first), (_, second)) in earlier.answers.iter().zip(&later.answers) {
        let (law, holds) = match first {
            Earliest::Never => (Law::NeverIsForEver, *second == Earliest::Never),
            Earliest::WhenSettled => continue,
            Earliest::At(promised) => {
                let possible = *promised <= earlier.at;
                let law = if possible { Law::StaysPossible } else { Law::PromiseIsKept };
                (law, *second == Earliest::At((*promised).max(later.at)))
            }
        };
        if !holds {
            let (first, second) = (words(*first), words(*second));
            let (early, late) = (time(earlier.at), time(later.at));
            return Err((
                law,
                format!("weight {weight} at {early} is promised {first}, and at {late} {second}"),
            ));
        }
    }
    Ok(())
}

/// What the weights are promised at `now`, to be compared later.
pub(super) struct Promises {
    now: Timestamp,
    row: Row,
}

impl Promises {
    pub(super) fn of(state: &dyn Policy, now: Timestamp, scale: Scale) -> Self {
        Promises { now, row: row(state, now, scale) }
    }

    /// `state` answers as it did.
    pub(super) fn unchanged(&self, state: &dyn Policy, scale: Scale, done: &str) -> Found {
        same(std::slice::from_ref(&self.row), &[row(state, self.now, scale)]).map_err(
            |(at, weight, is, was)| {
                (Law::ForkIsItsOwn, format!("weight {weight} at {at} was promised {was}, and {is} {done}"))
            },
        )
    }

    /// What was possible at once is so in `state`.
    pub(super) fn stay_possible(&self, state: &dyn Policy, scale: Scale) -> Found {
        let after = row(state, self.now, scale);
        for ((weight, before), (_, after)) in self.row.answers.iter().zip(&after.answers) {
            if *before == Earliest::At(self.now) && after != before {
                let (at, after) = (time(self.now), words(*after));
                let said =
                    format!("weight {weight} was possible at {at}, and {after} when a call was settled");
                return Err((Law::StaysPossible, said));
            }
        }
        Ok(())
    }
}

/// Nothing is possible in `strict` earlier than in `lax`, from `now` on.
pub(super) fn no_earlier(
    (strict, lax): (&dyn Policy, &dyn Policy),
    now: Timestamp,
    scale: Scale,
    law: Law,
    names: &str,
) -> Found {
    // By the laws of questions, what holds of the answers at one time holds at all later ones.
    let rows = (row(strict, now, scale), row(lax, now, scale));
    for ((weight, strict), (_, lax)) in rows.0.answers.iter().zip(&rows.1.answers) {
        if strict < lax {
            let (at, strict, lax) = (time(now), words(*strict), words(*lax));
            let said = format!("weight {weight} at {at} is promised {strict}, and {lax} {names}");
            return Err((law, said));
        }
    }
    Ok(())
}

pub(super) fn time(time: Timestamp) -> String {
    format!("{} ns", time.as_nanos())
}

fn words(answer: Earliest) -> String {
    match answer {
        Earliest::At(at) => format!("for {}", time(at)),
        Earliest::WhenSettled => "for when a call is settled".to_owned(),
        Earliest::Never => "never".to_owned(),
    }
}

#[cfg(test)]
mod tests;
