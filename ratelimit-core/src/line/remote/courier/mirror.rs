//! What this process has started itself, as far as it counts: what it puts back where the store has lost it, and what it has
//! yet to tell the store.

use std::sync::Arc;

use super::entry::{Own, Under};
use super::heed::Heeded;
use super::states::States;
use super::tell::BATCH;
use super::times::Times;
use crate::limits::{Learning, Valid};
use crate::line::KeyId;
use crate::line::table::{Set, Table};
use crate::store::{Ask, Entry, Known, OnOutage, Part, Plan, Said, Verb, Windows, escaped};
use crate::sync::atomic::Ordering;
use crate::time::Timestamp;

/// A bucket's entries as this process knows them.
pub(super) struct Mirror {
    bucket: Arc<str>,
    pub(super) plans: Plans,
    pub(super) keys: Table<KeyId, Own>,
    pub(super) total: Option<Own>,
    /// The keys of which the store has something to be told.
    pub(super) untold: Set<KeyId>,
    /// The states of users' policies while the store is away.
    pub(super) alone: States,
    /// What the server said meanwhile.
    pub(super) heeded: Heeded,
    look_at: usize,
    pub(super) max_keys: usize,
    /// No key can be forgotten before, by the store's time, after a look at all of them.
    full_until: u64,
    pub(super) times: Times,
    /// Of how many entries the store is told next in one call.
    pub(super) at_once: usize,
    /// How often the store has stopped answering: what it knew before it may have lost.
    pub(super) spell: u64,
    learning: Learning,
    has_told_of_others: bool,
}

/// Under which limits is counted.
pub(super) struct Plans {
    key: Arc<Plan>,
    /// The same without a user's policy, whose states nobody can put together.
    key_rates: Arc<Plan>,
    total: Option<Arc<Plan>>,
    pub(super) manner: OnOutage,
    /// The share that this process keeps to by itself, or counts by.
    pub(super) share: Option<Share>,
    /// The greatest weight that can ever fit.
    pub(super) most: u32,
}

/// A share of them.
pub(super) struct Share {
    pub(super) key: Arc<Plan>,
    /// The same without a user's policy.
    rates: Arc<Plan>,
    pub(super) total: Option<Arc<Plan>>,
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
    untold: Set<KeyId>,
    times: Times,
}

impl Plans {
    fn of(limits: &Valid) -> Self {
        let (key, total) = Plan::of(limits);
        let key = Arc::new(key);
        let share = super::outage::share_of(limits).map(|limits| {
            let (key, total) = Plan::of(&limits);
            let key = Arc::new(key);
            Share { rates: key.without_own(), key, total: total.map(Arc::new) }
        });
        Plans {
            key_rates: key.without_own(),
            key,
            total: total.map(Arc::new),
            manner: limits.sharing.on_outage,
            share,
            most: limits.max_weight(),
        }
    }

    fn of_key(&self) -> Under<'_> {
        Under { whole: &self.key_rates, share: self.share.as_ref().map(|share| &share.rates) }
    }

    fn of_total(&self) -> Option<Under<'_>> {
        let share = self.share.as_ref().and_then(|share| share.total.as_ref());
        self.total.as_ref().map(|whole| Under { whole, share })
    }
}

impl Mirror {
    pub(super) fn new(name: &str, limits: &Valid) -> Self {
        let bucket = escaped(name);
        let plans = Plans::of(limits);
        let total = plans.of_total().map(|plans| Own::new(Entry::total(&bucket), plans));
        Mirror {
            bucket,
            plans,
            keys: Table::default(),
            total,
            untold: Set::default(),
            alone: States::default(),
            heeded: Heeded::default(),
            look_at: FEW,
            max_keys: limits.max_keys,
            full_until: 0,
            times: Times::new(),
            at_once: BATCH,
            spell: 0,
            learning: limits.learning,
            has_told_of_others: false,
        }
    }

    /// All that is known, to go on with over another store.
    pub(super) fn known(&self) -> Taken {
        let (keys, total) = (self.keys.clone(), self.total.clone());
        Taken { keys, total, untold: self.untold.clone(), times: self.times }
    }

