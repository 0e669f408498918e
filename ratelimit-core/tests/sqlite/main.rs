//! The SQLite store: over restarts, among processes, and with everything that can go wrong with a file.
//!
//! Processes are this very program, started again to run the test that its arguments name.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod buckets;
#[path = "../common/mod.rs"]
mod common;
#[cfg(target_os = "linux")]
mod denied;
mod faults;
mod files;
mod full;
mod jumps;
mod killed;
#[path = "../common/machine.rs"]
mod machine;
mod processes;
#[path = "../common/skipped.rs"]
mod skipped;
mod state;
#[path = "../common/temporary.rs"]
mod temporary;
mod time;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ratelimit_core::Rate;
use ratelimit_core::clock::{Clock, SystemClock, Timestamp};
use ratelimit_core::store::{Answer, Ask, Failure, SqliteStore, Store};

/// What a call is given; enough for a machine that does much else.
const LONG: Duration = Duration::from_secs(5);

/// What a call is given that is looked at for how long it takes, and by how much it may be late.
const GIVEN: Duration = Duration::from_millis(100);
const LATE: Duration = Duration::from_millis(300);

/// A directory of its own, deleted in the end.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        Self::at(&std::env::temp_dir())
    }

    /// Where no disk stands still that others use as well.
    fn in_memory() -> Self {
        Self::at(&temporary::place())
    }

    fn at(place: &Path) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = place.join(format!("rate-limited-sqlite-{}-{count}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Dir(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("limits.db")
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Lets go by what it takes until a store looks again whether its file is still the one that lies there.
fn until_it_looks() {
    killed::nap(Duration::from_millis(1));
}

/// The file at `path`, and what SQLite keeps beside it.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

fn play(store: &dyn Store, ask: &Ask) -> Result<Answer, Failure> {
    store.play(std::slice::from_ref(ask), LONG).remove(0)
}

/// Whether one call starts; without a file that works there is an error.
fn takes(store: &dyn Store, key: &str, rate: Rate) -> Result<bool, Failure> {
    play(store, &Ask::to_acquire(("api", Some(key)), &[rate], &[], 1)).map(|answer| answer.is_granted())
}

/// The same, in time.
fn takes_in_time(store: &dyn Store, key: &str, rate: Rate) -> Result<bool, String> {
    let ask = Ask::to_acquire(("api", Some(key)), &[rate], &[], 1);
    let answer = machine::in_time(GIVEN + LATE, || store.play(std::slice::from_ref(&ask), GIVEN).remove(0));
    answer.map(|answer| answer.is_granted()).map_err(|failure| failure.to_string())
}

/// What a call fails with, in time.
fn fails(store: &dyn Store, key: &str, rate: Rate) -> String {
    takes_in_time(store, key, rate).expect_err("something stands in the way")
}

fn remaining(store: &dyn Store, key: &str, rate: Rate) -> u32 {
    let ask = Ask::to_peek(("api", Some(key)), &[rate], &[]);
    play(store, &ask).expect("a look").remaining().expect("how much remains")
}

/// Takes `most` by single calls at the utmost; how many started.
fn drain(store: &dyn Store, key: &str, rate: Rate, most: u32) -> u32 {
    (0..most).map(|_| u32::from(takes(store, key, rate).expect("an answer"))).sum()
}

/// So much at once, and next to nothing after it.
fn amount(amount: u32) -> Rate {
    Rate::per_hour(1).burst(amount)
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path).expect("a file of ours")
}

fn since(begin: Timestamp) -> Duration {
    SystemClock.now().saturating_since(begin)
}

/// This program as another process, which runs the ignored test `name` on that file.
fn process(name: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args([name, "--exact", "--ignored", "--nocapture", "--test-threads", "1"]).env(PATH, path);
    command
}

/// How a process is told its file.
const PATH: &str = "RATE_LIMITED_SQLITE_TEST";

/// The file that this process was started for; `None` where somebody runs ignored tests for no such reason.
fn told() -> Option<PathBuf> {
    std::env::var_os(PATH).map(PathBuf::from)
}

/// What SQLite says of the whole file.
fn integrity(path: &Path) -> String {
    let connection = rusqlite::Connection::open(path).expect("a connection");
    connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer")
}
