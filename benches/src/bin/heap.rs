//! What a keyed limiter keeps on the heap for a key; `cargo xtask bench` starts it.
//!
//! Prints bytes per key at a million keys, and bytes per further key of another million that come when the limiter may
//! know no more. All keys are still limited: none may be forgotten.

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::process::ExitCode;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use rate_limited::{Bucket, ErrorKind, Rate};
use rate_net::Eviction;

const KEYS: u32 = 1_000_000;
const BURST: NonZeroU32 = NonZeroU32::new(10).unwrap();
const HOUR: Duration = Duration::from_secs(3600);

static BUCKET: Bucket =
    Bucket::new("benches.heap", Rate::per_hour(1).burst(BURST.get())).max_keys(KEYS as usize);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    match env::args().nth(1).as_deref() {
        Some("ours") => print(|key| match BUCKET.request().key(key).try_acquire() {
            Ok(_permit) => true,
            Err(error) => error.kind() != ErrorKind::TooManyKeys,
        }),
        Some("governor") => {
            let quota = Quota::with_period(HOUR).ok_or("no time")?.allow_burst(BURST);
            let limiter: DefaultKeyedRateLimiter<String> = RateLimiter::keyed(quota);
            print(|key| limiter.check_key(&key.to_owned()).is_ok())
        }
        Some("rate-net") => {
            let quota = rate_net::Quota::rate(1, HOUR)?.with_burst(BURST.get());
            let limiter = rate_net::RateLimiter::with_quota(quota);
            let limiter = limiter.with_eviction(Eviction::capacity(KEYS as usize));
            print(|key| limiter.check_bytes(key).is_allow())
        }
        who => Err(format!("whose heap? {who:?}").into()),
    }
}

/// `takes_in` calls with a key and says whether the limiter took it in.
fn print(takes_in: impl Fn(&str) -> bool) -> Result<(), Box<dyn Error>> {
    let mut keys = 0;
    let filled = bytes(|| keys = (0..KEYS).filter(|key| takes_in(&name(*key))).count());
    if keys < KEYS as usize {
        return Err(format!("only {keys} keys were taken in").into());
    }
    let beyond = bytes(|| (KEYS..2 * KEYS).for_each(|key| _ = black_box(takes_in(&name(key)))));
    println!("{filled} {beyond}");
    Ok(())
}

fn name(key: u32) -> String {
    format!("user-{key:011}")
}

/// What stays allocated after `work`, for each key.
#[expect(
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    reason = "far fewer bytes than a double can count"
)]
fn bytes(work: impl FnOnce()) -> f64 {
    allocation_counter::measure(work).bytes_current as f64 / f64::from(KEYS)
}
