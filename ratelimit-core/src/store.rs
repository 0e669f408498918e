//! Stores: where the states of buckets live that several processes or machines share.
//!
//! A bucket keeps its states in this process's memory unless it is given a store: [`Bucket::store`](crate::Bucket::store).
//! Then what it has let start is counted in one place for all who are given the same, and who waits has a time reserved
//! there, so that nobody polls and order holds between processes.
//!
//! [`OnOutage`] says what each verb does while a store is away, and [`Error`](crate::Error#what-it-says) what a store
//! failed with, and what would help.
//!
//! [`Store`] says what a store must do, and what it may rely on; the conformance kit, `store::conformance` (feature
//! `test-util`), tests one of your own.

mod ask;
#[cfg(any(test, feature = "test-util"))]
pub mod conformance;
#[cfg(any(test, feature = "test-util"))]
mod for_tests;
mod handle;
mod in_memory;
mod judge;
mod keyed;
mod memory;
mod record;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "sqlite")]
mod sqlite;
mod table;
mod window;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "redis")]
pub use self::redis::RedisStore;
pub use crate::error::Failure;
pub use crate::limits::OnOutage;
pub(crate) use ask::{Acquire, Known, Part, Plan, Refused, Said, Seen, SeenRate, Verb, Windows, escaped};
pub use ask::{Answer, Ask, Entry};
pub(crate) use handle::StoreHandle;
pub use in_memory::MemoryStore;
pub use judge::{Judged, Written};
pub(crate) use memory::Memory;
pub(crate) use record::{KEEP, Record, was_reset};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub(crate) use window::{Heard, Window};

/// How long a store may take unless it says otherwise.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(250);

/// Keeps states for those who share it, and judges by them.
///
/// What is asked, and what it comes to, is made and read by this crate: a store reads the states of an ask's
/// [entries](Ask::entries), has them [judged](Ask::judge) at its own time, and writes what that comes to, all of it in one
/// transaction.
///
/// # What it must promise
///
/// 1. **One at a time.** Between the reading of an entry and the writing of it nobody else writes it, whichever process
///    it is of. All that an ask writes is there, or nothing is.
/// 2. **One time for all.** The time that it judges by is the same for all who share it, never that of a caller's machine
///    unless they all run on that.
/// 3. **In order.** Asks of one call are played one after the other, in the order given.
/// 4. **Kept as long as said.** A state stays for at least as long as [it says](Written::keep_for); after that it may be
///    forgotten, and should.
/// 5. **Nothing twice.** What may have been played is not played again. An answer that is lost is a [`Failure`], and what
///    it would have granted stays spent.
/// 6. **No longer than it is given.** A call returns within the time that it is given, whatever the network does.
/// 7. **As it is judged.** What an ask comes to is what [judging](Ask::judge) says by the states of its own entries, whatever
///    their names; where that fails, the failure is the answer to that ask, and to no other.
///
/// The kit `store::conformance` (feature `test-util`) tests each of them.
///
/// # Examples
///
/// A store in a table of this process. One of a database does the same in a transaction: it reads the rows of these names
/// for update, at the database's own time, and writes them with when they may be deleted.
///
/// ```
/// use rate_limited::store::{Answer, Ask, Failure, Store};
/// use rate_limited::{Bucket, Rate};
/// use std::collections::HashMap;
/// use std::sync::{Arc, Mutex, PoisonError};
/// use std::time::{Duration, SystemTime};
///
/// /// States by name, each with when it may be forgotten.
/// #[derive(Debug, Default)]
/// struct Table(Mutex<HashMap<String, (Vec<u8>, Duration)>>);
///
/// impl Store for Table {
///     fn play(&self, asks: &[Ask], _timeout: Duration) -> Vec<Result<Answer, Failure>> {
///         // 1, one at a time; 3, in order: nobody else is in here.
///         let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
///         let mut play = |ask: &Ask| {
///             let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(Failure::new)?;
///             // 4, kept as long as said.
///             table.retain(|_, (_, until)| *until > now);
///             let names: Vec<String> = ask.entries().map(ToString::to_string).collect();
///             let states: Vec<Option<&[u8]>> =
///                 names.iter().map(|name| table.get(name).map(|(state, _)| &**state)).collect();
///             // 7, as it is judged; `?` fails this ask alone.
///             let judged = ask.judge(now, &states)?;
///             for (name, written) in names.into_iter().zip(judged.writes()) {
///                 // Where there is nothing to be written, what is there stays.
///                 if let Some(written) = written {
///                     table.insert(name, (written.state().to_vec(), now + written.keep_for()));
///                 }
///             }
///             Ok(judged.into_answer())
///         };
///         asks.iter().map(&mut play).collect()
///     }
/// }
///
/// let store = Arc::new(Table::default());
/// let one = Bucket::named("api", Rate::per_hour(1)).store(Arc::clone(&store));
/// let other = Bucket::named("api", Rate::per_hour(1)).store(store);
/// assert!(one.try_acquire().is_ok());
/// assert!(other.try_acquire().is_err());
/// ```
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Plays `asks`, and answers each of them, in their order; returns within `timeout`.
    ///
    /// There are as many answers as asks, none for none. An ask that fails leaves those before it as they were played, and
    /// those behind it are played all the same, unless the store itself is away.
    ///
    /// It may block: callers who must not are served by a thread of the bucket's. It is called without any lock held,
    /// from several threads at once where several buckets have the store. A panic is taken for a failure.
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>>;

    /// The longest time that one call of [`play`](Store::play) is given, by default 250 ms; above zero, or the bucket is
    /// refused with [`Config`](crate::ErrorKind::Config).
    fn timeout(&self) -> Duration {
        TIMEOUT
    }

    /// What tells this store from others, the same for all handles of one; `None` = every handle counts as a store of
    /// its own.
    ///
    /// Two buckets declared alike agree only if their stores are the same.
    fn identity(&self) -> Option<usize> {
        None
    }
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn play(&self, asks: &[Ask], timeout: Duration) -> Vec<Result<Answer, Failure>> {
        (**self).play(asks, timeout)
    }

    fn timeout(&self) -> Duration {
        (**self).timeout()
    }

    fn identity(&self) -> Option<usize> {
        (**self).identity().or_else(|| Some(Arc::as_ptr(self).cast::<()>().addr()))
    }
}
