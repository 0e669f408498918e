//! Threads go through the gate of a token bucket while it is shut, opened and given other numbers.
//!
//! At the gate there is no lock, but one word, and numbers beside it that are read one by one: between any two of these
//! reads anything may happen.

mod common;

use std::time::Duration;

use common::{FOREVER, SECOND, bucket, explore, wait};
use ratelimit_core::clock::ManualClock;
use ratelimit_core::{Bucket, ErrorKind, Pace, Rate, Registry};
use shuttle::thread::{self, JoinHandle};

const BURST: u32 = 4;

fn registered(registry: &Registry, clock: &ManualClock, rate: Rate) -> Bucket {
    let bucket = Bucket::named("modelled", rate).guard(Duration::ZERO).clock(clock.clone());
    registry.register(bucket).unwrap()
}

/// Tries that often; how much weight was granted.
fn trying(bucket: &Bucket, weights: &'static [u32]) -> JoinHandle<u32> {
    let bucket = bucket.clone();
    let is_granted = move |weight: u32| bucket.request().weight(weight).try_acquire().is_ok();
    thread::spawn(move || weights.iter().filter(|weight| is_granted(**weight)).sum())
}

/// How much is granted until one is refused.
fn drained(bucket: &Bucket) -> u32 {
    (0..100).take_while(|_| bucket.try_acquire().is_ok()).count().try_into().unwrap()
}

fn used(bucket: &Bucket) -> u32 {
    bucket.peek().unwrap().rates()[0].used()
}

/// The clock stands still: what is granted is the burst, to the last, whatever shuts and opens the gate meanwhile.
#[test]
fn looked_at_and_paused_while_threads_pass() {
    explore("looked at and paused while threads pass", || {
        let (bucket, _) = bucket(Rate::per_second(1).burst(BURST));
        assert_eq!(used(&bucket), 0, "the gate is open");
        let threads = [trying(&bucket, &[1, 2, 1]), trying(&bucket, &[1, 1, 1])];
        bucket.peek().unwrap();
        bucket.pause(Duration::ZERO).unwrap();
        bucket.peek().unwrap();
        let granted: u32 = threads.map(|thread| thread.join().unwrap()).iter().sum();
        assert_eq!(granted + drained(&bucket), BURST);
    });
}

/// Time passes, less than makes the burst whole: nothing is lost and nothing granted twice.
#[test]
fn time_passes_while_threads_pass() {
    explore("time passes while threads pass", || {
        let (bucket, clock) = bucket(Rate::per_second(1).burst(BURST));
        assert_eq!(drained(&bucket), BURST);
        let threads = [trying(&bucket, &[1, 1]), trying(&bucket, &[2, 1])];
        clock.advance(SECOND);
        bucket.peek().unwrap();
        clock.advance(SECOND);
        let granted: u32 = threads.map(|thread| thread.join().unwrap()).iter().sum();
        assert_eq!(granted + drained(&bucket), 2);
    });
}

/// The burst is made smaller, and the spacing, and back: what is owed at the end is no more than the limits in force let
/// anybody owe, so nobody was let through by numbers of other limits.
#[test]
fn replaced_while_threads_pass() {
    explore("replaced while threads pass", || {
        let (registry, clock) = (Registry::new(), ManualClock::new());
        let (wide, narrow) = (Rate::per_second(1).burst(BURST), Rate::per_second(10).burst(1));
        let bucket = registered(&registry, &clock, wide);
        drop(bucket.try_acquire().expect("the first"));
        let threads = [trying(&bucket, &[1, 1]), trying(&bucket, &[2])];
        // Who is refused is told when he would not be, by one of the limits and not by a mixture: with one running, and
        // some weight of those who try, by so much too much.
        let refused = thread::spawn({
            let bucket = bucket.clone();
            move || bucket.request().weight(BURST).try_acquire().err()
        });
        registered(&registry, &clock, narrow);
        if let Some(refused) = refused.join().unwrap().filter(|error| error.kind() == ErrorKind::Limited) {
            assert_eq!(refused.rate(), Some(wide), "by the other it is too heavy: {refused:?}");
            let retry_after = refused.retry_after().expect("a known time");
            assert!((1..=BURST).any(|more| retry_after == more * SECOND), "{retry_after:?}");
        }
        let granted: u32 = threads.map(|thread| thread.join().unwrap()).iter().sum();
        assert!(granted < BURST, "{granted} after the first");
        assert_eq!(bucket.rates(), [narrow]);
        assert_eq!(wait(&bucket), SECOND / 10, "one is owed, by the new rate");
        assert_eq!(bucket.try_acquire().unwrap_err().retry_after(), Some(SECOND / 10));
        registered(&registry, &clock, wide);
        assert_eq!(drained(&bucket), BURST - 1);
    });
}

