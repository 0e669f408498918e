//! What is made of the store's answers to those in line.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use super::{Stage, Start, Trip};
use crate::error::{ErrorKind, ErrorScope};
use crate::line::due::{Due, Refusal};
use crate::line::effects::Effects;
use crate::line::locked::Changed;
use crate::line::plan::Step;
use crate::line::shared::Shared;
use crate::line::state::{Reading, State};
use crate::line::{GRACE, KeyId, Line, Ticket, Waiter};
use crate::policy::reserved::{Counted, OfRoute, Taken, Want};
use crate::rate::Rate;
use crate::time::Timestamp;

/// Somebody in line for whom the store was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    pub(super) key: KeyId,
    pub(super) ticket: Ticket,
    pub(super) want: Want,
    /// What its start takes there.
    pub(super) taken: Taken,
    /// As it was when it asked: what is void by then is so for this as well.
    pub(super) era: u64,
    /// Which of the server's windows it asked for as well.
    pub(super) window: Option<OfRoute>,
    /// Where it asked only what it would meet behind others: for how much, with all that these take.
    pub(super) behind: Option<u32>,
}

/// What the store said to somebody in line, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    /// Counted so, to be started in `wait`; by no trip that the bucket's clock could tell of.
    Granted {
        wait: u64,
        counted: Counted,
        slack: u64,
        trip: Option<Span>,
    },
    /// Nothing is reserved: to be asked again then.
    Later {
        wait: u64,
    },
    /// `None` = nobody knows until when.
    Refused {
        retry_after: Option<u64>,
        rate: Option<Rate>,
        scope: ErrorScope,
    },
    Never {
        rate: Option<Rate>,
        scope: ErrorScope,
    },
    /// It is a key too many for this process.
    NoRoom,
    Failed,
}

/// What a bucket's clock showed, and which clock that is.
pub(super) type Moment = (NonZeroU32, Timestamp);

/// When the store was asked and when it had answered, by the clock of that epoch: what it decided, it decided between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    epoch: NonZeroU32,
    sent: Timestamp,
    pub(super) received: Timestamp,
}

impl Span {
    /// `None` where the bucket has been given another clock meanwhile.
    pub(super) fn between((epoch, sent): Moment, (epoch_then, received): Moment) -> Option<Self> {
        (epoch == epoch_then).then_some(Span { epoch, sent, received })
    }

    pub(super) fn nanos(self) -> u64 {
        self.received.as_nanos().saturating_sub(self.sent.as_nanos())
    }

    /// Its ends in the bucket's time: as long ago as the clock shows. Where it shows less than it did, the answer is as much
    /// to come, so that nothing starts too early by it.
    fn until(self, reading: Reading, epoch: NonZeroU32) -> (Timestamp, Timestamp) {
        if self.epoch != epoch {
            return (reading.now, reading.now);
        }
        let ago = |time: Timestamp| reading.clock.as_nanos().saturating_sub(time.as_nanos());
        let at = |time| Timestamp::from_nanos(reading.now.as_nanos().saturating_sub(ago(time)));
        let to_come = self.received.as_nanos().saturating_sub(reading.clock.as_nanos());
        (at(self.sent), at(self.received).plus(to_come))
    }
}

impl Refusal {
    pub(super) fn by_store(
        max_delay: u64,
        retry_after: Option<u64>,
        rate: Option<Rate>,
        scope: ErrorScope,
    ) -> Self {
        let kind = if max_delay == 0 { ErrorKind::Limited } else { ErrorKind::DelayTooLong };
        Refusal { kind, scope, rate, retry_after }
    }

    pub(super) fn never_by_store(rate: Option<Rate>, scope: ErrorScope) -> Self {
        Refusal { scope, rate, ..Refusal::of(ErrorKind::TooHeavy) }
    }
}

