//! Why a file could not be used.

use std::error::Error;
use std::fmt;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use rusqlite::ErrorCode;

use crate::store::Failure;

/// What stood in the way.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It is not a file of ours, for that reason.
    Foreign(&'static str),
    /// It is a directory, or the path ends as that of one does.
    Directory,
    /// It is of a version that this program does not know.
    Newer {
        theirs: i64,
        ours: usize,
    },
    /// Others cannot be kept apart there.
    Unshared,
    /// Where it was there is nothing any more, or another file.
    Replaced,
    Sqlite(rusqlite::Error),
}

impl Trouble {
    /// Whether the file itself is wrong, so that trying again is in vain.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Trouble::Foreign(_) | Trouble::Directory | Trouble::Newer { .. })
    }

    /// Whether somebody else held the file for too long.
    pub(super) fn is_busy(&self) -> bool {
        let code = match self {
            Trouble::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        };
        matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// The same with the file's name, for people.
    pub(super) fn with(self, path: &Path) -> Told {
        Told { path: path.into(), trouble: self }
    }

    /// What a call fails with.
    pub(super) fn failure(self, path: &Path) -> Failure {
        let (make, advice): (fn(Told) -> Failure, _) = match &self {
            Trouble::Foreign(_) => (Failure::refused, FOREIGN),
            Trouble::Directory => (Failure::refused, DIRECTORY),
            Trouble::Newer { .. } => (Failure::refused, NEWER),
            Trouble::Unshared => (Failure::refused, UNSHARED),
            // Whoever asks next is answered.
            Trouble::Replaced => (Failure::new, REPLACED),
            Trouble::Sqlite(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (Failure::new, BUSY),
                Some(ErrorCode::DatabaseCorrupt) => (Failure::strange, DAMAGED),
                Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => (Failure::refused, RIGHTS),
                Some(ErrorCode::DiskFull) => (Failure::refused, FULL),
                Some(ErrorCode::SystemIoFailure) => (Failure::refused, FAILS),
                Some(ErrorCode::CannotOpen) => {
                    return Failure::refused(self.with(path)).advise(advice(path));
                }
                _ => return Failure::refused(self.with(path)),
            },
        };
        make(self.with(path)).advise(advice)
    }
}

const FOREIGN: &str = "its file is another program's, or damaged: write another path";
const DIRECTORY: &str = "its path is that of a directory: write that of a file in it";
const NEWER: &str = "its file is of another version: run the newest `rate-limited` in all programs that use it, or write \
                     another path";
const UNSHARED: &str = "write a path on a disk of this machine, and no network's";
const REPLACED: &str = "the next call uses what lies there by now, or makes a new file";
const FULL: &str = "its disk is full: make room there";
const FAILS: &str = "its disk cannot be read or written: the system's log may say why";
const BUSY: &str = "others hold its file for longer than `SqliteStore::timeout`";
const DAMAGED: &str = "its file is damaged: stop all who use it, then delete it with its `-wal` and `-shm`";
const RIGHTS: &str = "this process needs the right to write to it and to its directory";

/// What would help where the file at `path` cannot be opened.
fn advice(path: &Path) -> String {
    let Some(dir) = path.parent().filter(|dir| !dir.is_dir()) else { return RIGHTS.to_owned() };
    if path.components().any(|part| part.as_os_str() == "~") {
        return "`~` is known to shells alone: write the path of the home directory".to_owned();
    }
    let is = if dir.exists() {
        "is a file: write another path"
    } else {
        "is not there: make it, or write another path"
    };
    format!("its directory `{}` {is}", dir.display())
}

/// Why that cannot be the path of a file, and what to write, if it cannot.
pub(super) fn no_path(path: &Path) -> Option<String> {
    let shown = path.display();
    let text = path.to_str()?;
    if text.is_empty() {
        return Some("a store's path is empty: write that of a file, as in `limits.db`".to_owned());
    }
    let rest = ["file:", "sqlite:", "sqlite3:"].into_iter().find_map(|scheme| text.strip_prefix(scheme));
    if text == ":memory:"
        || rest.is_some_and(|rest| rest.starts_with(":memory:") || rest.contains("mode=memory"))
    {
        return Some(format!(
            "a store at `{shown}` could not be shared: take `MemoryStore`, or write `./{shown}` for a file of that name"
        ));
    }
    if let Some((scheme, _)) = text.split_once("://").filter(|_| rest.is_none()) {
        // The rest of it may be a password.
        return Some(format!(
            "`{scheme}://..` is the URL of another kind of store, and this one is opened by a path, as `limits.db`; a Redis \
             server is connected to by `RedisStore::connect`"
        ));
    }
    let named = rest?.split('?').next().unwrap_or_default();
    // As many slashes as a URL has in front of its path.
    let named = named.strip_prefix("//").unwrap_or(named);
    let named = if named.is_empty() { "limits.db" } else { named };
    Some(format!(
        "`{shown}` is a URL, and a store is opened by a path: write `{named}`, or `./{shown}` for a file of that name"
    ))
}

/// Whether `path` ends as that of a directory.
pub(super) fn is_of_directory(path: &Path) -> bool {
    path.is_dir() || path.to_string_lossy().ends_with(['/', MAIN_SEPARATOR])
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Trouble::Foreign("it is no SQLite database, or is damaged"),
            _ => Trouble::Sqlite(error),
        }
    }
}

/// Trouble with a file, by name.
#[derive(Debug)]
pub(super) struct Told {
    path: PathBuf,
    trouble: Trouble,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store `{}` ", self.path.display())?;
        match &self.trouble {
            Trouble::Foreign(why) => write!(f, "is not one of `rate-limited`: {why}"),
            Trouble::Directory => {
                let file = self.path.join("limits.db");
                write!(f, "is a directory: write the path of a file in it, as in `{}`", file.display())
            }
            Trouble::Newer { theirs, ours } => {
                write!(
                    f,
                    "is of version {theirs}, and this program knows version {ours}: a newer one has changed it"
                )
            }
            Trouble::Unshared => f.write_str("lies where SQLite's write-ahead log cannot be kept"),
            Trouble::Replaced => f.write_str("was deleted or replaced while it was in use"),
            Trouble::Sqlite(error) => write!(f, "cannot be used: {error}"),
        }
    }
}

/// Its text tells all that SQLite does.
impl Error for Told {}
