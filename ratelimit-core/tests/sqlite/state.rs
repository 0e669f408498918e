//! What is kept, and how asks of one trip are played.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::thread;

use ratelimit_core::store::{Ask, SqliteStore, Store};
use ratelimit_core::{ErrorKind, Rate};

use crate::{Dir, LONG, amount, drain, open, play, remaining, takes};

#[test]
fn a_restart_keeps_what_was_taken() {
    let dir = Dir::new();
    for (key, rate) in
        [("sliding", Rate::per_hour(7)), ("fixed", Rate::per_hour(7).fixed()), ("bucket", amount(7))]
    {
        assert_eq!(drain(&open(&dir.file()), key, rate, 3), 3, "{key}");
        let store = open(&dir.file());
        assert_eq!(remaining(&store, key, rate), 4, "{key}");
        assert_eq!(drain(&store, key, rate, 9), 4, "{key}");
        drop(store);
        assert_eq!(drain(&open(&dir.file()), key, rate, 9), 0, "{key}");
    }
    assert!(!dir.0.join("limits.db-wal").exists(), "the last one tidies up");
}

#[test]
fn two_stores_of_one_file_are_one_limit() {
    let dir = Dir::new();
    let (one, other) = (open(&dir.file()), open(&dir.file()));
    let started: u32 =
        (0..20).map(|turn| drain(if turn % 2 == 0 { &one } else { &other }, "ann", amount(9), 1)).sum();
    assert_eq!(started, 9);
    assert_eq!((remaining(&one, "ann", amount(9)), remaining(&other, "ann", amount(9))), (0, 0));
}

#[test]
fn keys_of_any_letters_are_apart() {
    let dir = Dir::new();
    let store = open(&dir.file());
    let long = "x".repeat(100_000);
    for key in ["", " ", "'", "ä", "a\0b", "a\0c", "a", "A", "%", "\u{10ffff}", &long, &long[1..]] {
        assert_eq!(drain(&store, key, amount(1), 2), 1, "{key:.9?}");
    }
}

#[test]
fn asks_of_one_trip_are_played_in_order_and_fail_alone() {
    let dir = Dir::new();
    let store = open(&dir.file());
    // A record that nobody can read: of limits that this one's reader does not know.
    assert_eq!(drain(&store, "bad", amount(5), 1), 1);
    let raw = rusqlite::Connection::open(dir.file()).expect("a connection");
    raw.execute("UPDATE entries SET state = x'ff00' WHERE name = 'api:bad'", []).expect("an update");
    let ask = |key, weight| Ask::to_acquire(("api", Some(key)), &[amount(5)], &[], weight);
    let asks = [ask("ann", 4), ask("bad", 1), ask("ann", 2), ask("ann", 1), ask("bob", 5), ask("ann", 1)];
    let granted: Vec<Option<bool>> = store
        .play(&asks, LONG)
        .into_iter()
        .map(|answer| answer.ok().map(|answer| answer.is_granted()))
        .collect();
    assert_eq!(granted, [Some(true), None, Some(false), Some(true), Some(true), Some(false)]);
    assert_eq!((remaining(&store, "ann", amount(5)), remaining(&store, "bob", amount(5))), (0, 0));
    assert!(store.play(&[], LONG).is_empty());
}

#[test]
fn all_entries_of_an_ask_are_written_or_none() {
    let dir = Dir::new();
    let store = open(&dir.file());
    let ask = |key| Ask::to_acquire(("api", Some(key)), &[amount(2)], &[amount(3)], 1);
    let granted = |key| play(&store, &ask(key)).expect("an answer").is_granted();
    assert_eq!([granted("ann"), granted("ann"), granted("ann")], [true, true, false], "the key refuses");
    assert_eq!([granted("bob"), granted("bob")], [true, false], "all together do");
    assert_eq!(remaining(&store, "bob", amount(2)), 1);
    // What a refusal by the key took of the total would show here.
    let looked =
        play(&store, &Ask::to_peek(("api", Some("eve")), &[amount(2)], &[amount(3)])).expect("a look");
    assert_eq!(looked.remaining(), Some(2));
}

