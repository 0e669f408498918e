//! What is carried together: sorted, sent in one trip, and answered.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::desk::{Desk, Errand, To};
use super::health::Turn;
use super::trip::{Trip, no_room, no_time};
use super::{Way, caught, lock};
use crate::clock::{Clock, SystemClock};
use crate::line::KeyId;
use crate::line::locked::Changed;
use crate::line::remote::answer::{Asker, Span, Told};
use crate::line::shared::Shared;
use crate::policy::reserved::Want;
use crate::store::{Ask, Failure, KEEP, Said, Verb};
use crate::time::{Timestamp, nanos};

/// What a bucket's clock showed, and which clock that is.
type Moment = (NonZeroU32, Timestamp);

impl Desk {
    /// One trip: all answers are taken note of in their order, before anybody is woken and anything foreign runs. Whether
    /// the store is there, and has more to be told.
    pub(super) fn deliver(self: &Arc<Self>, batch: Vec<Errand>) -> bool {
        let shared = self.shared.upgrade();
        let (late, batch, until) = self.sort(batch, shared.is_some());
        let (crowded, mut batch) = self.without_room(batch);
        let late = late.into_iter().map(|errand| (errand, no_time()));
        let unsent: Vec<(Errand, Failure)> =
            late.chain(crowded.into_iter().map(|errand| (errand, no_room()))).collect();
        // Who comes too late waits for nothing more, also not until the store is told what nobody waits for.
        let is_in_vain = !unsent.is_empty() && batch.iter().all(Errand::is_told);
        if is_in_vain {
            let mut inner = lock(&self.inner);
            batch.drain(..).rev().for_each(|errand| inner.errands.push_front(errand));
        }
        // By the bucket's own clock, as that is what starts are told by.
        let sent = shared.as_ref().and_then(|shared| shared.moment());
        self.set_times(&mut batch, sent.map(|(_, sent)| sent));
        let of_errand = |Errand { ask, key, to, .. }| (ask, (key, to));
        let (mut asks, mut whose) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        for (ask, of) in batch.into_iter().map(of_errand) {
            asks.push(ask);
            whose.push(of);
        }
        let Trip { mut answers, turn, is_heard, is_quick } =
            if is_in_vain { Trip::default() } else { self.travel(&asks, &whose, until) };
        let received = shared.as_ref().and_then(|shared| shared.moment());
        if let Some((sent, received)) = sent.zip(received).filter(|_| !is_in_vain) {
            self.note_times(sent, received, &asks, &answers);
        }
        for (errand, failure) in unsent.into_iter().rev() {
            let (ask, of) = of_errand(errand);
            asks.insert(0, ask);
            whose.insert(0, of);
            answers.insert(0, Err(failure));
        }
        self.hand_out(
            shared.as_ref(),
            &asks,
            whose.into_iter().zip(answers),
            (until, sent.zip(received), turn),
        );
        is_heard && is_quick && self.has_untold()
    }

    /// Takes note of how long a trip took, and of what may have been counted by it.
    fn note_times(&self, sent: Moment, received: Moment, asks: &[Ask], answers: &[Result<Said, Failure>]) {
        let ((epoch, sent), (epoch_then, received)) = (sent, received);
        let mut health = lock(&self.health);
        if epoch == epoch_then && answers.iter().any(Result::is_ok) {
            health.took(received.as_nanos().saturating_sub(sent.as_nanos()), KEEP * 1000);
        }
        let may_count = |(ask, answer): (&Ask, &Result<Said, Failure>)| {
            let is_told = || matches!(answer, Ok(Said::Granted { .. } | Said::Lost | Said::Renamed(_)));
            ask.allowance().is_some() && (is_told() || answer.as_ref().is_err_and(Failure::is_outage))
        };
        if asks.iter().zip(answers).any(may_count) {
            health.counted(received);
        }
    }

