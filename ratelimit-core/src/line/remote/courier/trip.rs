//! One trip to the store, and what its answers come to.

use std::time::Duration;

use super::desk::Desk;
use super::health::Turn;
use super::{caught, lock};
use crate::clock::{Clock, SystemClock};
use crate::line::KeyId;
use crate::line::remote::answer::Told;
use crate::store::{Answer, Ask, Failure, Said, TIMEOUT, Verb};
use crate::time::Timestamp;

impl Desk {
    /// The longest time that a trip is given.
    pub(super) fn timeout(&self) -> Duration {
        caught(|| self.store.store().timeout()).unwrap_or(TIMEOUT)
    }

    /// Makes a trip, unless the store is away and it is not yet time to see whether it is back; and whether it went away or
    /// came back.
    pub(super) fn go(&self, asks: &[Ask], until: Timestamp) -> (Vec<Result<Said, Failure>>, Option<Turn>) {
        let begin = SystemClock.now();
        let health = lock(&self.health);
        let (may_go, is_away) = (health.may_go(begin), health.is_away());
        let failure = health.failure.clone();
        drop(health);
        if !may_go {
            let failure = failure.unwrap_or_else(|| Failure::new("the store did not answer"));
            return (vec![Err(failure); asks.len()], None);
        }
        if is_away {
            self.tell_of_outage(until);
        }
        let answers = self.play(asks, until);
        let end = SystemClock.now();
        let mut health = lock(&self.health);
        // What one state is about says nothing of the store.
        let fails = |answer: &Result<Said, Failure>| answer.as_ref().is_err_and(Failure::is_outage);
        let failed =
            answers.first().filter(|_| answers.iter().all(fails)).and_then(|first| first.as_ref().err());
        let turn = if let Some(failure) = failed {
            health.failed(failure.clone(), end, end.as_nanos() / 1000)
        } else {
            health.went_well()
        };
        drop(health);
        (answers, turn)
    }

    /// Before the store is asked anything else again: what was started without it. If it is still away, once more later.
    pub(super) fn tell_of_outage(&self, until: Timestamp) {
        let now = lock(&self.mirror).now();
        let asks = lock(&self.outage).untold(now);
        if !asks.is_empty() && self.play(&asks, until).iter().all(Result::is_ok) {
            lock(&self.outage).end();
        }
    }

    /// Takes note of an answer; where the store has lost what it knew, tells it, and asks again.
    pub(super) fn made_of(
        &self,
        ask: &Ask,
        (key, until): (KeyId, Timestamp),
        answer: Result<Said, Failure>,
    ) -> Result<Said, Failure> {
        let answer = match answer {
            Ok(Said::Lost) => self.remind(ask, key, until),
            Ok(Said::Renamed(name)) => self.follow(ask, &name, until),
            Err(failure) if failure.is_outage() => {
                let mirror = lock(&self.mirror);
                let alone = lock(&self.outage).play(ask, key, &mirror);
                drop(mirror);
                alone.unwrap_or(Err(failure))
            }
            answer => answer,
        };
        if let Ok(said) = &answer {
            lock(&self.mirror).note(ask, key, said);
        }
        answer
    }

    /// The server has given the window another name: asks for that one, and tells the bucket.
    pub(super) fn follow(&self, ask: &Ask, name: &str, until: Timestamp) -> Result<Said, Failure> {
        let Some(windows) = &ask.windows else { return Err(Failure::new("the store has renamed nothing")) };
        let (windows, before) = lock(&self.mirror).renamed(windows, name);
        if let Some(shared) = self.shared.upgrade() {
            shared.renamed(&before, name);
        }
        self.play_one(&Ask { windows: Some(windows), ..ask.clone() }, until)
    }

    /// Puts back what the store has lost of what this process has started, and asks again: nothing was done yet.
    pub(super) fn remind(&self, ask: &Ask, key: KeyId, until: Timestamp) -> Result<Said, Failure> {
        // Somebody who was carried along may have done so already.
        match self.play_one(&self.of_today(ask, key), until)? {
            Said::Lost => {}
            said => return Ok(said),
        }
        let records = lock(&self.mirror).records(key);
        let Ask { parts, .. } = self.of_today(ask, key);
        let restore = Ask::of(parts, Verb::Restore { records, lost: true });
        let done = self.play_one(&restore, until)?;
        lock(&self.mirror).note(&restore, key, &done);
        self.play_one(&self.of_today(ask, key), until)
    }

    /// The same ask, as to what this process knows now.
    pub(super) fn of_today(&self, ask: &Ask, key: KeyId) -> Ask {
        let parts = lock(&self.mirror).parts_of(key);
        Ask { parts: parts.unwrap_or_else(|| ask.parts.clone()), ..ask.clone() }
    }

    pub(super) fn play_one(&self, ask: &Ask, until: Timestamp) -> Result<Said, Failure> {
        let answers = self.play(std::slice::from_ref(ask), until);
        answers.into_iter().next().unwrap_or_else(|| Err(Failure::new("the store gave no answer")))
    }

    /// Has the store answer each of `asks`, as long as there is time.
    pub(super) fn play(&self, asks: &[Ask], until: Timestamp) -> Vec<Result<Said, Failure>> {
        let timeout = until.saturating_since(SystemClock.now());
        if timeout.is_zero() {
            return vec![Err(Failure::new("the store had no time left to answer")); asks.len()];
        }
        let store = self.store.store();
        let played = caught(|| store.play(asks, timeout));
        let answers = played.unwrap_or_else(|| vec![Err(Failure::new("the store panicked")); asks.len()]);
        let missing = || Err(Failure::new("the store gave fewer answers than it was asked for"));
        let answers = answers.into_iter().map(|answer| answer.map(|Answer(said)| said));
        answers.chain(std::iter::repeat_with(missing)).take(asks.len()).collect()
    }

    pub(super) fn told(&self, answer: Result<Said, Failure>) -> Told {
        let nanos = |micros: u64| micros.saturating_mul(1000);
        match answer {
            Ok(Said::Granted { wait, start, now, .. }) => {
                // What the start is later than now and its wait is what it was asked to be.
                let slack = start.saturating_sub(now).saturating_sub(wait);
                Told::Granted { wait: nanos(wait), counted: start, slack: nanos(slack) }
            }
            Ok(Said::Later { wait }) => Told::Later { wait: nanos(wait) },
            Ok(Said::Refused(refused)) => Told::Refused {
                retry_after: refused.retry_after.map(nanos),
                rate: refused.rate,
                scope: refused.scope,
            },
            Ok(Said::Never { rate, scope }) => Told::Never { rate, scope },
            Ok(Said::Lost | Said::Renamed(_) | Said::Done { .. } | Said::Outlook(_)) => {
                self.note_failure(Failure::new("the store gave an answer that is none to what it was asked"));
                Told::Failed
            }
            Err(failure) => {
                self.note_failure(failure);
                Told::Failed
            }
        }
    }

    pub(super) fn note_failure(&self, failure: Failure) {
        lock(&self.health).failure = Some(failure);
    }
}
