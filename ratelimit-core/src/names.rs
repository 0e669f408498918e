//! Tables of names: who is meant by a bucket's name, the global table included.
//!
//! A name belongs to one state per table. Two declarations of it must say the same; only registering replaces limits.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, LazyLock, PoisonError};
use std::time::Duration;

use crate::clock::ClockHandle;
use crate::error::{BucketName, Error, ErrorKind};
use crate::limits::Limits;
use crate::line::{Declared, Defaults, Shared};
use crate::pace::Pace;
use crate::presets::Presets;
use crate::rate::Rate;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// One table of names.
pub(crate) struct Names {
    /// Tells tables apart for those who cache what they looked up.
    id: u64,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    buckets: BTreeMap<String, Named>,
    /// Presets that nobody has asked for yet: the first call of a process need not make them all.
    presets: Presets,
    /// Names that were removed: only registering brings them back, no declaration does.
    removed: BTreeSet<String>,
    /// Buckets of call sites that have a rate and no name, by the site's address.
    sites: BTreeMap<usize, Arc<Shared>>,
    defaults: Defaults,
    /// Counts the changes of the defaults.
    changes: u64,
    closed: bool,
}

struct Named {
    shared: Arc<Shared>,
    /// What it was declared with first; `None` if it was only registered. The limits in force may be others: those
    /// that were registered since.
    declared: Option<Declared>,
    /// Declared by the table itself: the first other declaration replaces it.
    preset: bool,
}

/// What a declaration says besides the name.
#[derive(Clone, Debug)]
pub(crate) struct Declaration {
    pub(crate) declared: Declared,
    pub(crate) max_delay: Option<Duration>,
}

impl Names {
    /// The id of the [global](Self::global) table, which is so known before that is made.
    pub(crate) const GLOBAL: u64 = 0;

