//! Many tasks that wait for one limiter.

#![expect(clippy::disallowed_methods, reason = "it is real time that is measured")]

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::time::ClockId;
use tokio::runtime::Builder;
use tokio::sync::Notify;

use super::threads::cpu_time;
use super::{Failure, rank};
use crate::limiters::{Plan, Waiting};

/// So many tasks at once on a limiter nobody has used yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    pub(crate) tasks: u32,
    pub(crate) plan: Plan,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Passage {
    /// Seconds from the first task to the last start.
    pub(crate) wall: f64,
    /// Seconds of the whole process.
    pub(crate) cpu: f64,
    /// The least burst that explains the starts.
    pub(crate) burst: f64,
    /// By how many places starts differ from arrivals: of 99 in 100 at most by so many.
    pub(crate) rank_shift: f64,
}

/// A start lies between the two times.
#[derive(Clone, Copy, Debug)]
struct Start {
    arrival: usize,
    /// Just before the poll that returned the permit.
    polled: f64,
    /// Just after it.
    seen: f64,
}

struct Shared {
    began: Instant,
    arrivals: AtomicUsize,
    left: AtomicUsize,
    starts: Vec<OnceLock<Start>>,
    done: Notify,
}

pub(crate) fn pass<L: Waiting>(crowd: Crowd) -> Result<Passage, Failure> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build()?;
    let tasks = usize::try_from(crowd.tasks)?;
    let passage = runtime.block_on(async {
        let limiter = Arc::new(L::new(crowd.plan)?);
        let cpu = cpu_time(ClockId::ProcessCPUTime);
        let shared = Arc::new(Shared {
            began: Instant::now(),
            arrivals: AtomicUsize::new(0),
            left: AtomicUsize::new(tasks),
            starts: (0..tasks).map(|_| OnceLock::new()).collect(),
            done: Notify::new(),
        });
        for _ in 0..tasks {
            tokio::spawn(one(Arc::clone(&limiter), Arc::clone(&shared)));
        }
        shared.done.notified().await;
        let cpu = cpu_time(ClockId::ProcessCPUTime) - cpu;
        let starts: Vec<Start> = shared.starts.iter().filter_map(OnceLock::get).copied().collect();
        if starts.len() < tasks {
            return Err(Failure::from("a task that waited was refused"));
        }
        Ok(judged(starts, cpu, crowd.plan.a_second()))
    });
    // A peer's own tasks are not waited for.
    runtime.shutdown_timeout(Duration::from_millis(100));
    passage
}

async fn one<L: Waiting>(limiter: Arc<L>, shared: Arc<Shared>) {
    let arrival = shared.arrivals.fetch_add(1, Ordering::SeqCst);
    let mut polled = shared.began;
    let mut waiting = pin!(limiter.wait());
    let granted = poll_fn(|context| {
        polled = Instant::now();
        waiting.as_mut().poll(context)
    })
    .await;
    let since = |time: Instant| time.duration_since(shared.began).as_secs_f64();
    if let (Ok(()), Some(start)) = (granted, shared.starts.get(arrival)) {
        start.get_or_init(|| Start { arrival, polled: since(polled), seen: since(Instant::now()) });
    }
    if shared.left.fetch_sub(1, Ordering::SeqCst) == 1 {
        shared.done.notify_one();
    }
}

fn judged(mut starts: Vec<Start>, cpu: f64, rate: f64) -> Passage {
    starts.sort_by(|one, other| one.seen.total_cmp(&other.seen));
    let shifts = starts.iter().enumerate().map(|(order, start)| order.abs_diff(start.arrival));
    #[expect(clippy::cast_precision_loss, reason = "far fewer tasks than a double can count")]
    let mut shifts: Vec<f64> = shifts.map(|shift| shift as f64).collect();
    shifts.sort_unstable_by(f64::total_cmp);
    Passage {
        wall: starts.last().map_or(f64::NAN, |start| start.seen),
        cpu,
        burst: burst_for_certain(&starts, rate),
        rank_shift: rank(&shifts, 99),
    }
}

