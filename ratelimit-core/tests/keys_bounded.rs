//! Law 13 from outside: a bound on the keys, and states that outgrow their form, change nothing else.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use common::{Dice, FOREVER, Task, ns};
use ratelimit_core::clock::{ManualClock, Timestamp};
use ratelimit_core::{Bucket, ErrorKind, Permit, Rate};

const SEEDS: u64 = if cfg!(miri) { 5 } else { 3000 };

/// What two buckets make of the same call; they may differ only where the first has no room for the key.
fn agree(a: &Bucket, b: &Bucket, key: u64, weight: u32) -> Result<(Permit, Permit), ErrorKind> {
    match a.request().key(key).weight(weight).try_acquire() {
        Ok(permit) => {
            Ok((permit, b.request().key(key).weight(weight).try_acquire().expect("the other grants it")))
        }
        Err(refused) if refused.kind() == ErrorKind::TooManyKeys => Err(refused.kind()),
        Err(refused) => {
            let other = b.request().key(key).weight(weight).try_acquire().expect_err("the other refuses it");
            assert_eq!((refused.kind(), refused.retry_after()), (other.kind(), other.retry_after()));
            Err(refused.kind())
        }
    }
}

#[test]
fn a_bound_on_the_keys_admits_a_subset() {
    let (mut granted, mut without_room) = (0, 0);
    for seed in 0..SEEDS {
        let mut dice = Dice::new(seed);
        let clock = ManualClock::new();
        let amount = u32::try_from(dice.between(1, 4)).expect("small");
        let plain = Rate::new(amount, ns(dice.between(1, 1000)));
        let rate = dice.pick(&[plain, plain.fixed(), plain.burst(1), plain.burst(4)]);
        let guard = ns(dice.pick(&[0, 0, 1]).min(u64::try_from(rate.per().as_nanos()).expect("short") / 8));
        let both = dice.one_in(3).then(|| Rate::new(5, ns(1500)).burst(5));
        let bucket = |name| {
            let bucket = Bucket::named(name, rate).guard(guard).clock(clock.clone());
            both.into_iter().fold(bucket, Bucket::and)
        };
        let most = usize::try_from(dice.between(1, 5)).expect("small");
        let (capped, free) = (bucket("capped").max_keys(most), bucket("free"));
        let mut held = Vec::new();
        for _ in 0..80 {
            let key = dice.below(8);
            match dice.below(8) {
                0..=3 => {
                    match agree(&capped, &free, key, u32::try_from(dice.between(1, 2)).expect("small")) {
                        Ok(permits) => {
                            granted += 1;
                            held.push(permits);
                        }
                        Err(kind) => without_room += u64::from(kind == ErrorKind::TooManyKeys),
                    }
                }
                4 if !held.is_empty() => {
                    let place = usize::try_from(dice.below(held.len() as u64)).expect("small");
                    let (permit, other) = held.swap_remove(place);
                    permit.refund();
                    other.refund();
                }
                5 if dice.one_in(4) => {
                    capped.request().key(key).reset().expect("it is open");
                    free.request().key(key).reset().expect("it is open");
                }
                _ => clock.advance(ns(dice.below(400))),
            }
        }
    }
    println!("{granted} granted, {without_room} without room");
    assert!(granted > 10 * SEEDS && without_room > SEEDS);
}

/// 64 ticks a nanosecond pass 64 bits after nine years; a second rate that never says no makes states that never do.
#[test]
fn states_that_outgrow_64_bits_go_on_right() {
    const NEAR: u64 = (1 << 58) - 2_000_000_000;
    let mut refused = 0;
    for seed in 0..SEEDS / 10 {
        let mut dice = Dice::new(seed);
        let clock = ManualClock::new();
        clock.set(Timestamp::from_nanos(NEAR));
        let rate = Rate::new(64, ns(1_000_000_007)).burst(3);
        let packed = Bucket::named("packed", rate).guard(ns(0)).clock(clock.clone());
        let lax = Rate::new(u32::MAX, ns(1)).burst(u32::MAX);
        let whole = Bucket::named("whole", rate).and(lax).guard(ns(0)).clock(clock.clone());
        let mut held = Vec::new();
        for _ in 0..300 {
            let key = dice.below(4);
            match dice.below(8) {
                0..=3 => match agree(&packed, &whole, key, u32::try_from(dice.between(1, 3)).expect("small"))
                {
                    Ok(permits) => held.push(permits),
                    Err(_) => refused += 1,
                },
                4 if !held.is_empty() => {
                    let (permit, other) = held.remove(0);
                    permit.refund();
                    other.refund();
                }
                5 if dice.one_in(4) => {
                    packed.request().key(key).reset().expect("it is open");
                    whole.request().key(key).reset().expect("it is open");
                }
                _ => clock.advance(ns(dice.below(60_000_000))),
            }
        }
        assert!(ratelimit_core::clock::Clock::now(&clock).as_nanos() > 1 << 58, "it was passed");
    }
    assert!(refused > SEEDS);
}

