//! Whether a limiter is correct enough for its speed to be compared: each is tried, none is taken at its word.

#![expect(clippy::disallowed_methods, reason = "other limiters only know real time")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::limiters::{Limiter, Plan, Waiting, each_limiter, each_waiting};
use crate::measure::Failure;

/// What is wrong with whom; who is not in it, is correct as far as the probes tell.
pub(crate) type Flaws = BTreeMap<&'static str, Vec<String>>;

type Probe = fn() -> Result<Option<String>, Failure>;

/// Tries each of `who` that there is a probe for.
pub(crate) fn flaws(who: &BTreeSet<&str>) -> Result<Flaws, Failure> {
    fn now<L: Limiter>() -> [(&'static str, Probe); 2] {
        [(L::NAME, double_burst::<L>), (L::NAME, wedge::<L>)]
    }
    fn later<L: Waiting>() -> [(&'static str, Probe); 1] {
        [(L::NAME, dropped_waiters::<L>)]
    }
    let probes =
        each_limiter!(now()).into_iter().flatten().chain(each_waiting!(later()).into_iter().flatten());
    let mut flaws = Flaws::new();
    for (name, probe) in probes.filter(|(name, _)| who.contains(name)) {
        if let Some(flaw) = probe().map_err(|error| format!("{name}: {error}"))? {
            flaws.entry(name).or_default().push(flaw);
        }
    }
    Ok(flaws)
}

/// Idle for longer than it takes to fill, called once, and idle as long again: how many it grants at once.
///
/// Who adds what fell due to what was left, and forgets that a bucket overflows, grants both.
fn double_burst<L: Limiter>() -> Result<Option<String>, Failure> {
    let burst = 100;
    let limiter = L::new(Plan::per_second(1_000, burst))?;
    let idle = || thread::sleep(Duration::from_millis(250));
    let all = || (0..10 * burst).take_while(|_| limiter.take()).count();
    all();
    idle();
    limiter.take();
    idle();
    let started = Instant::now();
    let granted = f64::from(u32::try_from(all())?);
    // Meanwhile a few more fall due.
    let at_once = granted - started.elapsed().as_secs_f64() * 1_000.0;
    let flaw = || format!("after idling {granted} at once of {burst}");
    Ok((at_once > f64::from(burst) * 1.5).then(flaw))
}

/// Two threads at once for a while, then nobody: whether it ever grants again.
fn wedge<L: Limiter>() -> Result<Option<String>, Failure> {
    let rounds = 20;
    for _ in 0..rounds {
        let limiter = L::new(Plan::per_second(1_000, 10))?;
        let both = Barrier::new(2);
        let busy = || {
            both.wait();
            let started = Instant::now();
            while started.elapsed() < Duration::from_millis(10) {
                limiter.take();
            }
        };
        thread::scope(|scope| {
            scope.spawn(busy);
            busy();
        });
        // At a thousand a second.
        let grants = [15, 200].into_iter().any(|wait| {
            thread::sleep(Duration::from_millis(wait));
            limiter.take()
        });
        if !grants {
            return Ok(Some("wedged by two threads".to_owned()));
        }
    }
    Ok(None)
}

/// A thousand tasks begin to wait and are dropped: how long until the 20th next grant, which should take 20 ms.
fn dropped_waiters<L: Waiting>() -> Result<Option<String>, Failure> {
    // Once more, for the machine may have been busy.
    let took = twenty_after_dropped::<L>()?.min(twenty_after_dropped::<L>()?);
    let millis = took.as_millis();
    Ok((millis > 300).then(|| format!("dropped waiters still wait, {millis} ms")))
}

fn twenty_after_dropped<L: Waiting>() -> Result<Duration, Failure> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build()?;
    let took: Result<Duration, Failure> = runtime.block_on(async {
        let limiter = Arc::new(L::new(Plan::per_second(1_000, 10))?);
        let mut tasks = Vec::new();
        for _ in 0..1_000 {
            let limiter = Arc::clone(&limiter);
            tasks.push(tokio::spawn(async move { limiter.wait().await }));
        }
        sleep(Duration::from_millis(5)).await;
        for task in &tasks {
            task.abort();
        }
        for task in tasks {
            // Either it had its permit already or it is cancelled.
            drop(task.await);
        }
        yield_now().await;
        let started = Instant::now();
        for _ in 0..20 {
            limiter.wait().await?;
        }
        Ok(started.elapsed())
    });
    runtime.shutdown_timeout(Duration::from_millis(100));
    took
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiters::{GOVERNOR, OURS};

    #[test]
    fn the_probes_find_what_is_known_and_nothing_in_ours() {
        let who = BTreeSet::from([OURS, GOVERNOR, "async-rate-limiter", "leaky-bucket, fair=false"]);
        let flaws = flaws(&who).expect("all can be tried");
        assert!(!flaws.contains_key(OURS) && !flaws.contains_key(GOVERNOR), "{flaws:?}");
        assert!(flaws["async-rate-limiter"].iter().any(|flaw| flaw.contains("at once")), "{flaws:?}");
        assert!(flaws["async-rate-limiter"].iter().any(|flaw| flaw.contains("dropped")), "{flaws:?}");
        assert!(flaws["leaky-bucket, fair=false"].iter().any(|flaw| flaw.contains("at once")), "{flaws:?}");
    }
}
