//! A policy of one's own in a bucket: the sliding counter, which counts in two numbers what the built-in sliding window logs.
//!
//! `cargo run --example own_policy` shows what it makes of bursts; `cargo test --example own_policy` lets the conformance
//! kit look for a schedule that breaks a law, and replays what the limiter that it is modelled on decided. Begin with
//! `sliding_counter.rs`: it is all that a user of `rate-limited` would write.

#![expect(unreachable_pub, reason = "the modules read as they would in crates of their own")]

#[cfg(test)]
mod replay;
mod sliding_counter;

use std::time::Duration;

use rate_limited::Bucket;
use rate_limited::clock::{ManualClock, Timestamp};
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

/// Lets `calls` come at `at`, each with a weight of 1, none of which waits.
fn arrive(bucket: &Bucket, at: Duration, calls: u32) -> Result<Moment, rate_limited::Error> {
    let mut moment = Moment { at, used: 0, started: 0, refused: 0, retry_after: None };
    for _ in 0..calls {
        match bucket.try_acquire() {
            Ok(_permit) => moment.started += 1,
            Err(refused) => {
                moment.refused += 1;
                moment.retry_after = refused.retry_after();
            }
        }
    }
    // A bucket tells of its rates only; what a policy of one's own knows it is asked itself.
    moment.used = bucket.request().with_policy(|counter: &mut SlidingCounter, now| counter.used(now))?;
    Ok(moment)
}

fn run() -> Result<Vec<Moment>, rate_limited::Error> {
    let window = u64::try_from(WINDOW.as_nanos()).unwrap_or(u64::MAX);
    let clock = ManualClock::new();
    let bucket = Bucket::with_policy("counter", SlidingCounter::new(AMOUNT, window)).clock(clock.clone());
    let moments = (0..).map(|step| STEP * step).zip(CALLS).map(|(at, calls)| {
        clock.set(Timestamp::ZERO.saturating_add(at));
        arrive(&bucket, at, calls)
    });
    moments.collect()
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

fn main() -> Result<(), rate_limited::Error> {
    println!("At most {AMOUNT} per {WINDOW:?}: █ used, o started, × refused, ┬ a window begins\n");
    let moments = run()?;
    print!("{}", picture(&moments));
    let started: u32 = moments.iter().map(|moment| moment.started).sum();
    let refused: u32 = moments.iter().map(|moment| moment.refused).sum();
    println!("\nstarted={started} refused={refused}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_never_uses_more_than_the_amount() {
        let moments = run().expect("the bucket is open");
        assert!(moments.iter().all(|moment| moment.used <= u64::from(AMOUNT)), "{moments:?}");
        // The burst fills it, and in the next window it makes room step by step.
        let starts: Vec<u32> = moments.iter().map(|moment| moment.started).collect();
        assert_eq!(starts[6..11], [6, 4, 0, 2, 1]);
    }

    #[test]
    fn the_picture_shows_each_moment() {
        let picture = picture(&run().expect("the bucket is open")[8..10]);
        let expected = "\
1000 ms ┬██████████│ ×××     retry after 1ns
1125 ms │██████████│ oo×     retry after 75.000001ms
";
        assert_eq!(picture, expected);
    }
}
