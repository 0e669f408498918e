//! What a store is told that was away, and what is answered in its place.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use ratelimit_core::clock::{ManualClock, Timestamp};
use ratelimit_core::feedback::Feedback;
use ratelimit_core::store::{MemoryStore, OnOutage};
use ratelimit_core::{Bucket, ErrorKind, ErrorScope, Rate, RateOutlook};

use super::{Switched, process, starts, time_of, used, used_of, within_two_seconds};
use crate::common::Dice;
use crate::machine::{in_real_time, must};

#[test]
fn what_was_started_in_one_failed_trip_is_told() {
    for manner in [OnOutage::Allow, OnOutage::Local { share: 1.0 }] {
        let store = Arc::new(Switched::default());
        let bucket = process(&store, 10, 1.0).on_outage(manner);
        store.fail(2);
        assert_eq!(starts(&bucket, 2), 2);
        assert_eq!(starts(&bucket, 20), 8, "{manner:?}");
        assert_eq!(used(&bucket), 10);
    }
}

#[test]
fn what_is_told_is_told_once_whoever_wrote_meanwhile() {
    for others in [0, 1] {
        let store = Arc::new(Switched::default());
        let (one, other) = (process(&store, 20, 1.0), process(&store, 20, 1.0));
        assert_eq!(starts(&one, 3), 3);
        store.fail(2);
        assert_eq!(starts(&one, 2), 2);
        assert_eq!(starts(&other, others), others);
        assert_eq!(starts(&one, 1), 1);
        assert_eq!(used(&one) as usize, 6 + others);
    }
}

/// As a server does that restarts empty: it is away, and it loses what it knew.
#[test]
fn what_is_told_is_told_once_where_the_store_has_lost_the_rest() {
    let store = Arc::new(Switched::default());
    let bucket = process(&store, 20, 1.0);
    assert_eq!(starts(&bucket, 3), 3);
    store.fail(2);
    assert_eq!(starts(&bucket, 2), 2);
    store.store.clear();
    assert_eq!(starts(&bucket, 1), 1);
    assert_eq!(used(&bucket), 6);
    store.store.clear();
    assert_eq!(starts(&bucket, 1), 1);
    assert_eq!(used(&bucket), 7, "told once, they are its own as well");
}

/// What was reset meanwhile counts no more; what the store did not know of then does, there and from the share.
#[test]
fn what_others_have_reset_meanwhile_is_not_put_back() {
    let store = Arc::new(Switched::default());
    let (bucket, other) = (process(&store, 20, 0.5), process(&store, 20, 0.5));
    assert_eq!(starts(&bucket, 3), 3);
    store.fail(2);
    assert_eq!(starts(&bucket, 2), 2);
    other.reset().unwrap();
    assert_eq!(starts(&bucket, 1), 1);
    assert_eq!(used(&bucket), 3);
    store.store.clear();
    assert_eq!(starts(&bucket, 1), 1);
    assert_eq!(used(&bucket), 4);
    store.switch(true);
    assert_eq!(starts(&bucket, 20), 6, "its half is ten");
}

#[test]
fn the_share_counts_what_was_started_by_the_store_in_between() {
    let store = Arc::new(Switched::default());
    let bucket = process(&store, 20, 0.5);
    assert_eq!(starts(&bucket, 4), 4);
    store.fail(2);
    assert_eq!(starts(&bucket, 2), 2);
    assert_eq!(starts(&bucket, 3), 3);
    store.fail(2);
    assert_eq!(starts(&bucket, 2), 1, "its half is ten");
    assert_eq!(used(&bucket), 10);
}

