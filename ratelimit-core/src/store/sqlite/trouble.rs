//! Why a file could not be used.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// What stood in the way.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It is not a file of ours, for that reason.
    Foreign(&'static str),
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
        matches!(self, Trouble::Foreign(_) | Trouble::Newer { .. })
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

impl Error for Told {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.trouble {
            Trouble::Sqlite(error) => Some(error),
            _ => None,
        }
    }
}
