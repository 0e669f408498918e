//! Our bucket in the course of a trace: its calls are sent when the peer sends them, whatever ours says to that, and
//! answered as they were answered.

use std::collections::BTreeMap;

use ratelimit_core::clock::{Clock, Timestamp};
use ratelimit_core::{ErrorKind, Permit};

use super::trace::Event;
use crate::replay::Engine;
use crate::waiting::{Started, Waiting};

pub(super) struct Ours {
    engine: Engine,
    waiting: Waiting,
    /// Those that ours has let start and the peer has not sent: they hold their room until it does.
    ahead: BTreeMap<u32, Started>,
    sent: BTreeMap<u32, Permit>,
}

impl Ours {
    /// As it is after these events.
    pub(super) fn after(events: &[Event]) -> Self {
        let mut ours = Ours {
            engine: Engine::new(&[]),
            waiting: Waiting::default(),
            ahead: BTreeMap::new(),
            sent: BTreeMap::new(),
        };
        for event in events {
            ours.play(event);
        }
        ours
    }

    pub(super) fn play(&mut self, event: &Event) {
        self.pass(event.at());
        match event {
            Event::Acquire(call) => self.ask(call.id),
            Event::Granted(call) => self.send(call.id),
            Event::Resolve(answer) | Event::Update(answer) => {
                self.sent.get(&answer.id).expect("it was sent").observe(&answer.feedback());
            }
            Event::Release(call) => drop(self.sent.remove(&call.id)),
            Event::Peek(_) => {}
        }
        self.pass(event.at());
    }

    /// Lets the time pass, and everybody start who may.
    pub(super) fn pass(&mut self, now: u64) {
        let started = self.waiting.pass(now, &self.engine);
        self.ahead.extend(started.into_iter().map(|started| (started.id, started)));
    }

    fn ask(&mut self, id: u32) {
        if let Some(started) = self.waiting.join(id, 1, &self.engine) {
            let (at, permit) = (self.now().as_nanos(), started.expect("a permit"));
            self.ahead.insert(id, Started { id, at, permit });
        }
    }

    fn send(&mut self, id: u32) {
        let permit = match self.ahead.remove(&id) {
            Some(started) if started.at == self.now().as_nanos() => started.permit,
            Some(started) => {
                // What an answer means depends on when the call was sent.
                started.permit.refund();
                self.engine.bucket.charge().expect("open")
            }
            None => {
                assert!(self.waiting.leave(id), "{id} waits");
                self.engine.bucket.charge().expect("open")
            }
        };
        self.sent.insert(id, permit);
    }

    fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }

    /// When ours has let `id` start, which the peer has not sent yet.
    pub(super) fn started(&self, id: u32) -> Option<u64> {
        self.ahead.get(&id).map(|started| started.at)
    }

    /// When ours lets `id` start if nobody else is sent and nothing is heard any more; `None` = not at all.
    pub(super) fn starts(mut self, id: u32) -> Option<u64> {
        while self.started(id).is_none() {
            let next = self.engine.clock.next_wake()?;
            self.pass(next.as_nanos());
        }
        self.started(id)
    }

    /// Whether a newcomer waits.
    pub(super) fn is_limited(&self) -> bool {
        self.engine.wait(None, 1).is_none_or(|wait| !wait.is_zero())
    }

    /// The weight that ours lets start of `most`, those included that it has let start ahead of the peer.
    pub(super) fn room(&self, most: u32) -> u32 {
        self.fits(most) + u32::try_from(self.ahead.len()).expect("a few")
    }

    /// The weight that a newcomer of `most` may start with now.
    fn fits(&self, most: u32) -> u32 {
        let fits = |weight: &u32| self.engine.wait(None, *weight).is_some_and(|wait| wait.is_zero());
        (1..=most).take_while(fits).last().unwrap_or(0)
    }

    /// When more of `most` may start than now if nothing is heard; `None` = not before something is.
    pub(super) fn end(&self, most: u32) -> Option<u64> {
        if self.waiting() > 0 {
            return self.engine.clock.next_wake().map(Timestamp::as_nanos);
        }
        let wait = self.engine.wait(None, self.fits(most) + 1)?;
        Some(self.now().saturating_add(wait).as_nanos())
    }

    fn waiting(&self) -> usize {
        self.engine.bucket.peek().expect("open").waiting()
    }

    /// Whether that is the limit, as far as ours knows.
    pub(super) fn has_limit(&self, limit: u32) -> bool {
        let is_too_heavy = |weight| match self.engine.bucket.request().weight(weight).try_acquire() {
            Ok(permit) => {
                permit.refund();
                false
            }
            Err(error) => error.kind() == ErrorKind::TooHeavy,
        };
        is_too_heavy(limit + 1) && !is_too_heavy(limit)
    }
}
