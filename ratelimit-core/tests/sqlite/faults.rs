//! What stands in the way for a while: each call ends in time with an error, and goes on once it is out of the way.

use std::error::Error as _;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use ratelimit_core::clock::{Clock, SystemClock};
use ratelimit_core::store::{Ask, SqliteStore, Store};
use ratelimit_core::{Bucket, ErrorKind};
use rusqlite::Connection;

use crate::machine::{in_real_time, in_time, must};
use crate::{Dir, GIVEN, LATE, amount, drain, fails, open, remaining, since, takes, until_it_looks};

const LOCKED: &str =
    "cannot be used: database is locked: others hold its file for longer than `SqliteStore::timeout`";

/// Of so many calls so many start: nothing was taken by those that failed.
fn starts(store: &SqliteStore, calls: u32, expected: u32) {
    let started = drain(store, "ann", amount(9), calls);
    must(started == expected, || format!("{started} started of {calls}, not {expected}"));
}

#[test]
fn others_hold_the_file() {
    in_real_time(|| {
        let dir = Dir::in_memory();
        let store = open(&dir.file());
        assert_eq!(drain(&store, "ann", amount(9), 2), 2);
        let other = Connection::open(dir.file()).expect("a connection");
        for lock in ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"] {
            other.execute_batch(lock).expect("a lock");
            for _ in 0..3 {
                let begin = SystemClock.now();
                let failure = fails(&store, "ann", amount(9));
                assert!(failure.ends_with(LOCKED), "{failure}");
                assert!(since(begin) >= GIVEN, "it waits as long as it may");
            }
            other.execute_batch("ROLLBACK").expect("an end");
        }
        starts(&store, 9, 7);
    });
}

/// Who comes in time is waited for.
#[test]
fn others_let_go_of_the_file() {
    in_real_time(|| {
        let dir = Dir::in_memory();
        let store = open(&dir.file());
        let other = Connection::open(dir.file()).expect("a connection");
        other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| takes(&store, "ann", amount(9)));
            while !waits.is_finished() && other.is_autocommit() {
                std::thread::yield_now();
            }
            other.execute_batch("ROLLBACK").expect("an end");
            assert!(waits.join().expect("an end").expect("an answer"));
        });
    });
}

/// A file that is locked for good, in the mode that ours is not in: also when it is opened, and a program starts all the
/// same.
#[test]
fn others_hold_the_file_when_it_is_opened() {
    in_real_time(|| {
        let dir = Dir::in_memory();
        let other = Connection::open(dir.file()).expect("a connection");
        other.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
        let store = in_time(Duration::from_millis(250) + LATE, || open(&dir.file()));
        assert!(fails(&store, "ann", amount(9)).ends_with(LOCKED));
        other.execute_batch("ROLLBACK").expect("an end");
        starts(&store, 10, 9);
    });
}

#[test]
fn a_directory_that_is_missing() {
    in_real_time(|| {
        let dir = Dir::in_memory();
        let path = dir.0.join("not/yet/limits.db");
        let store = Arc::new(open(&path));
        for _ in 0..3 {
            let failure = fails(&store, "ann", amount(9));
            let file = path.display();
            let said = format!("the store `{file}` cannot be used: unable to open database file: {file}");
            let advice = format!(
                "its directory `{}/not/yet` is not there: make it, or write another path",
                dir.0.display()
            );
            assert_eq!(failure, format!("{said}: {advice}"));
            let bucket = Bucket::named("api", amount(9)).store(Arc::clone(&store));
            let error = bucket.try_acquire().expect_err("no file");
            assert_eq!(
                error.to_string(),
                format!("bucket `api` is kept in a store that refuses calls: {advice}")
            );
            assert_eq!(error.source().expect("a cause").to_string(), said);
            assert!(error.source().expect("a cause").source().is_none(), "nothing is told twice");
        }
        fs::create_dir_all(dir.0.join("not/yet")).expect("a directory");
        starts(&store, 10, 9);
        assert!(path.is_file());
    });
}

#[test]
fn a_directory_in_its_place() {
    in_real_time(|| {
        let dir = Dir::in_memory();
        fs::create_dir(dir.file()).expect("a directory");
        let error = SqliteStore::open(dir.file()).expect_err("it is none");
        assert_eq!(error.kind(), ErrorKind::Config);
        let is_directory = || {
            let file = dir.file();
            let shown = file.display();
            format!(
                "the store `{shown}` is a directory: write the path of a file in it, as in `{shown}/limits.db`"
            )
        };
        assert_eq!(error.to_string(), is_directory());
        fs::remove_dir(dir.file()).expect("a directory");
        // Which SQLite would take for an empty database.
        fs::write(dir.file(), "x").expect("a file");
        let error = SqliteStore::open(dir.file()).expect_err("it is none");
        assert!(error.to_string().contains("it is no SQLite database"), "{error}");
        assert_eq!(fs::read(dir.file()).expect("a file"), b"x", "it is left as it is");
        fs::remove_file(dir.file()).expect("a file");
        let store = open(&dir.file());
        // What comes into its place later is met by each call.
        for suffix in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{suffix}", dir.file().display()));
        }
        fs::create_dir(dir.file()).expect("a directory");
        until_it_looks();
        assert_ne!(fails(&store, "ann", amount(9)), "");
        fs::remove_dir(dir.file()).expect("a directory");
        starts(&store, 10, 9);
        must(remaining(&store, "ann", amount(9)) == 0, || "as many as there are".to_owned());
    });
}

/// Each call is given its own time, and asks of one trip fail together.
#[test]
fn no_time_at_all() {
    in_real_time(|| {
        let dir = Dir::in_memory();
        let store = open(&dir.file()).timeout(Duration::ZERO);
        assert_eq!(Store::timeout(&store), Duration::ZERO);
        let ask = Ask::to_acquire(("api", Some("ann")), &[amount(9)], &[], 1);
        assert!(
            store
                .play(std::slice::from_ref(&ask), Duration::ZERO)
                .remove(0)
                .expect("it is free")
                .is_granted()
        );
        let other = Connection::open(dir.file()).expect("a connection");
        other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
        let answers = in_time(LATE, || store.play(&[ask.clone(), ask.clone()], Duration::ZERO));
        assert!(answers.len() == 2 && answers.iter().all(Result::is_err));
    });
}