    /// Tells everybody what came of what they had asked.
    fn hand_out(
        self: &Arc<Self>,
        shared: Option<&Arc<Shared>>,
        asks: &[Ask],
        answers: impl Iterator<Item = ((KeyId, To), Result<Said, Failure>)>,
        (until, ends, turn): (Timestamp, Option<(Moment, Moment)>, Option<Turn>),
    ) {
        let mut is_asked_again = false;
        let (mut rests, mut answered) = (Vec::new(), Vec::new());
        let (mut carried, mut told) = (Vec::new(), Vec::new());
        if let Some((turn, shared)) = turn.zip(shared) {
            rests.push(shared.tell_of_store(turn == Turn::WentAway));
        }
        for (ask, ((key, to), answer)) in asks.iter().zip(answers) {
            is_asked_again |= matches!(answer, Ok(Said::Lost | Said::Renamed(_)));
            let answer = caught(|| self.made_of(ask, (key, until), answer)).unwrap_or_else(lost);
            match (to, shared) {
                (To::Nobody, _) | (To::Asker(_), None) => {
                    caught(|| drop(answer));
                }
                (To::Caller(caller), _) => answered.push((caller, answer)),
                (To::Asker(asker), Some(_)) => {
                    told.push((asker, self.told(answer, asker)));
                    carried.push(ask);
                }
            }
        }
        if let Some(shared) = shared.filter(|_| lock(&self.mirror).has_to_tell_of_others()) {
            rests.push(shared.tell_of_others());
        }
        if let Some(shared) = shared.filter(|_| !told.is_empty()) {
            // A wait is from the decision on, which was after the trip for whom it was asked for again.
            let trip = ends.and_then(|(sent, received)| {
                let received = if is_asked_again { shared.moment()? } else { received };
                Some(Span::new(sent, received.1))
            });
            let Changed { result: used, rest } = shared.told(&told, trip);
            rests.push(rest);
            for ((ask, (asker, told)), _) in carried.into_iter().zip(told).zip(used).filter(|(_, used)| !used)
            {
                self.give_back(ask, asker, told);
            }
        }
        for (caller, answer) in answered {
            caller.answer(answer);
        }
        for rest in rests {
            // A panic of a waker is nobody's who is served here.
            caught(|| shared.map(|shared| shared.finish(rest)));
        }
    }

    /// Has the store answer, whatever panics.
    fn travel(&self, asks: &[Ask], whose: &[(KeyId, To)], until: Timestamp) -> Trip {
        let keys: Vec<KeyId> = whose.iter().map(|(key, _)| *key).collect();
        caught(|| self.go(asks, &keys, until)).unwrap_or_else(|| Trip {
            answers: asks.iter().map(|_| lost()).collect(),
            turn: None,
            is_heard: false,
            is_quick: false,
        })
    }

    /// Those who have no time left, the others, and until when these are to be answered.
    ///
    /// Who has waited for other trips has less time left for its own. Of those who have none nothing is sent, so that they
    /// hold up nobody, and nothing is spent. Who only tells something does not wait for an answer.
    fn sort(&self, mut batch: Vec<Errand>, has_bucket: bool) -> (Vec<Errand>, Vec<Errand>, Timestamp) {
        let (timeout, now) = (nanos(self.timeout()), SystemClock.now());
        // Nobody is left who would start, or give back what is granted.
        batch.retain(|errand| has_bucket || !matches!(errand.to, To::Asker(_)));
        let is_late = |errand: &Errand| !errand.is_told() && errand.since.plus(timeout) <= now;
        let mut late = Vec::new();
        if batch.iter().any(is_late) {
            (late, batch) = batch.into_iter().partition(is_late);
        }
        let since = batch.iter().filter(|errand| !errand.is_told()).map(|errand| errand.since).min();
        (late, batch, since.unwrap_or(now).plus(timeout))
    }

    /// Those of whose keys there would be more than there may be, and the others.
    fn without_room(&self, batch: Vec<Errand>) -> (Vec<Errand>, Vec<Errand>) {
        let mut mirror = lock(&self.mirror);
        let is_new = |errand: &&Errand| mirror.is_new(&errand.ask, errand.key);
        let mut keys: Vec<KeyId> = Vec::new();
        let mut seen = HashSet::new();
        keys.extend(batch.iter().filter(is_new).map(|errand| errand.key).filter(|key| seen.insert(*key)));
        if keys.is_empty() {
            return (Vec::new(), batch);
        }
        // Who came first has it.
        let room = mirror.room_for(keys.len());
        drop(mirror);
        let crowded = keys.split_off(room);
        batch.into_iter().partition(|errand| crowded.contains(&errand.key))
    }

    /// By a trip that begins at `sent`.
    fn set_times(&self, batch: &mut [Errand], sent: Option<Timestamp>) {
        let allowances = || batch.iter().filter_map(|errand| errand.ask.allowance());
        let least = || allowances().min().map_or(u64::MAX, |micros| micros.saturating_mul(1000));
        let slack = sent.map_or(0, |sent| lock(&self.health).slack_at(sent, least)).div_ceil(1000);
        let times = lock(&self.mirror).times;
        for errand in batch {
            errand.ask.set_slack(slack);
            if let Verb::Refund { start, .. } | Verb::Hear { start, .. } = &mut errand.ask.verb {
                *start = times.there(*start);
            }
        }
    }

    /// What was reserved for somebody who has no use for it, as times or limits are others now.
    pub(super) fn give_back(
        self: &Arc<Self>,
        ask: &Ask,
        Asker { key, want: Want { weight, .. }, .. }: Asker,
        told: Told,
    ) {
        if let Told::Granted { counted, .. } = told {
            let verb = Verb::Refund { start: counted.at, weight, given: weight, born: counted.born };
            self.put(self.of_today(&Ask { verb, ..ask.clone() }, key), key, To::Nobody).carry(Way::Elsewhere);
        }
    }
}

/// A failure's cause is foreign, and may panic as it is dropped.
fn lost() -> Result<Said, Failure> {
    Err(Failure::new("a failure of the store panicked"))
}