    pub(crate) fn new(defaults: Defaults) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(Names::GLOBAL + 1);
        Names::numbered(IDS.fetch_add(1, Ordering::Relaxed), defaults)
    }

    fn numbered(id: u64, defaults: Defaults) -> Self {
        Names { id, table: Mutex::new(Table { defaults, ..Table::default() }) }
    }

    /// The table that const buckets join and that attributes look names up in; it knows the presets.
    pub(crate) fn global() -> &'static Arc<Names> {
        static GLOBAL: LazyLock<Arc<Names>> = LazyLock::new(|| {
            let names = Names::numbered(Names::GLOBAL, Defaults::default());
            names.lock().presets = Presets::ALL;
            Arc::new(names)
        });
        &GLOBAL
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The table, for whoever means this name: a preset of it is there by then.
    fn lock_for(&self, name: &str) -> Result<MutexGuard<'_, Table>, Error> {
        let mut table = self.lock();
        table.refuse_if_closed(name)?;
        if let Some(rate) = table.presets.remove(name) {
            table.put_preset(name, rate)?;
        }
        Ok(table)
    }

    /// The bucket of that name.
    pub(crate) fn get(&self, name: &str) -> Result<Arc<Shared>, Error> {
        let table = self.lock_for(name)?;
        match table.buckets.get(name) {
            Some(named) => Ok(Arc::clone(&named.shared)),
            None => Err(table.unknown(name)),
        }
    }

    /// The bucket of that name under these limits: a new one, or the one that was declared alike.
    ///
    /// Declarations are compared with declarations: limits registered since are obeyed by all of them.
    pub(crate) fn declare(&self, name: &str, declaration: Declaration) -> Result<Arc<Shared>, Error> {
        let mut table = self.lock_for(name)?;
        if table.removed.contains(name) {
            return Err(closed(name));
        }
        let declared = declaration.declared.clone();
        let Some(named) = table.buckets.get_mut(name) else {
            return insert(table, name, declaration, Some(declared));
        };
        if named.preset {
            return self.replace(table, name, declaration, Some(declared));
        }
        let in_force = named.shared.declared();
        let known = named.declared.as_ref().unwrap_or(&in_force);
        if known.agrees_with(&declared) || in_force.agrees_with(&declared) {
            let shared = Arc::clone(&named.shared);
            named.declared.get_or_insert(declared);
            return Ok(shared);
        }
        let verb = if named.declared.is_some() { "declared" } else { "registered" };
        Err(conflict(named.shared.name(), (verb, known), &declared))
    }

    /// Makes these the limits of that name, whatever it had before.
    pub(crate) fn register(&self, name: &str, declaration: Declaration) -> Result<Arc<Shared>, Error> {
        let mut table = self.lock_for(name)?;
        table.removed.remove(name);
        match table.buckets.get(name) {
            None => insert(table, name, declaration, None),
            Some(named) => {
                let declared = named.declared.clone();
                self.replace(table, name, declaration, declared)
            }
        }
    }

    /// Says the new limits under the table's lock, applies them without it: that wakes waiters.
    fn replace(
        &self,
        mut table: MutexGuard<'_, Table>,
        name: &str,
        Declaration { declared, max_delay }: Declaration,
        first: Option<Declared>,
    ) -> Result<Arc<Shared>, Error> {
        let Table { buckets, defaults, .. } = &mut *table;
        let named = buckets.get_mut(name).filter(|named| !named.shared.is_closed());
        let Some(named) = named else {
            // What is closed stays so; the name gets another state.
            return insert(table, name, Declaration { declared, max_delay }, first);
        };
        let shared = Arc::clone(&named.shared);
        let old = shared.redeclare(declared, defaults)?;
        (named.declared, named.preset) = (first, false);
        shared.set_max_delay(max_delay, defaults.max_delay);
        let (guard, store) = (defaults.guard, defaults.store.clone());
        drop(table);
        drop(old);
        shared.apply(guard, store.as_ref());
        self.bring_up_to_date(&shared);
        Ok(shared)
    }

    /// Takes in a state that belongs to no table yet; `false` if it does, or the name is taken.
    pub(crate) fn adopt(&self, shared: &Arc<Shared>, max_delay: Option<Duration>) -> Result<bool, Error> {
        let name: &str = shared.name();
        let mut table = self.lock_for(name)?;
        shared.fits(&table.defaults)?;
        let is_free = table.buckets.get(name).is_none_or(|named| named.shared.is_closed());
        if !is_free || shared.is_closed() || !shared.claim() {
            return Ok(false);
        }
        table.removed.remove(name);
        let named = Named { shared: Arc::clone(shared), declared: None, preset: false };
        let closed = table.buckets.insert(name.to_owned(), named);
        shared.set_max_delay(max_delay, table.defaults.max_delay);
        let (guard, store) = (table.defaults.guard, table.defaults.store.clone());
        drop(table);
        drop(closed);
        shared.apply(guard, store.as_ref());
        self.bring_up_to_date(shared);
        Ok(true)
    }

    /// Gives a bucket the clock and the pace of the table, also if they are changed meanwhile.
    fn bring_up_to_date(&self, shared: &Arc<Shared>) {
        loop {
            let table = self.lock();
            let (changes, clock, pace) = (table.changes, table.defaults.clock.clone(), table.defaults.pace);
            drop(table);
            shared.set_clock(shared.own_clock().unwrap_or(clock));
            shared.set_pace(pace);
            if self.lock().changes == changes {
                return;
            }
        }
    }

    /// The own bucket of the call site at `address`.
    pub(crate) fn of_site(
        &self,
        address: usize,
        name: &str,
        declared: Declared,
    ) -> Result<Arc<Shared>, Error> {
        let mut table = self.lock_for(name)?;
        if let Some(shared) = table.sites.get(&address) {
            return Ok(Arc::clone(shared));
        }
        let shared = Shared::new(Arc::new(name.into()), declared, None, &table.defaults)?;
        table.sites.insert(address, Arc::clone(&shared));
        Ok(shared)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let table = self.lock();
        let mut names: Vec<String> = table.buckets.keys().cloned().collect();
        names.extend(table.presets.names().map(str::to_owned));
        names.sort_unstable();
        names
    }

    /// Closes and forgets the bucket of that name; whether there was one.
    pub(crate) fn remove(&self, name: &str) -> bool {
        let mut table = self.lock();
        if table.presets.remove(name).is_some() {
            return true;
        }
        let removed = table.buckets.remove(name);
        // Only declarations would bring it back, and there are only so many of them.
        if removed.as_ref().is_some_and(|named| named.declared.is_some()) {
            table.removed.insert(name.to_owned());
        }
        drop(table);
        // Closing wakes waiters, which are foreign code: without the table's lock.
        removed.map(|named| named.shared.close()).is_some()
    }

    pub(crate) fn set_clock(&self, clock: &ClockHandle) {
        let mut table = self.lock();
        let old = std::mem::replace(&mut table.defaults.clock, clock.clone());
        table.changes += 1;
        drop(table);
        // A clock is foreign code: dropped after the lock.
        drop(old);
        for shared in self.all() {
            if shared.own_clock().is_none() {
                if shared.runs_on(clock) {
                    // The same clock again still means that the states start anew, but for those in a store, which are
                    // not in its time.
                    let _ = shared.reset();
                }
                self.bring_up_to_date(&shared);
            }
        }
    }

    pub(crate) fn set_pace(&self, pace: Pace) {
        let mut table = self.lock();
        table.defaults.pace = pace;
        table.changes += 1;
        drop(table);
        for shared in self.all() {
            self.bring_up_to_date(&shared);
        }
    }

    pub(crate) fn reset(&self) {
        for shared in self.all() {
            // A bucket that is closed has nothing to reset; where a store fails there is nobody to tell.
            let _ = shared.reset_whole();
        }
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        for shared in self.all() {
            shared.close();
        }
    }

    fn all(&self) -> Vec<Arc<Shared>> {
        let table = self.lock();
        let named = table.buckets.values().map(|named| &named.shared);
        named.chain(table.sites.values()).map(Arc::clone).collect()
    }
}

