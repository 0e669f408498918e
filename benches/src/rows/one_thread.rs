//! One limiter, one thread, calls as fast as they go.

use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

use throttle_my_fn::throttle;
use tokio::runtime;

use super::{ASYNC as ASYNC_ROW, Contest, GRANTED_ALWAYS, REFUSED as REFUSED_ROW, REFUSED_LONG as LONG_ROW};
use crate::limiters::{
    ALWAYS, GovernorAsked, Limiter, Made, Plan, THROTTLE_MY_FN, TowerOwned, Waiting, each_limiter,
    each_waiting,
};
use crate::measure::turns::{Entrant, by_turns};
use crate::measure::{Failure, Line};

const BATCH: Duration = Duration::from_micros(200);
const ROUNDS: usize = 400;

pub(super) const GRANTED: Contest = Contest { name: "granted", run: granted };
pub(super) const REFUSED_LONG: Contest = Contest { name: "refused, 1/h", run: refused_long };
pub(super) const REFUSED: Contest = Contest { name: "refused, 1000/s", run: refused };
pub(super) const ASYNC: Contest = Contest { name: "async", run: asynchronous };

pub(super) const LONG_PLAN: Plan = Plan { amount: 1, per: Duration::from_secs(3600), burst: 1 };
const SOME_PLAN: Plan = Plan::per_second(1_000, 100);

pub(super) const REFUSAL: &str = "a call was refused that was to be granted";

/// All calls are granted, or it fails. The limiter is hidden from the optimiser at each call, as it is where calls are
/// apart, so that nothing of it is kept in registers from one call to the next.
#[inline]
pub(super) fn grants(limiter: &impl Limiter, calls: u32) -> Result<(), Failure> {
    for _ in 0..calls {
        if !black_box(limiter).take() {
            return Err(REFUSAL.into());
        }
    }
    Ok(())
}

/// Nine in ten calls are refused, or it fails: meanwhile some weight falls due.
#[inline]
pub(super) fn refuses(limiter: &impl Limiter, calls: u32) -> Result<(), Failure> {
    let mut granted = 0;
    for _ in 0..calls {
        granted += u32::from(black_box(limiter).take());
    }
    mostly_refused(granted, calls)
}

fn mostly_refused(granted: u32, calls: u32) -> Result<(), Failure> {
    // A first batch takes what there is.
    if granted > (calls / 10).max(200) {
        return Err(format!("{granted} of {calls} calls were granted that were to be refused").into());
    }
    Ok(())
}

pub(super) fn exhaust(limiter: &impl Limiter) {
    while limiter.take() {}
}

fn lines(action: &'static str, entrants: Vec<Entrant>) -> Vec<Line> {
    by_turns(entrants, BATCH, ROUNDS).into_iter().map(|taken| taken.line(action)).collect()
}

fn granted() -> Result<Vec<Line>, Failure> {
    fn entrant<L: Limiter>() -> Result<Entrant, Failure> {
        let limiter = L::new(ALWAYS)?;
        Ok(Entrant::new(L::NAME, move |calls| grants(&limiter, calls)))
    }
    let mut entrants = each_limiter!(entrant()).into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut tower = TowerOwned::new(ALWAYS)?;
    entrants.push(Entrant::new(TowerOwned::NAME, move |calls| {
        if tower.take(calls) == calls { Ok(()) } else { Err(REFUSAL.into()) }
    }));
    entrants.push(Entrant::new(THROTTLE_MY_FN, |calls| grants(&ThrottleMyFn, calls)));
    Ok(lines(GRANTED_ALWAYS, entrants))
}

fn refused_long() -> Result<Vec<Line>, Failure> {
    refusals(LONG_ROW, LONG_PLAN)
}

fn refused() -> Result<Vec<Line>, Failure> {
    refusals(REFUSED_ROW, SOME_PLAN)
}

fn refusals(action: &'static str, plan: Plan) -> Result<Vec<Line>, Failure> {
    fn entrant<L: Limiter>(plan: Plan) -> Result<Entrant, Failure> {
        let limiter = Rc::new(L::new(plan)?);
        let exhausted = Rc::clone(&limiter);
        Ok(Entrant::new(L::NAME, move |calls| refuses(&*limiter, calls)).after(move || exhaust(&*exhausted)))
    }
    let mut entrants = each_limiter!(entrant(plan)).into_iter().collect::<Result<Vec<_>, _>>()?;
    entrants.push(entrant::<GovernorAsked>(plan)?);
    let mut tower = TowerOwned::new(plan)?;
    entrants.push(Entrant::new(TowerOwned::NAME, move |calls| mostly_refused(tower.take(calls), calls)));
    Ok(lines(action, entrants))
}

fn asynchronous() -> Result<Vec<Line>, Failure> {
    async fn waits(limiter: &impl Waiting, calls: u32) -> Result<(), Failure> {
        for _ in 0..calls {
            black_box(limiter).wait().await?;
        }
        Ok(())
    }
    fn entrant<L: Waiting>() -> Result<Entrant, Failure> {
        let runtime = runtime::Builder::new_current_thread().enable_time().build()?;
        let limiter = runtime.block_on(async { L::new(ALWAYS) })?;
        Ok(Entrant::new(L::NAME, move |calls| runtime.block_on(waits(&limiter, calls))))
    }
    Ok(lines(ASYNC_ROW, each_waiting!(entrant()).into_iter().collect::<Result<_, _>>()?))
}

/// The most calls that this attribute can grant without its log growing out of the cache.
#[expect(clippy::disallowed_methods, reason = "it is the peer's code that reads the clock")]
#[throttle(100_000, Duration::from_millis(1))]
pub(super) fn by_throttle_my_fn() {}

pub(super) struct ThrottleMyFn;

impl Made for ThrottleMyFn {
    const NAME: &'static str = THROTTLE_MY_FN;

    fn new(_: Plan) -> Result<Self, Failure> {
        Ok(ThrottleMyFn)
    }
}

impl Limiter for ThrottleMyFn {
    #[inline]
    fn take(&self) -> bool {
        by_throttle_my_fn().is_some()
    }
}

#[cfg(test)]
mod tests {
    use rate_limited::Bucket;

    use super::*;

    #[test]
    fn what_is_not_as_it_should_be_is_no_figure() {
        let always = Bucket::new("always", ALWAYS.rate());
        assert!(grants(&always, 100).is_ok());
        let long = Bucket::new("long", LONG_PLAN.rate());
        exhaust(&long);
        assert!(grants(&long, 1).is_err());
        assert!(refuses(&long, 10_000).is_ok());
        assert!(refuses(&always, 10_000).is_err());
    }
}
