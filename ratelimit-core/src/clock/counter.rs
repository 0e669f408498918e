//! A reading for those who are refused: of the processor's counter, which takes less than half as long as the clock.
//!
//! It never decides that a call may start, only by how much it is too early. It is behind the clock by less than
//! [`BEHIND`], and not ahead, so that whoever comes back when he was told to is let through.
//!
//! Now and then a call reads both, the clock and the counter. Between two such anchors the counter's pace is known, and
//! from the later one it is counted on for as long as the shorter of the two are apart, a millisecond or two. Nobody
//! ever waits for a calibration. Where the kernel itself does not trust the counter, there is none.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// How far a reading may be behind the clock, in nanoseconds.
pub(crate) const BEHIND: u64 = 5_000;
/// What is taken off each reading, against the noise of two anchors: by so little it is behind most of the time.
const TAKEN_OFF: u64 = 200;
/// Not in so many first calls: programs that are refused now and then need no counter.
const FIRST: u64 = 1_000;
/// For so many ticks, a millisecond or two, a pace is measured at least and counted on at most.
const SPAN: u64 = 1 << 22;
/// More ticks between the readings of an anchor mean that the thread stood still, and it is none.
const WIDEST: u64 = 1 << 12;
/// The counter's pace is measured in so many parts of a nanosecond a tick.
const PARTS: u32 = 32;

/// A moment by the counter and by the clock, and how fast the former was before it.
#[derive(Debug, Default)]
struct Anchor {
    /// Odd while it is written, 0 before there is one.
    edition: AtomicU64,
    ticks: AtomicU64,
    nanos: AtomicU64,
    /// Parts of a nanosecond a tick; 0 = not measured yet.
    pace: AtomicU64,
}

/// The counter and the clock, read by turns: the clock in between.
#[derive(Clone, Copy, Debug)]
struct Sight {
    before: u64,
    nanos: u64,
    after: u64,
}

impl Anchor {
    const fn new() -> Self {
        let zero = AtomicU64::new;
        Anchor { edition: zero(0), ticks: zero(0), nanos: zero(0), pace: zero(0) }
    }

    /// The time at which the counter shows `ticks`; `None` where that is not known well enough.
    #[inline]
    fn time(&self, ticks: impl Fn() -> u64) -> Option<u64> {
        let edition = self.edition.load(Ordering::Acquire);
        let (since, nanos) = (self.ticks.load(Ordering::Relaxed), self.nanos.load(Ordering::Relaxed));
        let pace = self.pace.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        if edition % 2 == 1 || self.edition.load(Ordering::Relaxed) != edition {
            return None;
        }
        let passed = ticks().wrapping_sub(since);
        // Less than 2^22 times a pace below 2^32.
        (pace > 0 && passed < SPAN).then(|| (nanos + ((passed * pace) >> PARTS)).saturating_sub(TAKEN_OFF))
    }

    /// Whether the anchor is old enough for another.
    fn is_due(&self, ticks: u64) -> bool {
        self.edition.load(Ordering::Relaxed) == 0
            || ticks.wrapping_sub(self.ticks.load(Ordering::Relaxed)) >= SPAN
    }

    /// Puts another anchor in place, unless somebody else just does.
    fn renew(&self, Sight { before, nanos, after }: Sight) {
        let edition = self.edition.load(Ordering::Relaxed);
        let take = |free| self.edition.compare_exchange(free, free + 1, Ordering::Acquire, Ordering::Relaxed);
        if after.wrapping_sub(before) > WIDEST || edition % 2 == 1 || take(edition).is_err() {
            return;
        }
        fence(Ordering::Release);
        let ticks = after.wrapping_sub(self.ticks.swap(after, Ordering::Relaxed));
        let passed = nanos.saturating_sub(self.nanos.swap(nanos, Ordering::Relaxed));
        let pace = if edition == 0 { 0 } else { pace(passed, ticks) };
        let known = self.pace.load(Ordering::Relaxed);
        // By a thousandth it changes only where the counter was set, as when a virtual machine moves to another host.
        let holds = known == 0 || pace.abs_diff(known) <= known >> 10;
        self.pace.store(if holds { pace } else { 0 }, Ordering::Relaxed);
        self.edition.store(edition + 2, Ordering::Release);
    }
}

/// Parts of a nanosecond a tick; 0 = none that is to be counted on.
fn pace(nanos: u64, ticks: u64) -> u64 {
    let pace = (u128::from(nanos) << PARTS).checked_div(u128::from(ticks)).unwrap_or(0);
    // A counter of the clock's own pace or slower is none of a processor.
    if ticks < SPAN { 0 } else { u64::try_from(pace).ok().filter(|pace| *pace < 1 << PARTS).unwrap_or(0) }
}

/// A time that is behind the clock by less than [`BEHIND`] and not ahead, where that is quicker than to read the clock.
#[inline]
pub(crate) fn behind() -> Option<u64> {
    ANCHOR.time(platform::ticks).or_else(slowly)
}

static ANCHOR: Anchor = Anchor::new();

#[cold]
fn slowly() -> Option<u64> {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    static IS_TRUSTED: OnceLock<bool> = OnceLock::new();
    let calls = CALLS.load(Ordering::Relaxed);
    if calls < FIRST {
        // Not exactly how many where threads meet, but none is ever counted twice.
        CALLS.store(calls + 1, Ordering::Relaxed);
        return None;
    }
    if !IS_TRUSTED.get_or_init(platform::is_trusted) || !ANCHOR.is_due(platform::ticks()) {
        return None;
    }
    let before = platform::ticks();
    let nanos = super::machine::now();
    ANCHOR.renew(Sight { before, nanos, after: platform::ticks() });
    Some(nanos)
}

#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
mod platform {
    use std::fs;

    /// The processor's counter.
    pub(super) use tick_counter::x86_64_tick_counter as ticks;

    /// Whether the kernel reads its own clock off the counter.
    pub(super) fn is_trusted() -> bool {
        let source = fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource");
        source.is_ok_and(|source| source.trim() == "tsc")
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", not(miri))))]
mod platform {
    pub(super) fn ticks() -> u64 {
        0
    }

    pub(super) fn is_trusted() -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