/// Looks take nothing, and do not wait for who writes.
#[test]
fn looks_need_no_turn() {
    let dir = Dir::new();
    let store = open(&dir.file());
    assert_eq!(drain(&store, "ann", amount(5), 2), 2);
    let other = rusqlite::Connection::open(dir.file()).expect("a connection");
    other.execute_batch("BEGIN IMMEDIATE; DELETE FROM entries").expect("a transaction");
    assert_eq!(remaining(&store, "ann", amount(5)), 3);
    other.execute_batch("ROLLBACK").expect("an end");
    assert_eq!(remaining(&store, "ann", amount(5)), 3);
}

#[test]
fn threads_together_take_the_amount() {
    let dir = Dir::new();
    let store = Arc::new(open(&dir.file()));
    let barrier = Barrier::new(12);
    let started: u32 = thread::scope(|scope| {
        let take = || {
            barrier.wait();
            drain(&*store, "ann", amount(600), 100)
        };
        let threads: Vec<_> = (0..12).map(|_| scope.spawn(take)).collect();
        threads.into_iter().map(|thread| thread.join().expect("an end")).sum()
    });
    assert_eq!(started, 600);
}

/// With a path that SQLite would read as something else, and after the program changed its directory: it is a file.
#[test]
fn a_path_is_a_path() {
    let dir = Dir::new();
    for name in ["file:limits.db?mode=memory", ":memory:", "a b%20c#d"] {
        let path = dir.0.join(name);
        assert!(takes(&open(&path), "ann", amount(1)).expect("an answer"));
        assert!(path.is_file(), "{name}");
        assert!(!takes(&open(&path), "ann", amount(1)).expect("an answer"));
    }
}

/// What is written by habit, for other programs: nothing is made of it, and it is said what to write.
#[test]
fn what_is_no_path() {
    let shared = |path| {
        format!(
            "a store at `{path}` could not be shared: take `MemoryStore`, or write `./{path}` for a file of that name"
        )
    };
    let url = |path, instead| {
        format!(
            "`{path}` is a URL, and a store is opened by a path: write `{instead}`, or `./{path}` for a file of that \
             name"
        )
    };
    for (path, said) in [
        ("", "a store's path is empty: write that of a file, as in `limits.db`".to_owned()),
        (":memory:", shared(":memory:")),
        ("file::memory:?cache=shared", shared("file::memory:?cache=shared")),
        ("file:limits.db?mode=memory", shared("file:limits.db?mode=memory")),
        ("sqlite::memory:", shared("sqlite::memory:")),
        ("file:limits.db?mode=ro", url("file:limits.db?mode=ro", "limits.db")),
        ("file:///var/limits.db", url("file:///var/limits.db", "/var/limits.db")),
        ("sqlite://limits.db", url("sqlite://limits.db", "limits.db")),
        ("sqlite:", url("sqlite:", "limits.db")),
        (
            "redis://user:password@host",
            "`redis://..` is the URL of another kind of store, and this one is opened by a path, as `limits.db`; a Redis server \
             is connected to by `RedisStore::connect`"
                .to_owned(),
        ),
    ] {
        let error = SqliteStore::open(path).expect_err(path);
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Config, said));
        assert!(path.is_empty() || !Path::new(path).exists(), "{path}");
    }
    let dir = Dir::new();
    let path = format!("{}/limits/", dir.0.display());
    let error = SqliteStore::open(&path).expect_err("a directory's");
    let said =
        format!("the store `{path}` is a directory: write the path of a file in it, as in `{path}limits.db`");
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Config, said));
    assert_eq!(fs::read_dir(&dir.0).expect("a directory").count(), 0, "nothing is made");
    let refused = |path: &str| {
        let bucket = ratelimit_core::Bucket::named("api", amount(1)).store(open(&dir.0.join(path)));
        bucket.try_acquire().expect_err("no directory").to_string()
    };
    fs::write(dir.0.join("file"), "").expect("a file");
    assert_eq!(
        refused("file/limits.db"),
        format!(
            "bucket `api` is kept in a store that refuses calls: its directory `{}/file` is a file: write another path",
            dir.0.display()
        )
    );
    assert_eq!(
        refused("~/limits.db"),
        "bucket `api` is kept in a store that refuses calls: `~` is known to shells alone: write the path of the home \
         directory"
    );
}

#[test]
fn a_durable_store_is_the_same_file() {
    let dir = Dir::new();
    let store = open(&dir.file()).durable();
    assert_eq!(drain(&store, "ann", amount(3), 2), 2);
    assert_eq!(drain(&open(&dir.file()), "ann", amount(3), 2), 1);
    assert_eq!(remaining(&store, "ann", amount(3)), 0);
}
