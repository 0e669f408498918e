//! Where asks wait to be carried, and who carries them.

use std::collections::{HashSet, VecDeque};
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, Weak};

use super::health::{Health, Turn};
use super::mirror::Mirror;
use super::trip::{Trip, no_room, no_time};
use super::{MOST, Way, caught, lock};
use crate::clock::{Clock, SystemClock};
use crate::line::KeyId;
use crate::line::locked::Changed;
use crate::line::remote::answer::{Asker, Span, Told};
use crate::line::shared::Shared;
use crate::policy::reserved::Want;
use crate::store::{Ask, Failure, KEEP, Said, StoreHandle, Verb};
use crate::sync::thread::{self, ThreadId};
use crate::sync::{Condvar, Mutex, MutexGuard};
use crate::time::{Timestamp, nanos};

pub(super) struct Desk {
    pub(super) store: StoreHandle,
    pub(super) shared: Weak<Shared>,
    pub(super) inner: Mutex<Inner>,
    /// Rung for the bucket's thread.
    pub(super) bell: Condvar,
    pub(super) mirror: Mutex<Mirror>,
    pub(super) health: Mutex<Health>,
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) errands: VecDeque<Errand>,
    /// Who carries, and will take along what is put here.
    pub(super) carrier: Option<ThreadId>,
    pub(super) thread: Worker,
    /// Whether the store is there, and has more to be told that was started without it.
    pub(super) is_to_tell: bool,
    pub(super) is_closed: bool,
}

/// The bucket's thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Worker {
    /// There is none yet.
    #[default]
    None,
    Idle,
    /// It is to carry.
    Called,
}

pub(super) struct Errand {
    pub(super) ask: Ask,
    pub(super) key: KeyId,
    /// When it was put there, by the system's clock, or when its caller's allowance was over.
    pub(super) since: Timestamp,
    pub(super) to: To,
}

impl Errand {
    /// Whether it only tells the store something, and nobody waits for that.
    fn is_told(&self) -> bool {
        matches!(self.to, To::Nobody)
    }
}

/// What was put on its way, to be carried; if it is dropped instead, as something foreign has panicked, another thread
/// carries it.
#[must_use]
pub(crate) struct Put<'a>(Option<&'a Arc<Desk>>);

impl Put<'_> {
    pub(crate) fn carry(mut self, way: Way) {
        let Some(desk) = self.0.take() else { return };
        match way {
            // What others bring meanwhile is not this caller's to wait for.
            Way::Here => desk.carry(1),
            Way::Elsewhere => desk.call_for(),
        }
    }
}

impl Drop for Put<'_> {
    fn drop(&mut self) {
        if let Some(desk) = self.0.take() {
            desk.call_for();
        }
    }
}

/// Who gets the answer.
pub(super) enum To {
    Asker(Asker),
    Caller(Caller),
    Nobody,
}

/// Somebody who blocks until the answer is there: one comes, whatever becomes of it on its way.
pub(super) struct Caller {
    cell: Arc<Cell>,
    is_answered: bool,
}

impl Caller {
    pub(super) fn new(cell: &Arc<Cell>) -> Self {
        Caller { cell: Arc::clone(cell), is_answered: false }
    }

    fn answer(mut self, answer: Result<Said, Failure>) {
        self.tell(answer);
    }

    fn tell(&mut self, answer: Result<Said, Failure>) {
        let before = std::mem::replace(&mut *lock(&self.cell.slot), Slot::Answered(answer));
        // Who carries for itself is not waiting, and to ring asks the system.
        if matches!(before, Slot::Awaited) {
            self.cell.bell.notify_one();
        }
        self.is_answered = true;
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        if !self.is_answered {
            self.tell(Err(Failure::new("what was asked was lost on its way, by a panic")));
        }
    }
}

/// Where a caller waits who blocks for one trip.
#[derive(Default)]
pub(super) struct Cell {
    pub(super) slot: Mutex<Slot>,
    pub(super) bell: Condvar,
}

#[derive(Default)]
pub(super) enum Slot {
    /// There is no answer yet, and nobody sleeps.
    #[default]
    Empty,
    Awaited,
    Answered(Result<Said, Failure>),
}

impl Inner {
    fn is_to_do(&self) -> bool {
        self.is_to_tell || !self.errands.is_empty()
    }
}

/// While somebody carries; however that ends, somebody else may then, and what is left is the bucket's thread's.
struct Shift<'a>(&'a Arc<Desk>);

impl Drop for Shift<'_> {
    fn drop(&mut self) {
        let Shift(desk) = self;
        let mut inner = lock(&desk.inner);
        inner.carrier = None;
        if inner.is_to_do() {
            desk.hire(inner);
        }
    }
}

impl Shared {
    /// What the bucket's clock shows, and which clock that is; `None` if it panics.
    fn moment(&self) -> Option<(NonZeroU32, Timestamp)> {
        let (epoch, clock) = self.clock();
        caught(|| (epoch, clock.now()))
    }
}