/// Nobody knows whether it counts: it is never left out, and told again only to a store that answers.
#[test]
fn what_was_told_without_a_reply_is_told_again() {
    let store = Arc::new(Switched::default());
    let (bucket, other) = (process(&store, 40, 0.5), process(&store, 40, 0.5));
    store.fail(2);
    assert_eq!(starts(&bucket, 2), 2);
    store.loses.store(true, Ordering::Relaxed);
    store.fail(8);
    assert_eq!(starts(&bucket, 8), 8);
    store.fail(0);
    within_two_seconds(|| bucket.peek().is_ok() && used(&other) > 0);
    assert_eq!((used(&other), used(&bucket)), (10, 10), "while it did not answer it was told nothing");
    store.fail(1);
    assert_eq!(starts(&bucket, 1), 1, "the store has counted this one, which was then started without it");
    store.spares.store(1, Ordering::Relaxed);
    store.fail(1);
    // The reply to what it was told is lost.
    assert_eq!(starts(&bucket, 1), 0);
    assert_eq!(starts(&bucket, 1), 1);
    assert_eq!(used(&bucket), 14, "ten, the one three times, and the last");
}

/// As many as there are, in calls of some; whoever asks for one of the others afterwards finds it.
#[test]
fn what_was_started_of_many_keys_is_told_in_parts() {
    let store = Arc::new(Switched::default());
    let declared = || process(&store, 2, 1.0).total(Rate::per_hour(2000));
    let (one, other) = (declared(), declared());
    store.switch(true);
    for key in 0..1000 {
        assert!(one.request().key(key).try_acquire().is_ok());
    }
    store.switch(false);
    within_two_seconds(|| {
        let _ = one.request().key(0).peek();
        let outlook = other.request().key(999).peek().unwrap();
        outlook.rates()[1].used() == 1000 && outlook.rates()[0].used() == 1
    });
    // Where a call took long, the rest comes with the next ones.
    within_two_seconds(|| one.peek().is_ok() && (0..1000).all(|key| used_of(&other, key) == 1));
    assert!(store.most.load(Ordering::Relaxed) < 300, "{:?}", store.most);
}

/// Where each takes so long that there is time for some of them only, and what is told of these first would have to be told
/// again.
#[test]
fn what_was_started_of_many_keys_is_told_over_a_slow_network() {
    in_real_time(|| {
        let store = Arc::new(Switched::default());
        let declared = || process(&store, 2, 1.0).total(Rate::per_hour(2000));
        let (one, other) = (declared(), declared());
        store.switch(true);
        let permits: Vec<_> = (0..50).map(|key| one.request().key(key).try_acquire().unwrap()).collect();
        store.switch(false);
        *store.each.lock().unwrap() = Duration::from_millis(8);
        for permit in permits.into_iter().take(10) {
            permit.correct(2);
        }
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(4) {
            let _ = one.peek();
            thread::sleep(Duration::from_millis(5));
        }
        *store.each.lock().unwrap() = Duration::ZERO;
        assert!((0..50).all(|key| used_of(&other, key) == if key < 10 { 2 } else { 1 }));
        assert_eq!(other.peek().unwrap().rates().last().map(RateOutlook::used), Some(60));
    });
}

/// However many other answers come meanwhile that hold up for less long.
#[test]
fn what_holds_up_longest_is_told() {
    let hour = Duration::from_secs(3600);
    for longest_at in [0, 40] {
        let store = Arc::new(Switched::default());
        let bucket = process(&store, 20, 1.0);
        store.switch(true);
        for key in 0..=100 {
            let left = if key == longest_at { hour } else { hour / 2 };
            let answer = Feedback::default().rejected(true).retry_after(left);
            bucket.request().key(key).observe(&answer).unwrap();
        }
        let is_paused = |key: i32| {
            let refused = bucket.request().key(key).try_acquire().err();
            refused.is_some_and(|refused| refused.scope() == Some(ErrorScope::Server))
        };
        within_two_seconds(|| is_paused(100));
        store.switch(false);
        within_two_seconds(|| bucket.peek().is_ok());
        assert!(is_paused(longest_at) && is_paused(100));
    }
}

/// What the server says while the store is away is no start.
#[test]
fn what_is_heard_meanwhile_leaves_no_start_untold() {
    let store = Arc::new(Switched::default());
    let bucket = process(&store, 20, 1.0);
    let permit = bucket.try_acquire().unwrap();
    store.fail(1);
    permit.observe(&Feedback::default().limit(1000).remaining(900).reset_after(Duration::from_secs(60)));
    within_two_seconds(|| store.fails.load(Ordering::Relaxed) == 0);
    store.fail(1);
    assert_eq!(starts(&bucket, 2), 2);
    assert_eq!(used(&bucket), 3);
}

