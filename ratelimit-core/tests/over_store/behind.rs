//! Who stands behind somebody whom the store told to ask later: what only the key holds up is not reserved, as it would hold
//! up other keys that share a total.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests: a panic fails the test")]

use std::time::Duration;

use ratelimit_core::store::OnOutage;
use ratelimit_core::{Bucket, ErrorKind, Rate};

use crate::common::{FOREVER, Task, ms};
use crate::faulty::Fault;
use crate::stalled::{Stalled, end, settle, used};

/// When what started at zero does not count any more, with the default guard.
const OVER: Duration = Duration::from_micros(1_020_001);

/// Four a second, and so much that the total never holds anybody up.
fn process(world: &Stalled) -> Bucket {
    world.process(Rate::per_second(4)).total(Rate::per_second(1000))
}

fn start(bucket: &Bucket, weight: u32) {
    drop(bucket.request().weight(weight).try_acquire().unwrap());
}

fn asking(bucket: &Bucket, weight: u32, allowed: Duration) -> Task {
    let mut task = Task::new(bucket.request().weight(weight).max_delay(allowed).acquire_async());
    assert!(task.poll().is_none(), "the store is asked elsewhere");
    task
}

fn asks_and_starts(bucket: &Bucket, task: &mut Task) {
    assert!(task.poll().is_none(), "it asks");
    settle(bucket);
    assert!(task.poll().expect("its time has come").is_ok());
}

/// Half of it counts from zero, the other half from half a second on, which it is then.
fn half_and_half(world: &Stalled, bucket: &Bucket) {
    start(bucket, 2);
    world.clock.advance(ms(500));
    start(bucket, 2);
}

#[test]
fn who_cannot_make_it_behind_another_is_told_at_once() {
    let world = Stalled::new();
    let bucket = process(&world);
    half_and_half(&world, &bucket);
    let mut heavy = asking(&bucket, 2, FOREVER);
    settle(&bucket);
    // When the heavy one starts there is nothing left for it.
    let mut late = asking(&bucket, 2, OVER.saturating_sub(ms(1)));
    let mut in_time = asking(&bucket, 2, OVER);
    settle(&bucket);
    let refused = late.poll().expect("it was answered").unwrap_err();
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::DelayTooLong, Some(OVER)));
    assert!(in_time.poll().is_none());
    world.clock.advance(OVER.saturating_sub(ms(500)));
    asks_and_starts(&bucket, &mut heavy);
    settle(&bucket);
    world.clock.advance(ms(500));
    asks_and_starts(&bucket, &mut in_time);
}

#[test]
fn who_stands_behind_one_who_leaves_asks_as_if_that_one_had_never_come() {
    let world = Stalled::new();
    let bucket = process(&world);
    half_and_half(&world, &bucket);
    let heavy = asking(&bucket, 2, FOREVER);
    settle(&bucket);
    let mut next = asking(&bucket, 2, FOREVER);
    settle(&bucket);
    drop(heavy);
    settle(&bucket);
    let asks = world.store.asks();
    assert!(next.is_woken() && next.poll().is_none());
    settle(&bucket);
    assert!(next.poll().is_none(), "whoever polls it");
    settle(&bucket);
    assert_eq!(world.store.asks() - asks, 1 + 2 * 2, "once, and two looks each time");
    world.clock.advance(OVER.saturating_sub(ms(500)));
    asks_and_starts(&bucket, &mut next);
}

/// It was asked for before anybody knew that the one in front is told to ask later.
#[test]
fn a_start_that_is_over_before_those_in_front_ask_is_given_back_at_once() {
    let world = Stalled::new();
    let (bucket, other) = (process(&world), process(&world));
    start(&bucket, 3);
    let stall = world.store.gate.lock().unwrap();
    let mut heavy = asking(&bucket, 2, FOREVER);
    let mut light = asking(&bucket, 1, FOREVER);
    drop(stall);
    settle(&bucket);
    settle(&bucket);
    assert_eq!(used(&other), 3);
    assert!(light.poll().is_none());
    world.clock.advance(OVER);
    for task in [&mut heavy, &mut light] {
        asks_and_starts(&bucket, task);
    }
    assert_eq!(used(&other), 3);
}

/// Who was granted such a start, and lost it, stands behind the one in front.
#[test]
fn who_lost_a_start_asks_no_sooner_than_the_one_in_front_is_granted_one() {
    let world = Stalled::new();
    let (bucket, other) = (process(&world), process(&world));
    start(&bucket, 1);
    let stall = world.store.gate.lock().unwrap();
    let mut tasks: Vec<Task> = [4, 1, 1, 1].map(|weight| asking(&bucket, weight, FOREVER)).into();
    drop(stall);
    settle(&bucket);
    settle(&bucket);
    world.clock.advance(ms(900));
    start(&other, 1);
    // The one in front alone, twice; then as many as were granted one, and one.
    for (time, asks) in [(OVER.saturating_sub(ms(900)), 1), (ms(900), 1), (Duration::ZERO, 2)] {
        world.clock.advance(time);
        let before = world.store.asks();
        let stall = world.store.gate.lock().unwrap();
        tasks.retain_mut(|task| !task.is_woken() || task.poll().map(Result::unwrap).is_none());
        drop(stall);
        settle(&bucket);
        assert_eq!(world.store.asks() - before, asks + 2, "and two looks");
    }
    assert_eq!(tasks.len(), 3, "the one in front has started");
    for task in &mut tasks {
        assert!(end(&world, &bucket, task).is_ok());
    }
}

