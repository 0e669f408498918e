//! Files that are not ours, are damaged, or go away.

use std::fs;
use std::path::Path;
use std::time::Duration;

use ratelimit_core::ErrorKind;
use ratelimit_core::clock::{Clock, SystemClock};
use ratelimit_core::store::SqliteStore;
use rusqlite::Connection;

use crate::machine::in_real_time;
use crate::{
    Dir, amount, beside, drain, fails, integrity, open, remaining, since, takes, takes_in_time,
    until_it_looks,
};

fn run(path: &Path, sql: &str) {
    Connection::open(path).expect("a connection").execute_batch(sql).expect("what was asked");
}

fn refusal(path: &Path) -> String {
    let error = SqliteStore::open(path).expect_err("a file that is not ours");
    assert_eq!(error.kind(), ErrorKind::Config);
    error.to_string()
}

/// They are refused, and left as they were to the last byte.
#[test]
fn files_of_others() {
    let dir = Dir::in_memory();
    let path = dir.file();
    for sql in [
        "CREATE TABLE notes (text)",
        "PRAGMA application_id = 7",
        "PRAGMA user_version = 1",
        "PRAGMA application_id = 7; CREATE TABLE entries (name)",
        "PRAGMA journal_mode = wal; CREATE TABLE notes (text)",
    ] {
        run(&path, sql);
        let before = fs::read(&path).expect("the file");
        let text = refusal(&path);
        assert!(text.contains("is not one of `rate-limited`: it is another program's database"), "{text}");
        assert!(text.contains("limits.db"), "{text}");
        assert_eq!(fs::read(&path).expect("the file"), before, "{sql}");
        fs::remove_file(&path).expect("a file");
    }
    fs::write(&path, "Dear diary, this is no database.".repeat(100)).expect("a file");
    assert!(refusal(&path).contains("it is no SQLite database, or is damaged"));
}

#[test]
fn a_file_of_a_newer_version() {
    let dir = Dir::in_memory();
    assert_eq!(drain(&open(&dir.file()), "ann", amount(1), 1), 1);
    run(&dir.file(), "PRAGMA user_version = 9");
    let text = refusal(&dir.file());
    assert!(
        text.contains("is of version 9, and this program knows version 1: a newer one has changed it"),
        "{text}"
    );
}

/// One that becomes foreign or newer while it is in use: each call fails, until it is ours again.
#[test]
fn a_file_that_becomes_another_ones() {
    const NEWER: &str = ": its file is of another version: run the newest `rate-limited` in all programs that use it, or write another path";
    const FOREIGN: &str = ": its file is another program's, or damaged: write another path";
    let dir = Dir::in_memory();
    let store = open(&dir.file());
    assert_eq!(drain(&store, "ann", amount(2), 1), 1);
    for (sql, back, text, advice) in [
        // As each newer version does, it names its table anew.
        (
            "ALTER TABLE entries RENAME TO entries_9; PRAGMA user_version = 9",
            "ALTER TABLE entries_9 RENAME TO entries; PRAGMA user_version = 1",
            "is of version 9",
            NEWER,
        ),
        (
            "ALTER TABLE entries RENAME TO notes; PRAGMA user_version = -1",
            "ALTER TABLE notes RENAME TO entries; PRAGMA user_version = 1",
            "is of version -1",
            NEWER,
        ),
        (
            "ALTER TABLE entries RENAME TO notes; PRAGMA application_id = 7; PRAGMA user_version = 0",
            "ALTER TABLE notes RENAME TO entries; PRAGMA application_id = 1918989413; PRAGMA user_version = 1",
            "another program's database",
            FOREIGN,
        ),
        (
            "ALTER TABLE entries RENAME TO others",
            "ALTER TABLE others RENAME TO entries",
            "no such table: entries",
            "",
        ),
    ] {
        run(&dir.file(), sql);
        for _ in 0..3 {
            let failure = fails(&store, "ann", amount(2));
            assert!(failure.contains(text) && failure.ends_with(advice), "{failure}");
        }
        run(&dir.file(), back);
        assert_eq!(remaining(&store, "ann", amount(2)), 1);
    }
    assert_eq!(drain(&store, "ann", amount(2), 2), 1);
}

