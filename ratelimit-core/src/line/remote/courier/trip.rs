//! One trip to the store, and what its answers come to.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::desk::{Desk, Reply};
use super::health::Turn;
use super::tell::Telling;
use super::{caught, lock};
use crate::clock::{Clock, SystemClock};
use crate::line::KeyId;
use crate::line::remote::answer::{Asker, Moment, Span, Told};
use crate::policy::reserved::Counted;
use crate::store::{Answer, Ask, Failure, Said, TIMEOUT};
use crate::time::Timestamp;

/// What came of a trip.
#[derive(Default)]
pub(super) struct Trip {
    pub(super) played: Played,
    /// Whether the store went away or came back.
    pub(super) turn: Option<Turn>,
    /// Whether the store has answered anything.
    pub(super) is_heard: bool,
    /// Whether it may be told more meanwhile, where there is more: else those who come would wait for that too long.
    pub(super) is_quick: bool,
}

/// What the store answered to several asks, and when, if it was asked.
#[derive(Default)]
pub(super) struct Played {
    pub(super) answers: Vec<Result<Said, Failure>>,
    pub(super) trip: Option<Span>,
}

impl Played {
    pub(super) fn failed(asks: usize, failure: Failure) -> Self {
        Played { answers: vec![Err(failure); asks], trip: None }
    }
}

impl Desk {
    /// The longest time that a trip is given.
    pub(super) fn timeout(&self) -> Duration {
        caught(|| self.store.store().timeout()).unwrap_or(TIMEOUT)
    }

    /// Makes a trip, unless the store is away and it is not yet time to see whether it is back.
    pub(super) fn go(&self, asks: &mut [Ask], keys: &[KeyId], until: Timestamp) -> Trip {
        let begin = SystemClock.now();
        let count = asks.len();
        let with = |failure: Failure| Played::failed(count, failure);
        if begin >= until {
            // Nothing is sent: that says nothing of the store.
            return Trip { played: with(Failure::no_time()), turn: None, is_heard: false, is_quick: false };
        }
        let health = lock(&self.health);
        let rests = (!health.may_go(begin)).then(|| health.failure.clone());
        drop(health);
        if let Some(failure) = rests {
            let failure = failure.unwrap_or_else(|| Failure::new("the store did not answer"));
            return Trip { played: with(failure), turn: None, is_heard: false, is_quick: false };
        }
        let telling = match self.tell_heeded(until) {
            None => self.tell_untold(keys, begin, until),
            failure => Telling { failure, ..Telling::default() },
        };
        // What time it is there is known by now.
        self.tell_as_known(asks, keys);
        let played = match &telling.failure {
            Some(failure) if !telling.is_heard => with(failure.clone()),
            None if !telling.is_late => {
                self.leave_out_never_told(asks);
                self.play(asks, until)
            }
            // It is well, and nobody is to start without it any more: else it would have to be told that first again.
            _ => with(Failure::of_state(StillTold)),
        };
        // What one state is about says nothing of the store.
        let fails = |answer: &Result<Said, Failure>| answer.as_ref().is_err_and(Failure::is_outage);
        let is_heard = telling.is_heard || played.answers.iter().any(|answer| !fails(answer));
        let first = || played.answers.iter().find_map(|answer| answer.as_ref().err()).cloned();
        let failed = telling.failure.or_else(first);
        let end = failed.as_ref().map_or(begin, |_| SystemClock.now());
        let mut health = lock(&self.health);
        let (turn, before) = match failed {
            _ if is_heard => (health.went_well(), None),
            Some(failure) => health.failed(failure, end, end.as_nanos() / 1000),
            // Nothing was sent.
            None => (None, None),
        };
        drop(health);
        // A cause is foreign.
        caught(|| drop(before));
        if is_heard {
            lock(&self.mirror).alone.clear();
        }
        Trip { played, turn, is_heard, is_quick: !telling.is_slow }
    }

    /// Takes note of an answer; where the store gave none, what is answered in its place. Of what `is_told` nobody waits for
    /// the answer.
    pub(super) fn made_of(&self, ask: &Ask, key: KeyId, Reply { said, trip }: Reply, is_told: bool) -> Reply {
        let failure = match said {
            Err(failure) if failure.is_outage() => {
                lock(&self.mirror).spell += 1;
                failure
            }
            // Then it is one thing more that was done without the store.
            Err(failure) if is_told && failure.cause().is::<StillTold>() => failure,
            said => {
                if let Ok(said) = &said {
                    lock(&self.mirror).note(ask, key, said);
                }
                return Reply { said, trip };
            }
        };
        let mut mirror = lock(&self.mirror);
        // Heard too early a pause would end too early.
        let (now, most) = (mirror.now().saturating_add(mirror.times.doubt()), mirror.max_keys);
        mirror.heeded.hear(ask, key, now, most);
        drop(mirror);
        let Some(said) = self.play_alone(ask, key) else { return Reply::failed(failure) };
        // At once, however long the store was waited for.
        let trip = self.moment().and_then(|moment| Span::between(moment, moment));
        Reply { said: said.map(in_its_place), trip }
    }

