//! What is carried together: sorted, sent in one trip, and answered.

use std::collections::HashSet;
use std::sync::Arc;

use super::desk::{Desk, Errand, Reply, To};
use super::health::Turn;
use super::trip::{Played, Trip, no_room};
use super::{caught, lock};
use crate::clock::{Clock, SystemClock};
use crate::line::KeyId;
use crate::line::locked::Changed;
use crate::line::remote::answer::Span;
use crate::line::shared::Shared;
use crate::store::{Ask, Failure, KEEP, Said, Verb};
use crate::time::{Timestamp, nanos};

impl Desk {
    /// One trip: all answers are taken note of in their order, before anybody is woken and anything foreign runs. Whether
    /// the store is there, and has more to be told.
    pub(super) fn deliver(self: &Arc<Self>, batch: Vec<Errand>) -> bool {
        let shared = self.shared.upgrade();
        let (late, batch, until) = self.sort(batch, shared.is_some());
        let (crowded, mut batch) = self.without_room(batch);
        let late = late.into_iter().map(|errand| (errand, Failure::no_time()));
        let unsent: Vec<(Errand, Failure)> =
            late.chain(crowded.into_iter().map(|errand| (errand, no_room()))).collect();
        // Who comes too late waits for nothing more, also not until the store is told what nobody waits for.
        let is_in_vain = !unsent.is_empty() && batch.iter().all(Errand::is_told);
        if is_in_vain {
            let mut inner = lock(&self.inner);
            batch.drain(..).rev().for_each(|errand| inner.errands.push_front(errand));
        }
        self.set_times(&mut batch);
        let of_errand = |Errand { ask, key, to, .. }| (ask, (key, to));
        let (mut asks, mut whose) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        for (ask, of) in batch.into_iter().map(of_errand) {
            asks.push(ask);
            whose.push(of);
        }
        let keys: Vec<KeyId> = whose.iter().map(|(key, _)| *key).collect();
        let Trip { played: Played { answers, trip }, turn, is_heard, is_quick } =
            if is_in_vain { Trip::default() } else { self.travel(&mut asks, &keys, until) };
        let mut replies: Vec<Reply> = answers.into_iter().map(|said| Reply { said, trip }).collect();
        caught(|| self.ask_again(&mut asks, &keys, &mut replies, until));
        self.note_times(&asks, &replies);
        for (errand, failure) in unsent.into_iter().rev() {
            let (ask, of) = of_errand(errand);
            asks.insert(0, ask);
            whose.insert(0, of);
            replies.insert(0, Reply::failed(failure));
        }
        self.hand_out(shared.as_ref(), &asks, whose.into_iter().zip(replies), turn);
        is_heard && is_quick && self.has_untold()
    }

    /// Takes note of how long trips took, and of what may have been counted by them.
    fn note_times(&self, asks: &[Ask], replies: &[Reply]) {
        let answered = replies.iter().filter(|reply| reply.said.is_ok());
        let longest = answered.filter_map(|reply| reply.trip).map(Span::nanos).max();
        // What nobody has answered may be counted.
        let counts = |said: &Result<Said, Failure>| match said {
            Ok(said) => matches!(said, Said::Granted { .. }),
            Err(failure) => failure.is_outage(),
        };
        let starts = asks.iter().zip(replies).filter(|(ask, _)| ask.allowance().is_some());
        let counting = starts.filter(|(_, reply)| counts(&reply.said));
        let counted = counting.filter_map(|(_, reply)| reply.trip).map(|trip| trip.received).max();
        let mut late = lock(&self.late);
        if let Some(longest) = longest {
            late.took(longest, KEEP * 1000);
        }
        if let Some(at) = counted {
            late.counted(at);
        }
    }

    /// Tells everybody what came of what they had asked.
    fn hand_out(
        self: &Arc<Self>,
        shared: Option<&Arc<Shared>>,
        asks: &[Ask],
        replies: impl Iterator<Item = ((KeyId, To), Reply)>,
        turn: Option<Turn>,
    ) {
        let (mut rests, mut answered) = (Vec::new(), Vec::new());
        let (mut carried, mut told) = (Vec::new(), Vec::new());
        if let Some((turn, shared)) = turn.zip(shared) {
            rests.push(shared.tell_of_store(turn == Turn::WentAway));
        }
        for (ask, ((key, to), reply)) in asks.iter().zip(replies) {
            let is_told = matches!(to, To::Nobody);
            let made = caught(|| self.made_of(ask, key, reply, is_told));
            let reply = made.unwrap_or_else(|| Reply::failed(lost()));
            match (to, shared) {
                (To::Nobody, _) | (To::Asker(_), None) => {
                    caught(|| drop(reply));
                }
                (To::Caller(caller), _) => answered.push((caller, reply)),
                (To::Asker(asker), Some(_)) => {
                    told.push((asker, self.told(reply, asker)));
                    carried.push(ask);
                }
            }
        }
        if let Some(shared) = shared.filter(|_| lock(&self.mirror).has_to_tell_of_others()) {
            rests.push(shared.tell_of_others());
        }
        if let Some(shared) = shared.filter(|_| !told.is_empty()) {
            let Changed { result: used, rest } = shared.told(&told);
            rests.push(rest);
            for ((ask, (asker, told)), _) in carried.into_iter().zip(told).zip(used).filter(|(_, used)| !used)
            {
                self.give_back(asker, ask.window().map(Into::into), told);
            }
        }
        for (caller, reply) in answered {
            caller.answer(reply);
        }
        for rest in rests {
            // A panic of a waker is nobody's who is served here.
            caught(|| shared.map(|shared| shared.finish(rest)));
        }
    }

    /// Has the store answer, whatever panics.
    fn travel(&self, asks: &mut [Ask], keys: &[KeyId], until: Timestamp) -> Trip {
        self.tell_as_known(asks, keys);
        caught(|| self.go(asks, keys, until))
            .unwrap_or_else(|| Trip { played: Played::failed(asks.len(), lost()), ..Trip::default() })
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

    /// By a trip that begins now.
    fn set_times(&self, batch: &mut [Errand]) {
        let allowances = || batch.iter().filter_map(|errand| errand.ask.allowance());
        let least = || allowances().min().map_or(u64::MAX, |micros| micros.saturating_mul(1000));
        let slack = self.moment().map_or(0, |(_, now)| lock(&self.late).slack_at(now, least)).div_ceil(1000);
        for errand in batch {
            errand.ask.set_slack(slack);
        }
    }

    /// When a start was counted, and in which record, as is known now: of one that was made without the store that is known
    /// once it is told.
    pub(super) fn tell_as_known(&self, asks: &mut [Ask], keys: &[KeyId]) {
        let mirror = lock(&self.mirror);
        for (ask, key) in asks.iter_mut().zip(keys) {
            match &mut ask.verb {
                Verb::Refund { start, born, .. } => {
                    *start = mirror.times.there(*start);
                    *born = mirror.born_of_today(*key, *start, *born);
                }
                Verb::Hear { start, .. } => *start = mirror.times.there(*start),
                _ => {}
            }
        }
    }

    /// What was started without the store, and is neither told nor to be told, it has never counted: it is given back for
    /// nothing.
    pub(super) fn leave_out_never_told(&self, asks: &mut [Ask]) {
        let times = lock(&self.mirror).times;
        for ask in asks {
            if let Verb::Refund { start, given, .. } = &mut ask.verb
                && times.is_ahead(*start)
            {
                (*start, *given) = (0, 0);
            }
        }
    }
}

/// A failure's cause is foreign, and may panic as it is dropped.
fn lost() -> Failure {
    Failure::new("a failure of the store panicked")
}