/// As many keys as fill some pages, all of them spent, and nobody who has the file open.
fn filled(dir: &Dir) -> Vec<String> {
    let keys: Vec<String> = (0..400).map(|key| format!("key{key:03}")).collect();
    let store = open(&dir.file());
    for key in &keys {
        assert_eq!(drain(&store, key, amount(1), 1), 1);
    }
    keys
}

/// Whatever is done to single pages: nobody starts who has started before, and what can be told to be damaged is an error,
/// each time.
#[test]
fn a_damaged_page() {
    const PAGE: usize = 4096;
    let dir = Dir::in_memory();
    let keys = filled(&dir);
    let whole = fs::read(dir.file()).expect("the file");
    let pages = whole.len() / PAGE;
    assert!(pages > 8, "{pages}");
    let mut failures = 0;
    for page in 1..pages {
        for filling in [0x00, 0xa5, 0xff] {
            let mut bytes = whole.clone();
            bytes[page * PAGE..][..PAGE].fill(filling);
            fs::write(dir.file(), bytes).expect("a file");
            let store = open(&dir.file());
            for key in keys.iter().step_by(7) {
                match [0, 1].map(|_| takes_in_time(&store, key, amount(1))) {
                    [Ok(false), Ok(false)] => {}
                    [Err(failure), Err(again)] => {
                        failures += 1;
                        assert_eq!(failure, again);
                        let advice = ": its file is damaged: stop all who use it, then delete it with its `-wal` and `-shm`";
                        assert!(failure.contains("malformed") && failure.ends_with(advice), "{failure}");
                    }
                    other => panic!("page {page} full of {filling:#x}, {key}: {other:?}"),
                }
            }
        }
    }
    assert!(failures > 3 * keys.len() / 7, "{failures}");
    // What lay there before is as good as it was.
    fs::write(dir.file(), whole).expect("a file");
    assert_eq!(integrity(&dir.file()), "ok");
    assert_eq!(drain(&open(&dir.file()), &keys[0], amount(1), 1), 0);
}

/// A single bit of a state, which SQLite does not look at.
#[test]
fn a_damaged_state() {
    let dir = Dir::in_memory();
    let keys = filled(&dir);
    let whole = fs::read(dir.file()).expect("the file");
    for key in keys.iter().step_by(50) {
        let name = format!("api:{key}");
        let places = whole.windows(name.len()).enumerate().filter(|(_, bytes)| *bytes == name.as_bytes());
        for (place, _) in places {
            let mut bytes = whole.clone();
            // Behind the name stand the time, 8 bytes, the sum, 8 bytes, and the state.
            bytes[place + name.len() + 16 + 30] ^= 0x10;
            fs::write(dir.file(), bytes).expect("a file");
            let store = open(&dir.file());
            for _ in 0..2 {
                let failure = fails(&store, key, amount(1));
                assert_eq!(failure, "a state in the store is damaged");
            }
            let other = if key == "key000" { "key399" } else { "key000" };
            assert!(!takes(&store, other, amount(1)).expect("an answer"), "others go on");
        }
    }
}

/// It ends where it is damaged, as after a crash of the machine: only what was written last is lost.
#[test]
fn a_damaged_log() {
    let (dir, damaged) = (Dir::in_memory(), Dir::in_memory());
    let store = open(&dir.file());
    assert_eq!(drain(&store, "ann", amount(9), 5), 5);
    for end in ["", "-wal"] {
        fs::copy(beside(&dir.file(), end), beside(&damaged.file(), end)).expect("a file");
    }
    let mut log = fs::read(beside(&damaged.file(), "-wal")).expect("a file");
    *log.last_mut().expect("a log") ^= 1;
    fs::write(beside(&damaged.file(), "-wal"), log).expect("a file");
    assert_eq!(remaining(&open(&damaged.file()), "ann", amount(9)), 5, "all but the last start");
    assert_eq!(integrity(&damaged.file()), "ok");
    assert_eq!(remaining(&store, "ann", amount(9)), 4);
}

#[test]
fn a_damaged_header() {
    let dir = Dir::in_memory();
    filled(&dir);
    let mut bytes = fs::read(dir.file()).expect("the file");
    bytes[..16].fill(0);
    fs::write(dir.file(), bytes).expect("a file");
    assert!(refusal(&dir.file()).contains("it is no SQLite database, or is damaged"));
}