/// Names alone: a clock's `Debug` is foreign code, and this holds the lock.
impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").field("names", &self.names()).finish_non_exhaustive()
    }
}

/// A table that nobody holds any more is closed: those who wait on its buckets are told.
impl Drop for Names {
    fn drop(&mut self) {
        self.close();
    }
}

/// Puts a new bucket under that name. A closed one that had it may hold clocks and policies, foreign code that is
/// dropped without the table's lock.
fn insert(
    mut table: MutexGuard<'_, Table>,
    name: &str,
    declaration: Declaration,
    first: Option<Declared>,
) -> Result<Arc<Shared>, Error> {
    let Declaration { declared, max_delay } = declaration;
    let shared = Shared::new(Arc::new(name.into()), declared, max_delay, &table.defaults)?;
    shared.claim();
    let named = Named { shared: Arc::clone(&shared), declared: first, preset: false };
    let closed = table.buckets.insert(name.to_owned(), named);
    drop(table);
    drop(closed);
    Ok(shared)
}

impl Table {
    fn refuse_if_closed(&self, name: &str) -> Result<(), Error> {
        if self.closed {
            return Err(closed(name));
        }
        Ok(())
    }

    #[cold]
    fn put_preset(&mut self, name: &str, rate: Rate) -> Result<(), Error> {
        let declared = Declared::new(Limits::of(rate), None);
        let shared = Shared::new(Arc::new(name.into()), declared, None, &self.defaults)?;
        shared.claim();
        self.buckets.insert(name.to_owned(), Named { shared, declared: None, preset: true });
        Ok(())
    }

    fn unknown(&self, name: &str) -> Error {
        let known =
            self.buckets.keys().map(String::as_str).chain(self.presets.names().map(|name| -> &str { name }));
        let nearest = known
            .map(|known| (strsim::damerau_levenshtein(name, known), known))
            .filter(|(distance, known)| *distance <= (known.len().max(name.len()) / 3).max(1))
            .min_by_key(|(distance, _)| *distance);
        let hint = match nearest {
            Some((_, known)) => format!("did you mean `{known}`?"),
            None => "register it, or give the attribute a `rate`".to_owned(),
        };
        Error::new(ErrorKind::UnknownBucket)
            .with_message(format!("unknown bucket `{name}`: {hint}").into())
            .with_bucket(&Arc::new(name.into()))
    }
}

fn closed(name: &str) -> Error {
    Error::new(ErrorKind::Closed).with_bucket(&Arc::new(name.into()))
}

fn conflict(name: &BucketName, (verb, known): (&str, &Declared), new: &Declared) -> Error {
    let at = |declared: &Declared| declared.site.map(|site| format!(" (at `{site}`)")).unwrap_or_default();
    let own = |declared: &Declared| match (&declared.clock, &declared.store) {
        (None, None) => "",
        (Some(_), None) => ", own clock",
        (None, Some(_)) => ", own store",
        (Some(_), Some(_)) => ", own clock and store",
    };
    let limits = |declared: &Declared| format!("`{}{}`{}", declared.limits, own(declared), at(declared));
    let message = format!(
        "bucket `{name}` is {verb} as {} and declared as {}; declare the same everywhere, or leave the limits to \
         `Registry::register` and use the name alone",
        limits(known),
        limits(new),
    );
    Error::config(message).with_bucket(name)
}
