//! An acquire over SQLite beside the least that a counter in a file takes: one transaction that reads a row and writes it.

use std::path::Path;
use std::time::Duration;

use rate_limited::Bucket;
use rate_limited::store::SqliteStore;
use rusqlite::{Connection, params};

use super::ALWAYS;
use crate::measure::{Failure, Measured, each, granted, p50};
use crate::report::folder;
use crate::rows::SQL;

/// One side's calls in a round.
const CALLS: usize = 200;
const ROUNDS: usize = 300;
const WARM_UP: usize = 10;
/// Nobody else uses the file.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn run() -> Result<Vec<Measured>, Failure> {
    // Where the project lies: a temporary directory may be in memory.
    std::fs::create_dir_all(folder())?;
    let files = tempfile::tempdir_in(folder())?;
    let store = SqliteStore::open(files.path().join("ours.db"))?;
    // With a guard a call whose answer is late is not granted: a busy machine would be measured.
    let bucket = Bucket::named("one", ALWAYS).guard(Duration::ZERO).store(store);
    let bare = Bare::open(&files.path().join("bare.db"))?;
    let mut rounds = Vec::new();
    for round in 0..WARM_UP + ROUNDS {
        let ours = || each(CALLS, || granted(&bucket)).map(p50);
        let theirs = || each(CALLS, || bare.count()).map(p50);
        // By turns, so that nobody always follows the other.
        let (ours, theirs) = if round % 2 == 0 {
            let ours = ours()?;
            (ours, theirs()?)
        } else {
            let theirs = theirs()?;
            (ours()?, theirs)
        };
        if round >= WARM_UP {
            rounds.push((ours, theirs));
        }
    }
    Ok(vec![Measured::beside(SQL, "us", &rounds)])
}

/// A state of as many bytes as a token bucket's, under a name, in a file with the store's settings.
struct Bare(Connection);

impl Bare {
    fn open(path: &Path) -> Result<Self, Failure> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(
            "CREATE TABLE entries (name TEXT NOT NULL PRIMARY KEY, state BLOB NOT NULL) STRICT, WITHOUT ROWID;
             INSERT INTO entries VALUES ('one', zeroblob(64));",
        )?;
        Ok(Bare(connection))
    }

    fn count(&self) -> Result<(), Failure> {
        let run = |sql| self.0.prepare_cached(sql)?.execute([]);
        run("BEGIN IMMEDIATE")?;
        let mut state: Vec<u8> = self
            .0
            .prepare_cached("SELECT state FROM entries WHERE name = ?1")?
            .query_row(["one"], |row| row.get(0))?;
        if let Some(first) = state.first_mut() {
            *first = first.wrapping_add(1);
        }
        self.0
            .prepare_cached("UPDATE entries SET state = ?2 WHERE name = ?1")?
            .execute(params!["one", state])?;
        run("COMMIT")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_sql_counts() -> Result<(), Failure> {
        let files = tempfile::tempdir()?;
        let bare = Bare::open(&files.path().join("bare.db"))?;
        for _ in 0..3 {
            bare.count()?;
        }
        let state: Vec<u8> = bare.0.query_row("SELECT state FROM entries", [], |row| row.get(0))?;
        assert_eq!((state.len(), state[0]), (64, 3));
        Ok(())
    }
}
