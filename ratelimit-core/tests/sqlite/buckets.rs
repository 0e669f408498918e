//! Buckets over the store: what the engine makes of its answers and failures.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use ratelimit_core::clock::{Clock, SystemClock};
use ratelimit_core::store::{OnOutage, SqliteStore};
use ratelimit_core::{Bucket, ErrorKind, Rate, Registry};
use rusqlite::Connection;

use crate::machine::{in_real_time, in_time, must};
use crate::{Dir, LATE, beside, integrity, open, since, until_it_looks};

/// A bucket as another process would have it: of no registry, with a state of its own.
fn bucket(store: &Arc<SqliteStore>, rate: Rate) -> Bucket {
    Bucket::named("api", rate).guard(Duration::ZERO).store(Arc::clone(store))
}

#[test]
fn processes_share_a_limit() {
    let dir = Dir::in_memory();
    let (one, other) = (Arc::new(open(&dir.file())), Arc::new(open(&dir.file())));
    let (one, other) = (bucket(&one, Rate::per_hour(3)), bucket(&other, Rate::per_hour(3)));
    let taken = [&one, &other, &one, &other]
        .map(|bucket| bucket.try_acquire().map(drop).map_err(|error| error.kind()));
    assert_eq!(taken, [Ok(()), Ok(()), Ok(()), Err(ErrorKind::Limited)]);
    assert_eq!(other.peek().expect("a look").rates()[0].remaining(), 0);
}

/// Two who wait have their times reserved, and wait no longer than they must.
#[test]
fn who_waits_has_a_time_reserved() {
    in_real_time(|| {
        let dir = Dir::in_memory();
        let store = Arc::new(open(&dir.file()));
        let rate = Rate::new(1, Duration::from_millis(50));
        let begin = SystemClock.now();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                let bucket = bucket(&store, rate).max_delay(Duration::from_secs(10));
                scope.spawn(move || {
                    for _ in 0..5 {
                        drop(bucket.acquire().expect("a start"));
                    }
                });
            }
        });
        assert!(since(begin) >= Duration::from_millis(9 * 50), "{:?}", since(begin));
    });
}

/// Each call fails in time, by its cause's name, and soon after the lock is gone calls start again.
#[test]
fn others_hold_the_file() {
    in_real_time(|| {
        let dir = Dir::in_memory();
        let store = Arc::new(open(&dir.file()).timeout(Duration::from_millis(50)));
        let bucket = bucket(&store, Rate::per_hour(9));
        drop(bucket.try_acquire().expect("a start"));
        let other = Connection::open(dir.file()).expect("a connection");
        other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
        for _ in 0..5 {
            let called = in_time(Duration::from_millis(50) + LATE, || bucket.try_acquire());
            let error = called.expect_err("a lock");
            assert_eq!(error.kind(), ErrorKind::Store);
            assert_eq!(
                error.to_string(),
                "bucket `api` is kept in a store that does not answer: others hold its file for longer than \
                 `SqliteStore::timeout`"
            );
        }
        other.execute_batch("ROLLBACK").expect("an end");
        drop(until_it_works(&bucket).expect("a start"));
        let remaining = bucket.peek().expect("a look").rates()[0].remaining();
        must(remaining == 7, || format!("{remaining}: what failed took nothing"));
    });
}

/// The first answer that is none of a store that does not work, which comes within two seconds.
fn until_it_works(bucket: &Bucket) -> Result<ratelimit_core::Permit, ratelimit_core::Error> {
    let begin = SystemClock.now();
    loop {
        match bucket.try_acquire() {
            Err(error) if error.kind() == ErrorKind::Store => {
                assert!(since(begin) < Duration::from_secs(2), "{error}");
                std::thread::yield_now();
            }
            answer => return answer,
        }
    }
}

/// Each process puts back what it remembers: nothing that it started starts once more.
#[cfg(unix)]
#[test]
fn a_deleted_file_gives_nothing_back() {
    let dir = Dir::in_memory();
    let (one, other) = (Arc::new(open(&dir.file())), Arc::new(open(&dir.file())));
    let (one, other) = (bucket(&one, Rate::per_hour(5)), bucket(&other, Rate::per_hour(5)));
    for bucket in [&one, &one, &one, &other, &other] {
        drop(bucket.try_acquire().expect("a start"));
    }
    for end in ["", "-wal", "-shm"] {
        fs::remove_file(beside(&dir.file(), end)).expect("a file");
    }
    until_it_looks();
    assert_eq!(one.try_acquire().expect_err("it is gone").kind(), ErrorKind::Store);
    assert_eq!(other.try_acquire().expect_err("it is gone").kind(), ErrorKind::Store);
    // Of both, one cannot know what the other one started before that has come.
    let more: Vec<bool> =
        (0..6).flat_map(|_| [&one, &other]).map(|bucket| until_it_works(bucket).is_ok()).collect();
    let more = more.into_iter().filter(|started| *started).count();
    assert!(more <= 2, "{more}");
    assert_eq!(one.peek().expect("a look").rates()[0].remaining(), 0);
    assert_eq!(integrity(&dir.file()), "ok");
}

/// Also where outages allow everything, which each call would be: it is said at once, whoever brings the store.
#[test]
fn without_any_time_no_bucket_can_be() {
    let dir = Dir::in_memory();
    let store = || open(&dir.file()).timeout(Duration::ZERO);
    let api = || Bucket::named("api", Rate::per_second(10)).on_outage(OnOutage::Allow);
    let registry = Registry::builder().store(store()).build();
    let used = api();
    assert!(used.try_acquire().is_ok(), "by itself it has none");
    for error in [
        api().store(store()).try_acquire().expect_err("no time"),
        Registry::new().register(api().store(store())).expect_err("no time"),
        registry.register(api()).expect_err("no time"),
        registry.register(used).expect_err("no time"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(
            error.to_string(),
            "bucket `api` cannot be: its store is given no time to answer; say `.timeout(..)` above zero, or leave it out \
             for 250 ms"
        );
    }
    assert!(registry.register(api().store(open(&dir.file()))).is_ok());
}
