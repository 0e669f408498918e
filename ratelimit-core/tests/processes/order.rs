//! Order between those who share a store: a start is reserved where all of them look. Each has a bucket and a store of its
//! own, as processes do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ratelimit_core::{Bucket, Rate};

use crate::machine::{in_real_time, must};
use crate::redis_server::{RedisServer, temporary, wait_until};
use crate::stores::Place;

/// So many stand in line.
const CALLERS: usize = 4;
const GUARD: Duration = Duration::from_millis(120);
const TRIES: usize = 5;

/// Once more the same bucket, of which is counted how often a start was granted.
fn open(place: &Place, attempt: usize, granted: &Arc<AtomicUsize>) -> Bucket {
    let rate = Rate::new(1, Duration::from_millis(180));
    place.over_and_counted(Bucket::named(format!("order {attempt}"), rate).guard(GUARD), granted)
}

/// When the store counts each caller's start, and when it was made; in the order in which they came. `None` where one was
/// woken too late for its start, and had to stand in line once more.
fn starts(place: &Place, attempt: usize) -> Option<Vec<(u64, Instant)>> {
    let granted = Arc::<AtomicUsize>::default();
    let reserved = || granted.load(Ordering::Relaxed);
    let starts = thread::scope(|scope| {
        let callers = (0..CALLERS).map(|index| {
            let bucket = open(place, attempt, &granted);
            let caller = scope.spawn(move || {
                let permit = bucket.request().max_delay(Duration::from_secs(10)).acquire();
                let permit = permit.expect("there is time");
                (permit.counted().expect("a store"), Instant::now())
            });
            wait_until(|| reserved() > index);
            caller
        });
        let callers: Vec<_> = callers.collect();
        callers.into_iter().map(|caller| caller.join().expect("no panic")).collect()
    });
    (reserved() == CALLERS).then_some(starts)
}

fn keep_their_order(place: &Place) {
    let starts =
        (0..TRIES).find_map(|attempt| starts(place, attempt)).expect("a machine that does not stand still");
    for pair in starts.windows(2) {
        let [(one, made), (other, made_after)] = *pair else { unreachable!("a pair") };
        // A window and its guard apart.
        must(one + 300_000 < other, || format!("{starts:?}"));
        assert!(made < made_after, "{starts:?}");
    }
}

#[test]
fn who_shares_a_store_starts_as_it_has_come_over_sqlite() {
    in_real_time(|| {
        let dir = tempfile::tempdir_in(temporary::place()).expect("a directory");
        keep_their_order(&Place::File(dir.path().join("limits.db")));
    });
}

#[test]
fn who_shares_a_store_starts_as_it_has_come_over_redis() {
    in_real_time(|| {
        if let Some(server) = RedisServer::start() {
            keep_their_order(&Place::Server(server.url()));
        }
    });
}
