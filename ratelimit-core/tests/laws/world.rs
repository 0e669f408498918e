//! A small deterministic executor: it polls futures of a real bucket in whatever order it is told, drops any of them at
//! any time, and moves the clock.

use ratelimit_core::clock::{Clock, ManualClock, Timestamp};
use ratelimit_core::{Bucket, Error, ErrorKind, Outlook, Permit, Registry, Request};

use crate::common::{Dice, Task};
use crate::schedule::Limits;

/// What happened.
#[derive(Debug)]
pub(crate) enum Event {
    Asked {
        key: usize,
        weight: u32,
        allowance: u64,
        id: Option<usize>,
        ended: Option<Ended>,
    },
    Polled {
        id: usize,
        ended: Option<Ended>,
    },
    Cancelled {
        id: usize,
    },
    /// The clock shows this; never less than before, but by a step back.
    Advanced {
        now: u64,
    },
    Paused {
        span: u64,
    },
    Refunded {
        start: usize,
    },
    Charged {
        key: usize,
        weight: u32,
        start: usize,
    },
    Corrected {
        start: usize,
        cost: u32,
    },
    /// Its permit was dropped.
    Ended {
        start: usize,
    },
    Registered(Limits),
    Paced {
        slow: bool,
    },
    Reset {
        key: Option<usize>,
    },
    Peeked {
        key: usize,
        weight: u32,
        outlook: Outlook,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Which start it was, and how long it waited.
    Started {
        start: usize,
        waited: u64,
    },
    Refused {
        kind: ErrorKind,
        retry_after: Option<u64>,
    },
}

pub(crate) struct World {
    pub clock: ManualClock,
    pub registry: Registry,
    pub bucket: Bucket,
    /// The limits in force, and the policy that was there first.
    pub limits: Limits,
    prototype: Option<Bucket>,
    pub tasks: Vec<Option<Task>>,
    pub permits: Vec<Option<Permit>>,
}

impl World {
    pub(crate) fn new(limits: &Limits) -> Self {
        let clock = ManualClock::new();
        let registry = Registry::builder().clock(clock.clone()).build();
        let prototype = limits.prototype();
        let bucket =
            prototype.as_ref().map_or_else(|| limits.bucket(), |prototype| limits.beside_own(prototype));
        let bucket = registry.register(bucket).expect("the limits make sense");
        let limits = limits.clone();
        World { clock, registry, bucket, limits, prototype, tasks: Vec::new(), permits: Vec::new() }
    }

    pub(crate) fn register(&mut self, limits: Limits, events: &mut Vec<Event>) {
        let prototype = self.prototype.as_ref().filter(|_| limits.own.is_some());
        let bucket = prototype.map_or_else(|| limits.bucket(), |prototype| limits.beside_own(prototype));
        self.registry.register(bucket).expect("the limits make sense");
        self.limits = limits.clone();
        events.push(Event::Registered(limits));
    }

    pub(crate) fn held(&self) -> Vec<usize> {
        (0..self.permits.len()).filter(|id| self.permits[*id].is_some()).collect()
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.now().as_nanos()
    }

    pub(crate) fn request(&self, key: usize, weight: u32) -> Request<'_> {
        let request = self.bucket.request().weight(weight);
        if key == 0 { request } else { request.key(key) }
    }

    /// Those who were woken and not polled since.
    pub(crate) fn woken(&self) -> Vec<usize> {
        let woken = |id: &usize| self.tasks[*id].as_ref().is_some_and(Task::is_woken);
        (0..self.tasks.len()).filter(woken).collect()
    }

    pub(crate) fn is_anybody_woken(&self) -> bool {
        self.tasks.iter().flatten().any(Task::is_woken)
    }

    pub(crate) fn waiting(&self) -> Vec<usize> {
        (0..self.tasks.len()).filter(|id| self.tasks[*id].is_some()).collect()
    }

    pub(crate) fn ended(&mut self, ended: Result<Permit, Error>) -> Ended {
        let nanos = |span: std::time::Duration| u64::try_from(span.as_nanos()).expect("it fits");
        match ended {
            Ok(permit) => {
                let waited = nanos(permit.waited());
                self.permits.push(Some(permit));
                Ended::Started { start: self.permits.len() - 1, waited }
            }
            Err(error) => Ended::Refused { kind: error.kind(), retry_after: error.retry_after().map(nanos) },
        }
    }

    pub(crate) fn poll(&mut self, id: usize, events: &mut Vec<Event>) {
        let Some(mut task) = self.tasks[id].take() else { return };
        let ended = task.poll().map(|ended| self.ended(ended));
        if ended.is_none() {
            self.tasks[id] = Some(task);
        }
        events.push(Event::Polled { id, ended });
    }

    /// Polls those who were woken until nobody is.
    pub(crate) fn poll_all(&mut self, order: &mut Dice, events: &mut Vec<Event>) {
        loop {
            let mut woken = self.woken();
            if woken.is_empty() {
                return;
            }
            order.shuffle(&mut woken);
            for id in woken {
                self.poll(id, events);
            }
        }
    }

    pub(crate) fn drop_task(&mut self, id: usize, events: &mut Vec<Event>) {
        self.tasks[id] = None;
        events.push(Event::Cancelled { id });
    }

    /// Moves the clock back, after a call that makes sure that the bucket has seen what it showed.
    pub(crate) fn back_by(&mut self, span: u64, events: &mut Vec<Event>) {
        self.try_one(0, 1, events);
        let now = self.now().saturating_sub(span);
        self.clock.set(Timestamp::from_nanos(now));
        events.push(Event::Advanced { now });
    }

    pub(crate) fn try_one(&mut self, key: usize, weight: u32, events: &mut Vec<Event>) {
        let tried = self.request(key, weight).try_acquire();
        let ended = Some(self.ended(tried));
        events.push(Event::Asked { key, weight, allowance: 0, id: None, ended });
    }

    pub(crate) fn end(&mut self, start: usize, events: &mut Vec<Event>) {
        self.permits[start] = None;
        events.push(Event::Ended { start });
    }

    pub(crate) fn advance_to(&mut self, now: u64, events: &mut Vec<Event>) {
        // The end of time itself is never: up to the nanosecond before.
        let now = now.min(u64::MAX - 1);
        self.clock.set(Timestamp::from_nanos(now.max(self.now())));
        events.push(Event::Advanced { now: self.now() });
    }
}
