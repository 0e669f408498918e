//! Fixed windows: when one opens and is over, what a refund gives back, and what replaced limits make of one.
//!
//! That no window ever holds too much, among other rates and over keys, is one of the laws that `tests/laws` plays.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::time::Duration;

use common::{Dice, Task, ms, ns};
use ratelimit_core::clock::{Clock, ManualClock};
use ratelimit_core::{Bucket, ErrorKind, Rate, Registry};

fn bucket(rate: Rate, guard: Duration) -> (Bucket, ManualClock) {
    let clock = ManualClock::new();
    clock.advance(ms(7));
    (Bucket::named("b", rate).guard(guard).clock(clock.clone()), clock)
}

fn take(bucket: &Bucket, weight: u32) -> Option<Duration> {
    let ended = bucket.request().weight(weight).try_acquire();
    ended.err().map(|error| error.retry_after().expect("it is refused for a while"))
}

/// How much remains, and in how long the window is over.
fn outlook(bucket: &Bucket) -> (u32, Duration) {
    let outlook = bucket.peek().expect("an outlook");
    let rate = outlook.rates().first().expect("a rate");
    (rate.remaining(), rate.resets_in())
}

#[test]
fn it_opens_at_its_first_use_and_the_next_at_the_next_use() {
    let (bucket, clock) = bucket(Rate::new(3, ms(100)).fixed(), ns(0));
    assert_eq!(outlook(&bucket), (3, ms(0)));
    assert_eq!(take(&bucket, 0), None);
    clock.advance(ms(500));
    assert_eq!(outlook(&bucket), (3, ms(0)), "neither a peek nor weight 0 opens one");
    assert_eq!(take(&bucket, 1), None);
    clock.advance(ms(99));
    assert_eq!((outlook(&bucket), take(&bucket, 2)), ((2, ms(1)), None));
    assert_eq!(take(&bucket, 1), Some(ms(1)));
    clock.advance(ns(999_999));
    assert_eq!(take(&bucket, 1), Some(ns(1)));
    clock.advance(ns(1));
    assert_eq!(outlook(&bucket), (3, ms(0)), "it is over, and no other is open");
    clock.advance(ms(50));
    assert_eq!((take(&bucket, 3), take(&bucket, 3)), (None, Some(ms(100))));
    let heavy = bucket.request().weight(4).try_acquire().expect_err("it never fits");
    assert_eq!((heavy.kind(), heavy.rate()), (ErrorKind::TooHeavy, Some(Rate::new(3, ms(100)).fixed())));
}

#[test]
fn a_guard_makes_it_longer() {
    let (bucket, clock) = bucket(Rate::new(1, ms(100)).fixed(), ms(20));
    assert_eq!((take(&bucket, 1), take(&bucket, 1)), (None, Some(ms(120))));
    clock.advance(ms(120));
    assert_eq!(take(&bucket, 1), None);
    // Without one of its own: 2 % of the window.
    let clock = ManualClock::new();
    let usual = Bucket::named("b", Rate::new(1, ms(100)).fixed()).clock(clock);
    assert_eq!((take(&usual, 1), take(&usual, 1)), (None, Some(ms(102))));
}

#[test]
fn those_who_wait_start_in_turn_as_windows_open() {
    let (bucket, clock) = bucket(Rate::new(2, ms(100)).fixed(), ns(0));
    assert_eq!(take(&bucket, 2), None);
    let mut tasks: Vec<Task> = (0..5).map(|_| Task::waiting(&bucket)).collect();
    for starts in [0, 2, 2, 1] {
        let mut started = 0;
        while tasks.first().is_some_and(Task::is_woken) {
            let permit = tasks.remove(0).poll().expect("its turn has come");
            started += usize::from(permit.is_ok());
        }
        assert_eq!(started, starts, "at {:?}", clock.now());
        clock.advance(ms(100));
    }
    assert!(tasks.is_empty());
}

#[test]
fn a_window_beyond_the_end_of_time_is_never_over() {
    let forever = Rate::new(1, ns(u64::MAX)).fixed();
    let (bucket, clock) = bucket(forever, ns(0));
    assert_eq!(take(&bucket, 1), None);
    clock.advance(ms(5));
    let refused = bucket.try_acquire().expect_err("the window is full");
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::Limited, None));
    assert_eq!(bucket.peek().expect("an outlook").wait(), None);
}

#[test]
fn a_refund_is_for_the_window_that_is_still_open() {
    let (bucket, clock) = bucket(Rate::new(3, ms(100)).fixed(), ns(0));
    let opener = bucket.try_acquire().expect("there is room");
    clock.advance(ms(40));
    let second = bucket.request().weight(2).try_acquire().expect("there is room");
    second.refund();
    assert_eq!(outlook(&bucket), (2, ms(60)), "all of it came back, and the window stays where it is");
    let second = bucket.try_acquire().expect("there is room");
    clock.advance(ms(60));
    assert_eq!(take(&bucket, 3), None);
    opener.refund();
    second.refund();
    assert_eq!(outlook(&bucket), (0, ms(100)), "they started in a window that is over");
}

