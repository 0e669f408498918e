//! A reading for those who are refused: of the processor's counter, which takes less than half as long as the clock.
//!
//! It never decides that a call may start, only by how much it is too early. As long as the clock's pace stays what it is
//! within a five-hundredth, as it does under a kernel that is told the time by others, it is behind the clock by less
//! than [`BEHIND`] and not ahead: so whoever comes back when he was told to is let through.
//!
//! Now and then a call reads the clock, and the counter just before and just after. Between two such anchors the
//! counter's pace is measured, from before the one until after the other, so that it is never more than it was; and from
//! the later one it is counted on for as many ticks as anchors are apart at least, a millisecond or less. Nobody ever
//! waits for a calibration. Where the kernel itself does not trust the counter, there is none.

use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

/// How far a reading may be behind the clock, in nanoseconds.
pub(crate) const BEHIND: u64 = 5_000;
/// What is taken off each reading, as neighbouring readings may be made in another order than they are written.
const TAKEN_OFF: u64 = 100;
/// One part in 2^9 of what was counted on is taken off as well: so much faster may the clock become than it was.
const STEADY: u32 = 9;
/// Not in so many first calls: programs that are refused now and then need no counter.
const FIRST: u64 = 1_000;
/// For so many ticks a pace is measured at least, and counted on at most.
const SPAN: u64 = 1 << 20;
/// More ticks between the readings of an anchor mean that the thread stood still, and it is none; some hundred are usual.
const WIDEST: u64 = 1 << 9;
/// The counter's pace is measured in so many parts of a nanosecond a tick.
const PARTS: u32 = 32;

/// A moment by the counter and by the clock, and how fast the former was before it.
#[derive(Debug)]
struct Anchor {
    /// Odd while it is written, 0 before there is one.
    edition: AtomicU64,
    before: AtomicU64,
    after: AtomicU64,
    nanos: AtomicU64,
    /// Parts of a nanosecond a tick since the anchor before; 0 = none that makes sense.
    measured: AtomicU64,
    /// The same where it was measured twice, one time after the other; 0 = not known.
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
        Anchor {
            edition: zero(0),
            before: zero(0),
            after: zero(0),
            nanos: zero(0),
            measured: zero(0),
            pace: zero(0),
        }
    }

    /// The time at which the counter shows `ticks`; `None` where that is not known well enough.
    #[inline]
    fn time(&self, ticks: impl Fn() -> u64) -> Option<u64> {
        let edition = self.edition.load(Ordering::Acquire);
        let (since, nanos) = (self.after.load(Ordering::Relaxed), self.nanos.load(Ordering::Relaxed));
        let pace = self.pace.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        // Where there is no counter it is not read either, which may be slow.
        if pace == 0 || edition % 2 == 1 || self.edition.load(Ordering::Relaxed) != edition {
            return None;
        }
        let passed = ticks().wrapping_sub(since);
        // Less than 2^20 times a pace below 2^32.
        let counted = passed.wrapping_mul(pace) >> PARTS;
        let time = nanos.wrapping_add(counted).wrapping_sub((counted >> STEADY) + TAKEN_OFF);
        (passed < SPAN).then_some(time)
    }

    fn is_known(&self) -> bool {
        self.pace.load(Ordering::Relaxed) > 0
    }

    /// The edition, where it is old enough to be followed by another.
    fn outdated(&self, ticks: u64) -> Option<u64> {
        let edition = self.edition.load(Ordering::Relaxed);
        let passed = ticks.wrapping_sub(self.after.load(Ordering::Relaxed));
        (edition.is_multiple_of(2) && (edition == 0 || passed >= SPAN)).then_some(edition)
    }

    /// Puts another anchor in place of `edition`, unless somebody else was first.
    fn renew(&self, edition: u64, Sight { before, nanos, after }: Sight) {
        let take =
            || self.edition.compare_exchange(edition, edition + 1, Ordering::Acquire, Ordering::Relaxed);
        if after.wrapping_sub(before) > WIDEST || take().is_err() {
            return;
        }
        fence(Ordering::Release);
        let since = self.before.swap(before, Ordering::Relaxed);
        let was = self.nanos.swap(nanos, Ordering::Relaxed);
        self.after.store(after, Ordering::Relaxed);
        let pace = if edition == 0 { 0 } else { pace(nanos.saturating_sub(was), after.wrapping_sub(since)) };
        // It changes by a thousandth only where the counter was set, as when a virtual machine moves to another host.
        let known = self.measured.swap(pace, Ordering::Relaxed);
        let holds = pace.abs_diff(known) <= known >> 10;
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

/// A time that is a little behind the clock, where that is quicker than to read the clock.
#[inline]
pub(crate) fn behind() -> Option<u64> {
    ANCHOR.time(platform::ticks).or_else(slowly)
}

static ANCHOR: Anchor = Anchor::new();

#[cold]
fn slowly() -> Option<u64> {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    static IS_UNTRUSTED: AtomicBool = AtomicBool::new(false);
    let calls = CALLS.load(Ordering::Relaxed);
    if calls < FIRST {
        // Not exactly how many where threads meet, but none is ever counted twice.
        CALLS.store(calls + 1, Ordering::Relaxed);
        return None;
    }
    if IS_UNTRUSTED.load(Ordering::Relaxed) {
        return None;
    }
    let outdated = ANCHOR.outdated(platform::ticks())?;
    // Asked again where the pace was lost: the kernel may have found out what is wrong with the counter.
    if !ANCHOR.is_known() && !platform::is_trusted() {
        IS_UNTRUSTED.store(true, Ordering::Relaxed);
        return None;
    }
    let before = platform::ticks();
    let nanos = super::machine::now();
    ANCHOR.renew(outdated, Sight { before, nanos, after: platform::ticks() });
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
