//! What the machine that runs these tests does meanwhile.

#![allow(dead_code, reason = "each test crate uses its own part")]
#![allow(clippy::disallowed_methods, reason = "it is real time that is looked at")]

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// For how long the thread that watches sleeps at a time.
const NAP: Duration = Duration::from_millis(2);
/// Less than that is how machines are.
const LEAST: Duration = Duration::from_millis(1);

struct Seen {
    /// When each stall was over, and how long it was.
    stalls: Vec<(Instant, Duration)>,
    /// When the thread was awake the last time.
    awake: Option<Instant>,
}

static SEEN: Mutex<Seen> = Mutex::new(Seen { stalls: Vec::new(), awake: None });

fn seen() -> MutexGuard<'static, Seen> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on is seen for how long a thread stands still that only wants to run.
pub(crate) fn watch() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        seen().awake = Some(Instant::now());
        thread::spawn(|| {
            loop {
                let begin = Instant::now();
                thread::sleep(NAP);
                let now = Instant::now();
                let stall = (now - begin).saturating_sub(NAP);
                let mut seen = seen();
                seen.awake = Some(now);
                if stall > LEAST {
                    seen.stalls.push((now, stall));
                }
            }
        });
    });
}

/// The longest stall between these times.
pub(crate) fn longest_stall(begin: Instant, end: Instant) -> Duration {
    let seen = seen();
    let met = seen.stalls.iter().filter(|(over, stall)| *over > begin && *over < end + *stall);
    let now = seen.awake.map_or(Duration::ZERO, |awake| end.saturating_duration_since(awake + NAP));
    met.map(|(_, stall)| *stall).chain([now]).max().unwrap_or_default()
}

/// For how long all processors together have been kept from this machine by others that share them; where the system
/// tells.
fn stolen() -> Option<Duration> {
    // In hundredths of a second: user, nice, system, idle, iowait, irq, softirq, steal.
    let told = std::fs::read_to_string("/proc/stat").ok()?;
    let steal: u64 = told.lines().next()?.split_whitespace().nth(8)?.parse().ok()?;
    Some(Duration::from_millis(10 * steal))
}

/// What a test of real time allows for anyway.
const STALL: Duration = Duration::from_millis(25);
const STOLEN: Duration = Duration::from_millis(50);
const TRIES: u32 = 5;

/// Has a test of real time hold.
///
/// Where it does not, and the machine stood still meanwhile, that tells nothing of what is tested: it is tried again, some
/// times, after a while. Where the machine ran it has failed.
pub(crate) fn in_real_time(test: impl Fn()) {
    watch();
    let stood_still = || {
        let (begin, before) = (Instant::now(), stolen());
        move || {
            let stall = longest_stall(begin, Instant::now());
            let since = |before| stolen().map_or(Duration::ZERO, |now| now.saturating_sub(before));
            let stolen = before.map_or(Duration::ZERO, since);
            (stall >= STALL || stolen >= STOLEN)
                .then(|| format!("stood still for {stall:?}, and {stolen:?} were stolen"))
        }
    };
    try_again(test, stood_still, |tried, excuse| {
        // Past the capture of what tests print.
        let name = thread::current().name().unwrap_or_default().to_owned();
        let _ = writeln!(std::io::stderr(), "once more {name:?}, as the machine {excuse}");
        thread::sleep(Duration::from_secs(1 << tried));
    });
}

/// `excuse` is asked before each try, and what it gives after one that failed.
fn try_again<E: FnOnce() -> Option<String>>(
    test: impl Fn(),
    excuse: impl Fn() -> E,
    again: impl Fn(u32, String),
) {
    for tried in 1.. {
        let excuse = excuse();
        let Err(panic) = catch_unwind(AssertUnwindSafe(&test)) else { return };
        let Some(excuse) = excuse().filter(|_| tried < TRIES) else { resume_unwind(panic) };
        again(tried, excuse);
    }
}

#[test]
fn what_fails_is_tried_again_only_where_the_machine_stood_still() {
    let tries = |passes_at: usize, stood_still: bool| {
        let count = AtomicUsize::new(0);
        let test = || assert_eq!(count.fetch_add(1, Ordering::Relaxed) + 1, passes_at);
        let excuse = || move || stood_still.then(|| "of a test's own".to_owned());
        let ended = catch_unwind(AssertUnwindSafe(|| try_again(test, excuse, |_, _| ())));
        (count.into_inner(), ended.is_ok())
    };
    assert_eq!([tries(1, false), tries(2, false)], [(1, true), (1, false)]);
    assert_eq!([tries(1, true), tries(3, true), tries(9, true)], [(1, true), (3, true), (5, false)]);
}