#[test]
fn a_window_that_was_opened_by_a_refunded_call_goes_on_from_the_others() {
    let (bucket, clock) = bucket(Rate::new(3, ms(100)).fixed(), ns(0));
    let opener = bucket.try_acquire().expect("there is room");
    clock.advance(ms(90));
    assert_eq!(take(&bucket, 2), None);
    opener.refund();
    assert_eq!(outlook(&bucket), (1, ms(100)), "a server that never saw the first has opened it only now");
    clock.advance(ms(50));
    assert_eq!((take(&bucket, 1), outlook(&bucket)), (None, (0, ms(100))));
    clock.advance(ms(100));
    assert_eq!(outlook(&bucket), (3, ms(0)));
}

#[test]
fn nothing_remains_of_a_window_that_is_given_back_whole() {
    let (bucket, clock) = bucket(Rate::new(2, ms(100)).fixed(), ns(0));
    let opener = bucket.try_acquire().expect("there is room");
    clock.advance(ms(30));
    let second = bucket.try_acquire().expect("there is room");
    opener.refund();
    second.refund();
    assert_eq!(outlook(&bucket), (2, ms(0)));
    clock.advance(ms(30));
    assert_eq!((take(&bucket, 1), outlook(&bucket)), (None, (1, ms(100))));
}

struct Replaced {
    clock: ManualClock,
    registry: Registry,
    bucket: Bucket,
}

impl Replaced {
    fn new(rates: &[Rate]) -> Self {
        let clock = ManualClock::new();
        let registry = Registry::builder().clock(clock.clone()).guard(ns(0)).build();
        let bucket = registry.register(of(rates)).expect("limits that make sense");
        Replaced { clock, registry, bucket }
    }

    fn by(&self, rates: &[Rate]) {
        self.registry.register(of(rates)).expect("limits that make sense");
    }
}

fn of(rates: &[Rate]) -> Bucket {
    let (first, more) = rates.split_first().expect("a rate");
    more.iter().fold(Bucket::named("b", *first), |bucket, rate| bucket.and(*rate))
}

#[test]
fn a_window_of_the_same_length_goes_on_with_another_amount() {
    let limits = Replaced::new(&[Rate::new(5, ms(100)).fixed()]);
    assert_eq!(take(&limits.bucket, 4), None);
    limits.clock.advance(ms(60));
    limits.by(&[Rate::new(6, ms(100)).fixed()]);
    assert_eq!(outlook(&limits.bucket), (2, ms(40)));
    limits.by(&[Rate::new(2, ms(100)).fixed()]);
    assert_eq!((outlook(&limits.bucket), take(&limits.bucket, 1)), ((0, ms(40)), Some(ms(40))));
}

#[test]
fn another_kind_begins_with_all_that_a_fixed_window_remembers() {
    let fixed = Rate::new(5, ms(100)).fixed();
    let after = |rates: &[Rate]| {
        let limits = Replaced::new(&[fixed]);
        assert_eq!(take(&limits.bucket, 1), None);
        limits.clock.advance(ms(60));
        assert_eq!(take(&limits.bucket, 3), None);
        limits.clock.advance(ms(20));
        limits.by(rates);
        outlook(&limits.bucket)
    };
    // All of it as if it had started last, 20 ms ago.
    assert_eq!(after(&[Rate::new(5, ms(100))]), (1, ns(80_000_001)));
    assert_eq!(after(&[Rate::new(5, ms(30)).fixed()]), (1, ms(10)));
    assert_eq!(after(&[Rate::new(5, ms(19)).fixed()]), (5, ms(0)));
    assert_eq!(after(&[Rate::new(1, ms(100)).burst(5)]), (1, ms(380)));
}

#[test]
fn a_fixed_window_begins_with_all_that_another_kind_remembers() {
    let after = |old: Rate| {
        let limits = Replaced::new(&[old]);
        assert_eq!(take(&limits.bucket, 1), None);
        limits.clock.advance(ms(60));
        assert_eq!(take(&limits.bucket, 3), None);
        limits.clock.advance(ms(20));
        limits.by(&[Rate::new(5, ms(50)).fixed()]);
        outlook(&limits.bucket)
    };
    // Of a log only what a window that is open now can hold.
    assert_eq!(after(Rate::new(5, ms(100))), (2, ms(30)));
    // A token bucket does not know when it started what it owes.
    assert_eq!(after(Rate::new(1, ms(100)).burst(5)), (1, ms(50)));
    assert_eq!(after(Rate::new(1, ms(10)).burst(5)), (4, ms(50)));
}