    /// From now on those limits count, for all that is known; what is left of the old ones is to be dropped without a
    /// lock, as a user's policy may be in it.
    pub(super) fn set_limits(&mut self, limits: &Valid) -> Plans {
        let before = std::mem::replace(&mut self.plans, Plans::of(limits));
        (self.learning, self.max_keys, self.full_until) = (limits.learning, limits.max_keys, 0);
        self.alone.clear();
        self.has_told_of_others = false;
        let total = self.total.take();
        let fresh = |plans| Own::new(Entry::total(&self.bucket), plans);
        self.total = self.plans.of_total().map(fresh);
        let (keys, untold) = (std::mem::take(&mut self.keys), std::mem::take(&mut self.untold));
        self.remember(Taken { keys, total, untold, times: self.times });
        before
    }

    pub(super) fn remember(&mut self, Taken { keys, total, untold, times }: Taken) {
        (self.times, self.untold) = (times, untold);
        let now = self.now();
        for (key, known) in keys {
            self.keys.insert(key, known.under(self.plans.of_key(), now));
        }
        if let (Some(total), Some(plans)) = (total, self.plans.of_total()) {
            self.total = Some(total.under(plans, now));
        }
    }

    /// Whether others of the same generation were found to have other limits, which is told once.
    pub(super) fn has_to_tell_of_others(&mut self) -> bool {
        let plans = [Some(&self.plans.key), self.plans.total.as_ref()];
        let met = plans.into_iter().flatten().any(|plan| plan.met_others.load(Ordering::Relaxed));
        met && !std::mem::replace(&mut self.has_told_of_others, true)
    }

    /// What an ask of that key is about.
    pub(super) fn parts(&self, key: KeyId, text: Option<&str>) -> Vec<Part> {
        self.parts_of(key).unwrap_or_else(|| {
            let part = Part::of(Entry::of_key(&self.bucket, text), &self.plans.key, Known::default());
            std::iter::once(part).chain(self.total_part()).collect()
        })
    }

    /// The same of a key that has started something; `None` of another.
    pub(super) fn parts_of(&self, key: KeyId) -> Option<Vec<Part>> {
        Some(std::iter::once(self.part_of(key)?).chain(self.total_part()).collect())
    }

    pub(super) fn part_of(&self, key: KeyId) -> Option<Part> {
        Some(self.keys.get(&key)?.part(&self.plans.key, self.now()))
    }

    pub(super) fn total_part(&self) -> Option<Part> {
        let (known, plan) = self.total.as_ref().zip(self.plans.total.as_ref())?;
        Some(known.part(plan, self.now()))
    }

    /// How the records are called now in which a start was counted.
    pub(super) fn born_of_today(&self, key: KeyId, start: u64, born: [u32; 2]) -> [u32; 2] {
        let today = |born: u32, known: Option<&Own>| known.map_or(born, |known| known.born_of(start, born));
        let [of_key, total] = born;
        [today(of_key, self.keys.get(&key)), today(total, self.total.as_ref())]
    }

    /// Whether it is known what key that is: where its text is not `told` it has to have started something.
    pub(super) fn knows(&self, key: KeyId, told: Option<&str>) -> bool {
        key.is_none() || told.is_some() || self.keys.contains_key(&key)
    }

    /// The text of a key; `None` for the calls without one.
    pub(super) fn text<'a>(&'a self, key: KeyId, told: Option<&'a str>) -> Option<&'a str> {
        told.or_else(|| self.keys.get(&key)?.entry.key())
    }

    /// The entries that tell what is known of one of the server's windows, where a call weighs so much.
    pub(super) fn windows_of(&self, key: Option<&str>, window: &str, weighs: u32) -> Windows {
        let entry = |window| Entry::window(&self.bucket, key, window);
        let all = Entry::window(&self.bucket, None, ALL);
        Windows { entry: entry(window), window: window.into(), all, weighs, learning: self.learning }
    }

    /// What an answer is of that gives a window another name.
    pub(super) fn renaming(&self, key: Option<&str>, from: &str, to: &str) -> Windows {
        let entry = |window| Entry::window(&self.bucket, key, window);
        let (window, all) = (from.into(), entry(to));
        Windows { entry: entry(from), window, all, weighs: 0, learning: self.learning }
    }

    /// The same window under the name that the server gives it now, and what it was called.
    pub(super) fn renamed(&self, windows: &Windows, name: &str) -> (Windows, Box<str>) {
        let entry = Entry::window(&self.bucket, windows.entry.key(), name);
        (Windows { entry, ..windows.clone() }, windows.window.clone())
    }

    /// What time it is in the store at least, as far as this process knows.
    pub(super) fn now(&self) -> u64 {
        self.times.now()
    }

