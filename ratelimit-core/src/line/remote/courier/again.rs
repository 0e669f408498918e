//! What is asked again: the store had lost what it knew, or the server has given a window another name.

use std::collections::BTreeMap;

use super::desk::{Desk, Reply};
use super::lock;
use super::tell::{Step, Whose};
use super::trip::Played;
use crate::line::KeyId;
use crate::store::{Ask, Failure, Said, Verb};
use crate::time::Timestamp;

/// What is put back may be lost before it is asked for again, and a window be renamed that was just followed: so often
/// it is tried.
const ROUNDS: usize = 2;
/// So many are put back before they are asked for again: where each takes a trip of its own, as over Redis, those who come
/// first are not to be out of time because of those who come last.
const BATCH: usize = 16;

/// Who has asked for what, and was told so.
struct Asked<'a> {
    ask: &'a mut Ask,
    key: KeyId,
    reply: &'a mut Reply,
}

impl Asked<'_> {
    fn is_lost(&self) -> bool {
        matches!(self.reply.said, Ok(Said::Lost))
    }

    fn renamed(&self) -> Option<&str> {
        match &self.reply.said {
            Ok(Said::Renamed(name)) => Some(name),
            _ => None,
        }
    }
}

impl Desk {
    /// Asks again what came to nothing, all of it together: nothing was done yet.
    pub(super) fn ask_again(
        &self,
        asks: &mut [Ask],
        keys: &[KeyId],
        replies: &mut [Reply],
        until: Timestamp,
    ) {
        let all = asks.iter_mut().zip(keys).zip(replies);
        let all = all.map(|((ask, key), reply)| Asked { ask, key: *key, reply });
        let mut open: Vec<Asked<'_>> =
            all.filter(|asked| asked.is_lost() || asked.renamed().is_some()).collect();
        for _ in 0..if open.is_empty() { 0 } else { ROUNDS } {
            let mut lost: Vec<_> = open.iter_mut().filter(|asked| asked.is_lost()).collect();
            for batch in lost.chunks_mut(BATCH) {
                let failures = self.remind(batch.iter().map(|asked| asked.key), until);
                for asked in &mut *batch {
                    match failures.get(&Whose::All).or_else(|| failures.get(&Whose::Key(asked.key))) {
                        Some(failure) => *asked.reply = Reply::failed(failure.clone()),
                        None => *asked.ask = self.of_today(asked.ask, asked.key),
                    }
                }
                let still = batch.iter_mut().map(|asked| &mut **asked).filter(|asked| asked.is_lost());
                self.play_again(still.collect(), until);
            }
            let mut renamed: Vec<_> = open.iter_mut().filter(|asked| asked.renamed().is_some()).collect();
            for asked in &mut renamed {
                let followed = asked.renamed().and_then(|name| self.follow(asked.ask, name));
                if let Some(ask) = followed {
                    *asked.ask = self.of_today(&ask, asked.key);
                }
            }
            self.play_again(renamed, until);
        }
    }

    fn play_again(&self, open: Vec<&mut Asked<'_>>, until: Timestamp) {
        if open.is_empty() {
            return;
        }
        let asks: Vec<Ask> = open.iter().map(|asked| asked.ask.clone()).collect();
        let Played { answers, trip } = self.play(&asks, until);
        for (asked, said) in open.into_iter().zip(answers) {
            *asked.reply = Reply { said, trip };
        }
    }

    /// Puts back what the store has lost of what this process has started of those keys and of all together; what it
    /// failed with.
    fn remind(&self, keys: impl Iterator<Item = KeyId>, until: Timestamp) -> BTreeMap<Whose, Failure> {
        let mut whose: Vec<Whose> = std::iter::once(Whose::All).chain(keys.map(Whose::Key)).collect();
        whose.sort_unstable();
        whose.dedup();
        let mirror = lock(&self.mirror);
        let ask_of = |whose: Whose| Some((whose, mirror.reminding(whose)?));
        let (whose, asks): (Vec<Whose>, Vec<Ask>) = whose.into_iter().filter_map(ask_of).unzip();
        drop(mirror);
        let Played { answers, .. } = self.play(&asks, until);
        let mut failures = BTreeMap::new();
        for ((whose, ask), answer) in whose.into_iter().zip(&asks).zip(answers) {
            match answer {
                Ok(said) => lock(&self.mirror).did_step(whose, Step::Remind, (ask, &said)),
                Err(failure) => _ = failures.insert(whose, failure),
            }
        }
        failures
    }

    /// The server has given the ask's window another name: the same for that one. The bucket is told of it.
    pub(super) fn follow(&self, ask: &Ask, name: &str) -> Option<Ask> {
        let (windows, before) = lock(&self.mirror).renamed(ask.windows.as_deref()?, name);
        if let Some(shared) = self.shared.upgrade() {
            shared.renamed(&before, name);
        }
        Some(ask.clone().in_windows(Some(windows)))
    }

    /// The same ask, as to what this process knows now.
    pub(super) fn of_today(&self, ask: &Ask, key: KeyId) -> Ask {
        // What is of windows alone is to write no record: that would look as new then as this process's own.
        if ask.parts.is_empty() {
            return ask.clone();
        }
        let mirror = lock(&self.mirror);
        // Of all together it may know more, though it has started nothing of this key.
        let fresh = || ask.parts.iter().take(1).cloned().chain(mirror.total_part()).collect();
        let mut ask = Ask { parts: mirror.parts_of(key).unwrap_or_else(fresh), ..ask.clone() };
        if let Verb::Refund { start, born, .. } = &mut ask.verb {
            *born = mirror.born_of_today(key, *start, *born);
        }
        ask
    }
}
