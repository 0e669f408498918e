//! What a process knows of one entry of its store's.

use std::sync::Arc;

use crate::policy::inherit::Start;
use crate::policy::sliding_window::SlidingWindow;
use crate::policy::{Outcome, Policy};
use crate::store::{Acquire, Ask, Entry, Known, Part, Plan, Record, Said, Verb, was_reset};
use crate::time::Timestamp;

/// One entry.
#[derive(Clone)]
pub(super) struct Own {
    pub(super) entry: Entry,
    /// Its own starts that the store has counted, under the bucket's limits.
    pub(super) record: Record,
    /// Which record they were put back from where that was lost, if any of them may be told so; 0 = none.
    pub(super) was: u32,
    /// All its own starts under its share of the limits, where it goes on by itself.
    pub(super) share: Option<Record>,
    /// What it has started by itself, and the store was not told yet.
    pub(super) untold: Option<Box<Untold>>,
    /// When the newest start was counted that has left those: of the ones up to then none is among them.
    last_told: u64,
    /// What the record is called in which they were counted; 0 = none were.
    told_in: u32,
    /// The same of those that a reset has forgotten.
    forgotten: (u64, u32),
}

/// Starts that a store is to be told.
#[derive(Clone)]
pub(super) struct Untold {
    pub(super) record: Record,
    /// How much they weigh, but for what was given back.
    weight: u64,
    /// When those were that may be in a fixed window which is open, where there is one: which are nobody knows.
    log: Option<SlidingWindow>,
    /// When the newest was counted, whatever was given back.
    newest: u64,
    /// In which spell of answers the store was last made to know the rest.
    pub(super) reminded: Option<u64>,
    /// Not before then, by the system's clock: its state cannot be read.
    pub(super) again: Timestamp,
}

/// The limits that are counted under, of one entry, without a user's policy, whose states nobody can put together.
#[derive(Clone, Copy)]
pub(super) struct Under<'a> {
    pub(super) whole: &'a Arc<Plan>,
    pub(super) share: Option<&'a Arc<Plan>>,
}

impl Untold {
    fn new(plan: &Arc<Plan>) -> Self {
        let record = Record::fresh(plan);
        let log = Untold::log_of(&record);
        Untold { record, weight: 0, log, newest: 0, reminded: None, again: Timestamp::ZERO }
    }

    fn log_of(record: &Record) -> Option<SlidingWindow> {
        record.longest_fixed().map(|window| SlidingWindow::new(u32::MAX, window))
    }

    /// Counts what the record has.
    fn count(&mut self, start: u64, weight: u32) {
        self.newest = self.newest.max(start);
        self.weight = self.weight.saturating_add(u64::from(weight));
        if let Some(log) = &mut self.log {
            log.commit(Timestamp::from_nanos(self.newest), weight);
        }
    }

    fn shift_back(&mut self, by: u64) {
        self.record.shift_back(by);
        self.newest = self.newest.saturating_sub(by);
        if let Some(log) = &mut self.log {
            log.shift_back(by);
        }
    }
}

impl Own {
    pub(super) fn new(entry: Entry, plans: Under<'_>) -> Self {
        let share = plans.share.map(Record::fresh);
        Own {
            entry,
            record: Record::fresh(plans.whole),
            was: 0,
            share,
            untold: None,
            last_told: 0,
            told_in: 0,
            forgotten: (0, 0),
        }
    }

    /// All that it knows, under other limits.
    pub(super) fn under(self, plans: Under<'_>, now: u64) -> Self {
        let to_tell = self.to_tell(now);
        let all = || {
            let mut all = self.record.clone();
            if let Some(to_tell) = &to_tell {
                all.join(to_tell, now);
            }
            all
        };
        let share =
            plans.share.map(|plan| self.share.as_ref().map_or_else(all, Record::clone).under(plan, now));
        let record = self.record.under(plans.whole, now);
        let untold = self.untold.zip(to_tell.as_ref()).map(|(untold, to_tell)| {
            let record = to_tell.under(plans.whole, now);
            let before = untold.log.iter().flat_map(SlidingWindow::log);
            let log = Untold::log_of(&record).map(|log| log.remembering(before));
            Box::new(Untold { record, log, reminded: None, ..*untold })
        });
        Own { record, share, untold, ..self }
    }

    /// What the store is to be told, as it counts beside what that knows.
    pub(super) fn to_tell(&self, now: u64) -> Option<Record> {
        let Untold { record, weight, log, .. } = &**self.untold.as_ref()?;
        let log: Vec<Start> = log.iter().flat_map(SlidingWindow::log).collect();
        let beside = |share: &Record| record.beside_others(share, (*weight, &log), now);
        Some(self.share.as_ref().map_or_else(|| record.clone(), beside))
    }

    /// As an ask is about it. Of what is over by `now` the store need not know any more.
    pub(super) fn part(&self, plan: &Arc<Plan>, now: u64) -> Part {
        let Record { born, written, .. } = self.record;
        let counts = self.record.idle_at(now) > now;
        let known = if counts { Known { born, written } } else { Known::default() };
        Part::of(self.entry.clone(), plan, known)
    }