/// Others were first.
#[test]
fn who_cannot_make_it_behind_one_who_is_told_to_ask_again_is_told_at_once() {
    let world = Stalled::new();
    let (bucket, other) = (process(&world), process(&world));
    start(&bucket, 3);
    let mut heavy = asking(&bucket, 2, FOREVER);
    settle(&bucket);
    let mut light = asking(&bucket, 1, OVER + ms(500));
    settle(&bucket);
    world.clock.advance(OVER);
    start(&other, 3);
    assert!(heavy.poll().is_none(), "it asks");
    settle(&bucket);
    let refused = light.poll().expect("it is no sooner than the one in front").unwrap_err();
    assert_eq!((refused.kind(), refused.retry_after()), (ErrorKind::DelayTooLong, Some(OVER)));
    assert!(heavy.poll().is_none());
    world.clock.advance(OVER);
    asks_and_starts(&bucket, &mut heavy);
}

/// It was told what it would meet behind one who is not there any more.
#[test]
fn who_was_asked_for_behind_one_who_has_left_meanwhile_is_asked_for_again() {
    let world = Stalled::new();
    let bucket = process(&world);
    half_and_half(&world, &bucket);
    let heavy = asking(&bucket, 2, FOREVER);
    settle(&bucket);
    let stall = world.store.gate.lock().unwrap();
    let mut next = asking(&bucket, 2, ms(600));
    drop(heavy);
    drop(stall);
    settle(&bucket);
    let permit = end(&world, &bucket, &mut next).unwrap();
    assert_eq!(permit.waited(), OVER.saturating_sub(ms(500)));
}

/// Where each asks only as its time comes: who has just come asks with those in front who have just come as well.
#[test]
fn what_is_being_asked_for_is_not_counted_twice() {
    let world = Stalled::new();
    let bucket = world.process(Rate::per_second(10)).guard(Duration::ZERO);
    let before = world.store.asks();
    let stall = world.store.gate.lock().unwrap();
    let calls = [(5, FOREVER), (3, ms(100)), (1, Duration::ZERO)];
    let mut tasks = calls.map(|(weight, allowed)| asking(&bucket, weight, allowed));
    drop(stall);
    settle(&bucket);
    for task in &mut tasks {
        assert_eq!(task.poll().expect("it was answered").unwrap().waited(), Duration::ZERO);
    }
    assert_eq!(world.store.asks() - before, 3 + 2, "once for each, and two looks");
}

/// The limits of those who run a newer version of the program are lower.
#[test]
fn what_fits_alone_does_not_fail_for_not_fitting_behind_others() {
    let world = Stalled::new();
    let (bucket, newer) = (process(&world), world.process(Rate::per_second(3)).generation(2));
    start(&newer.total(Rate::per_second(1000)), 2);
    let mut tasks = [2, 2].map(|weight| {
        let task = asking(&bucket, weight, FOREVER);
        settle(&bucket);
        task
    });
    for task in &mut tasks {
        assert!(end(&world, &bucket, task).is_ok());
    }
}

/// All that those in front take together is more than its share, and what it asks for itself is not.
#[test]
fn who_asks_behind_others_while_the_store_is_away_waits_for_its_own_share() {
    let world = Stalled::new();
    let declared = world.process(Rate::per_second(8)).total(Rate::per_second(1000));
    let bucket = declared.on_outage(OnOutage::Local { share: 0.25 });
    start(&bucket, 8);
    let mut heavy = asking(&bucket, 2, FOREVER);
    settle(&bucket);
    let stall = world.store.gate.lock().unwrap();
    let mut light = asking(&bucket, 1, FOREVER);
    world.store.fail_next(Fault::Before);
    drop(stall);
    settle(&bucket);
    assert!(world.store.has_failed());
    assert!(light.poll().is_none());
    for task in [&mut heavy, &mut light] {
        assert!(end(&world, &bucket, task).is_ok());
    }
}

/// Of 64 who wait, where so many may start then: how many did, what was asked for them, and how often some were called.
fn asked_for(amount: u32) -> (usize, u64, u32) {
    let world = Stalled::new();
    let bucket = world.process(Rate::per_second(amount)).total(Rate::per_second(1000)).guard(ms(20));
    start(&bucket, amount);
    let mut tasks: Vec<Task> = (0..64).map(|_| asking(&bucket, 1, FOREVER)).collect();
    settle(&bucket);
    let before = world.store.asks();
    world.clock.advance(OVER);
    let mut rounds = 0;
    while tasks.iter().any(Task::is_woken) {
        // Who is called asks, all in one trip; whose turn has come starts.
        for _ in 0..2 {
            let stall = world.store.gate.lock().unwrap();
            tasks.retain_mut(|task| !task.is_woken() || task.poll().map(Result::unwrap).is_none());
            drop(stall);
            settle(&bucket);
        }
        rounds += 1;
    }
    let looks = u64::from(rounds) * 2 * 2;
    (64 - tasks.len(), world.store.asks() - before - looks, rounds)
}

/// As many as were granted one before, and one more.
#[test]
fn those_behind_ask_as_long_as_they_are_granted_starts() {
    let (started, asks, _) = asked_for(1);
    assert_eq!((started, asks), (1, 3), "the first, and two in vain");
    let (started, asks, rounds) = asked_for(64);
    assert_eq!((started, asks), (64, 64));
    assert!(rounds <= 8, "{rounds}");
}
