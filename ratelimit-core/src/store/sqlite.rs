//! A store in a file, for the processes of one machine.

mod busy;
mod connection;
mod play;
mod schema;
#[cfg(test)]
mod tests;
mod trouble;

use std::path::{Path, PathBuf};
use std::time::Duration;

use self::connection::{Opened, Pool};
use self::trouble::Trouble;
use super::{Answer, Ask, Failure, Store};
use crate::clock::{ClockHandle, wall_micros};
use crate::error::Error;
use crate::time::Timestamp;

/// States in an SQLite file: one limit for all processes of one machine, which outlives them and the machine's start.
///
/// The file is made when it is first needed. Every policy works over it, a user's own too if it can be
/// [saved](crate::policy::Policy::save). A trip takes some 10 µs, one after the other for all processes, and several asks
/// of a process may be one trip. Give all buckets of a program one store, in an [`Arc`](std::sync::Arc).
///
/// # Examples
///
/// ```
/// use rate_limited::store::SqliteStore;
/// use rate_limited::{Bucket, Rate};
/// use std::sync::Arc;
///
/// # let dir = std::env::temp_dir().join(format!("rate-limited-example-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir).unwrap();
/// # let path = dir.join("limits.db");
/// let store = Arc::new(SqliteStore::open(&path)?);
/// let api = Bucket::named("api", Rate::per_day(1)).store(Arc::clone(&store));
/// let mail = Bucket::named("mail", Rate::per_hour(20)).store(Arc::clone(&store));
/// let _permit = api.try_acquire()?;
///
/// // Another process, or this program started again:
/// let again = Bucket::named("api", Rate::per_day(1)).store(SqliteStore::open(&path)?);
/// assert!(again.try_acquire().is_err());
/// # drop((api, mail, again, store));
/// # let _ = std::fs::remove_dir_all(dir);
/// # Ok::<(), rate_limited::Error>(())
/// ```
///
/// # What survives
///
/// What was [told](crate::Bucket::store) to it, and answered, is in the file: the end of a process, also by `SIGKILL` and in the middle of a trip, loses nothing,
/// and does not hold up others. A crash of the *machine* may lose the last trips, up to those since the last checkpoint
/// (SQLite makes one about every 1,000 trips), never more, and never leaves half of one; so much may start once more.
/// [`durable`](SqliteStore::durable) loses nothing then either, and waits for the disk in each trip.
///
/// # Time
///
/// Times are the machine's wall clock, in microseconds, read while nobody else can write. Where it was put back, a state
/// written later than now counts as if no time had passed since: nothing more is admitted, and nobody is held up for
/// longer than the limits say, however often that happens. Where it is put forward, at most one further amount may start.
///
/// # When it cannot be used
///
/// | what | then |
/// |---|---|
/// | it is another program's file, or of a newer version of this crate | [`open`](SqliteStore::open) fails; each call, if that is found out later |
/// | it cannot be opened or made: no directory, no permission, read-only, the disk is full | each call fails, until it can |
/// | others hold it for longer than the [timeout](SqliteStore::timeout) | the call fails; nothing was taken |
/// | the disk is full, or fails | the call fails; nothing was taken, as far as SQLite can tell |
/// | it is damaged | each call fails that meets the damage, and nothing is reset: stop all who use it, then delete it with its `-wal` and `-shm`. A damaged `-wal` file ends where it is damaged, as after a crash of the machine |
/// | it was deleted, or another file put in its place | the call that finds out fails, within 100 µs; the next one uses what lies there, or makes a new file. States are lost as with a server that was restarted empty |
///
/// Delete or replace it, together with the files beside it that end in `-wal` and `-shm`, while no process uses it:
/// where these are left behind, calls may fail until every process that had it open has found out.
///
/// A trip waits for others, for a moment and again, no longer than it is given; what the operating system makes it wait
/// for, as a disk that hangs does, cannot be bounded.
///
/// # Where it must lie
///
/// On a disk of the machine. SQLite's write-ahead log needs memory that all who use the file share, and locks that hold:
/// network file systems have neither, and may not say so. All who use it need the right to write to its directory.
///
/// A process that was forked opens the file anew. Fork while no call is under way.
#[derive(Debug)]
pub struct SqliteStore {
    /// Absolute, so that it stays where it is when the program changes its directory.
    path: PathBuf,
    is_durable: bool,
    timeout: Duration,
    /// In place of the wall clock.
    clock: Option<ClockHandle>,
    pool: Pool,
}

