//! The one sleep of a bucket, and what a change leaves to do once the lock is released.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Weak};
use std::task::{Context, Wake, Waker};

use super::effects::Effects;
use super::shared::{Changed, Shared, lock};
use super::state::State;
use crate::clock::{ClockHandle, Sleep};
use crate::time::Timestamp;

/// How often a sleep that ends early is asked for again before the next look is left to whoever comes.
const EARLY: u32 = 20;

/// The sleep that is under way.
#[derive(Default)]
pub(super) struct Alarm {
    /// Which request for an alarm this is; a later one replaces it.
    asked: u64,
    sleep: Option<Sleep>,
}

/// What a change left to do without the lock.
#[must_use = "wakers and the alarm wait for `finish`"]
pub(crate) struct Rest {
    pub(super) effects: Effects,
    pub(super) clock: ClockHandle,
}

impl Shared {
    /// Sets the alarm and calls the wakers that a change left.
    ///
    /// A clock that panics here reaches the caller only after everybody else was woken.
    pub(crate) fn finish(self: &Arc<Self>, rest: Rest) {
        let mut next = Some(rest);
        let mut early = None;
        while let Some(Rest { mut effects, clock }) = next.take() {
            let alarm = effects.alarm.take();
            let set = catch_unwind(AssertUnwindSafe(|| match alarm {
                Some((asked, at)) => self.set_alarm(asked, at, &clock, &mut early),
                None => Set::Sleeps,
            }));
            effects.wake_all();
            match set {
                Ok(Set::Sleeps) => {}
                Ok(Set::Rings) => next = self.rung(),
                Ok(Set::Failed) => self.alarm_failed(),
                Err(panic) => {
                    self.alarm_failed();
                    resume_unwind(panic);
                }
            }
        }
    }

    /// `early` remembers the time that was asked for last and how often in a row.
    fn set_alarm(
        self: &Arc<Self>,
        asked: u64,
        at: Option<Timestamp>,
        clock: &ClockHandle,
        early: &mut Option<(Timestamp, u32)>,
    ) -> Set {
        let mut set = Set::Sleeps;
        let sleep = at.and_then(|at| {
            let times = early.filter(|(asked, _)| *asked == at).map_or(0, |(_, times)| times + 1);
            *early = Some((at, times));
            // A clock whose sleeps end before its own time is there gets a little more each time.
            let slack = if times == 0 { 0 } else { 1_000 << times.min(EARLY) };
            let mut sleep = clock.sleep_until(at.plus(slack));
            let bell = Waker::from(Arc::new(Bell(Arc::downgrade(self))));
            if sleep.as_mut().poll(&mut Context::from_waker(&bell)).is_pending() {
                return Some(sleep);
            }
            set = if times < EARLY { Set::Rings } else { Set::Failed };
            None
        });
        let mut alarm = lock(&self.alarm);
        let old = if alarm.asked < asked {
            alarm.asked = asked;
            std::mem::replace(&mut alarm.sleep, sleep)
        } else {
            sleep
        };
        drop(alarm);
        // A sleep is the clock's code: dropped after the lock.
        drop(old);
        set
    }

    /// The alarm's time has come: looks at the lines that are due.
    fn rung(&self) -> Option<Rest> {
        if let Ok(Changed { result: (), rest }) = catch_unwind(AssertUnwindSafe(|| self.change(State::ring)))
        {
            return Some(rest);
        }
        // The clock panicked: those who wait meet the same panic when they look at it themselves.
        self.alarm_failed();
        self.wake_everybody();
        None
    }

    /// No sleep is under way, whatever was asked for: the next change asks again.
    fn alarm_failed(&self) {
        lock(&self.state).alarm.1 = None;
    }

    fn wake_everybody(&self) {
        let mut effects = Effects::default();
        for line in lock(&self.state).lines.values_mut() {
            for waiter in line.waiters.values_mut() {
                effects.wake(waiter.waker.take());
            }
        }
        effects.wake_all();
    }
}

/// What became of an alarm.
enum Set {
    Sleeps,
    /// Its time is there already.
    Rings,
    /// The clock does not sleep.
    Failed,
}

/// What the alarm's sleep wakes: the bucket, if it is still there.
struct Bell(Weak<Shared>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if let Some(shared) = self.0.upgrade()
            && let Some(rest) = shared.rung()
        {
            shared.finish(rest);
        }
    }
}