#[test]
fn nothing_is_reset_meanwhile() {
    let store = Arc::new(Switched::default());
    let bucket = process(&store, 2, 1.0).total(Rate::per_hour(20));
    store.switch(true);
    for _ in 0..2 {
        assert!(bucket.request().key(1).try_acquire().is_ok());
    }
    assert_eq!(bucket.request().key(1).reset().unwrap_err().kind(), ErrorKind::Store);
    assert_eq!(bucket.reset().unwrap_err().kind(), ErrorKind::Store);
    store.switch(false);
    // It is away, and asked again after a tenth of a second.
    let trips = store.trips.load(Ordering::Relaxed);
    within_two_seconds(|| {
        bucket.request().key(2).peek().is_ok() && store.trips.load(Ordering::Relaxed) > trips
    });
    let outlook = bucket.request().key(1).peek().unwrap();
    assert_eq!(outlook.rates().iter().map(RateOutlook::used).collect::<Vec<_>>(), [2, 2]);
}

/// By the clock of which nobody could count what is started before the first answer.
#[test]
fn what_day_a_program_takes_it_for_does_not_matter() {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let hour = Duration::from_secs(3600);
    for there in [wall.saturating_sub(hour), wall + hour, hour] {
        let clock = ManualClock::new();
        clock.set(Timestamp::from_nanos(u64::try_from(there.as_nanos()).unwrap()));
        let store = Arc::new(Switched { store: MemoryStore::new(clock.clone()), ..Switched::default() });
        let bucket = process(&store, 20, 1.0);
        store.fail(2);
        let permits = [bucket.try_acquire().unwrap(), bucket.try_acquire().unwrap()];
        assert_eq!(starts(&bucket, 1), 1);
        assert_eq!(used(&bucket), 3);
        for permit in permits {
            permit.refund();
        }
        assert_eq!(used(&bucket), 1, "what it is given back counts where it was told");
        clock.advance(hour + Duration::from_secs(60));
        assert_eq!(used(&bucket), 0);
    }
}

#[test]
fn nobody_goes_on_by_a_share_of_what_only_the_server_knows() {
    let store = Arc::new(Switched::default());
    let bucket = Bucket::learned("known to nobody else").store(Arc::clone(&store));
    let bucket = bucket.on_outage(OnOutage::Local { share: 1.0 });
    store.switch(true);
    assert_eq!(bucket.try_acquire().unwrap_err().kind(), ErrorKind::Store);
    store.switch(false);
    within_two_seconds(|| bucket.try_acquire().is_ok());
}

#[test]
fn what_is_too_heavy_for_the_share_alone_fails_with_the_store() {
    let store = Arc::new(Switched::default());
    let bucket = process(&store, 4, 0.25);
    store.fail(1);
    assert_eq!(bucket.request().weight(3).try_acquire().unwrap_err().kind(), ErrorKind::Store);
    assert_eq!(bucket.request().weight(5).try_acquire().unwrap_err().kind(), ErrorKind::TooHeavy);
    assert!(bucket.request().weight(3).try_acquire().is_ok());
}

/// It knows what time it is there by an answer that took long: counted too early it would be over too early, there for all
/// others, and too late for those that the store has counted.
#[test]
fn what_is_started_alone_is_counted_when_it_was() {
    const LONG: Duration = Duration::from_millis(60);
    const WINDOW: Duration = Duration::from_millis(300);
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap();
    in_real_time(|| {
        let store = Arc::new(Switched::default());
        let bucket = Bucket::named("api", Rate::new(1, WINDOW)).store(Arc::clone(&store));
        let bucket = bucket.on_outage(OnOutage::Local { share: 1.0 }).max_delay(Duration::MAX);
        let start = || bucket.acquire().unwrap().counted().unwrap();
        *store.answers_after.lock().unwrap() = LONG;
        let mut last = start();
        *store.answers_after.lock().unwrap() = Duration::ZERO;
        store.switch(true);
        for _ in 0..2 {
            let alone = start();
            store.switch(false);
            let now = time_of(&store);
            store.switch(true);
            must(now >= last + micros(WINDOW), || format!("started at {now} after {last}"));
            assert!(alone + micros(LONG / 2) > now, "started at {now} and counted at {alone}");
            last = alone;
        }
    });
}

