//! What the server says while the store does not answer: this process keeps to it by itself where it goes on, and tells the
//! store as soon as that is back.

use std::collections::VecDeque;
use std::time::Duration;

use super::desk::Desk;
use super::trip::Played;
use super::{caught, lock};
use crate::error::ErrorScope;
use crate::feedback::Feedback;
use crate::line::KeyId;
use crate::line::table::Table;
use crate::policy::Earliest;
use crate::store::{Acquire, Ask, Failure, Heard, Refused, Said, Verb, Window};
use crate::time::Timestamp;

/// So many answers are kept for the store: where there are more, those that hold up longest, and of these the newest. What
/// is left out is forgotten as soon as the store is back, where it would have held up for no longer than each of so many
/// others.
const MOST: usize = 64;

/// What was heard. Times are the store's, in microseconds.
#[derive(Debug, Default)]
pub(super) struct Heeded {
    /// Until when the server wants to hear from nobody.
    all: u64,
    /// And of which keys, until when.
    keys: Table<KeyId, u64>,
    /// The longest pause that anybody waits for.
    longest: u64,
    /// What the store was not told, oldest first.
    untold: VecDeque<Untold>,
}

#[derive(Clone, Debug)]
struct Untold {
    ask: Ask,
    at: u64,
    /// Until when it holds anybody up.
    until: u64,
}

impl Heeded {
    /// The store was told in vain, at `now`. Of what only counts calls it finds out by waiting, as where a process ends.
    pub(super) fn hear(&mut self, ask: &Ask, key: KeyId, now: u64, most_keys: usize) {
        let (Verb::Hear { start, heard, .. }, Some(windows)) = (&ask.verb, &ask.windows) else { return };
        let Heard::Answer(Some(_)) = **heard else { return };
        let Ok(mut window) = Window::read(windows.learning, None, now) else { return };
        let all = window.hear((*start, 0), now, heard).unwrap_or(0);
        let of_key = match window.earliest(now, 0, 1) {
            Earliest::At(at) => at.as_nanos(),
            Earliest::WhenSettled | Earliest::Never => now,
        };
        self.longest = windows.longest_pause();
        self.all = self.all.max(all);
        if of_key > now {
            self.keys.retain(|_, until| *until > now);
            if self.keys.contains_key(&key) || self.keys.len() < most_keys {
                let until = self.keys.entry(key).or_default();
                *until = of_key.max(*until);
            } else {
                // Rather nobody starts than one too early.
                self.all = self.all.max(of_key);
            }
        }
        self.untold.push_back(Untold { ask: ask.clone(), at: now, until: all.max(of_key) });
        self.leave_out();
    }

    /// All that was heard before the store's time was known was so much too late.
    pub(super) fn shift_back(&mut self, by: u64) {
        let untold = self.untold.iter_mut().flat_map(|untold| [&mut untold.at, &mut untold.until]);
        for time in self.keys.values_mut().chain(untold).chain([&mut self.all]) {
            *time = time.saturating_sub(by);
        }
    }

    /// What is more than is kept.
    fn leave_out(&mut self) {
        while self.untold.len() > MOST {
            let until = |(_, untold): &(usize, &Untold)| untold.until;
            let shortest = self.untold.iter().enumerate().min_by_key(until).map(|(index, _)| index);
            self.untold.remove(shortest.unwrap_or(0));
        }
    }

    /// What is to be said to `verb` of `key` in the store's place, if the server wants to be left alone.
    pub(super) fn holds_up(&self, verb: &Verb, key: KeyId, now: u64) -> Option<Said> {
        let Verb::Acquire(Acquire { allowance, .. }) = verb else { return None };
        let until = self.keys.get(&key).copied().unwrap_or(0).max(self.all);
        let wait = until.checked_sub(now).filter(|wait| *wait > 0)?;
        Some(if wait > self.longest.min(*allowance) {
            Said::Refused(Refused { retry_after: Some(wait), rate: None, scope: ErrorScope::Server })
        } else {
            Said::Later { wait }
        })
    }
}

impl Untold {
    /// As it is to be told at `now`: what it says lasts so much less.
    fn by(&self, now: u64) -> Ask {
        let mut ask = self.ask.clone();
        let gone = Duration::from_micros(now.saturating_sub(self.at));
        if let Verb::Hear { heard, .. } = &mut ask.verb
            && let Heard::Answer(Some(Feedback { reset_after, retry_after, .. })) = &mut **heard
        {
            for left in [reset_after, retry_after].into_iter().flatten() {
                *left = left.saturating_sub(gone);
            }
        }
        ask
    }
}

impl Desk {
    /// Tells a store that may be back what the server said meanwhile, before it is asked anything else; what it fails with
    /// if it is not.
    pub(super) fn tell_heeded(&self, until: Timestamp) -> Option<Failure> {
        let mut mirror = lock(&self.mirror);
        if mirror.heeded.untold.is_empty() {
            return None;
        }
        let (untold, now) = (std::mem::take(&mut mirror.heeded.untold), mirror.now());
        drop(mirror);
        let asks: Vec<Ask> = untold.iter().map(|untold| untold.by(now)).collect();
        let Played { answers, .. } = self.play(&asks, until);
        let (mut missed, mut failed) = (VecDeque::new(), None);
        for ((untold, ask), answer) in untold.into_iter().zip(&asks).zip(answers) {
            match answer {
                Err(failure) if failure.is_outage() => {
                    missed.push_back(untold);
                    failed = Some(failure);
                }
                Ok(Said::Renamed(name)) => {
                    caught(|| self.follow(ask, &name).map(|ask| self.play(&[ask], until)));
                }
                told => {
                    caught(|| drop(told));
                }
            }
        }
        let mut mirror = lock(&self.mirror);
        if missed.is_empty() {
            // From now on the store tells when calls may start.
            mirror.heeded = Heeded { untold: std::mem::take(&mut mirror.heeded.untold), ..Heeded::default() };
        }
        // What was heard since is newer.
        missed.append(&mut mirror.heeded.untold);
        mirror.heeded.untold = missed;
        mirror.heeded.leave_out();
        failed
    }
}