impl SqliteStore {
    /// The store in the file at `path`, which is made if it is missing.
    ///
    /// What only stands in the way now, as a directory that is missing, does not keep a program from starting: calls fail
    /// until it is out of the way.
    ///
    /// # Errors
    ///
    /// `Config` for a file that is not one of this crate, or that a newer version of it has changed: it is left as it is.
    /// And for what other programs take for a path, and is none: `:memory:`, and URLs as `file:limits.db`, or of other
    /// stores. A relative path is of the directory that a process is in. For tests,
    /// and for all that need not outlive the process, there is [`MemoryStore`](crate::store::MemoryStore).
    ///
    /// # Examples
    ///
    /// ```
    /// use rate_limited::store::SqliteStore;
    ///
    /// let error = SqliteStore::open(":memory:").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "a store at `:memory:` could not be shared: take `MemoryStore`, or write `./:memory:` for a file of that name"
    /// );
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        SqliteStore::with(path.as_ref(), None)
    }

    /// The same by another clock than the wall's, whose zero is taken for 1970.
    #[cfg(any(test, feature = "test-util"))]
    #[doc(hidden)]
    pub fn open_at(path: impl AsRef<Path>, clock: impl crate::clock::Clock) -> Result<Self, Error> {
        SqliteStore::with(path.as_ref(), Some(ClockHandle::new(clock)))
    }

    /// What a row's sum is, for those who write rows themselves.
    #[cfg(any(test, feature = "test-util"))]
    #[doc(hidden)]
    #[must_use]
    pub fn sum_of_row(name: &str, until: i64, state: &[u8]) -> i64 {
        play::sum(name, until, state)
    }

    fn with(path: &Path, clock: Option<ClockHandle>) -> Result<Self, Error> {
        if let Some(wrong) = trouble::no_path(path) {
            return Err(Error::config(wrong));
        }
        let path = std::path::absolute(path)
            .map_err(|error| Error::config(format!("the store `{}` cannot be: {error}", path.display())))?;
        let timeout = super::TIMEOUT;
        let store = SqliteStore { path, is_durable: false, timeout, clock, pool: Pool::new() };
        match busy::within(timeout, || store.opened()) {
            Ok(opened) => store.pool.put(opened),
            Err(trouble) if trouble.is_refusal() => {
                return Err(Error::config(trouble.with(&store.path).to_string()));
            }
            // Each call tries again, and says so.
            Err(_) => {}
        }
        Ok(store)
    }

    /// Has each trip wait until it stands on the disk, so that a crash of the machine loses nothing
    /// (`PRAGMA synchronous=FULL`).
    ///
    /// A trip then takes as long as the disk needs to make sure, some milliseconds.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.is_durable = true;
        self.pool.close_all();
        self
    }

    /// The longest time that a trip is given, by default 250 ms: how long it waits for others who hold the file. With none,
    /// [`Duration::ZERO`], no bucket can be.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn opened(&self) -> Result<Opened, Trouble> {
        Opened::new(&self.path, self.is_durable)
    }

    fn trip(&self, asks: &[Ask]) -> Result<Vec<Result<Answer, Failure>>, Trouble> {
        let mut opened = match self.pool.take() {
            Some(opened) => opened,
            None => self.opened()?,
        };
        if !opened.is_to(&self.path) {
            // Not anew at once: whoever still uses the old one, in another thread, has to be through with it.
            self.pool.close_all();
            return Err(Trouble::Replaced);
        }
        let played = play::play(&opened.connection, asks, || self.now())
            .map_err(|trouble| schema::reason(&opened.connection, trouble));
        // What failed to begin is as it was; in any other case nobody knows in what state the connection is.
        let is_as_before = |trouble: &Trouble| trouble.is_busy() && opened.connection.is_autocommit();
        if played.as_ref().err().is_none_or(is_as_before) {
            self.pool.put(opened);
        }
        played
    }

    /// Since 1970; a clock that shows an earlier time is one that was put back.
    fn now(&self) -> Duration {
        match &self.clock {
            Some(clock) => clock.now().saturating_since(Timestamp::ZERO),
            None => Duration::from_micros(wall_micros()),
        }
    }
}

impl Store for SqliteStore {
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>> {
        if asks.is_empty() {
            return Vec::new();
        }
        busy::within(timeout, || self.trip(asks))
            .unwrap_or_else(|trouble| vec![Err(trouble.failure(&self.path)); asks.len()])
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }
}
