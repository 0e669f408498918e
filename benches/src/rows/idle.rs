//! Buckets that nobody has called for a while.
//!
//! A loop over one bucket does not find it idle, so each limiter has a pool: once in a tick every bucket of the pool is
//! called, and until the next tick all that was taken has fallen due again. Meanwhile the processor does other things,
//! so just before a batch every bucket of the pool is looked at, which takes nothing, and the same code runs on a spare
//! limiter: measured is the call, and not how far from the processor the memory of somebody's buckets happens to be.

use std::rc::Rc;
use std::time::Duration;

use super::one_thread::grants;
use super::{Contest, GRANTED_IDLE, GRANTED_SLIDING, GRANTED_SLIDING_MANY, GRANTED_SOME};
use crate::limiters::{Limiter, Plan, SlidingWindow, each_limiter};
use crate::measure::turns::{Entrant, by_ticks};
use crate::measure::{Failure, Line, timed};

pub(super) const IDLE: Contest = Contest { name: "idle", run: idle };

/// In this time the slowest bucket below earns one call; a little longer, for a guard and for late batches.
const TICK: Duration = Duration::from_millis(112);
const ROUNDS: usize = 150;

/// So many buckets, each called so often in a tick.
#[derive(Clone, Copy, Debug)]
struct Pool {
    buckets: u32,
    plan: Plan,
    calls: u32,
}

const SLOW: Pool = Pool { buckets: 128, plan: Plan::per_second(10, 10), calls: 1 };
const FAST: Pool = Pool { buckets: 16, plan: Plan::per_second(1_000, 100), calls: 64 };
/// As [`FAST`] for a window, which knows no burst.
const FAST_WINDOW: Pool = Pool { plan: Plan::per_second(1_000, 1_000), ..FAST };
/// The warm-up: so many spare buckets, called so often before a batch.
const SPARE: u32 = 16;
const WARM_UP: u32 = 1_024;

fn entrant<L: Limiter>(pool: Pool) -> Result<(Entrant, u32), Failure> {
    let made = |count, plan| -> Result<Rc<[L]>, Failure> { (0..count).map(|_| L::new(plan)).collect() };
    let buckets = made(pool.buckets, pool.plan)?;
    // Each earns in a tick what it is called.
    let spare = made(SPARE, Plan::per_second(WARM_UP, WARM_UP))?;
    let looked_at = Rc::clone(&buckets);
    let warm_up = move || {
        looked_at.iter().for_each(Limiter::look);
        for _ in 0..WARM_UP / (SPARE * pool.calls) {
            drop(timed(|| through(&spare, pool.calls)));
        }
    };
    let batch = move |_| through(&buckets, pool.calls);
    Ok((Entrant::new(L::NAME, batch).after(warm_up), pool.buckets * pool.calls))
}

/// One function, so that the processor has run just this code when a batch begins.
#[inline(never)]
fn through<L: Limiter>(buckets: &[L], calls: u32) -> Result<(), Failure> {
    buckets.iter().try_for_each(|bucket| grants(bucket, calls))
}

fn idle() -> Result<Vec<Line>, Failure> {
    let mut entrants = Vec::new();
    let mut actions = Vec::new();
    let mut add = |action, more: Vec<(Entrant, u32)>| {
        actions.extend(more.iter().map(|_| action));
        entrants.extend(more);
    };
    add(GRANTED_IDLE, each_limiter!(entrant(SLOW)).into_iter().collect::<Result<_, _>>()?);
    add(GRANTED_SOME, each_limiter!(entrant(FAST)).into_iter().collect::<Result<_, _>>()?);
    add(GRANTED_SLIDING, sliding(SLOW)?);
    add(GRANTED_SLIDING_MANY, sliding(FAST_WINDOW)?);
    let taken = by_ticks(entrants, TICK, ROUNDS);
    Ok(actions.into_iter().zip(taken).map(|(action, taken)| taken.line(action)).collect())
}

/// No peer has an exact window but by an attribute, of which there is no pool: governor's bucket of the same amount.
fn sliding(pool: Pool) -> Result<Vec<(Entrant, u32)>, Failure> {
    Ok(vec![entrant::<SlidingWindow>(pool)?, entrant::<crate::limiters::Governor>(pool)?])
}