/// The least burst that explains the starts, wherever each lies between its two times.
///
/// In a span from a to b there surely were as many starts as were seen by b, less those that were polled before a;
/// law 2 lets there be at most burst + rate × (b - a). A task that is held up between its start and the look at the
/// clock makes its span longer and so never looks like a start too many. `starts` are in the order of `seen`.
fn burst_for_certain(starts: &[Start], rate: f64) -> f64 {
    let mut polled: Vec<f64> = starts.iter().map(|start| start.polled).collect();
    polled.sort_unstable_by(f64::total_cmp);
    let mut spans = polled.into_iter().peekable();
    let (mut before, mut seen) = (0.0, 0.0);
    // The largest of rate × a - starts polled before a, over the a so far.
    let mut from = f64::NEG_INFINITY;
    let mut burst = 0.0_f64;
    for start in starts {
        while let Some(polled) = spans.next_if(|polled| *polled <= start.seen) {
            from = from.max(rate * polled - before);
            before += 1.0;
        }
        seen += 1.0;
        burst = burst.max(seen - rate * start.seen + from);
    }
    burst
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(times: &[(f64, f64)]) -> Vec<Start> {
        let start = |(arrival, &(polled, seen))| Start { arrival, polled, seen };
        times.iter().enumerate().map(start).collect()
    }

    /// By the definition: all spans between a time of a poll and a time seen.
    fn burst_by_definition(starts: &[Start], rate: f64) -> f64 {
        let mut most = 0.0_f64;
        for from in starts {
            for to in starts.iter().filter(|to| to.seen >= from.polled) {
                let seen = starts.iter().filter(|start| start.seen <= to.seen).count();
                let before = starts.iter().filter(|start| start.polled < from.polled).count();
                let surely =
                    f64::from(u32::try_from(seen).unwrap()) - f64::from(u32::try_from(before).unwrap());
                most = most.max(surely - rate * (to.seen - from.polled));
            }
        }
        most
    }

    #[test]
    fn a_burst_is_found_wherever_it_lies() {
        let mut times: Vec<_> = (0..20).map(|second| (f64::from(second), f64::from(second))).collect();
        assert!((burst_for_certain(&starts(&times), 1.0) - 1.0).abs() < 1e-9);
        times.extend([(19.0, 19.0); 4]);
        assert!((burst_for_certain(&starts(&times), 1.0) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn a_late_look_at_the_clock_is_no_burst() {
        // Ten starts, one a second; the first three are all seen together, with the fourth.
        let mut times: Vec<_> = (0..10).map(|second| (f64::from(second), f64::from(second))).collect();
        for late in &mut times[..3] {
            late.1 = 3.0;
        }
        assert!((burst_for_certain(&starts(&times), 1.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_sweep_agrees_with_the_definition() {
        let mut seed = 7_u32;
        let mut random = |below: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from((seed >> 8) % below)
        };
        for _ in 0..200 {
            let mut times: Vec<(f64, f64)> = Vec::new();
            for _ in 0..12 {
                let polled = random(30);
                times.push((polled, polled + random(4)));
            }
            let mut starts = starts(&times);
            starts.sort_by(|one, other| one.seen.total_cmp(&other.seen));
            let (swept, defined) = (burst_for_certain(&starts, 0.5), burst_by_definition(&starts, 0.5));
            assert!((swept - defined).abs() < 1e-9, "{starts:?}: {swept} {defined}");
        }
    }

    #[test]
    fn who_starts_in_order_has_no_shift() {
        let mut starts = starts(&[(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]);
        assert!(judged(starts.clone(), 0.0, 1.0).rank_shift.abs() < 1e-9);
        for start in &mut starts {
            start.arrival = 2 - start.arrival;
        }
        assert!((judged(starts, 0.0, 1.0).rank_shift - 2.0).abs() < 1e-9);
    }
}