impl Desk {
    pub(super) fn put(self: &Arc<Self>, ask: Ask, key: KeyId, to: To) -> Put<'_> {
        self.put_overdue(ask, key, to, 0)
    }

    /// For somebody whose allowance has been over for so many nanoseconds: they are the trip's.
    pub(super) fn put_overdue(self: &Arc<Self>, ask: Ask, key: KeyId, to: To, overdue: u64) -> Put<'_> {
        let since = Timestamp::from_nanos(SystemClock.now().as_nanos().saturating_sub(overdue));
        lock(&self.inner).errands.push_back(Errand { ask, key, since, to });
        Put(Some(self))
    }

    /// Has the bucket's thread carry, unless somebody does.
    pub(super) fn call_for(self: &Arc<Self>) {
        let inner = lock(&self.inner);
        if inner.carrier.is_none() && inner.is_to_do() {
            self.hire(inner);
        }
    }

    /// Has the bucket's thread carry.
    pub(super) fn hire(self: &Arc<Self>, mut inner: MutexGuard<'_, Inner>) {
        let before = std::mem::replace(&mut inner.thread, Worker::Called);
        drop(inner);
        if before != Worker::None {
            self.bell.notify_one();
            return;
        }
        let desk = Arc::clone(self);
        let started = thread::Builder::new().name("rate-limited".to_owned()).spawn(move || desk.work());
        if started.is_err() {
            // Rather late than never.
            lock(&self.inner).thread = Worker::None;
            self.carry(usize::MAX);
        }
    }

    /// What the bucket's thread does.
    pub(super) fn work(self: &Arc<Self>) {
        loop {
            let mut inner = lock(&self.inner);
            while inner.thread != Worker::Called {
                if inner.is_closed {
                    // Should something still come, another thread is started for it.
                    inner.thread = Worker::None;
                    return;
                }
                inner = self.bell.wait(inner).unwrap_or_else(PoisonError::into_inner);
            }
            inner.thread = Worker::Idle;
            drop(inner);
            caught(|| self.carry(usize::MAX));
        }
    }

    /// Carries, unless somebody does: so many times at most, as long as there is something; the rest is the bucket's
    /// thread's.
    ///
    /// Whoever is woken may call from within, on the thread that carries: then it carries on for itself, as nobody else
    /// would.
    pub(super) fn carry(self: &Arc<Self>, times: usize) {
        let me = thread::current().id();
        let mut inner = lock(&self.inner);
        let is_within = inner.carrier == Some(me);
        if inner.carrier.is_some() && !is_within {
            return;
        }
        inner.carrier = Some(me);
        drop(inner);
        let _shift = (!is_within).then_some(Shift(self));
        for _ in 0..if is_within { usize::MAX } else { times } {
            let mut inner = lock(&self.inner);
            if !inner.is_to_do() {
                break;
            }
            inner.is_to_tell = false;
            let count = inner.errands.len().min(MOST);
            let mut batch = Vec::with_capacity(count);
            batch.extend(inner.errands.drain(..count));
            drop(inner);
            let is_to_tell = self.deliver(batch);
            lock(&self.inner).is_to_tell |= is_to_tell;
        }
    }

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
        let trip = sent.zip(received).map(|(sent, (_, received))| Span::new(sent, received));
        if let Some(trip) = trip.filter(|_| answers.iter().any(Result::is_ok)) {
            let (took, received) = trip.took();
            lock(&self.health).took(took, received, KEEP * 1000);
        }
        let (mut rests, mut answered) = (Vec::new(), Vec::new());
        let (mut carried, mut told) = (Vec::new(), Vec::new());
        if let Some((turn, shared)) = turn.zip(shared.as_ref()) {
            rests.push(shared.tell_of_store(turn == Turn::WentAway));
        }
        for (errand, failure) in unsent.into_iter().rev() {
            let (ask, of) = of_errand(errand);
            asks.insert(0, ask);
            whose.insert(0, of);
            answers.insert(0, Err(failure));
        }
        for ((ask, (key, to)), answer) in asks.iter().zip(whose).zip(answers) {
            let answer = caught(|| self.made_of(ask, (key, until), answer)).unwrap_or_else(lost);
            match (to, &shared) {
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
        if let Some(shared) = shared.as_ref().filter(|_| lock(&self.mirror).has_to_tell_of_others()) {
            rests.push(shared.tell_of_others());
        }
        if let Some(shared) = shared.as_ref().filter(|_| !told.is_empty()) {
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
            caught(|| shared.as_ref().map(|shared| shared.finish(rest)));
        }
        is_heard && is_quick && self.has_untold()
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
        let slack = sent.map_or(0, |sent| lock(&self.health).slack_at(sent)).div_ceil(1000);
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
