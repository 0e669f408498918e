//! What this process has started itself, as far as it counts: what it puts back where the store has lost it.

use std::sync::Arc;

use crate::clock::{Clock, SystemClock, wall_micros};
use crate::limits::{Learning, Valid};
use crate::line::KeyId;
use crate::line::table::Table;
use crate::pace::Pace;
use crate::store::{Ask, Entry, Known, Part, Plan, Record, Said, Verb, Windows, escaped};
use crate::time::Timestamp;

/// A bucket's entries as this process knows them.
pub(super) struct Mirror {
    bucket: Arc<str>,
    key_plan: Arc<Plan>,
    /// The same without a user's policy, whose states nobody can put together.
    rates_plan: Arc<Plan>,
    total_plan: Option<Arc<Plan>>,
    keys: Table<KeyId, Own>,
    total: Option<Own>,
    look_at: usize,
    /// What time it was in the store, and here.
    seen: Option<(u64, Timestamp)>,
    pub(super) pace: Pace,
    /// The greatest weight that can ever fit.
    most: u32,
    learning: Learning,
}

/// One entry.
#[derive(Clone)]
struct Own {
    entry: Entry,
    /// Its own starts, under the bucket's limits.
    record: Record,
}

/// So few are not worth a look.
const FEW: usize = 64;
/// The window of which all others are: what the server says to everybody.
const ALL: &str = "*";
/// For how long a key is known that nothing counts of: ten minutes in microseconds.
const LONG: u64 = 600_000_000;

/// What one courier leaves to the next.
pub(super) struct Taken {
    keys: Table<KeyId, Own>,
    total: Option<Own>,
    seen: Option<(u64, Timestamp)>,
}

impl Own {
    /// All that it knows, under other limits.
    fn under(self, plan: &Arc<Plan>, now: u64) -> Self {
        Own { record: self.record.under(plan, now), entry: self.entry }
    }

    fn new(entry: Entry, plan: &Arc<Plan>) -> Self {
        Own { entry, record: Record::fresh(plan) }
    }

    /// Of what is over by `now` the store need not know any more.
    fn part(&self, plan: &Arc<Plan>, now: u64) -> Part {
        let Record { born, written, .. } = self.record;
        let counts = self.record.idle_at(now) > now;
        let known = if counts { Known { born, written } } else { Known::default() };
        Part::of(self.entry.clone(), plan, known)
    }
}

impl Mirror {
    pub(super) fn new(name: &str, limits: &Valid) -> Self {
        let bucket = escaped(name);
        let (key_plan, total_plan) = Plan::of(limits);
        let (key_plan, total_plan) = (Arc::new(key_plan), total_plan.map(Arc::new));
        let rates_plan = key_plan.without_own();
        let total = total_plan.as_ref().map(|plan| Own::new(Entry::total(&bucket), plan));
        Mirror {
            bucket,
            key_plan,
            rates_plan,
            total_plan,
            keys: Table::default(),
            total,
            look_at: FEW,
            seen: None,
            pace: Pace::Normal,
            most: limits.max_weight(),
            learning: limits.learning,
        }
    }

    /// All that is known, to go on with over another store.
    pub(super) fn known(&self) -> Taken {
        Taken { keys: self.keys.clone(), total: self.total.clone(), seen: self.seen }
    }

    /// From now on those limits count, for all that is known.
    pub(super) fn set_limits(&mut self, limits: &Valid) {
        let (key_plan, total_plan) = Plan::of(limits);
        (self.key_plan, self.total_plan) = (Arc::new(key_plan), total_plan.map(Arc::new));
        self.rates_plan = self.key_plan.without_own();
        (self.most, self.learning) = (limits.max_weight(), limits.learning);
        let total = self.total.take();
        let fresh = |plan: &Arc<Plan>| Own::new(Entry::total(&self.bucket), plan);
        self.total = self.total_plan.as_ref().map(fresh);
        let known = Taken { keys: std::mem::take(&mut self.keys), total, seen: self.seen };
        self.remember(known);
    }

    pub(super) fn remember(&mut self, Taken { keys, total, seen }: Taken) {
        self.seen = seen;
        let now = self.now();
        for (key, known) in keys {
            self.keys.insert(key, known.under(&self.rates_plan, now));
        }
        if let (Some(total), Some(plan)) = (total, &self.total_plan) {
            self.total = Some(total.under(plan, now));
        }
    }

    /// What a call of `weight` takes: at half speed twice as much, as far as that can ever fit.
    pub(super) fn taken_for(&self, weight: u32) -> u32 {
        match self.pace {
            Pace::Normal => weight,
            Pace::Slow => weight.max(weight.saturating_mul(2).min(self.most)),
        }
    }