/// Whatever fails, and whatever the store loses, in the end it knows of each start, once.
#[test]
fn each_start_is_known_once_in_the_end() {
    in_real_time(|| {
        for seed in 0..100 {
            let mut dice = Dice::new(seed);
            let store = Arc::new(Switched::default());
            let bursts = dice.one_in(2);
            let processes: Vec<Bucket> = (0..3)
                .map(|_| {
                    let bucket = process(&store, 1000, 1.0).total(Rate::per_hour(1000));
                    let bucket = if bursts { bucket.and(Rate::per_hour(1000).burst(1000)) } else { bucket };
                    bucket.on_outage(dice.pick(&[OnOutage::Allow, OnOutage::Local { share: 1.0 }]))
                })
                .collect();
            let mut started = [0; 3];
            let mut start = |process: &Bucket, key: u64| {
                drop(process.request().key(key).try_acquire().unwrap());
                started[usize::try_from(key).unwrap()] += 1;
            };
            let mut answered = [true; 3];
            for _ in 0..60 {
                let process = usize::try_from(dice.below(3)).unwrap();
                match dice.below(8) {
                    // Never so often that it counts as away.
                    0..=2 if std::mem::take(&mut answered[process]) => {
                        let trips = dice.between(1, 2);
                        store.fail(usize::try_from(trips).unwrap());
                        for _ in 0..trips {
                            start(&processes[process], dice.below(3));
                        }
                    }
                    3 => store.store.clear(),
                    _ => {
                        start(&processes[process], dice.below(3));
                        answered[process] = true;
                    }
                }
            }
            for (process, key) in processes.iter().flat_map(|process| [0, 1, 2].map(|key| (process, key))) {
                start(process, key);
            }
            let outlooks = [0, 1, 2].map(|key| processes[0].request().key(key).peek().unwrap());
            let used = outlooks.each_ref().map(|outlook| outlook.rates()[0].used());
            let (total, of_all) = (outlooks[0].rates().last().unwrap().used(), started.iter().sum::<u32>());
            let are_once = used.iter().zip(&started).all(|(used, started)| used <= started);
            must(are_once && total <= of_all, || format!("{used:?} of {started:?}, {total}, seed {seed}"));
            // What a machine that stands still leaves no time for is told later.
            assert_eq!((used, total), (started, of_all), "seed {seed}");
        }
    });
}

/// It comes with the rest as soon as there is time.
#[test]
fn what_is_corrected_while_a_slow_store_is_told_counts() {
    in_real_time(|| {
        let store = Arc::new(Switched::default());
        let (bucket, other) = (process(&store, 20, 0.5), process(&store, 20, 0.5));
        store.fail(1);
        let permit = bucket.try_acquire().unwrap();
        *store.takes.lock().unwrap() = Duration::from_millis(140);
        let trips = store.trips.load(Ordering::Relaxed);
        permit.correct(5);
        within_two_seconds(|| store.trips.load(Ordering::Relaxed) > trips);
        within_two_seconds(|| bucket.peek().is_ok());
        *store.takes.lock().unwrap() = Duration::ZERO;
        within_two_seconds(|| bucket.peek().is_ok() && used(&other) > 1);
        assert_eq!(used(&other), 5);
    });
}

/// However much of its time a trip takes: what it is told first leaves none for the rest, which comes with the next.
#[test]
fn a_slow_store_is_told_and_comes_back() {
    in_real_time(|| {
        let store = Arc::new(Switched::default());
        let (bucket, other) = (process(&store, 20, 0.5), process(&store, 20, 0.5));
        store.fail(1);
        assert_eq!(starts(&bucket, 1), 1);
        *store.takes.lock().unwrap() = Duration::from_millis(140);
        within_two_seconds(|| bucket.try_acquire().is_ok());
        *store.takes.lock().unwrap() = Duration::ZERO;
        assert_eq!(used(&other), 2, "told once, and then one more");
    });
}
