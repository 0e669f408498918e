//! What only the inside can show: steps of versions, forks, sums, and what is swept.

mod golden;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use super::schema::{STEPS, Step, bring_up};
use super::*;
use crate::clock::ManualClock;
use crate::error::ErrorKind;
use crate::rate::Rate;
use crate::store::Store;

/// A path of its own, whose files are deleted in the end.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("rate-limited-unit-{}-{}.db", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Place(std::env::temp_dir().join(name))
    }

    fn raw(&self) -> Connection {
        Connection::open(&self.0).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm", "-journal"] {
            let mut path = self.0.clone().into_os_string();
            path.push(end);
            let _ = std::fs::remove_file(path);
        }
    }
}

fn ask(key: &str, rate: Rate) -> Ask {
    Ask::to_acquire(("api", Some(key)), &[rate], &[], 1)
}

fn play_one(store: &SqliteStore, ask: &Ask) -> Result<Answer, Failure> {
    store.play(std::slice::from_ref(ask), Duration::from_secs(5)).remove(0)
}

fn version(connection: &Connection) -> i64 {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

/// A step that the next version might bring.
fn two(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute_batch("ALTER TABLE entries RENAME TO entries_2; ALTER TABLE entries_2 ADD COLUMN note TEXT")
}

const NEXT: &[Step] = &[STEPS[0], two];

#[test]
fn an_older_file_is_brought_up_and_a_newer_one_left_alone() {
    let place = Place::new();
    let store = SqliteStore::open(&place.0).unwrap();
    let (spent, once) = (ask("ann", Rate::per_hour(1)), ask("bob", Rate::per_hour(1)));
    assert!(play_one(&store, &spent).unwrap().is_granted());
    assert_eq!(version(&place.raw()), 1);

    // The next version of this program comes while this one runs.
    bring_up(&mut place.raw(), NEXT).unwrap();
    assert_eq!(version(&place.raw()), 2);
    let columns = || -> i64 {
        place
            .raw()
            .query_row("SELECT count(*) FROM pragma_table_info('entries_2')", [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(columns(), 5);
    bring_up(&mut place.raw(), NEXT).unwrap();
    assert_eq!(columns(), 5, "no step twice");

    // This one notices, and goes on noticing; nothing is written.
    for _ in 0..3 {
        let failure = play_one(&store, &once).unwrap_err().to_string();
        assert!(failure.contains("is of version 2, and this program knows version 1"), "{failure}");
    }
    let error = SqliteStore::open(&place.0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("is of version 2, and this program knows version 1"), "{error}");
    assert_eq!(version(&place.raw()), 2);
    let rows: i64 = place.raw().query_row("SELECT count(*) FROM entries_2", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
}

/// A program that knows older versions alone looks for nothing but their table.
#[test]
fn each_step_leaves_no_table_that_an_older_program_would_write_to() {
    for steps in [STEPS, NEXT] {
        let place = Place::new();
        let mut before = Vec::new();
        for version in 1..=steps.len() {
            bring_up(&mut place.raw(), &steps[..version]).unwrap();
            let raw = place.raw();
            let mut select =
                raw.prepare("SELECT name FROM sqlite_schema WHERE name GLOB 'entries*'").unwrap();
            let tables: Vec<String> =
                select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
            assert!(!tables.is_empty() && tables.iter().all(|table| !before.contains(table)), "{tables:?}");
            before.extend(tables);
        }
    }
}

#[test]
fn steps_are_all_made_or_none() {
    let place = Place::new();
    let fails: &[Step] = &[STEPS[0], |connection| connection.execute_batch("DROP TABLE swept; nonsense")];
    assert!(bring_up(&mut place.raw(), fails).is_err());
    let tables: i64 =
        place.raw().query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!((version(&place.raw()), tables), (0, 0));
    // Both steps at once, of an empty file.
    bring_up(&mut place.raw(), NEXT).unwrap();
    assert_eq!(version(&place.raw()), 2);
}

/// Two connections to an inode in one process share what SQLite knows of its locks, and a child inherits none of them: so
/// the parent's are closed before one is opened.
#[test]
fn a_child_opens_its_own_connection() {
    let place = Place::new();
    let store = SqliteStore::open(&place.0).unwrap();
    let ask = ask("ann", Rate::per_hour(3));
    assert!(play_one(&store, &ask).unwrap().is_granted());
    assert_eq!(store.pool.idle_since(0), 1, "as if this were another process");
    assert!(store.pool.take().is_none(), "it is not used");
    assert!(place.0.with_extension("db-wal").exists(), "and not tidied up");
    assert!(play_one(&store, &ask).unwrap().is_granted());
    assert_eq!(store.pool.idle_since(std::process::id()), 1);
    assert!(play_one(&store, &ask).unwrap().is_granted());
    assert!(!play_one(&store, &ask).unwrap().is_granted(), "all of it counts");
}

#[test]
fn a_state_that_was_changed_behind_the_stores_back_is_an_error_each_time() {
    let place = Place::new();
    let store = SqliteStore::open(&place.0).unwrap();
    let (ann, bob) = (ask("ann", Rate::per_hour(1)), ask("bob", Rate::per_hour(1)));
    assert!(play_one(&store, &ann).unwrap().is_granted());
    assert!(play_one(&store, &bob).unwrap().is_granted());
    // A record that reads well, and tells another time.
    let raw = place.raw();
    let read = "SELECT state FROM entries WHERE name = 'api:ann'";
    let mut state: Vec<u8> = raw.query_row(read, [], |row| row.get(0)).unwrap();
    let time = state.len() - 20;
    state[time] ^= 1;
    raw.execute("UPDATE entries SET state = ?1 WHERE name = 'api:ann'", [state]).unwrap();
    for _ in 0..3 {
        let asks = [ann.clone(), bob.clone()];
        let answers = store.play(&asks, Duration::from_secs(5));
        assert_eq!(answers[0].as_ref().unwrap_err().to_string(), "a state in the store is damaged");
        assert!(!answers[1].as_ref().unwrap().is_granted(), "others go on");
    }
}

/// A live state whose time is damaged may look over: nobody deletes it for that.
#[test]
fn a_damaged_time_does_not_make_a_limit_fresh() {
    let place = Place::new();
    let store = SqliteStore::open(&place.0).unwrap();
    let ann = ask("ann", Rate::per_hour(1));
    assert!(play_one(&store, &ann).unwrap().is_granted());
    let others: Vec<Ask> = (0..32).map(|key| ask(&format!("{key}"), Rate::per_hour(99))).collect();
    let (read, write) = (
        "SELECT until FROM entries WHERE name = 'api:ann'",
        "UPDATE entries SET until = ?1 WHERE name = 'api:ann'",
    );
    let whole: i64 = place.raw().query_row(read, [], |row| row.get(0)).unwrap();
    for bit in 0..64 {
        let damaged = whole ^ (1 << bit);
        place.raw().execute(write, [damaged]).unwrap();
        // Twice as many entries are looked at as are written: each of them.
        store.play(&others, Duration::from_secs(5));
        assert_eq!(place.raw().query_row(read, [], |row| row.get(0)), Ok(damaged), "bit {bit}: it stays");
        let failure = play_one(&store, &ann).unwrap_err().to_string();
        assert_eq!(failure, "a state in the store is damaged", "bit {bit}");
    }
    place.raw().execute(write, [whole]).unwrap();
    assert!(!play_one(&store, &ann).unwrap().is_granted());
}

#[test]
fn the_disk_is_full() {
    let place = Place::new();
    let store = SqliteStore::open(&place.0).unwrap();
    let mut granted = 0;
    for key in 0..3 {
        granted +=
            u32::from(play_one(&store, &ask(&format!("{key}"), Rate::per_hour(1))).unwrap().is_granted());
    }
    let limited = store.pool.take().unwrap();
    let pages: i64 = limited.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    limited.connection.pragma_update(None, "max_page_count", pages).unwrap();
    store.pool.put(limited);
    // As many at once as cannot fit: all of them fail, those too that would have.
    let many: Vec<Ask> = (3..203).map(|key| ask(&format!("{key:0200}"), Rate::per_hour(1))).collect();
    let answers = store.play(&many, Duration::from_secs(5));
    for answer in &answers {
        let failure = answer.as_ref().unwrap_err().to_string();
        assert!(
            failure.ends_with("cannot be used: database or disk is full: its disk is full: make room there"),
            "{failure}"
        );
    }
    // The connection is another one, which knows no such bound: as if there were room again.
    assert!(
        store.play(&many, Duration::from_secs(5)).iter().all(|answer| answer.as_ref().unwrap().is_granted())
    );
    assert_eq!(granted, 3);
}

/// In the error itself, as who prints that alone is to know what to do.
#[test]
fn what_would_help_is_told() {
    let sqlite =
        |code| Trouble::Sqlite(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
    for (trouble, told) in [
        (sqlite(rusqlite::ffi::SQLITE_FULL), "refuses calls: its disk is full: make room there"),
        (
            sqlite(rusqlite::ffi::SQLITE_IOERR_FSYNC),
            "refuses calls: its disk cannot be read or written: the system's log may say why",
        ),
        (
            Trouble::Foreign("it is another program's database"),
            "refuses calls: its file is another program's, or damaged: write another path",
        ),
        (Trouble::Directory, "refuses calls: its path is that of a directory: write that of a file in it"),
        (
            Trouble::Newer { theirs: 2, ours: 1 },
            "refuses calls: its file is of another version: run the newest `rate-limited` in all programs that use it, or \
             write another path",
        ),
        (Trouble::Unshared, "refuses calls: write a path on a disk of this machine, and no network's"),
        (
            Trouble::Replaced,
            "does not answer: the next call uses what lies there by now, or makes a new file",
        ),
    ] {
        let failure = trouble.failure(Path::new("limits.db"));
        let error = Error::new(ErrorKind::Store).with_failure(Some(failure));
        assert_eq!(error.to_string(), format!("is kept in a store that {told}"));
    }
}

/// However many keys come once, about as many entries stay as are needed.
#[test]
fn what_need_not_be_kept_is_deleted_by_and_by() {
    let place = Place::new();
    let clock = ManualClock::new();
    let store = SqliteStore::open_at(&place.0, clock.clone()).unwrap();
    let rows =
        || -> i64 { place.raw().query_row("SELECT count(*) FROM entries", [], |row| row.get(0)).unwrap() };
    let lasting = ask("lasting", Rate::per_day(1));
    assert!(play_one(&store, &lasting).unwrap().is_granted());
    // One a millisecond: 2,000 are needed at once, each for its second and one more.
    for key in 0..12_000_u64 {
        let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        assert!(play_one(&store, &ask(&format!("{mixed:x}"), Rate::per_second(1))).unwrap().is_granted());
        clock.advance(Duration::from_millis(1));
    }
    let left = rows();
    assert!((2_000..6_000).contains(&left), "{left}");
    // A batch makes up for as many as it writes.
    clock.advance(Duration::from_secs(60));
    let batch: Vec<Ask> = (0..3_200).map(|key| ask(&format!("k{key}"), Rate::per_second(1))).collect();
    store.play(&batch, Duration::from_secs(5));
    for _ in 0..3 {
        clock.advance(Duration::from_secs(60));
        store.play(&batch, Duration::from_secs(5));
    }
    assert_eq!(rows(), 3_201, "those of the batch, and the one that lasts");
    assert!(!play_one(&store, &lasting).unwrap().is_granted());
}
