//! What happens to a call that is on its way moves others as anything else does.

use super::*;

/// Who waits for at most `allowance` behind a window that two calls have used up.
fn behind_two(allowance: u64) -> (ManualClock, Bucket, [Permit; 2], Task) {
    let (clock, bucket) = known(&ans(2, 2, 60_000));
    let permits = [(); 2].map(|()| bucket.try_acquire().expect("room"));
    // The server counts them, and says no more.
    bucket.request().observe(&ans(2, 0, 60_000)).expect("it is open");
    let waits = asks(bucket.request().max_delay(ms(allowance)));
    (clock, bucket, permits, waits)
}

/// Its turn was unknown; however the calls end, it is known from then on.
#[test]
fn a_turn_that_becomes_known_too_late_is_refused_at_once() {
    let ends: [fn([Permit; 2]); 3] = [
        drop,
        |permits| permits.into_iter().for_each(Permit::refund),
        |permits| {
            for permit in &permits {
                permit.correct(0);
            }
            std::mem::forget(permits);
        },
    ];
    for end in ends {
        let (_clock, _bucket, permits, mut waits) = behind_two(5_000);
        end(permits);
        assert!(waits.is_woken());
        assert_eq!(refusal(&mut waits), (ErrorKind::DelayTooLong, Some(ms(60_000))));
    }
}

#[test]
fn what_is_corrected_upwards_moves_others_past_their_allowance() {
    let (_clock, bucket) = known(&ans(10, 5, 60_000));
    let first = bucket.try_acquire().unwrap();
    bucket.pause(ms(2_000)).unwrap();
    let mut waits = asks(bucket.request().max_delay(ms(5_000)));
    first.correct(5);
    assert!(waits.is_woken());
    assert_eq!(refusal(&mut waits), (ErrorKind::DelayTooLong, Some(ms(60_000))));
    drop(first);
}

/// Where nobody knows when the next turn comes, a pause of the caller's tells as much as one of the server's.
#[test]
fn a_pause_of_the_callers_is_told_at_once_as_well() {
    let (_clock, bucket) = bucket();
    let _probe = bucket.try_acquire().unwrap();
    let mut waits = asks(bucket.request().max_delay(ms(5_000)));
    bucket.pause(ms(3_600_000)).unwrap();
    assert_eq!(refusal(&mut waits), (ErrorKind::DelayTooLong, Some(ms(3_600_000))));
    let refused = bucket.try_acquire().unwrap_err();
    assert_eq!(refused.retry_after(), Some(ms(3_600_000)));
    assert_eq!(refused.scope(), Some(ErrorScope::Bucket));
}

#[test]
fn what_is_forgotten_holds_nobody_up() {
    let by_reset: fn(&Bucket, &ManualClock) = |bucket, _| bucket.reset().unwrap();
    let by_key: fn(&Bucket, &ManualClock) = |bucket, _| bucket.request().reset().unwrap();
    for forget in [by_reset, by_key] {
        let clock = ManualClock::new();
        let bucket = Bucket::named("slow", Rate::per_hour(1)).max_pause(ms(60_000)).clock(clock.clone());
        drop(bucket.try_acquire().unwrap());
        let mut waits = asks(bucket.request().max_delay(FOREVER));
        // Whatever comes of a reset, another call has started since.
        bucket.request().observe(&rejected(50_000)).unwrap();
        clock.advance(ms(10_000));
        forget(&bucket, &clock);
        drop(bucket.charge().unwrap());
        clock.advance(ms(10_000));
        bucket.request().observe(&rejected(45_000)).unwrap();
        assert!(waits.poll().is_none(), "it is held up for 45 s, not for 65");
    }
}

/// A window of a hundred years is one that nobody means: the next call that is answered tells otherwise.
#[test]
fn what_the_server_no_longer_says_is_over() {
    let (clock, bucket) = bucket();
    told(bucket.request(), &ans(10, 0, 1000).reset_after(Duration::MAX));
    let refused = bucket.try_acquire().unwrap_err();
    let century = Duration::from_secs(100 * 365 * 86_400);
    assert_eq!((refused.retry_after(), refused.scope()), (Some(century), Some(ErrorScope::Server)));
    assert!(refused.to_string().contains("held up by the server: retry after 3153600000s"), "{refused}");
    clock.advance(ms(1));
    bucket.request().observe(&ans(10, 9, 1000)).unwrap();
    assert_eq!(starts(|| bucket.request()), 9);
    // One that was sent before is an answer from before.
    let (clock, bucket) = known(&ans(10, 9, 1000));
    let early = bucket.try_acquire().unwrap();
    clock.advance(ms(10));
    told(bucket.request(), &ans(10, 4, 600_000));
    clock.advance(ms(10));
    early.observe(&ans(10, 8, 900));
    assert_eq!(starts(|| bucket.request()), 4);
}

#[test]
fn a_rejection_that_says_no_time_at_all_is_one_that_says_none() {
    let (_clock, bucket) = bucket();
    told(bucket.request(), &rejected(0));
    assert_eq!(bucket.try_acquire().unwrap_err().retry_after(), Some(ms(1000)));
    let (_clock, bucket) = super::bucket();
    told(bucket.request(), &rejected(0).remaining(0).reset_after(ms(300)));
    assert_eq!(bucket.try_acquire().unwrap_err().retry_after(), Some(ms(300)));
}

/// Routes without end take no room either.
#[test]
fn no_more_routes_have_names_than_there_may_be_windows() {
    let clock = ManualClock::new();
    let bucket = learned().max_keys(1).clock(clock);
    let on = |number: u32| bucket.request().route(number);
    for number in 0..65 {
        told(on(number), &ans(1_000, 900, 60_000).bucket("shared"));
    }
    bucket.request().route(0).observe(&ans(1_000, 3, 60_000).bucket("shared")).unwrap();
    assert_eq!(starts(|| on(64)), 3, "it goes by its name");
    told(on(65), &ans(1_000, 900, 60_000).bucket("shared"));
    assert_eq!(starts(|| on(65)), 900, "there is no room for another name: it is a window of its own");
}

/// Its place is kept, whoever comes meanwhile.
#[test]
fn who_waits_is_not_refused_for_want_of_room() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("few", Rate::per_second(1)).guard(ns(0)).max_keys(1).clock(clock.clone());
    let on = |key: &'static str| bucket.request().key(key).max_delay(FOREVER);
    drop(on("a").try_acquire().unwrap());
    let mut waits = asks(on("a"));
    bucket.reset().unwrap();
    assert_eq!(on("b").try_acquire().unwrap_err().kind(), ErrorKind::TooManyKeys);
    assert!(waits.poll().is_some_and(|ended| ended.is_ok()));
}

/// Whether its request named a route or not.
#[test]
fn a_free_pass_that_is_corrected_is_on_its_way() {
    for route in [None, Some("r")] {
        let (_clock, bucket) = bucket();
        let on = || route.map_or_else(|| bucket.request(), |route| bucket.request().route(route));
        told(on(), &ans(5, 5, 60_000));
        let free = on().weight(0).try_acquire().unwrap();
        assert_eq!(starts(on), 5);
        free.correct(3);
        assert_eq!(starts(on), 2);
        drop(free);
        assert_eq!(starts(on), 2, "charged");
    }
}
