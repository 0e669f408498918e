//! Carries what is asked to the store, and its answers back.
//!
//! One at a time carries, all that waits to be asked in one go: so what callers of one process ask arrives in the order in
//! which they came, and many of them are one trip. A thread that waits for its own answer carries itself, where nobody
//! does; for futures a thread of the bucket's does, which is started when it is needed first.

mod again;
mod deliver;
mod desk;
mod entry;
mod health;
mod heed;
mod late;
mod mirror;
mod note;
mod outage;
mod states;
mod tell;
mod times;
mod trip;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, Weak};

use super::answer::{Asker, Told};
use super::ask::Wish;
use super::verbs::{Note, Weighs};
use crate::clock::{Clock, SystemClock};
use crate::limits::Valid;
use crate::line::KeyId;
use crate::line::shared::Shared;
use crate::policy::own;
use crate::store::{Acquire, Ask, Failure, Said, StoreHandle, Verb};
use crate::sync::{Condvar, Mutex, MutexGuard};

pub(crate) use desk::Put;
use desk::{Caller, Cell, Desk, Errand, Reply, Slot, To};
use health::Health;
use late::Late;
use mirror::Mirror;
pub(super) use trip::is_no_room;

/// How many asks are carried at once.
const MOST: usize = 256;

/// Who may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// This thread, which has to wait anyway.
    Here,
    /// A thread of the bucket's, as this one must not wait.
    Elsewhere,
}

/// Between one bucket and its store.
pub(crate) struct Courier {
    desk: Arc<Desk>,
}

impl Courier {
    pub(in crate::line) fn new(store: StoreHandle, shared: Weak<Shared>, limits: &Valid, name: &str) -> Self {
        let desk = Desk {
            store,
            shared,
            inner: Mutex::default(),
            bell: Condvar::new(),
            mirror: Mutex::new(Mirror::new(name, limits)),
            health: Mutex::new(Health::default()),
            late: Mutex::new(Late::under(limits)),
        };
        Courier { desk: Arc::new(desk) }
    }

    /// Whether it goes to that store.
    pub(in crate::line) fn goes_to(&self, store: &StoreHandle) -> bool {
        self.desk.store.is(store)
    }

    /// From now on what is asked is judged by those limits.
    pub(in crate::line) fn set_limits(&self, limits: &Valid) {
        let before = lock(&self.desk.mirror).set_limits(limits);
        drop(before);
        lock(&self.desk.late).set_limits(limits);
    }

    /// Goes on with what the one to another store knows.
    pub(in crate::line) fn remember(&self, before: &Courier) {
        let known = lock(&before.desk.mirror).known();
        lock(&self.desk.mirror).remember(known);
    }

