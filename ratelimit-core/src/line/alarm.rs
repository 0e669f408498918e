//! The one sleep of a bucket, and what a change leaves to do once the lock is released.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Weak};
use std::task::{Context, Wake, Waker};
use std::thread;

use super::GRACE;
use super::effects::Effects;
use super::locked::{Changed, lock};
use super::shared::Shared;
use super::state::State;
use crate::clock::{ClockHandle, Sleep};
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::time::Timestamp;

/// How often a sleep that ends early is asked for again before the system's clock stands in.
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

impl Rest {
    /// Tells stores what there is to be told; nothing foreign runs for it.
    pub(crate) fn tell_stores(&mut self) {
        self.effects.tell_stores();
    }
}

impl Shared {
    /// Sets the alarm and calls the wakers that a change left.
    ///
    /// What a user's policy panicked with over the caller's call, and a clock or a waker that panics here, reaches the
    /// caller, but only after everybody else was served.
    pub(crate) fn finish(&self, rest: Rest) {
        if rest.effects.is_empty() {
            return;
        }
        let mut next = Some(rest);
        let mut early = None;
        let mut panicked = None;
        while let Some(Rest { mut effects, clock }) = next.take() {
            let alarm = effects.alarm.take();
            panicked = effects.panicked.take().or(panicked);
            let set = catch_unwind(AssertUnwindSafe(|| {
                alarm.is_some_and(|(asked, at)| self.set_alarm(asked, at, &clock, &mut early))
            }));
            let woken = catch_unwind(AssertUnwindSafe(|| effects.wake_all(&self.name)));
            panicked = woken.err().or(panicked);
            match set {
                Ok(false) => {}
                Ok(true) => next = self.rung(),
                Err(panic) => {
                    // Whoever is woken looks at the clock, and asks for an alarm anew.
                    self.alarm_failed();
                    self.wake_everybody();
                    panicked = Some(panic);
                }
            }
        }
        if let Some(panic) = panicked
            && !thread::panicking()
        {
            resume_unwind(panic);
        }
    }

    /// Places the sleep; whether its time is there already. `early` remembers the time that was asked for last and how
    /// often in a row.
    fn set_alarm(
        &self,
        asked: u64,
        at: Option<Timestamp>,
        clock: &ClockHandle,
        early: &mut Option<(Timestamp, u32)>,
    ) -> bool {
        let sleep = at.map(|at| {
            let times = early.filter(|(asked, _)| *asked == at).map_or(0, |(_, times)| times + 1);
            *early = Some((at, times));
            match times {
                0 => clock.sleep_until(at),
                // A clock whose sleeps end before its own time is there gets a little more each time.
                1..EARLY => clock.sleep_until(at.plus(1_000 << times)),
                // It does not sleep at all.
                _ => stand_in(),
            }
        });
        let sleep = sleep.map(|sleep| self.begin(sleep));
        let rings = matches!(sleep, Some(None));
        let sleep = sleep.flatten();
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
        rings
    }

    /// Polls a sleep for the first time; `None` if it is over already.
    fn begin(&self, mut sleep: Sleep) -> Option<Sleep> {
        let bell = Arc::new(Bell { shared: self.me.clone(), stage: AtomicU8::new(POLLED) });
        let waker = Waker::from(Arc::clone(&bell));
        for _ in 0..EARLY {
            bell.stage.store(POLLED, Ordering::Release);
            if sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                return None;
            }
            let armed =
                bell.stage.compare_exchange(POLLED, ARMED, Ordering::AcqRel, Ordering::Acquire).is_ok();
            if armed {
                return Some(sleep);
            }
            // It rang while it was polled: look again.
        }
        // It wants to be polled all the time, which nobody here does.
        self.begin(stand_in())
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
        self.lock().alarm.at = None;
    }

    fn wake_everybody(&self) {
        let mut effects = Effects::default();
        for line in self.lock().lines.values_mut() {
            for waiter in line.waiters.values_mut() {
                effects.wake(waiter.waker.take());
            }
        }
        // Those who panic are in their own calls.
        let _ = catch_unwind(AssertUnwindSafe(|| effects.wake_all(&self.name)));
    }
}

/// A short sleep of the system's clock, in place of a clock that does not sleep.
fn stand_in() -> Sleep {
    ClockHandle::System.sleep_until(ClockHandle::System.now().plus(GRACE))
}

/// What the alarm's sleep wakes: the bucket, if it is still there.
struct Bell {
    shared: Weak<Shared>,
    stage: AtomicU8,
}

/// The sleep is being polled: whoever polls it will notice.
const POLLED: u8 = 0;
/// The sleep is under way.
const ARMED: u8 = 1;
const RANG: u8 = 2;

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if self.stage.swap(RANG, Ordering::AcqRel) == POLLED {
            return;
        }
        if let Some(shared) = self.shared.upgrade()
            && let Some(rest) = shared.rung()
        {
            shared.finish(rest);
        }
    }
}