    /// The keys that are known, by digest and text.
    pub(super) fn keys(&self) -> Vec<(KeyId, Option<String>)> {
        let keyed = self.keys.iter().filter(|(key, _)| key.is_some());
        keyed.map(|(key, known)| (*key, known.entry.key().map(str::to_owned))).collect()
    }

    /// The store has said what time it is, to what it was asked at `sent` and had answered at `received`.
    pub(super) fn see(&mut self, there: u64, (sent, received): (Timestamp, Timestamp)) {
        if let Some(by) = self.times.see(there, (sent, received)) {
            self.alone.clear();
            self.heeded.shift_back(by);
            self.full_until = 0;
            for known in self.keys.values_mut().chain(&mut self.total) {
                known.shift_back(by);
            }
        }
    }

    /// Takes note of what the store has done.
    pub(super) fn note(&mut self, ask: &Ask, key: KeyId, said: &Said) {
        let (Said::Granted { now, born, .. } | Said::Done { now, born }) = *said else { return };
        let (plans, times) = (&self.plans, self.times);
        let Some(part) = ask.parts.first() else { return };
        if is_start(&ask.verb) {
            self.keys.entry(key).or_insert_with(|| Own::new(part.entry.clone(), plans.of_key()));
        } else {
            self.full_until = 0;
        }
        if let Some(known) = self.keys.get_mut(&key) {
            known.note((ask, said), 0, (times.in_order(now, known.record.written), born[0]));
            if known.untold.is_none() {
                self.untold.remove(&key);
            }
        }
        if let Some(total) = self.total.as_mut().filter(|_| !matches!(ask.verb, Verb::ResetKey)) {
            total.note((ask, said), 1, (times.in_order(now, total.record.written), born[1]));
        }
        self.forget(now);
    }

    /// The same of what was done in its place.
    pub(super) fn note_alone(&mut self, ask: &Ask, key: KeyId, said: &Said) {
        let (Said::Granted { now, .. } | Said::Done { now, .. }) = *said else { return };
        let plans = &self.plans;
        // What the server says is in no record.
        let Some(part) = ask.parts.first() else { return };
        if is_start(&ask.verb) {
            self.keys.entry(key).or_insert_with(|| Own::new(part.entry.clone(), plans.of_key()));
        } else {
            self.full_until = 0;
        }
        if let Some(known) = self.keys.get_mut(&key) {
            known.note_alone((&ask.verb, said), 0, now, &plans.key_rates);
            if known.untold.is_some() {
                self.untold.insert(key);
            } else {
                self.untold.remove(&key);
            }
        }
        if let Some((total, plan)) = self.total.as_mut().zip(plans.total.as_ref()) {
            total.note_alone((&ask.verb, said), 1, now, plan);
        }
        self.forget(now);
    }

    /// Now and then: what does not count any more.
    fn forget(&mut self, now: u64) {
        if self.keys.len() >= self.look_at {
            // Of calls that run for long something may still be told.
            let is_used = |known: &Own| known.used().saturating_add(LONG) > now;
            self.keys.retain(|_, known| known.counts_until(now) > now || is_used(known));
            self.untold.retain(|key| self.keys.contains_key(key));
            self.look_at = FEW.max(2 * self.keys.len());
        }
    }

    /// Whether asks of that verb need room for a key, and this one has none yet.
    pub(super) fn is_new(&self, ask: &Ask, key: KeyId) -> bool {
        key.is_some() && is_start(&ask.verb) && !self.keys.contains_key(&key)
    }

    /// For how many of so many new keys there is room, once what does not count any more is forgotten.
    pub(super) fn room_for(&mut self, wanted: usize) -> usize {
        let most = self.max_keys.saturating_add(usize::from(self.keys.contains_key(&None)));
        let now = self.now();
        if self.keys.len().saturating_add(wanted) > most && self.full_until <= now {
            let mut full_until = u64::MAX;
            self.keys.retain(|key, known| {
                let until = known.counts_until(now);
                if until > now {
                    full_until = full_until.min(until);
                }
                until > now || key.is_none()
            });
            self.untold.retain(|key| self.keys.contains_key(key));
            self.full_until = full_until;
        }
        most.saturating_sub(self.keys.len()).min(wanted)
    }
}

/// Whether something is started by it, of which a key's state is to be kept.
pub(super) fn is_start(verb: &Verb) -> bool {
    matches!(verb, Verb::Acquire(_) | Verb::Charge { .. } | Verb::Restore { .. })
}