    /// Asks for a start, for somebody in line.
    pub(super) fn put_wish(&self, wish: &Wish, text: Option<&str>) -> Put<'_> {
        let key = wish.asker.key;
        self.desk.put_overdue(self.ask_of(wish, (key, text)), key, To::Asker(wish.asker), wish.overdue)
    }

    /// Gives back what was reserved for a wish that nobody has any more.
    pub(super) fn give_back(&self, wish: &Wish, told: Told) {
        self.desk.give_back(wish.asker, wish.window.clone(), told);
    }

    /// Asks for a start, for somebody who waits here for the answer.
    pub(super) fn ask_here(&self, wish: &Wish, named: (KeyId, Option<&str>)) -> Told {
        let reply = self.wait_for(self.ask_of(wish, named), named.0);
        self.desk.told(reply, wish.asker)
    }

    fn ask_of(&self, wish: &Wish, (key, text): (KeyId, Option<&str>)) -> Ask {
        let Wish { asker: Asker { want, taken, behind, .. }, after, allowance, reserves, .. } = *wish;
        let mirror = lock(&self.desk.mirror);
        let parts = mirror.parts(key, text);
        // What the server counts knows no pace.
        let windows = wish.window.as_deref().map(|window| mirror.windows_of(text, window, want.weight));
        drop(mirror);
        let acquire = Acquire {
            weight: behind.unwrap_or(taken.weight),
            after: after.div_ceil(1000),
            // That is found out as the trip begins.
            slack: 0,
            allowance: if allowance == u64::MAX { u64::MAX } else { allowance / 1000 },
            reserves,
        };
        Ask::of(parts, Verb::Acquire(acquire)).in_windows(windows)
    }

    /// Tells the store something, as soon as may be.
    pub(in crate::line) fn tell(&self, key: KeyId, note: &Note) {
        self.desk.tell(key, note);
    }

    /// Asks and waits for the answer; of which of the server's windows as well, if of any.
    pub(in crate::line) fn call(
        &self,
        (key, text): (KeyId, Option<&str>),
        window: Option<Weighs>,
        verb: Verb,
    ) -> Result<Said, Failure> {
        let mirror = lock(&self.desk.mirror);
        let windows = window.map(|(window, weighs)| mirror.windows_of(text, &window, weighs));
        let ask = Ask::of(mirror.parts(key, text), verb).in_windows(windows);
        drop(mirror);
        self.wait_for(ask, key).said
    }

    /// Forgets what is known of those keys, and what is known of their windows, and waits until that is done.
    ///
    /// All of them is tried, whatever fails.
    pub(super) fn reset(
        &self,
        keys: &[(KeyId, Option<String>)],
        windows: &[Box<str>],
        verb: &Verb,
    ) -> Result<(), Failure> {
        let mirror = lock(&self.desk.mirror);
        let asks_of = |(key, text): &(KeyId, Option<String>)| {
            let (key, text) = (*key, text.as_deref());
            // What is of all keys together is reset once, with the calls that have none: how often it was tells who puts
            // back or gives back what was counted before.
            let verb = if key.is_some() { &Verb::ResetKey } else { verb };
            let windows = windows.iter().map(|window| mirror.windows_of(text, window, 0));
            let of_windows = windows.map(|windows| Ask::of_windows(windows, verb.clone()));
            let of_key = Ask::of(mirror.parts(key, text), verb.clone());
            std::iter::once(of_key).chain(of_windows).map(move |ask| (ask, key)).collect::<Vec<_>>()
        };
        let asks: Vec<(Ask, KeyId)> = keys.iter().flat_map(asks_of).collect();
        drop(mirror);
        let mut done = Ok(());
        for together in asks.chunks(MOST) {
            let since = SystemClock.now();
            let errand = |(ask, key): &(Ask, KeyId)| {
                let cell = Arc::new(Cell::default());
                let to = To::Caller(Caller::new(&cell));
                (Errand { ask: ask.clone(), key: *key, since, to }, cell)
            };
            let (errands, cells): (Vec<_>, Vec<_>) = together.iter().map(errand).unzip();
            lock(&self.desk.inner).errands.extend(errands);
            self.desk.carry(1);
            for cell in cells {
                done = done.and(cell.wait().said.map(drop));
            }
        }
        done
    }

    /// The keys that this process has used of late.
    pub(super) fn keys(&self) -> Vec<(KeyId, Option<String>)> {
        lock(&self.desk.mirror).keys()
    }

    /// What the store failed with last.
    pub(crate) fn failure(&self) -> Option<Failure> {
        lock(&self.desk.health).failure.clone()
    }

    fn wait_for(&self, ask: Ask, key: KeyId) -> Reply {
        let cell = Arc::new(Cell::default());
        self.desk.put(ask, key, To::Caller(Caller::new(&cell))).carry(Way::Here);
        cell.wait()
    }
}

impl Cell {
    fn wait(&self) -> Reply {
        let mut slot = lock(&self.slot);
        loop {
            if let Slot::Answered(reply) = std::mem::replace(&mut *slot, Slot::Awaited) {
                return reply;
            }
            slot = self.bell.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The bucket's thread goes home.
impl Drop for Courier {
    fn drop(&mut self) {
        lock(&self.desk.inner).is_closed = true;
        self.desk.bell.notify_all();
    }
}

impl fmt::Debug for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Courier").finish_non_exhaustive()
    }
}

/// Runs what is foreign; `None` if it panics, which is nobody's who is served here.
fn caught<R>(foreign: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(foreign)).map_err(own::discard).ok()
}

/// Nothing foreign runs under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