impl Shared {
    /// The store has answered; for each answer whether it is of use to anybody: what was reserved for nobody is to be given
    /// back.
    ///
    /// Whatever the clock does: a panic of it is nobody's here, and those who wait must not wait for ever. Who waits is woken
    /// as the rest is finished.
    pub(super) fn told(&self, answers: &[(Asker, Told)]) -> Changed<Vec<bool>> {
        self.change_anyway(|state, reading, effects| state.told(answers, (reading, effects)))
    }
}

impl State {
    /// Takes note of all answers of a trip before anybody's turn is looked at: each look goes along the line.
    fn told(&mut self, answers: &[(Asker, Told)], (reading, effects): (Reading, &mut Effects)) -> Vec<bool> {
        let mut before = BTreeMap::new();
        for (Asker { key, .. }, _) in answers.iter().filter(|(asker, _)| asker.era == self.era) {
            before.entry(*key).or_insert_with(|| self.forecast(*key, reading));
        }
        let answer = |(asker, told): &(Asker, Told)| self.answer(*asker, *told, (reading, effects));
        let used: Vec<bool> = answers.iter().map(answer).collect();
        for (key, before) in before {
            self.outdate(key);
            if !self.may_use_all(key, reading.now) {
                self.judge(key, &before, reading, effects);
            }
            self.settle(key, reading, effects);
        }
        for ((Asker { key, ticket, .. }, _), _) in answers.iter().zip(&used).filter(|(_, used)| **used) {
            self.refuse_who_tries((*key, *ticket), reading, effects);
        }
        used
    }

    /// Makes of one answer what does not depend on whose turn it is.
    fn answer(
        &mut self,
        Asker { key, ticket, want, taken, era, behind, .. }: Asker,
        told: Told,
        (reading, effects): (Reading, &mut Effects),
    ) -> bool {
        if era != self.era {
            return false;
        }
        // Where the clock has panicked nobody knows when a start would be: it is asked for anew.
        let is_unknown = matches!(told, Told::Granted { trip: None, .. });
        let start = self.start_of(told, reading);
        if let Some(remote) = &mut self.remote {
            remote.answered(key, want, start);
        }
        // What was reserved for others who have left since is there for who stands behind them.
        let refusal = self.refusal_of(told, key, ticket).filter(|refusal| {
            let is_final = matches!(refusal.kind, ErrorKind::TooHeavy | ErrorKind::TooManyWaiting);
            is_final || !self.has_start(key, ticket)
        });
        let lets_ask = self.has_to_let_ask(key, Some(ticket), reading.now).is_some();
        if let Some(line) = self.lines.get_mut(&key).filter(|_| behind.is_none()) {
            match told {
                Told::Granted { .. } if !lets_ask => line.granted = line.granted.saturating_add(1),
                Told::Later { .. } => line.granted = 0,
                _ => {}
            }
        }
        // What it was told behind others tells nothing where some of them have gone, or all would be too much at once.
        let is_moot = behind.is_some_and(|asked| match told {
            Told::Refused { .. } => {
                !lets_ask || self.taken_with_those_before(key, ticket, want.weight) < asked
            }
            Told::Never { .. } => asked > taken.weight,
            _ => false,
        });
        if let Some(refusal) = refusal.filter(|_| !is_moot) {
            self.refuse(key, ticket, refusal, effects);
        } else {
            let ends = match told {
                _ if is_unknown => Timestamp::ZERO,
                // Who may start now is being told, and is late no sooner than anybody whose turn has come.
                Told::Granted { wait: 0, .. } => reading.now.plus(GRACE),
                Told::Granted { wait, .. } => reading.now.plus(wait),
                _ => Timestamp::ZERO,
            };
            let stage = match told {
                Told::Granted { .. } => Stage::Asks,
                _ if lets_ask => Stage::Behind,
                Told::Later { wait } if behind.is_none() => Stage::AsksAt(reading.now.plus(wait)),
                _ => Stage::Asks,
            };
            self.let_in(key, ticket, (ends, stage));
        }
        !is_unknown
    }

