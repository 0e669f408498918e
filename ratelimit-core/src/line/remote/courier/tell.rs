//! What a store is told that was away: what was started without it.

use std::collections::BTreeSet;

use super::desk::Desk;
use super::entry::Own;
use super::lock;
use super::mirror::Mirror;
use super::trip::Played;
use crate::clock::{Clock, SystemClock};
use crate::line::KeyId;
use crate::store::{Ask, Failure, Record, Said, Verb};
use crate::time::Timestamp;

/// So many entries are told of in one call, at most.
pub(super) const BATCH: usize = 64;
/// The part of a trip's time that it may take where nobody waits for it.
const MEANWHILE: u64 = 8;
/// For how long a state is left alone that cannot be read: 1 s in nanoseconds.
const AGAIN: u64 = 1_000_000_000;

/// What came of it.
#[derive(Default)]
pub(super) struct Telling {
    /// Whether the store has answered anything.
    pub(super) is_heard: bool,
    /// Whether it took more than half of the time that there was, or so much that those who come meanwhile would have too
    /// little left, where nobody waits for it.
    pub(super) is_late: bool,
    /// Whether one call of the store's took that long.
    pub(super) is_slow: bool,
    /// What it failed with, so that it was given up.
    pub(super) failure: Option<Failure>,
}

/// Whose record is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    All,
    Key(KeyId),
}

/// What an entry is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// What the store knew before: it may have lost it, which nobody would notice once it is told more.
    Remind,
    Tell,
}

impl Desk {
    /// Before the store is asked anything else: tells it what was started without it, first of those `keys` that are to be
    /// asked about.
    ///
    /// Each record is told by itself, and over with its own answer. Where no answer comes nobody knows whether it counts now,
    /// and it is told again: counted twice it holds callers up, counted never it would let too much start. So that this
    /// is rare, a store that has just failed is first reminded of what it knew, which changes nothing if it still does.
    pub(super) fn tell_untold(&self, keys: &[KeyId], begin: Timestamp, until: Timestamp) -> Telling {
        let mut telling = Telling::default();
        let span = until.as_nanos().saturating_sub(begin.as_nanos());
        let most = begin.plus(if keys.is_empty() { span / MEANWHILE } else { span / 2 });
        while telling.failure.is_none() && !telling.is_late {
            let batch = lock(&self.mirror).next_to_tell(keys);
            if batch.is_empty() {
                break;
            }
            for step in [Step::Remind, Step::Tell] {
                // What has too little time would be given up on its way, and nobody knew whether it counts.
                if telling.failure.is_none() && !telling.is_late {
                    let before = SystemClock.now();
                    self.take_step(step, &batch, until, &mut telling);
                    let now = SystemClock.now();
                    telling.is_late = now >= most;
                    telling.is_slow |= now >= before.plus(span / MEANWHILE);
                }
            }
        }
        telling
    }

    fn take_step(&self, step: Step, batch: &[Whose], until: Timestamp, telling: &mut Telling) {
        let mirror = lock(&self.mirror);
        let step_of = |whose: &Whose| Some((*whose, mirror.step_of(*whose, step)?));
        let (whose, asks): (Vec<Whose>, Vec<Ask>) = batch.iter().filter_map(step_of).unzip();
        drop(mirror);
        if asks.is_empty() {
            return;
        }
        let Played { answers, .. } = self.play(&asks, until);
        let again = SystemClock.now().plus(AGAIN);
        let mut mirror = lock(&self.mirror);
        for ((whose, ask), answer) in whose.into_iter().zip(&asks).zip(&answers) {
            match answer {
                Ok(said @ Said::Done { .. }) => mirror.did_step(whose, step, (ask, said)),
                Err(failure) if failure.is_outage() => {
                    telling.failure = Some(failure.clone());
                    continue;
                }
                // The store is well, and so may be the others.
                _ => mirror.put_off(whose, again),
            }
            telling.is_heard = true;
        }
        if telling.failure.is_some() {
            mirror.spell += 1;
        }
        // Where there was no time for all of them they are all to be reminded again: of fewer both steps are done in time.
        let is_done = telling.failure.is_none();
        mirror.at_once = if is_done { BATCH.min(2 * mirror.at_once) } else { 1.max(mirror.at_once / 2) };
    }

