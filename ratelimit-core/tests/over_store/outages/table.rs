//! What each verb does while the store is away: the table in the documentation of `OnOutage`, cell by cell.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::executor::block_on;
use ratelimit_core::clock::ManualClock;
use ratelimit_core::feedback::Feedback;
use ratelimit_core::store::OnOutage;
use ratelimit_core::{Bucket, Error, ErrorKind, ErrorScope, Permit, Rate};

use super::{Switched, used, within_two_seconds};

/// A bucket of twenty an hour of which three have started, and whose store is away now.
struct Away {
    store: Arc<Switched>,
    bucket: Bucket,
    permits: Vec<Permit>,
}

const MANNERS: [OnOutage; 3] = [OnOutage::Deny, OnOutage::Local { share: 0.5 }, OnOutage::Allow];

fn away(manner: OnOutage) -> Away {
    let store = Arc::new(Switched::default());
    let bucket = Bucket::named("api", Rate::per_hour(20)).store(Arc::clone(&store)).on_outage(manner);
    let bucket = bucket.clock(ManualClock::new());
    let permits = (0..3).map(|_| bucket.try_acquire().unwrap()).collect();
    store.switch(true);
    Away { store, bucket, permits }
}

impl Away {
    /// Does what the store is told of by another thread, and waits until it was, in vain.
    fn told(&self, tells: impl FnOnce()) {
        self.store.fail(1);
        tells();
        within_two_seconds(|| self.store.fails.load(Ordering::Relaxed) == 0);
    }

    /// What the store counts once it is back and has been told.
    fn counted(self) -> u32 {
        self.store.switch(false);
        within_two_seconds(|| self.bucket.request().weight(0).peek().is_ok());
        used(&self.bucket)
    }
}

