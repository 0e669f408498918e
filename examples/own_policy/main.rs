//! A policy of one's own: the sliding counter, which counts in two numbers what the built-in sliding window logs.
//!
//! `cargo run --example own_policy` shows what it makes of bursts; `cargo test --example own_policy` lets the conformance
//! kit look for a schedule that breaks a law, and replays what the limiter that it is modelled on decided. Begin with
//! `sliding_counter.rs`: it is all that a user of `rate-limited` would write.

#![expect(unreachable_pub, reason = "the modules read as they would in crates of their own")]

#[cfg(test)]
mod replay;
mod sliding_counter;

use std::time::Duration;

use rate_limited::clock::Timestamp;
use rate_limited::policy::{Earliest, Policy};
use sliding_counter::SlidingCounter;

const AMOUNT: u32 = 10;
const WINDOW: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(125);

/// How many calls come in each step: a burst at the end of a window, then more than is permitted, then less.
const CALLS: [u32; 28] = [0, 0, 0, 0, 0, 0, 6, 6, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 0, 0, 1, 0, 1, 0, 1, 0, 1];

/// What was used at one moment, and how many calls came to start and to be refused.
#[derive(Debug, PartialEq, Eq)]
struct Moment {
    at: Duration,
    used: u64,
    started: u32,
    refused: u32,
    /// How long the last of those who were refused would have to wait.
    retry_after: Option<Duration>,
}

/// Lets `calls` come at `now`, each with a weight of 1, none of which waits.
fn arrive(state: &mut SlidingCounter, now: Timestamp, calls: u32) -> Moment {
    let at = now.saturating_since(Timestamp::ZERO);
    let mut moment = Moment { at, used: 0, started: 0, refused: 0, retry_after: None };
    for _ in 0..calls {
        match start(state, now, 1) {
            Ok(()) => moment.started += 1,
            Err(earliest) => {
                moment.refused += 1;
                moment.retry_after = earliest.map(|time| time.saturating_since(now));
            }
        }
    }
    moment.used = state.used(now);
    moment
}

/// Asks, and takes only what may start: what a bucket does with its policy.
fn start(state: &mut dyn Policy, now: Timestamp, weight: u32) -> Result<(), Option<Timestamp>> {
    match state.earliest(now, weight) {
        Earliest::At(time) if time <= now => {
            state.commit(now, weight);
            Ok(())
        }
        Earliest::At(time) => Err(Some(time)),
        Earliest::WhenSettled | Earliest::Never => Err(None),
    }
}

fn run() -> Vec<Moment> {
    let window = u64::try_from(WINDOW.as_nanos()).unwrap_or(u64::MAX);
    let mut state = SlidingCounter::new(AMOUNT, window);
    let times = (0..).map(|step| Timestamp::ZERO.saturating_add(STEP * step));
    times.zip(CALLS).map(|(now, calls)| arrive(&mut state, now, calls)).collect()
}

/// A line a moment: what is used as a bar up to the amount, and beside it who came.
fn picture(moments: &[Moment]) -> String {
    let row = |moment: &Moment| {
        let window = if moment.at.as_nanos().is_multiple_of(WINDOW.as_nanos()) { '┬' } else { '│' };
        let used = usize::try_from(moment.used).unwrap_or(usize::MAX).min(60);
        let amount = usize::try_from(AMOUNT).unwrap_or(usize::MAX);
        let bar = format!("{:<amount$}", "█".repeat(used));
        let came = "o".repeat(moment.started as usize) + &"×".repeat(moment.refused as usize);
        let retry = moment.retry_after.map(|wait| format!("retry after {wait:?}")).unwrap_or_default();
        let row = format!("{:>4} ms {window}{bar}│ {came:<7} {retry}", moment.at.as_millis());
        row.trim_end().to_owned() + "\n"
    };
    moments.iter().map(row).collect()
}

fn main() {
    println!("At most {AMOUNT} per {WINDOW:?}: █ used, o started, × refused, ┬ a window begins\n");
    let moments = run();
    print!("{}", picture(&moments));
    let started: u32 = moments.iter().map(|moment| moment.started).sum();
    let refused: u32 = moments.iter().map(|moment| moment.refused).sum();
    println!("\nstarted={started} refused={refused}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_never_uses_more_than_the_amount() {
        let moments = run();
        assert!(moments.iter().all(|moment| moment.used <= u64::from(AMOUNT)), "{moments:?}");
        // The burst fills it, and in the next window it makes room step by step.
        let starts: Vec<u32> = moments.iter().map(|moment| moment.started).collect();
        assert_eq!(starts[6..11], [6, 4, 0, 2, 1]);
    }

    #[test]
    fn the_picture_shows_each_moment() {
        let picture = picture(&run()[8..10]);
        let expected = "\
1000 ms ┬██████████│ ×××     retry after 1ns
1125 ms │██████████│ oo×     retry after 75.000001ms
";
        assert_eq!(picture, expected);
    }
}