    /// Takes note of what the store has done to the record that is the `index`th of an ask's, which it calls `born`.
    pub(super) fn note(&mut self, (ask, said): (&Ask, &Said), index: usize, (now, born): (u64, u32)) {
        let (verb, before) = (&ask.verb, self.record.born);
        if was_reset(before, born) {
            let to_tell = self.to_tell(now);
            self.forget_told(before);
            self.share.iter_mut().chain([&mut self.record]).for_each(Record::reset);
            if let Some((share, to_tell)) = self.share.as_mut().zip(to_tell) {
                // Of that the store knew nothing, and will.
                share.join(&to_tell, now);
            }
            self.was = 0;
        } else if born != before && born != 0 {
            self.was = before;
        }
        if !is_void(verb, index, born) {
            for record in self.share.iter_mut().chain([&mut self.record]) {
                record.note(verb, said, now);
            }
            if let (Some(share), Verb::Acquire(_)) = (&mut self.share, verb) {
                // Else who has started more than its share by the store would be locked out for as long once it goes on by
                // itself.
                share.owe_up_to_burst(now);
            }
        }
        if born > 0 {
            self.record.born = born;
        }
        if matches!(verb, Verb::Reset | Verb::ResetKey) {
            self.take_untold();
            self.forget_told(before);
        }
    }

    /// Takes note of what was done in the store's place with what is the `index`th of an ask's: it does not know of that.
    pub(super) fn note_alone(
        &mut self,
        (verb, said): (&Verb, &Said),
        index: usize,
        now: u64,
        plan: &Arc<Plan>,
    ) {
        if is_void(verb, index, self.record.born) {
            return;
        }
        if let Some(share) = &mut self.share {
            share.note(verb, said, now);
        }
        if let Verb::Refund { start, weight, given, born } = verb {
            // What the store itself has let start, or was told of, stays spent there, and is none of these.
            let is_there = born.get(index).is_some_and(|born| *born != 0) || *start <= self.last_told;
            if let Some(untold) = self.untold.as_mut().filter(|_| !is_there) {
                untold.record.note(verb, said, now);
                untold.weight = untold.weight.saturating_sub(u64::from(*given.min(weight)));
                if let Some(log) = &mut untold.log {
                    let [start, now] = [*start, now].map(Timestamp::from_nanos);
                    log.settle(start, now, *weight, &Outcome::Refund(*given));
                }
            }
            return;
        }
        let untold = self.untold.get_or_insert_with(|| Box::new(Untold::new(plan)));
        untold.record.note(verb, said, now);
        if let (
            Verb::Acquire(Acquire { weight, .. }) | Verb::Charge { weight },
            Said::Granted { start, .. },
        ) = (verb, said)
        {
            untold.count(*start, *weight);
        }
    }

    /// What the record is called in which a start was counted that is told so, as far as that is known: one that was made
    /// without the store counts where it was told.
    pub(super) fn born_of(&self, start: u64, born: u32) -> u32 {
        let (until, forgotten) = self.forgotten;
        let born = match born {
            0 if start <= until => forgotten,
            0 if start <= self.last_told => self.told_in,
            born => born,
        };
        // What was put back is in another one.
        if born != 0 && born == self.was { self.record.born } else { born }
    }

    /// The store was told at `now`, which is noted: its record has them all.
    pub(super) fn told(&mut self, now: u64) {
        if let Some(to_tell) = self.to_tell(now) {
            self.record.join(&to_tell, now);
        }
        self.take_untold();
    }

    /// What the store was told, or need not be told any more.
    pub(super) fn take_untold(&mut self) {
        if let Some(untold) = self.untold.take() {
            self.last_told = self.last_told.max(untold.newest);
            self.told_in = self.record.born;
        }
    }

    /// A reset has made something else of the record that was called so: nothing of what was told is given back.
    fn forget_told(&mut self, before: u32) {
        self.forgotten = (self.last_told, before);
    }

    /// All that was counted before the store's time was known was so much too late.
    pub(super) fn shift_back(&mut self, by: u64) {
        if let Some(untold) = &mut self.untold {
            untold.shift_back(by);
        }
        if let Some(share) = &mut self.share {
            share.shift_back(by);
        }
        for told in [&mut self.last_told, &mut self.forgotten.0] {
            *told = told.saturating_sub(by);
        }
    }

    /// Until when anything of it counts, as far as is known at `now`.
    pub(super) fn counts_until(&self, now: u64) -> u64 {
        let untold = self.untold.as_ref().map(|untold| &untold.record);
        let others = untold.into_iter().chain(&self.share).map(|record| record.idle_at(now));
        others.fold(self.record.idle_at(now), u64::max)
    }

    /// When it was used last.
    pub(super) fn used(&self) -> u64 {
        let untold = self.untold.as_ref().map_or(0, |untold| untold.record.written);
        self.record.written.max(untold)
    }
}

/// Whether that gives back what was counted in a record that is not the one of today, as that is called: nobody may do so.
fn is_void(verb: &Verb, index: usize, today: u32) -> bool {
    let is_other = |born: &u32| *born != 0 && *born != today;
    matches!(verb, Verb::Refund { born, .. } if born.get(index).is_some_and(is_other))
}

#[cfg(test)]
mod tests;