    /// Who never waits does not wait for those in front either: it starts now if they may as well, or not at all.
    fn refuse_who_tries(&mut self, (key, ticket): (KeyId, Ticket), reading: Reading, effects: &mut Effects) {
        let waiter = self.lines.get_mut(&key).and_then(|line| line.waiters.get_mut(&ticket));
        let Some(waiter) = waiter.filter(|waiter| waiter.trip.tries) else { return };
        effects.wake(waiter.waker.take());
        if !self.has_turn(key, ticket) && !self.goes_by(key, ticket, reading) {
            self.refuse(key, ticket, Refusal::until(Due::UNKNOWN, reading, 0), effects);
            self.settle(key, reading, effects);
        }
    }

    /// Whether somebody who never waits may start now although others stand before it: if all of them who have been answered
    /// may start now, each with a start of its own, it takes nothing from them.
    pub(in crate::line) fn goes_by(&self, key: KeyId, ticket: Ticket, reading: Reading) -> bool {
        let waiter = self.lines.get(&key).and_then(|line| line.waiters.get(&ticket));
        if !waiter.is_some_and(|waiter| waiter.trip.tries && !waiter.trip.stage.is_asked()) {
            return false;
        }
        let is_answered = |(_, waiter): &(&Ticket, &Waiter)| !waiter.trip.stage.is_asked();
        let answered = self.lines.get(&key).into_iter().flat_map(Line::active).filter(is_answered);
        let mut is_due = false;
        self.walk(key, reading, answered, |other, due| {
            is_due = due.at == Some(reading.now);
            if !is_due || other == ticket { Step::Stop } else { Step::Count }
        });
        is_due
    }

    /// It waits from now on. Its allowance lasts at least until `ends`: it has judged what was reserved, and the trip took
    /// time of its own.
    pub(super) fn let_in(&mut self, key: KeyId, ticket: Ticket, (ends, stage): (Timestamp, Stage)) {
        self.change_trip(key, ticket, |trip| {
            *trip = Trip { stage, ends: trip.ends.max(ends), waits: true, ..*trip };
        });
    }

    /// The start that was reserved by that answer; `None` also where nobody knows when it would be.
    ///
    /// The store's now lies between the asking and the answer. So a start `wait` after the answer is never too soon, and
    /// it is too late only where it would be even if the store had answered at once.
    pub(super) fn start_of(&self, told: Told, reading: Reading) -> Option<Start> {
        let Told::Granted { wait, counted, slack, trip: Some(trip) } = told else { return None };
        let remote = self.remote.as_ref()?;
        let (sent, received) = trip.until(reading, self.epoch);
        let until = if remote.reserves() {
            sent.plus(wait).plus(slack).plus(remote.limits.least_guard())
        } else {
            // As exact as the store's own answer, if it is taken as soon as a turn has to be.
            reading.now.plus(wait).plus(GRACE)
        };
        Some(Start { at: received.plus(wait), until, counted })
    }

    fn refusal_of(&self, told: Told, key: KeyId, ticket: Ticket) -> Option<Refusal> {
        if matches!(told, Told::Granted { wait: 0, .. }) {
            return None;
        }
        let line = self.lines.get(&key)?;
        let waiter = line.waiters.get(&ticket)?;
        Some(match told {
            Told::Granted { wait, .. } | Told::Later { wait } => {
                let comes_too_many = wait > 0 && !waiter.trip.waits && self.is_crowded(key, 0);
                let refusal = Refusal::of(ErrorKind::TooManyWaiting);
                return comes_too_many.then_some(Refusal { retry_after: Some(wait), ..refusal });
            }
            Told::Refused { retry_after, rate, scope } => {
                Refusal::by_store(u64::from(!waiter.trip.tries), retry_after, rate, scope)
            }
            Told::Never { rate, scope } => Refusal::never_by_store(rate, scope),
            Told::NoRoom => Refusal::of(ErrorKind::TooManyKeys),
            Told::Failed => Refusal::of(ErrorKind::Store),
        })
    }
}
