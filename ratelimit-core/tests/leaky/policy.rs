//! As a policy.

use ratelimit_core::clock::Timestamp;
use ratelimit_core::policy::conformance::Kit;
use ratelimit_core::policy::{Earliest, FillLevel, LeakyBucket, Outcome, Policy};

const SECOND: u64 = 1_000_000_000;

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

fn keeps_the_laws(bucket: &LeakyBucket) {
    let played = Kit::new().schedules(1_500).run(|| bucket.clone());
    println!("{bucket:?}: {played:?}");
    assert!(played.takes > 500 && played.refunds > 500 && played.endings > 500, "{played:?}");
    assert!(played.idle > 250, "{played:?}");
}

#[test]
fn it_keeps_the_laws() {
    keeps_the_laws(&LeakyBucket::new(10.0, 5.0));
    keeps_the_laws(&LeakyBucket::new(1.0, 3.0));
    keeps_the_laws(&LeakyBucket::new(300.0, 1e6));
    keeps_the_laws(&LeakyBucket::new(200.0, 1e-3).factors(0.25, 2.0));
    keeps_the_laws(&LeakyBucket::new(0.7, 0.3).unit(0.1).factors(1.0, 10.0));
    keeps_the_laws(&LeakyBucket::new(1e9, 7e8).unit(1.3).factors(0.1, 1.0));
}

#[test]
fn it_keeps_the_laws_whatever_it_starts_with() {
    keeps_the_laws(&LeakyBucket::new(10.0, 5.0).starting(10.0, 0.0));
    keeps_the_laws(&LeakyBucket::new(10.0, 5.0).starting(7.5, 1.25));
    keeps_the_laws(&LeakyBucket::new(10.0, 5.0).fixed_factor());
    let mut fast = LeakyBucket::new(10.0, 5.0);
    fast.set_factor(7.0);
    keeps_the_laws(&fast);
    let row = FillLevel::new(0.0).low(0.5, 1.05).high(0.5, 0.2);
    keeps_the_laws(&LeakyBucket::new(10.0, 5.0).table(&[row]).factors(0.01, 3.0));
}

#[test]
fn it_adapts_when_calls_end() {
    let mut bucket = LeakyBucket::new(10.0, 1.0);
    for _ in 0..8 {
        bucket.commit(at(0), 1);
    }
    assert_eq!(bucket.factor().to_bits(), 1.0_f64.to_bits());
    bucket.settle(at(0), at(0), 1, &Outcome::NoNews);
    // 8 of 10 is nearly full.
    assert_eq!(bucket.factor().to_bits(), 0.73_f64.to_bits());
    // Nothing was called, as far as limits go: nothing is learnt from it.
    bucket.settle(at(0), at(0), 1, &Outcome::Refund(1));
    assert_eq!(bucket.factor().to_bits(), 0.73_f64.to_bits());
    // Dry by then.
    bucket.settle(at(0), at(20 * SECOND), 1, &Outcome::NoNews);
    assert!(bucket.factor() > 1.0);
}

/// A call that is corrected runs on.
#[test]
fn a_part_that_is_given_back_is_no_end() {
    let mut bucket = LeakyBucket::new(10.0, 1.0);
    bucket.commit(at(0), 9);
    bucket.settle(at(0), at(0), 9, &Outcome::Refund(1));
    assert_eq!(bucket.factor().to_bits(), 1.0_f64.to_bits());
    bucket.settle(at(0), at(0), 8, &Outcome::NoNews);
    assert_eq!(bucket.factor().to_bits(), 0.73_f64.to_bits());
}

/// What the call poured in less what the bucket can have leaked since, at its fastest, less one part in a billion of
/// what it holds, which covers what floats round.
#[test]
fn what_may_have_leaked_since_is_not_given_back() {
    let after = |outcome| {
        let mut bucket = LeakyBucket::new(10.0, 2.0).factors(0.5, 3.0);
        bucket.commit(at(5 * SECOND), 8);
        bucket.settle(at(5 * SECOND), at(5 * SECOND + SECOND / 2), 8, &outcome);
        bucket.level(5.5)
    };
    for (given, level) in [(0, 7.0), (1, 6.0 + 18e-9), (5, 2.0 + 18e-9), (6, 2.0 + 18e-9), (8, 2.0 + 18e-9)] {
        let is = after(Outcome::Refund(given));
        assert!((is - level).abs() < 1e-12, "{given}: {is} instead of {level}");
    }
}