    /// Whether there is something that could be told now.
    pub(super) fn has_untold(&self) -> bool {
        !lock(&self.mirror).next_to_tell(&[]).is_empty()
    }
}

impl Mirror {
    fn own_of(&self, whose: Whose) -> Option<&Own> {
        match whose {
            Whose::All => self.total.as_ref(),
            Whose::Key(key) => self.keys.get(&key),
        }
    }

    fn own_of_mut(&mut self, whose: Whose) -> Option<&mut Own> {
        match whose {
            Whose::All => self.total.as_mut(),
            Whose::Key(key) => self.keys.get_mut(&key),
        }
    }

    /// Of whom to tell next: of all together, then of those `keys`, then of others. What is over need not be told.
    fn next_to_tell(&mut self, keys: &[KeyId]) -> Vec<Whose> {
        // As a rule the store knows all.
        if self.untold.is_empty() && self.own_of(Whose::All).is_none_or(|all| all.untold.is_none()) {
            return Vec::new();
        }
        let (here, now) = (SystemClock.now(), self.now());
        let asked: BTreeSet<KeyId> = keys.iter().copied().filter(|key| self.untold.contains(key)).collect();
        let others = self.untold.iter().filter(|key| !asked.contains(key));
        let keys = asked.iter().chain(others).map(|key| Whose::Key(*key));
        let (mut next, mut over) = (Vec::new(), Vec::new());
        for whose in std::iter::once(Whose::All).chain(keys) {
            let may_be = |own: &&Own| own.untold.as_ref().is_some_and(|untold| untold.again <= here);
            match self.own_of(whose).filter(may_be).and_then(|own| own.to_tell(now)) {
                Some(to_tell) if to_tell.idle_at(now) <= now => over.push(whose),
                Some(_) => next.push(whose),
                None => {}
            }
            if next.len() >= self.at_once {
                break;
            }
        }
        for whose in over {
            self.drop_untold(whose);
        }
        next
    }

    fn drop_untold(&mut self, whose: Whose) {
        if let Some(own) = self.own_of_mut(whose) {
            own.take_untold();
        }
        if let Whose::Key(key) = whose {
            self.untold.remove(&key);
        }
    }

    /// What is asked for that; `None` = nothing any more, or not yet.
    fn step_of(&self, whose: Whose, step: Step) -> Option<Ask> {
        let own = self.own_of(whose)?;
        let is_reminded = own.untold.as_ref()?.reminded == Some(self.spell);
        match step {
            Step::Remind => self.reminding(whose).filter(|_| !is_reminded),
            Step::Tell if is_reminded => self.restoring(whose, &own.to_tell(self.now())?, false),
            Step::Tell => None,
        }
    }

    /// Has the store know what it knew before, if it has lost that.
    pub(super) fn reminding(&self, whose: Whose) -> Option<Ask> {
        self.restoring(whose, &self.own_of(whose)?.record, true)
    }

    fn restoring(&self, whose: Whose, record: &Record, lost: bool) -> Option<Ask> {
        let part = match whose {
            Whose::All => self.total_part()?,
            Whose::Key(key) => self.part_of(key)?,
        };
        let records = vec![record.write(self.now()).map(|(bytes, _)| bytes)];
        Some(Ask::of(vec![part], Verb::Restore { records, lost }))
    }

    pub(super) fn did_step(&mut self, whose: Whose, step: Step, (ask, said): (&Ask, &Said)) {
        let Said::Done { now, born: [born, _] } = *said else { return };
        let spell = self.spell;
        let Some(own) = self.own_of_mut(whose) else { return };
        // It may have been lost or reset meanwhile, as with every answer.
        own.note((ask, said), 0, (now, born));
        match step {
            Step::Remind => {
                if let Some(untold) = &mut own.untold {
                    untold.reminded = Some(spell);
                }
            }
            Step::Tell => {
                own.told(now);
                self.drop_untold(whose);
            }
        }
    }

    fn put_off(&mut self, whose: Whose, again: Timestamp) {
        if let Some(untold) = self.own_of_mut(whose).and_then(|own| own.untold.as_mut()) {
            untold.again = again;
        }
    }
}
