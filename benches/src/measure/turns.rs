//! Many sides by turns: in each round every side makes one batch of calls, and each round begins with another side.

#![expect(clippy::disallowed_methods, reason = "idle buckets are made by letting real time pass")]

use std::thread;
use std::time::Duration;

use super::{Failure, Spread, Taken, long_enough, nanos_a_call, timed};

pub(crate) type Batch = Box<dyn FnMut(u32) -> Result<(), Failure>>;

/// One side.
pub(crate) struct Entrant {
    pub(crate) who: &'static str,
    /// Goes before each batch and is not timed.
    pub(crate) prepare: Box<dyn FnMut()>,
    /// Calls so many times; fails where a call did not do what is to be measured.
    pub(crate) batch: Batch,
}

impl Entrant {
    pub(crate) fn new(who: &'static str, batch: impl FnMut(u32) -> Result<(), Failure> + 'static) -> Self {
        Entrant { who, prepare: Box::new(|| {}), batch: Box::new(batch) }
    }

    pub(crate) fn after(self, prepare: impl FnMut() + 'static) -> Self {
        Entrant { prepare: Box::new(prepare), ..self }
    }

    fn timed(&mut self, calls: u32) -> Result<Duration, Failure> {
        (self.prepare)();
        timed(|| (self.batch)(calls))
    }
}

const WARM_UP: usize = 5;

/// In batches that take at least so long.
pub(crate) fn by_turns(entrants: Vec<Entrant>, batch: Duration, rounds: usize) -> Vec<Taken> {
    let sized = |mut entrant: Entrant| match long_enough(batch, |calls| entrant.timed(calls)) {
        Ok(calls) => Side { entrant, calls, nanos: Vec::new(), failure: None },
        Err(failure) => Side { entrant, calls: 0, nanos: Vec::new(), failure: Some(failure) },
    };
    rounds_of(entrants.into_iter().map(sized).collect(), rounds, || {})
}

/// With a pause before each round, and batches of a fixed number of calls.
pub(crate) fn by_ticks(entrants: Vec<(Entrant, u32)>, pause: Duration, rounds: usize) -> Vec<Taken> {
    let side = |(entrant, calls)| Side { entrant, calls, nanos: Vec::new(), failure: None };
    rounds_of(entrants.into_iter().map(side).collect(), rounds, || thread::sleep(pause))
}

struct Side {
    entrant: Entrant,
    calls: u32,
    nanos: Vec<f64>,
    /// With the first one its part is over.
    failure: Option<Failure>,
}

fn rounds_of(mut sides: Vec<Side>, rounds: usize, mut before: impl FnMut()) -> Vec<Taken> {
    let count = sides.len();
    for round in 0..WARM_UP + rounds {
        before();
        for turn in 0..count {
            // Also backwards, so that nobody always follows the same one.
            let turn = if round % 2 == 0 { turn } else { count - 1 - turn };
            let Some(side) = sides.get_mut((round / 2 + turn) % count) else { continue };
            if side.failure.is_some() {
                continue;
            }
            match side.entrant.timed(side.calls) {
                Ok(took) if round >= WARM_UP => side.nanos.push(nanos_a_call(took, side.calls)),
                Ok(_) => {}
                Err(failure) => side.failure = Some(failure),
            }
        }
    }
    let taken = |Side { entrant, nanos, failure, .. }: Side| Taken {
        who: entrant.who,
        spread: Spread::of(if failure.is_none() { nanos } else { Vec::new() }),
        failure: failure.map(|failure| failure.to_string()),
    };
    sides.into_iter().map(taken).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn everyone_has_a_turn_in_every_round_and_prepares_first() {
        let log: Rc<RefCell<Vec<&str>>> = Rc::default();
        let entrant = |who, preparing| {
            let (before, during) = (Rc::clone(&log), Rc::clone(&log));
            let batch = move |_| {
                during.borrow_mut().push(who);
                Ok(())
            };
            Entrant::new(who, batch).after(move || before.borrow_mut().push(preparing))
        };
        let entrants = vec![(entrant("a", "before a"), 1), (entrant("b", "before b"), 1)];
        let taken = by_ticks(entrants, Duration::ZERO, 3);
        assert_eq!(taken.iter().map(|taken| taken.who).collect::<Vec<_>>(), ["a", "b"]);
        assert!(taken.iter().all(|taken| taken.spread.median > 0.0 && taken.failure.is_none()), "{taken:?}");
        let log = log.borrow();
        assert_eq!(log.len(), (WARM_UP + 3) * 4);
        assert!(log.chunks(2).all(|turn| turn[0] == format!("before {}", turn[1])), "{log:?}");
        assert!(log.chunks(4).all(|round| round[1] != round[3]), "{log:?}");
        assert!(log.chunks(4).any(|round| round[1] == "b"), "{log:?}");
    }

    #[test]
    fn who_fails_has_no_figure_and_stops_nobody() {
        let fine = Entrant::new("fine", |_| Ok(()));
        let mut calls_left = 3;
        let failing = Entrant::new("failing", move |_| {
            calls_left -= 1;
            if calls_left > 0 { Ok(()) } else { Err("refused".into()) }
        });
        let taken = by_ticks(vec![(failing, 1), (fine, 1)], Duration::ZERO, 3);
        assert_eq!(taken[0].failure.as_deref(), Some("refused"));
        assert!(taken[0].spread.median.is_nan() && taken[1].spread.median > 0.0, "{taken:?}");
    }
}