#[test]
fn a_slow_factor_is_forgotten_at_rest() {
    let mut bucket = LeakyBucket::new(10.0, 1.0).factors(0.5, 2.0);
    bucket.commit(at(0), 10);
    bucket.settle(at(0), at(0), 10, &Outcome::NoNews);
    assert!(bucket.factor() < 1.0);
    // Dry after 10 / 0.73 s; at rest another 10 / 0.5 s later.
    let idle = bucket.idle_at().expect("some time").as_nanos();
    let expected = 10.0 / 0.73 + 20.0;
    assert!((u128::from(idle)).abs_diff(33_698_630_136) < 10, "{idle}, {expected}");
    let mut rested = bucket.clone();
    rested.commit(at(idle), 1);
    assert_eq!(rested.factor().to_bits(), 1.0_f64.to_bits());
    bucket.commit(at(idle - 100), 1);
    assert!(bucket.factor() < 1.0);
}

/// One that leaks as fast as a fresh one.
#[test]
fn at_its_own_factor_it_is_idle_as_soon_as_it_is_dry() {
    let mut bucket = LeakyBucket::new(10.0, 2.0);
    bucket.commit(at(SECOND), 4);
    assert_eq!(bucket.idle_at(), Some(at(3 * SECOND)));
}

#[test]
fn it_says_what_it_holds_at_most() {
    for capacity in [0.5, 2.0, 300.0] {
        assert_eq!(LeakyBucket::new(capacity, 1.0).capacity().to_bits(), f64::to_bits(capacity));
    }
}

/// As the original: a change of the factor by one percent or less is none.
#[test]
fn told_to_adapt_it_drops_changes_of_one_percent() {
    for (slower, factor) in [(0.99, 100.0), (0.98, 98.0)] {
        let row = FillLevel::new(0.0).high(0.7, slower);
        let mut bucket = LeakyBucket::new(10.0, 1.0).factors(0.1, 1000.0).table(&[row]).starting(10.0, 0.0);
        bucket.set_factor(100.0);
        bucket.tick(0.0);
        assert_eq!(bucket.factor().to_bits(), f64::to_bits(factor), "{slower}");
    }
}

/// Floats that are solved for the time of the wait end a hair early half of the time.
#[test]
fn at_the_promised_time_it_fits_and_not_before() {
    let (mut promises, mut early) = (0, 0);
    for leak in 1..200_u32 {
        let mut bucket = LeakyBucket::new(10.0, f64::from(leak) / 7.0);
        let mut now = at(u64::from(leak) * 1_234_567_891);
        bucket.commit(now, 10);
        for weight in 1..10 {
            let Earliest::At(due) = bucket.earliest(now, weight) else { unreachable!("it fits") };
            let amount = f64::from(weight);
            let seconds = |nanos: u64| std::time::Duration::from_nanos(nanos).as_secs_f64();
            let mut solved = bucket.clone();
            let start = seconds(now.as_nanos());
            let wait = (bucket.level(start) + amount - 10.0) / (f64::from(leak) / 7.0);
            early += u32::from(!solved.acquire(start + wait, amount));
            assert!(bucket.level(seconds(due.as_nanos())) + amount <= 10.0);
            assert!(bucket.level(seconds(due.as_nanos() - 1)) + amount > 10.0);
            promises += 1;
            now = due;
            bucket.commit(now, weight);
        }
    }
    println!("{promises} promises; solved for the time in floats, {early} of them would be refused");
    assert_eq!(promises, 199 * 9);
    assert!(early > 100, "{early}");
}

/// The law of its own: no more starts in a span than the capacity and what leaks at the greatest factor.
#[test]
fn no_more_starts_than_fits_and_leaks() {
    let mut bucket = LeakyBucket::new(10.0, 5.0).factors(0.5, 2.0);
    let (mut now, mut starts) = (at(0), Vec::new());
    for _ in 0..2_000 {
        let Earliest::At(due) = bucket.earliest(now, 1) else { unreachable!("it fits") };
        bucket.commit(due, 1);
        starts.push(due.as_nanos());
        now = due;
        bucket.settle(due, due, 1, &Outcome::NoNews);
    }
    for (index, first) in starts.iter().enumerate().step_by(37) {
        for (later, last) in starts.iter().enumerate().skip(index) {
            let count = f64::from(u32::try_from(later - index + 1).expect("few"));
            let span = std::time::Duration::from_nanos(last - first).as_secs_f64();
            assert!(count <= 10.0 + 10.0 * span + 1e-6, "{count} in {span}");
        }
    }
}

#[test]
#[should_panic(expected = "1 must be a factor that is permitted")]
fn factors_without_one_are_refused() {
    let _ = LeakyBucket::new(1.0, 1.0).factors(2.0, 3.0);
}

#[test]
#[should_panic(expected = "the leak must lie from 1e-75 to 1e75")]
fn a_bucket_that_does_not_leak_is_refused() {
    let _ = LeakyBucket::new(1.0, 0.0);
}