/// What a call says that finds out, and what helps.
#[cfg(unix)]
const GONE: &str = "was deleted or replaced while it was in use: the next call uses what lies there by now, or makes a \
                    new file";

/// With the files beside it: the call that finds out fails, the next one begins anew, whoever made the file.
#[cfg(unix)]
#[test]
fn a_file_that_is_deleted() {
    let dir = Dir::in_memory();
    let (one, other) = (open(&dir.file()), open(&dir.file()));
    for _ in 0..3 {
        assert_eq!(drain(&one, "ann", amount(2), 3) + drain(&other, "ann", amount(2), 3), 2);
        for end in ["", "-wal", "-shm"] {
            fs::remove_file(beside(&dir.file(), end)).expect("a file");
        }
        until_it_looks();
        for store in [&one, &other] {
            let failure = fails(store, "ann", amount(2));
            assert!(failure.ends_with(GONE), "{failure}");
        }
    }
    assert_eq!(drain(&other, "ann", amount(2), 1) + drain(&one, "ann", amount(2), 2), 2);
    assert_eq!(integrity(&dir.file()), "ok");
}

/// Whoever plays without a pause finds out as well.
#[cfg(unix)]
#[test]
fn a_file_that_is_deleted_under_load() {
    in_real_time(|| {
        let dir = Dir::in_memory();
        let store = open(&dir.file());
        assert_eq!(drain(&store, "ann", amount(1_000_000), 100), 100);
        for end in ["", "-wal", "-shm"] {
            fs::remove_file(beside(&dir.file(), end)).expect("a file");
        }
        let begin = SystemClock.now();
        while takes_in_time(&store, "ann", amount(1_000_000)).is_ok() {
            assert!(since(begin) < Duration::from_millis(20), "it is looked at every 100 us");
        }
    });
}

/// Alone, with what SQLite keeps beside it left behind: nobody starts by what is gone, and once all have found out they
/// begin anew, together.
#[cfg(unix)]
#[test]
fn a_file_that_is_deleted_alone() {
    let dir = Dir::in_memory();
    let (one, other) = (open(&dir.file()), open(&dir.file()));
    assert_eq!(drain(&one, "ann", amount(2), 3) + drain(&other, "ann", amount(2), 3), 2);
    fs::remove_file(dir.file()).expect("a file");
    until_it_looks();
    assert_ne!(fails(&one, "ann", amount(2)), "");
    // In vain or not: the other one still has the old file's memory.
    let early = u32::from(takes(&one, "ann", amount(2)).is_ok_and(|started| started));
    assert_ne!(fails(&other, "ann", amount(2)), "");
    let answers =
        |store| (0..4).filter_map(|_| takes(store, "ann", amount(2)).ok()).map(u32::from).sum::<u32>();
    assert_eq!(early + answers(&one) + answers(&other) + answers(&one), 2);
    assert_eq!(remaining(&other, "ann", amount(2)), 0);
    assert_eq!(integrity(&dir.file()), "ok");
}

/// By one of ours that knows something else, and by one of somebody else's.
#[cfg(unix)]
#[test]
fn a_file_that_is_replaced() {
    let (dir, spare) = (Dir::in_memory(), Dir::in_memory());
    assert_eq!(drain(&open(&spare.file()), "ann", amount(5), 4), 4);
    let store = open(&dir.file());
    assert_eq!(drain(&store, "ann", amount(5), 1), 1);
    run(&dir.file(), "PRAGMA wal_checkpoint(truncate)");
    fs::rename(spare.file(), dir.file()).expect("another file");
    until_it_looks();
    let failure = fails(&store, "ann", amount(5));
    assert!(failure.ends_with(GONE), "{failure}");
    assert_eq!(drain(&store, "ann", amount(5), 9), 1);

    run(&spare.file(), "CREATE TABLE notes (text)");
    for end in ["-wal", "-shm"] {
        fs::remove_file(beside(&dir.file(), end)).expect("a file");
    }
    fs::rename(spare.file(), dir.file()).expect("another file");
    until_it_looks();
    for text in ["was deleted or replaced", "another program's database", "another program's database"] {
        let failure = fails(&store, "ann", amount(5));
        assert!(failure.contains(text), "{failure}");
    }
}