/// The old total knows how much has started, and the keys' token buckets do not know when: of both whatever is stricter.
#[test]
fn a_window_over_all_keys_counts_what_the_total_and_the_keys_remember() {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).guard(ns(0)).build();
    let keyed = || Bucket::named("b", Rate::new(1, ms(20)).burst(5));
    let total = |rate: Rate| {
        let bucket = registry.register(keyed().total(rate.fixed())).expect("limits that make sense");
        let outlook = bucket.peek().expect("an outlook");
        let total = outlook.rates().last().expect("a total");
        (bucket, total.remaining(), total.resets_in())
    };
    let (bucket, ..) = total(Rate::new(8, ms(100)));
    assert!(bucket.request().key("a").weight(3).try_acquire().is_ok());
    clock.advance(ms(30));
    assert!(bucket.request().key("b").weight(2).try_acquire().is_ok());
    clock.advance(ms(10));
    let (_, remaining, resets_in) = total(Rate::new(9, ms(60)));
    assert_eq!(
        (remaining, resets_in),
        (4, ms(60)),
        "five in all, the last of which may have started just now"
    );
    let (_, remaining, _) = total(Rate::new(4, ms(60)));
    assert_eq!(remaining, 0);
}

type Start = (u64, u64);

/// Law 3 for a server whose window is opened by the first of `starts`.
fn holds(rate: Rate, starts: &[Start]) -> bool {
    let length = u64::try_from(rate.per().as_nanos()).expect("a short span");
    let (mut opened, mut used) = (None, 0);
    starts.iter().all(|(at, weight)| {
        if opened.is_none_or(|opened| *at >= opened + length) {
            (opened, used) = (Some(*at), 0);
        }
        used += weight;
        used <= u64::from(rate.amount())
    })
}

/// Starts what the bucket lets start, at random times.
fn run(limits: &Replaced, dice: &mut Dice, steps: u64) -> Vec<Start> {
    let mut starts = Vec::new();
    for _ in 0..steps {
        let weight = dice.between(1, 3);
        if limits.bucket.request().weight(u32::try_from(weight).expect("small")).try_acquire().is_ok() {
            starts.push((limits.clock.now().as_nanos(), weight));
        }
        let span = if dice.one_in(3) { dice.below(20_000_000) } else { dice.below(1_000_000) };
        limits.clock.advance(ns(span));
    }
    starts
}

/// Whichever of the remembered starts a server's window was opened by, it never sees too many.
#[test]
fn replaced_by_a_fixed_window_nothing_is_forgotten() {
    let (mut refused, mut shared) = (0, 0);
    for seed in 0..4000 {
        let mut dice = Dice::new(seed);
        let mut small = |most| u32::try_from(dice.between(3, most)).expect("small");
        let (amount, new_amount, length) = (small(9), small(9), small(40));
        let span = ms(u64::from(length));
        let old = Rate::new(amount, span);
        let old = dice.pick(&[old, old.fixed(), old.burst(amount)]);
        let limits = Replaced::new(&[old]);
        let before = run(&limits, &mut dice, 12);
        let per = dice.pick(&[span, span / 3, span * 2]);
        let new = Rate::new(new_amount, per).fixed();
        let since = limits.clock.now().as_nanos();
        limits.by(&[new]);
        let after = run(&limits, &mut dice, 25);
        // A sliding window remembers its length, a fixed one what is open, and goes on from there if it stays as long.
        let length = u64::try_from(span.as_nanos()).expect("a short span");
        let is_fixed = old == Rate::new(amount, span).fixed();
        let mut known: Vec<Start> = Vec::new();
        for start in before {
            let is_over = known.first().is_some_and(|(opened, _)| start.0 >= opened + length);
            if is_fixed && is_over {
                known.clear();
            }
            known.push(start);
        }
        known.retain(|(at, _)| is_fixed || at + length >= since);
        if old.burst_amount().is_some() {
            known.clear();
        }
        let same_window = is_fixed && per == span;
        let phases = if same_window { 1 } else { known.len() + 1 };
        for first in 0..phases {
            let known = known.get(first..).unwrap_or_default();
            let all: Vec<Start> = known.iter().chain(&after).copied().collect();
            // What the old limits let start may be more than the new ones allow.
            shared += usize::from(!known.is_empty());
            let sum: u64 = known.iter().map(|(_, weight)| weight).sum();
            if sum <= u64::from(new_amount) {
                assert!(holds(new, &all), "seed {seed}: {all:?} under {new} after {old}");
            }
        }
        refused += 25 - after.len();
    }
    assert!(refused > 20_000 && shared > 4000, "{refused} refused, {shared} with a history");
}