fn kind<T>(result: Result<T, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

const STORE: Option<ErrorKind> = Some(ErrorKind::Store);

#[test]
fn starting_waits_for_no_store() {
    type Verb = fn(&Bucket) -> Result<Permit, Error>;
    let verbs: [Verb; 4] = [
        Bucket::try_acquire,
        |bucket| bucket.request().max_delay(Duration::MAX).acquire(),
        |bucket| block_on(bucket.request().max_delay(Duration::MAX).acquire_async()),
        |bucket| block_on(bucket.request().max_delay(Duration::ZERO).acquire_async()),
    ];
    for verb in verbs {
        // Of the half, ten, three have started, and as many as there is room for start.
        for (manner, starts, then) in [
            (OnOutage::Deny, 0, STORE),
            (OnOutage::Local { share: 0.5 }, 7, Some(ErrorKind::Limited)),
            (OnOutage::Allow, 40, None),
        ] {
            let away = away(manner);
            for _ in 0..starts {
                assert_eq!(kind(verb(&away.bucket)), None, "{manner:?}");
            }
            assert_eq!(kind(away.bucket.try_acquire()), then, "{manner:?}");
            if then == STORE {
                assert_eq!(kind(verb(&away.bucket)), STORE);
            }
            let started = starts + 3 + u32::from(then.is_none());
            assert_eq!(away.counted(), started, "{manner:?}");
        }
    }
}

#[test]
fn a_charge_is_counted_where_calls_go_on() {
    for (manner, refused, counted) in [(MANNERS[0], STORE, 3), (MANNERS[1], None, 53), (MANNERS[2], None, 53)]
    {
        let away = away(manner);
        assert_eq!(kind(away.bucket.request().weight(50).charge()), refused, "{manner:?}");
        assert_eq!(away.counted(), counted, "{manner:?}");
    }
}

#[test]
fn a_look_sees_the_share_alone() {
    for (manner, seen) in [(MANNERS[0], Err(STORE)), (MANNERS[1], Ok((3, 7))), (MANNERS[2], Err(STORE))] {
        let look = away(manner).bucket.peek();
        let look = look.map(|look| (look.rates()[0].used(), look.rates()[0].remaining()));
        assert_eq!(look.map_err(|error| Some(error.kind())), seen, "{manner:?}");
    }
}

#[test]
fn nothing_is_reset() {
    for manner in MANNERS {
        let away = away(manner);
        assert_eq!(kind(away.bucket.reset()), STORE, "{manner:?}");
        assert_eq!(kind(away.bucket.request().reset()), STORE, "{manner:?}");
        assert_eq!(away.counted(), 3, "{manner:?}");
    }
}

/// Of three starts, or of four of which one was made without the store, one is given back, or comes to five.
#[test]
fn what_calls_come_to_is_known_where_it_is_counted() {
    for (manner, counted) in [(MANNERS[0], [3, 3]), (MANNERS[1], [3, 7]), (MANNERS[2], [3, 7])] {
        let ends: [fn(Permit); 2] = [Permit::refund, |permit| permit.correct(5)];
        for (end, counted) in ends.into_iter().zip(counted) {
            let mut away = away(manner);
            let permit = away.permits.remove(0);
            away.told(|| end(permit));
            if let OnOutage::Local { .. } = manner {
                let of_share = if counted == 3 { 2 } else { 7 };
                within_two_seconds(|| used(&away.bucket) == of_share);
            }
            assert_eq!(away.counted(), counted, "{manner:?}");
        }
    }
    for (manner, counted) in [(MANNERS[1], [3, 8]), (MANNERS[2], [4, 8])] {
        let ends: [fn(Permit); 2] = [Permit::refund, |permit| permit.correct(5)];
        for (end, counted) in ends.into_iter().zip(counted) {
            let away = away(manner);
            let permit = away.bucket.try_acquire().unwrap();
            away.told(|| end(permit));
            assert_eq!(away.counted(), counted, "{manner:?}");
        }
    }
}

#[test]
fn a_pause_that_is_too_long_to_wait_for_is_kept_to_as_well() {
    let mut away = away(MANNERS[2]);
    let (clock, ten) = (ManualClock::new(), Duration::from_secs(10));
    let bucket = Bucket::named("api", Rate::per_hour(20)).store(Arc::clone(&away.store));
    away.bucket = bucket.on_outage(OnOutage::Allow).max_pause(ten).clock(clock);
    let answer = Feedback::default().rejected(true).retry_after(6 * ten);
    away.told(|| away.bucket.request().observe(&answer).unwrap());
    let waits = || away.bucket.request().max_delay(Duration::MAX).acquire();
    within_two_seconds(|| {
        let wait = away.bucket.try_acquire().err().and_then(|refused| refused.retry_after());
        wait.is_some_and(|wait| wait > 4 * ten)
    });
    assert_eq!(kind(waits()), Some(ErrorKind::DelayTooLong), "nobody waits for longer than that");
}

#[test]
fn what_a_server_says_is_kept_to_and_told() {
    type Observe = fn(&Away, &Feedback);
    let minute = Duration::from_secs(60);
    let answer = Feedback::default().rejected(true).retry_after(minute);
    let ways: [Observe; 2] = [
        |away, answer| away.permits[0].observe(answer),
        |away, answer| away.bucket.request().observe(answer).unwrap(),
    ];
    for manner in MANNERS {
        for observe in ways {
            let away = away(manner);
            away.told(|| observe(&away, &answer));
            let (is_kept_to, about) = (manner != OnOutage::Deny, Duration::from_secs(40)..=minute);
            // Who goes on does so until the store was told in vain.
            let is_refused = |refused: &Error| {
                let (by_server, by_store) =
                    (refused.scope() == Some(ErrorScope::Server), refused.kind() == ErrorKind::Store);
                if is_kept_to { by_server } else { by_store }
            };
            within_two_seconds(|| away.bucket.try_acquire().is_err_and(|refused| is_refused(&refused)));
            let refused = away.bucket.try_acquire().unwrap_err();
            let is_about = refused.retry_after().is_some_and(|wait| about.contains(&wait));
            assert_eq!(is_about, is_kept_to, "{manner:?}: {refused}");
            away.store.switch(false);
            within_two_seconds(|| away.bucket.peek().is_ok_and(|look| about.contains(&look.paused_for())));
            assert_eq!(kind(away.bucket.try_acquire()), Some(ErrorKind::Limited), "{manner:?}");
        }
    }
}

/// Pauses and an end are of the process.
#[test]
fn a_pause_and_an_end_are_as_ever() {
    let minute = Duration::from_secs(60);
    // It is judged before the store is asked, and in each manner: whether the store is known to be away or not.
    for (manner, is_known) in MANNERS.into_iter().flat_map(|manner| [(manner, false), (manner, true)]) {
        let away = away(manner);
        if is_known {
            assert_eq!(kind(away.bucket.request().reset()), STORE);
        }
        away.bucket.pause(minute).unwrap();
        let refused = away.bucket.try_acquire().unwrap_err();
        let told = (refused.kind(), refused.retry_after());
        assert_eq!(told, (ErrorKind::Limited, Some(minute)), "{manner:?}, {is_known}: {refused:#}");
        away.bucket.close();
        assert_eq!(kind(away.bucket.try_acquire()), Some(ErrorKind::Closed), "{manner:?}");
    }
}