/// The same word comes back under other limits, again and again: a thread that stood still meanwhile does not take it
/// for the one that it has read.
#[test]
fn replaced_and_back_while_a_thread_stands_still() {
    explore("replaced and back while a thread stands still", || {
        let (registry, clock) = (Registry::new(), ManualClock::new());
        let (wide, narrow) = (Rate::per_second(1).burst(BURST), Rate::per_second(1).burst(1));
        let bucket = registered(&registry, &clock, wide);
        drop(bucket.try_acquire().expect("the first"));
        let threads = [trying(&bucket, &[3]), trying(&bucket, &[3])];
        let mut last = narrow;
        for rate in [narrow, wide, narrow] {
            registered(&registry, &clock, rate);
            // What was let through before is cut to the new burst; what is let through from here on is not.
            assert!(wait(&bucket) <= SECOND);
            last = rate;
        }
        let granted: u32 = threads.map(|thread| thread.join().unwrap()).iter().sum();
        assert!(granted <= 2 * (BURST - 1), "{granted}");
        assert_eq!(bucket.rates(), [last]);
        assert_eq!(wait(&bucket), SECOND);
    });
}

/// A reset gives back what was taken before it, once.
#[test]
fn reset_while_threads_pass() {
    explore("reset while threads pass", || {
        let (bucket, _) = bucket(Rate::per_second(1).burst(BURST));
        assert_eq!(used(&bucket), 0);
        let threads = [trying(&bucket, &[1, 2, 1]), trying(&bucket, &[1, 1, 1])];
        bucket.reset().unwrap();
        let granted: u32 = threads.map(|thread| thread.join().unwrap()).iter().sum();
        let all = granted + drained(&bucket);
        assert!((BURST..=2 * BURST).contains(&all), "{all}");
    });
}

/// At half speed half as much comes back, whoever reads which numbers.
#[test]
fn slowed_while_threads_pass() {
    explore("slowed while threads pass", || {
        let (registry, clock) = (Registry::new(), ManualClock::new());
        let bucket = registered(&registry, &clock, Rate::per_second(1).burst(BURST));
        assert_eq!(drained(&bucket), BURST);
        registry.set_pace(Pace::Slow);
        let threads = [trying(&bucket, &[1, 1]), trying(&bucket, &[1, 1])];
        clock.advance(2 * SECOND);
        registry.set_pace(Pace::Normal);
        clock.advance(SECOND);
        let granted: u32 = threads.map(|thread| thread.join().unwrap()).iter().sum();
        assert_eq!(granted + drained(&bucket), 2);
    });
}

/// Who waits in line shuts the gate: nobody passes him by it, and he starts as his time comes.
#[test]
fn somebody_waits_while_threads_pass() {
    explore("somebody waits while threads pass", || {
        let (bucket, clock) = bucket(Rate::per_second(1).burst(1));
        assert_eq!(drained(&bucket), 1);
        let waiter = thread::spawn({
            let bucket = bucket.clone();
            move || bucket.request().max_delay(FOREVER).acquire()
        });
        clock.wait_for_sleepers(1);
        let threads = [trying(&bucket, &[1, 1]), trying(&bucket, &[1])];
        clock.advance(SECOND);
        drop(waiter.join().unwrap().expect("a permit"));
        let granted: u32 = threads.map(|thread| thread.join().unwrap()).iter().sum();
        assert_eq!(granted + drained(&bucket), 0);
    });
}