#[test]
fn what_was_taken_before_a_reset_of_the_key_is_not_given_back_after_it() {
    let plain = Rate::new(2, ns(1000));
    for (rate, other) in
        [(plain.burst(2), None), (plain, None), (plain.fixed(), None), (plain, Some(plain.burst(2)))]
    {
        let clock = ManualClock::new();
        let bucket = Bucket::named("b", rate).guard(ns(0)).max_keys(1).clock(clock.clone());
        let bucket = other.into_iter().fold(bucket, Bucket::and);
        let take = |key: &str| bucket.request().key(key).weight(2).try_acquire();
        let is_full = |key: &str| bucket.request().key(key).try_acquire().is_err();
        let (first, second) = (take("k").expect("fresh"), bucket.request().key("k").reset());
        second.expect("it is open");
        let again = take("k").expect("as fresh");
        first.refund();
        assert!(is_full("k"), "{rate}: given back to what came after the reset");
        bucket.request().key("k").reset().expect("it is open");
        drop(take("j").expect("there is room"));
        clock.advance(ns(1001));
        let third = take("k").expect("the other is forgotten");
        again.refund();
        assert!(is_full("k"), "{rate}: given back to what came after it was forgotten");
        third.refund();
        assert!(!is_full("k"), "{rate}: its own is given back");
    }
}

/// An entry that was looked at while it was needed, and is idle by itself, goes as soon as nothing needs it any more.
#[test]
fn what_is_needed_no_more_makes_room() {
    let plain = Rate::new(1, ns(1000));
    for (rate, other) in
        [(plain.burst(1), None), (plain, None), (plain.fixed(), None), (plain, Some(plain.burst(1)))]
    {
        let clock = ManualClock::new();
        let bucket = || {
            let bucket = Bucket::named("b", rate).guard(ns(0)).max_keys(1).clock(clock.clone());
            other.into_iter().fold(bucket, Bucket::and)
        };
        let kind = |bucket: &Bucket| {
            bucket.request().key("new").try_acquire().map_or_else(|refused| Some(refused.kind()), |_| None)
        };
        let full = Some(ErrorKind::TooManyKeys);

        let running = bucket().in_flight(1);
        let permit = running.request().key("k").try_acquire().expect("it is free");
        clock.advance(ns(2000));
        assert_eq!(kind(&running), full, "{rate}: it runs");
        drop(permit);
        assert_eq!(kind(&running), None, "{rate}: it has ended");

        let waiting = bucket();
        drop(waiting.request().key("k").try_acquire().expect("it is free"));
        let mut task = Task::new(waiting.request().key("k").max_delay(FOREVER).acquire_async());
        assert!(task.poll().is_none());
        waiting.pause(ns(9000)).expect("it is open");
        clock.advance(ns(5000));
        let start = || waiting.request().key("new").charge().map(drop).map_err(|refused| refused.kind());
        assert_eq!(start(), Err(ErrorKind::TooManyKeys), "{rate}: it waits");
        drop(task);
        assert_eq!(start(), Ok(()), "{rate}: it has gone");

        let refunded = bucket();
        let permit = refunded.request().key("k").try_acquire().expect("it is free");
        assert_eq!(kind(&refunded), full, "{rate}: it counts");
        permit.refund();
        assert_eq!(kind(&refunded), None, "{rate}: it was given back");
    }
}

/// A reset starts the states anew, and takes no key's room away that is in use.
#[test]
fn after_a_reset_keys_in_use_have_their_room_still() {
    type Reset = fn(&Bucket);
    let one_key: Reset = |bucket| bucket.request().key(1).reset().expect("open");
    let all: Reset = |bucket| bucket.reset().expect("open");
    let reset = |reset: Reset, waits: bool| {
        let bucket = Bucket::named("b", Rate::per_hour(5)).guard(ns(0)).max_keys(1).clock(ManualClock::new());
        let bucket = if waits { bucket } else { bucket.in_flight(2) };
        let ask = |key: u32| bucket.request().key(key);
        let permit = ask(1).weight(5).try_acquire().expect("it is fresh");
        let waiting = waits.then(|| {
            let mut task = Task::new(ask(1).weight(5).max_delay(FOREVER).acquire_async());
            assert!(task.poll().is_none());
            task
        });
        reset(&bucket);
        let other = ask(2).try_acquire().map(drop).map_err(|refused| refused.kind());
        assert_eq!(other, Err(ErrorKind::TooManyKeys));
        if let Some(mut task) = waiting {
            assert!(task.poll().expect("it is fresh again").is_ok());
        }
        drop(permit);
    };
    for waits in [true, false] {
        reset(one_key, waits);
    }
    reset(all, false);
}
