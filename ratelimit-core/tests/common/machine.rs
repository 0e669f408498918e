//! What the machine that runs these tests does meanwhile.

#![allow(dead_code, reason = "each test crate uses its own part")]
#![allow(clippy::disallowed_methods, reason = "it is real time that is looked at")]
#![allow(clippy::cast_possible_truncation, clippy::panic, reason = "a few processors, and tests fail")]

use std::any::Any;
use std::fmt::Debug;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
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

/// For how long the machine stood still between these times, all stalls together.
pub(crate) fn stalled(begin: Instant, end: Instant) -> Duration {
    let seen = seen();
    let within = |from: Instant, until: Instant| until.min(end).saturating_duration_since(from.max(begin));
    let met =
        seen.stalls.iter().map(|(over, stall)| within(over.checked_sub(*stall).unwrap_or(begin), *over));
    // The watch may not have woken yet from the one that is just over.
    let now = seen.awake.map_or(Duration::ZERO, |awake| within(awake + NAP, end));
    met.sum::<Duration>() + now
}

/// What `call` comes to, which takes less than `most`, and for no longer beyond that than the machine stood still
/// meanwhile.
pub(crate) fn in_time<T: Debug>(most: Duration, call: impl FnOnce() -> T) -> T {
    watch();
    let begin = Instant::now();
    let came_to = call();
    let end = Instant::now();
    let (took, stalled) = (end - begin, stalled(begin, end));
    assert!(took < most + stalled, "{took:?}, {stalled:?} of it stalled, until {came_to:?}");
    came_to
}

/// All stalls since then: when each was over, and how long it was. One that is not over yet ends now.
pub(crate) fn stalls_since(begin: Instant) -> Vec<(Instant, Duration)> {
    let now = Instant::now();
    let seen = seen();
    let late = seen.awake.map_or(Duration::ZERO, |awake| now.saturating_duration_since(awake + NAP));
    let met = seen.stalls.iter().filter(|(over, _)| *over > begin).copied();
    met.chain((late > LEAST).then_some((now, late))).collect()
}

/// For how long all processors together have been kept from this machine by others that share them; where the system
/// tells.
fn stolen() -> Option<Duration> {
    // In hundredths of a second: user, nice, system, idle, iowait, irq, softirq, steal.
    let told = std::fs::read_to_string("/proc/stat").ok()?;
    let steal: u64 = told.lines().next()?.split_whitespace().nth(8)?.parse().ok()?;
    Some(Duration::from_millis(10 * steal))
}

/// A stall that a test of real time allows for anyway.
const STALL: Duration = Duration::from_millis(25);
/// And how much of the processors' time, as one part of so many.
const STOLEN: u32 = 20;
const TRIES: u32 = 3;

/// What no machine is to blame for, however late it is: that what must never be was.
struct Never;

/// Fails a test at once, whatever the machine did.
///
/// # Panics
///
/// Where it does not hold.
pub(crate) fn must(holds: bool, what: impl FnOnce() -> String) {
    if !holds {
        eprintln!("{}", what());
        panic_any(Never);
    }
}

/// Has a test of real time hold.
///
/// Where it does not, and the machine stood still meanwhile, that tells nothing of what is tested: it is tried again, some
/// times, after a while. Where the machine ran it has failed, and what [`must`] hold has in any case.
pub(crate) fn in_real_time(test: impl Fn()) {
    watch();
    let stood_still = || {
        let (begin, before) = (Instant::now(), stolen());
        move || {
            let end = Instant::now();
            let stall = longest_stall(begin, end);
            let processors = thread::available_parallelism().map_or(1, |count| count.get() as u32);
            let since = |before| stolen().map_or(Duration::ZERO, |now| now.saturating_sub(before));
            let (stolen, took) = (before.map_or(Duration::ZERO, since), end - begin);
            (stall >= STALL || stolen >= took * processors / STOLEN)
                .then(|| format!("stood still for {stall:?}, and {stolen:?} were stolen in {took:?}"))
        }
    };
    try_again(test, stood_still, |tried, excuse, panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
        let name = thread::current().name().unwrap_or_default().to_owned();
        // Past the capture of what tests print.
        let _ = writeln!(std::io::stderr(), "once more {name:?}, as the machine {excuse}: {said}");
        thread::sleep(Duration::from_secs(1 << tried));
    });
}

type Panic = Box<dyn Any + Send>;

/// Before each try it is looked how the machine does: `watch` gives what tells after it whether there is an excuse.
fn try_again<E: FnOnce() -> Option<String>>(
    test: impl Fn(),
    watch: impl Fn() -> E,
    again: impl Fn(u32, String, &Panic),
) {
    for tried in 1.. {
        let excuse = watch();
        let Err(panic) = catch_unwind(AssertUnwindSafe(&test)) else { return };
        let may = tried < TRIES && !panic.is::<Never>();
        let Some(excuse) = excuse().filter(|_| may) else { resume_unwind(panic) };
        again(tried, excuse, &panic);
    }
}

#[test]
fn stalls_count_as_far_as_they_were_met() {
    // Long before anything that this program's watch may have seen.
    let zero = Instant::now().checked_sub(Duration::from_secs(3600)).unwrap_or_else(Instant::now);
    let at = |millis| zero + Duration::from_millis(millis);
    let stalls =
        [(30, 20), (70, 5), (200, 100)].map(|(over, stall)| (at(over), Duration::from_millis(stall)));
    seen().stalls.extend(stalls);
    let met = |begin, end| stalled(at(begin), at(end)).as_millis();
    assert_eq!([met(0, 300), met(20, 300), met(20, 120), met(31, 65), met(40, 68)], [125, 115, 35, 0, 3]);
    assert_eq!(longest_stall(at(20), at(120)).as_millis(), 100);
}

#[test]
fn what_fails_is_tried_again_only_where_the_machine_stood_still() {
    let tries = |passes_at: usize, stood_still: bool, may_never: bool| {
        let count = AtomicUsize::new(0);
        let test = || {
            let passes = count.fetch_add(1, Ordering::Relaxed) + 1 == passes_at;
            must(passes || !may_never, || "a failure of the test's own".to_owned());
            assert!(passes, "a failure of the test's own");
        };
        let excuse = || move || stood_still.then(String::new);
        let ended = catch_unwind(AssertUnwindSafe(|| try_again(test, excuse, |_, _, _| ())));
        (count.into_inner(), ended.is_ok())
    };
    assert_eq!([tries(1, false, false), tries(2, false, false)], [(1, true), (1, false)]);
    assert_eq!([1, 3, 9].map(|at| tries(at, true, false)), [(1, true), (3, true), (3, false)]);
    assert_eq!([1, 2].map(|at| tries(at, true, true)), [(1, true), (1, false)]);
}
