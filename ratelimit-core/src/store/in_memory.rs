//! A store in this process's memory.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use super::{Answer, Ask, Failure, Store};
use crate::clock::{Clock, ClockHandle};
use crate::sync::{Mutex, MutexGuard};
use crate::time::Timestamp;

/// States in this process's memory, for all the registries and buckets that are given a clone of the same.
///
/// For tests of what runs over a store: under a manual clock, and with several registries in place of several processes.
/// In programs a bucket without a store is faster. Times are those of its clock, so that it need not be the buckets'.
///
/// # Examples
///
/// ```
/// use rate_limited::clock::ManualClock;
/// use rate_limited::store::MemoryStore;
/// use rate_limited::{Bucket, Rate};
/// use std::sync::Arc;
///
/// let clock = ManualClock::new();
/// let store = Arc::new(MemoryStore::new(clock.clone()));
/// let process = || Bucket::named("api", Rate::per_second(1)).store(Arc::clone(&store)).clock(clock.clone());
/// let (one, other) = (process(), process());
/// let _permit = one.try_acquire()?;
/// assert!(other.try_acquire().is_err());
/// # Ok::<(), rate_limited::Error>(())
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    clock: ClockHandle,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    states: HashMap<String, Kept>,
    /// The time that was played last.
    last: Timestamp,
    /// At how many states to look next which are over.
    look_at: usize,
}

#[derive(Debug)]
struct Kept {
    state: Vec<u8>,
    until: Timestamp,
}

/// At how many states to look first which are over.
const MANY: usize = 1024;

impl MemoryStore {
    /// An empty one, on that clock.
    pub fn new(clock: impl Clock) -> Self {
        MemoryStore::on(ClockHandle::new(clock))
    }

    pub(crate) fn on(clock: ClockHandle) -> Self {
        MemoryStore { clock, table: Mutex::default() }
    }

    /// Forgets everything, as a store does that was lost.
    pub fn clear(&self) {
        let mut table = self.lock();
        table.states.clear();
        table.look_at = 0;
    }
}

/// On the system's clock.
impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore::on(ClockHandle::System)
    }
}

impl Store for MemoryStore {
    fn play(&self, asks: &[Ask], _timeout: Duration) -> Vec<Result<Answer, Failure>> {
        asks.iter().map(|ask| self.play_one(ask)).collect()
    }
}

impl MemoryStore {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn play_one(&self, ask: &Ask) -> Result<Answer, Failure> {
        let names: Vec<String> = ask.entries().map(ToString::to_string).collect();
        let (now, mut table) = self.now();
        table.play(now, ask, names)
    }

    /// What time it is, and the table to play at it.
    ///
    /// No lock is held while a clock runs, so that somebody who read it later may have played before. Then theirs is the
    /// time. Only a clock that was put back is behind what was played before it is read again.
    fn now(&self) -> (Timestamp, MutexGuard<'_, Table>) {
        let read = self.clock.now();
        let table = self.lock();
        let last = table.last;
        if read >= last {
            return (read, table);
        }
        drop(table);
        let again = self.clock.now();
        let table = self.lock();
        let now = if again < last { again } else { again.max(table.last) };
        (now, table)
    }
}

impl Table {
    fn play(&mut self, now: Timestamp, ask: &Ask, names: Vec<String>) -> Result<Answer, Failure> {
        self.last = now;
        let known = |name: &String| self.states.get(name).filter(|kept| kept.until > now);
        let states: Vec<Option<&[u8]>> =
            names.iter().map(|name| known(name).map(|kept| kept.state.as_slice())).collect();
        let judged = ask.judge(now.saturating_since(Timestamp::ZERO), &states)?;
        for (name, written) in names.into_iter().zip(judged.writes()) {
            if let Some(written) = written {
                let until = now.saturating_add(written.keep_for());
                self.states.insert(name, Kept { state: written.state().to_vec(), until });
            }
        }
        if self.states.len() >= self.look_at.max(MANY) {
            self.states.retain(|_, kept| kept.until > now);
            // Twice as many as are needed: so a look costs each state that came since as much as two others.
            self.look_at = 2 * self.states.len();
        }
        Ok(judged.into_answer())
    }
}

#[cfg(test)]
mod tests;
