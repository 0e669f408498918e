//! What stands in a file, and how one of an older version becomes one of this.
//!
//! | table | column | what |
//! |---|---|---|
//! | `entries` | `name` | the [entry](super::super::Entry)'s |
//! | | `until` | to be kept until then, in microseconds since 1970 |
//! | | `sum` | of the three other columns: SQLite looks after its pages, not after what stands in them |
//! | | `state` | the [record](super::super::record) |
//! | `swept` | `name` | up to which entry it was last looked for what need not be kept |

use rusqlite::{Connection, TransactionBehavior};

use super::busy;
use super::trouble::Trouble;

/// `rate` in ASCII: tells files of ours by their header.
pub(super) const APPLICATION: i64 = 0x7261_7465;

/// Makes of a file of one version one of the next.
pub(super) type Step = fn(&Connection) -> rusqlite::Result<()>;

/// The first makes version 1 of an empty file, the second will make version 2 of that, and so on: a program knows as many
/// versions as it has steps.
///
/// A step stands for ever as it was released. Each but the first leaves no table of the name that the states had before: a
/// program that has the file open while another brings it up finds none then, and need not ask for the version in each
/// trip.
pub(super) const STEPS: &[Step] = &[one];

/// What is looked at without the blob stands before it, which may lie on pages of its own.
fn one(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE entries (
             name TEXT NOT NULL PRIMARY KEY,
             until INTEGER NOT NULL,
             sum INTEGER NOT NULL,
             state BLOB NOT NULL
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE swept (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL) STRICT;
         INSERT INTO swept VALUES (1, '');",
    )
}

/// Makes the file one of the newest version that `steps` lead to, or says why it is none of ours.
///
/// Several who do so at once do it once.
pub(super) fn bring_up(connection: &mut Connection, steps: &[Step]) -> Result<(), Trouble> {
    loop {
        match attempt(connection, steps) {
            // SQLite does not ask the busy handler where it might wait for somebody who waits for this.
            Err(trouble) if trouble.is_busy() && busy::again(0) => {}
            done => return done,
        }
    }
}

fn attempt(connection: &mut Connection, steps: &[Step]) -> Result<(), Trouble> {
    // A foreign file is left as it is, so before anything else. In one transaction, or the half of what another makes of
    // an empty file would look foreign.
    let version = look(&*connection.transaction()?, steps.len())?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Trouble::Unshared);
    }
    if version == steps.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = look(&transaction, steps.len())?;
    for step in steps.iter().skip(version) {
        step(&transaction)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", i64::try_from(steps.len()).unwrap_or(i64::MAX))?;
    Ok(transaction.commit()?)
}

/// The file's version, 0 for an empty one.
fn look(connection: &Connection, known: usize) -> Result<usize, Trouble> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, version, tables) {
        (0, 0, 0) => Ok(0),
        (APPLICATION, theirs, _) => match usize::try_from(theirs) {
            Ok(version) if version <= known => Ok(version),
            _ => Err(Trouble::Newer { theirs, ours: known }),
        },
        _ => Err(Trouble::Foreign("it is another program's database")),
    }
}

/// Within a transaction: that the file still is of the version that this program knows best.
pub(super) fn confirm(connection: &Connection) -> Result<(), Trouble> {
    let version: i64 = connection.prepare_cached("PRAGMA user_version")?.query_row([], |row| row.get(0))?;
    if usize::try_from(version) == Ok(STEPS.len()) {
        return Ok(());
    }
    look(connection, STEPS.len())?;
    Err(Trouble::Replaced)
}

/// Why a trip failed: perhaps the file is another one by now.
pub(super) fn reason(connection: &Connection, trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Sqlite(_) if !trouble.is_busy() => match confirm(connection) {
            Ok(()) | Err(Trouble::Sqlite(_)) => trouble,
            Err(reason) => reason,
        },
        _ => trouble,
    }
}
