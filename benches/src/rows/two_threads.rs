//! Two threads on one limiter.

use std::sync::Arc;

use super::one_thread::{LONG_PLAN, ThrottleMyFn, exhaust, grants, refuses};
use super::{Contest, TWO_THREADS_GRANTED, TWO_THREADS_REFUSED};
use crate::limiters::{ALWAYS, Limiter, Made, each_limiter};
use crate::measure::threads::{Entrant, by_turns};
use crate::measure::{Failure, Line};

pub(super) const GRANTED: Contest = Contest { name: "two threads, granted", run: granted };
pub(super) const REFUSED: Contest = Contest { name: "two threads, refused", run: refused };

fn granted() -> Result<Vec<Line>, Failure> {
    fn entrant<L: Limiter>() -> Result<Entrant, Failure> {
        let limiter = L::new(ALWAYS)?;
        Ok(Entrant::new(L::NAME, move |calls| grants(&limiter, calls)))
    }
    let mut entrants = each_limiter!(entrant()).into_iter().collect::<Result<Vec<_>, _>>()?;
    entrants.push(Entrant::new(ThrottleMyFn::NAME, |calls| grants(&ThrottleMyFn, calls)));
    Ok(lines(TWO_THREADS_GRANTED, entrants))
}

fn refused() -> Result<Vec<Line>, Failure> {
    fn entrant<L: Limiter>() -> Result<Entrant, Failure> {
        let limiter = Arc::new(L::new(LONG_PLAN)?);
        let exhausted = Arc::clone(&limiter);
        Ok(Entrant::new(L::NAME, move |calls| refuses(&*limiter, calls)).after(move || exhaust(&*exhausted)))
    }
    Ok(lines(TWO_THREADS_REFUSED, each_limiter!(entrant()).into_iter().collect::<Result<_, _>>()?))
}

fn lines(action: &'static str, entrants: Vec<Entrant>) -> Vec<Line> {
    by_turns(entrants).into_iter().map(|taken| taken.line(action)).collect()
}