    /// By the bucket's own clock, as that is what starts are told by.
    pub(super) fn moment(&self) -> Option<Moment> {
        self.shared.upgrade()?.moment()
    }

    /// Has the store answer each of `asks`, as long as there is time.
    pub(super) fn play(&self, asks: &[Ask], until: Timestamp) -> Played {
        let begin = SystemClock.now();
        let timeout = until.saturating_since(begin);
        if timeout.is_zero() {
            return Played::failed(asks.len(), Failure::no_time());
        }
        let store = self.store.store();
        let sent = self.moment();
        let played = caught(|| store.play(asks, timeout));
        let received = self.moment();
        let answers = played.unwrap_or_else(|| vec![Err(Failure::new("the store panicked")); asks.len()]);
        let mut answers: Vec<_> = answers.into_iter().map(|answer| answer.map(|Answer(said)| said)).collect();
        if let Some(there) = answers.iter().rev().flatten().find_map(Said::now) {
            lock(&self.mirror).see(there, (begin, SystemClock.now()));
        }
        let missing = || Err(Failure::strange("the store gave fewer answers than it was asked for"));
        answers.resize_with(asks.len(), missing);
        let trip = sent.zip(received).and_then(|(sent, received)| Span::between(sent, received));
        Played { answers, trip }
    }

    pub(super) fn told(&self, Reply { said, trip }: Reply, Asker { window, taken, .. }: Asker) -> Told {
        let nanos = |micros: u64| micros.saturating_mul(1000);
        match said {
            Ok(Said::Granted { wait, start, now, born }) => {
                // What the start is later than now and its wait is what it was asked to be.
                let slack = start.saturating_sub(now).saturating_sub(wait);
                // What is answered in the store's place is counted in none of its windows.
                let window = window.filter(|_| born != [0; 2]);
                let counted = Counted { at: start, born, window, taken };
                Told::Granted { wait: nanos(wait), counted, slack: nanos(slack), trip }
            }
            Ok(Said::Later { wait }) => Told::Later { wait: nanos(wait) },
            Ok(Said::Refused(refused)) => Told::Refused {
                retry_after: refused.retry_after.map(nanos),
                rate: refused.rate,
                scope: refused.scope,
            },
            Ok(Said::Never { rate, scope }) => Told::Never { rate, scope },
            Ok(Said::Lost | Said::Renamed(_) | Said::Done { .. } | Said::Outlook(_)) => {
                self.note_failure(Failure::strange(
                    "the store gave an answer that is none to what it was asked",
                ));
                Told::Failed
            }
            Err(failure) if is_no_room(&failure) => Told::NoRoom,
            Err(failure) => {
                self.note_failure(failure);
                Told::Failed
            }
        }
    }

    pub(super) fn note_failure(&self, failure: Failure) {
        let before = lock(&self.health).failure.replace(failure);
        // A cause is foreign.
        caught(|| drop(before));
    }
}

/// It is well, and has yet to be told what was started without it.
#[derive(Debug)]
struct StillTold;

impl fmt::Display for StillTold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store is still being told what was started without it")
    }
}

impl Error for StillTold {}

/// This process holds as many keys as it may, and all of them count.
#[derive(Debug)]
struct NoRoom;

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no room for another key")
    }
}

impl Error for NoRoom {}

pub(super) fn no_room() -> Failure {
    Failure::of_state(NoRoom)
}

/// Whether it is not the store that failed, but the bound on keys.
pub(in crate::line::remote) fn is_no_room(failure: &Failure) -> bool {
    failure.cause().is::<NoRoom>()
}

/// What is answered in the store's place is of no record that the store has, and said when it is counted.
fn in_its_place(mut said: Said) -> Said {
    match &mut said {
        Said::Granted { wait, start, now, born } => (*now, *born) = (start.saturating_sub(*wait), [0; 2]),
        Said::Done { born, .. } => *born = [0; 2],
        _ => {}
    }
    said
}
