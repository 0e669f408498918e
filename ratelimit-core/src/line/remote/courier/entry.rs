//! What a process knows of one entry of its store's.

use std::sync::Arc;

use crate::store::{Ask, Entry, Known, Part, Plan, Record, Said, Verb, was_reset};
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
    /// The last start that was among those and is not any more, and so none up to then.
    last_told: u64,
}

/// Starts that a store is to be told.
#[derive(Clone)]
pub(super) struct Untold {
    pub(super) record: Record,
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

impl Own {
    pub(super) fn new(entry: Entry, plans: Under<'_>) -> Self {
        let share = plans.share.map(Record::fresh);
        Own { entry, record: Record::fresh(plans.whole), was: 0, share, untold: None, last_told: 0 }
    }

    /// All that it knows, under other limits.
    pub(super) fn under(self, plans: Under<'_>, now: u64) -> Self {
        let untold = |untold: Box<Untold>| {
            let record = untold.record.under(plans.whole, now);
            Box::new(Untold { record, reminded: None, again: untold.again })
        };
        let all = || {
            let mut all = self.record.clone();
            if let Some(untold) = &self.untold {
                all.join(&untold.record, now);
            }
            all
        };
        let share =
            plans.share.map(|plan| self.share.as_ref().map_or_else(all, Record::clone).under(plan, now));
        let record = self.record.under(plans.whole, now);
        Own { record, share, untold: self.untold.map(untold), ..self }
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
            self.share.iter_mut().chain([&mut self.record]).for_each(Record::reset);
            if let Some((share, untold)) = self.share.as_mut().zip(self.untold.as_ref()) {
                // Of that the store knew nothing, and will.
                share.join(&untold.record, now);
            }
            self.was = 0;
        } else if born != before && born != 0 {
            self.was = before;
        }
        let is_void = |was: &u32| *was != 0 && *was != born;
        let is_void = matches!(verb, Verb::Refund { born, .. } if born.get(index).is_some_and(is_void));
        if !is_void {
            for record in self.share.iter_mut().chain([&mut self.record]) {
                record.note(verb, said, now);
            }
        }
        if born > 0 {
            self.record.born = born;
        }
        if matches!(verb, Verb::Reset | Verb::ResetKey) {
            self.take_untold();
        }
    }

    /// Takes note of what was done in the store's place: it does not know of that.
    pub(super) fn note_alone(&mut self, verb: &Verb, said: &Said, now: u64, plan: &Arc<Plan>) {
        if let Some(share) = &mut self.share {
            share.note(verb, said, now);
        }
        match verb {
            // What the store itself has let start, or was told of, stays spent there, and is none of these.
            Verb::Refund { start, born, .. }
                if self.untold.is_none() || *born != [0; 2] || *start <= self.last_told => {}
            _ => {
                let fresh = || {
                    let record = Record::fresh(plan);
                    Box::new(Untold { record, reminded: None, again: Timestamp::ZERO })
                };
                self.untold.get_or_insert_with(fresh).record.note(verb, said, now);
            }
        }
    }

    /// The store was told at `now`, which is noted: its record has them all.
    pub(super) fn told(&mut self, now: u64) {
        if let Some(untold) = self.take_untold() {
            self.record.join(&untold.record, now);
        }
    }

    /// What the store was told, or need not be told any more.
    pub(super) fn take_untold(&mut self) -> Option<Box<Untold>> {
        let untold = self.untold.take()?;
        self.last_told = self.last_told.max(untold.record.newest);
        Some(untold)
    }

    /// All that was counted before the store's time was known was so much too late.
    pub(super) fn shift_back(&mut self, by: u64) {
        let untold = self.untold.as_mut().map(|untold| &mut untold.record);
        for record in self.share.iter_mut().chain(untold) {
            record.shift_back(by);
        }
        self.last_told = self.last_told.saturating_sub(by);
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