    /// What an ask of that key is about.
    pub(super) fn parts(&self, key: KeyId, text: Option<&str>) -> Vec<Part> {
        self.parts_of(key).unwrap_or_else(|| {
            let part = Part::of(Entry::of_key(&self.bucket, text), &self.key_plan, Known::default());
            self.with_total(part)
        })
    }

    /// The same of a key that has started something; `None` of another.
    pub(super) fn parts_of(&self, key: KeyId) -> Option<Vec<Part>> {
        let known = self.keys.get(&key)?;
        Some(self.with_total(known.part(&self.key_plan, self.now())))
    }

    fn with_total(&self, part: Part) -> Vec<Part> {
        let total = self.total.as_ref().zip(self.total_plan.as_ref());
        std::iter::once(part).chain(total.map(|(known, plan)| known.part(plan, self.now()))).collect()
    }

    /// The entries that tell what is known of one of the server's windows, for a key that has started something.
    pub(super) fn windows(&self, key: KeyId, window: &str) -> Option<Windows> {
        let known = self.keys.get(&key)?;
        Some(self.windows_of(known.entry.key(), window))
    }

    /// The same for a key by its text.
    pub(super) fn windows_of(&self, key: Option<&str>, window: &str) -> Windows {
        let entry = |window| Entry::window(&self.bucket, key, window);
        let all = Entry::window(&self.bucket, None, ALL);
        Windows { entry: entry(window), window: window.into(), all, learning: self.learning }
    }

    /// What an answer is of that gives a window another name.
    pub(super) fn renaming(&self, key: KeyId, from: &str, to: &str) -> Option<Windows> {
        let known = self.keys.get(&key)?;
        let entry = |window| Entry::window(&self.bucket, known.entry.key(), window);
        Some(Windows { entry: entry(from), window: from.into(), all: entry(to), learning: self.learning })
    }

    /// The same window under the name that the server gives it now, and what it was called.
    pub(super) fn renamed(&self, windows: &Windows, name: &str) -> (Windows, Box<str>) {
        let entry = Entry::window(&self.bucket, windows.entry.key(), name);
        (Windows { entry, ..windows.clone() }, windows.window.clone())
    }

    /// What time it is in the store, as far as this process knows.
    pub(super) fn now(&self) -> u64 {
        match self.seen {
            Some((there, seen)) => {
                let since = SystemClock.now().as_nanos().saturating_sub(seen.as_nanos()) / 1000;
                there.saturating_add(since)
            }
            // As a store's clock would have it.
            None => wall_micros(),
        }
    }

    /// The keys that are known, by digest and text.
    pub(super) fn keys(&self) -> Vec<(KeyId, Option<String>)> {
        let keyed = self.keys.iter().filter(|(key, _)| key.is_some());
        keyed.map(|(key, known)| (*key, known.entry.key().map(str::to_owned))).collect()
    }

    /// What is known of a key and of all together, as records.
    pub(super) fn records(&self, key: KeyId) -> Vec<Option<Vec<u8>>> {
        let now = self.now();
        let record = |known: &Own| known.record.write(now).map(|(bytes, _)| bytes);
        let total = self.total.as_ref().map(record);
        std::iter::once(self.keys.get(&key).and_then(record)).chain(total).collect()
    }

    /// Takes note of what the store has done.
    pub(super) fn note(&mut self, ask: &Ask, key: KeyId, said: &Said) {
        let (Said::Granted { now, born, .. } | Said::Done { now, born }) = *said else { return };
        self.seen = Some((now, SystemClock.now()));
        let Some(part) = ask.parts.first() else { return };
        let plan = &self.rates_plan;
        let known = self.keys.entry(key).or_insert_with(|| Own::new(part.entry.clone(), plan));
        known.record.note(&ask.verb, said, now);
        known.record.born = one_of(born[0], known.record.born);
        if let Some(total) = self.total.as_mut().filter(|_| !matches!(ask.verb, Verb::ResetKey)) {
            total.record.note(&ask.verb, said, now);
            total.record.born = one_of(born[1], total.record.born);
        }
        if self.keys.len() >= self.look_at {
            // Of calls that run for long something may still be told.
            let is_used = |record: &Record| record.written.saturating_add(LONG) > now;
            self.keys.retain(|_, known| known.record.idle_at(now) > now || is_used(&known.record));
            self.look_at = FEW.max(2 * self.keys.len());
        }
    }
}

/// Which record it is; what is answered in the store's place is of none.
fn one_of(said: u32, known: u32) -> u32 {
    if said == 0 { known } else { said }
}
