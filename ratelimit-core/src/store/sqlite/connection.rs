//! Connections: opened, told from those to a file that is gone, and kept for the next trip.

use std::path::Path;
use std::process;
use std::sync::PoisonError;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::trouble::{self, Trouble};
use super::{busy, schema};
use crate::clock::{Clock, SystemClock};
use crate::sync::{Mutex, MutexGuard};
use crate::time::Timestamp;

/// A connection to the file that lies at the store's path.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) connection: Connection,
    file: Option<FileId>,
    /// When that was seen to lie at the store's path.
    seen: Timestamp,
}

/// For so long it is not looked at again: as a thread may stand still for as long between its look and what it writes,
/// nothing is found out less surely, and a look takes a twentieth of a trip's time.
const LOOK: Duration = Duration::from_micros(100);

impl Opened {
    pub(super) fn new(path: &Path, is_durable: bool) -> Result<Self, Trouble> {
        let before = FileId::of(path);
        if trouble::is_of_directory(path) {
            return Err(Trouble::Directory);
        }
        match path.metadata() {
            // Which SQLite would take for an empty one.
            Ok(found) if found.len() == 1 => return Err(Trouble::Foreign("it is no SQLite database")),
            _ => {}
        }
        // Without `SQLITE_OPEN_URI`, and by an absolute path: SQLite reads `file:..` and `:memory:` as something else.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_handler(Some(busy::again))?;
        connection.pragma_update(None, "synchronous", if is_durable { "FULL" } else { "NORMAL" })?;
        // What can be seen to be damaged when a page is fetched is an error, whichever of its rows is wanted.
        connection.pragma_update(None, "cell_size_check", true)?;
        schema::bring_up(&mut connection, schema::STEPS)?;
        let file = FileId::of(path);
        if file.is_none() || before.is_some() && before != file {
            return Err(Trouble::Replaced);
        }
        Ok(Opened { connection, file, seen: SystemClock.now() })
    }

    /// Whether what lies at `path` is the file that this is a connection to: one that was deleted would be written to
    /// by nobody else.
    pub(super) fn is_to(&mut self, path: &Path) -> bool {
        let now = SystemClock.now();
        if now.saturating_since(self.seen) >= LOOK {
            if self.file != FileId::of(path) {
                return false;
            }
            self.seen = now;
        }
        true
    }

    /// Closes it in another process than it was opened in.
    ///
    /// What this must not do is tidy up the files, as the last connection of a process usually does: the parent goes on
    /// using them, and without its log the file is damaged. The locks that a process gives up are its own.
    fn close_inherited(self) {
        if self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).is_err() {
            std::mem::forget(self);
        }
    }
}

/// What tells a file from another at the same path, as far as the system does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    /// `None` where there is no file.
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(path).ok().map(|metadata| FileId(metadata.dev(), metadata.ino()))
    }

    /// Where a file in use can neither be deleted nor replaced.
    #[cfg(not(unix))]
    fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|_| FileId(0, 0))
    }
}

/// So many connections at most wait for the next trip: as many as callers come at once, in most programs.
const KEPT: usize = 8;

/// Connections that nobody uses at the moment.
#[derive(Debug)]
pub(super) struct Pool(Mutex<Idle>);

#[derive(Debug)]
struct Idle {
    /// Whose they are: after a fork they are the parent's.
    process: u32,
    connections: Vec<Opened>,
}

impl Pool {
    pub(super) fn new() -> Self {
        Pool(Mutex::new(Idle { process: process::id(), connections: Vec::new() }))
    }

    /// One of this process's.
    pub(super) fn take(&self) -> Option<Opened> {
        let mut idle = self.idle();
        if idle.process != process::id() {
            idle.process = process::id();
            let inherited = std::mem::take(&mut idle.connections);
            drop(idle);
            inherited.into_iter().for_each(Opened::close_inherited);
            return None;
        }
        idle.connections.pop()
    }

    pub(super) fn put(&self, opened: Opened) {
        let mut idle = self.idle();
        if idle.connections.len() < KEPT {
            idle.connections.push(opened);
        } else {
            // Closing may write, so not under the lock.
            drop(idle);
            drop(opened);
        }
    }

    pub(super) fn close_all(&self) {
        let all = std::mem::take(&mut self.idle().connections);
        drop(all);
    }

    /// As if those that are idle were that process's; how many there are.
    #[cfg(test)]
    pub(super) fn idle_since(&self, process: u32) -> usize {
        let mut idle = self.idle();
        idle.process = process;
        idle.connections.len()
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
