//! What has to be so of refusals, and of who is left in the end.

use std::time::Duration;

use ratelimit_core::clock::{Clock, SystemClock, Timestamp};
use ratelimit_core::{Error, ErrorKind};

use super::schedule::Who;
use super::world::{SLOW, World};
use crate::common::Dice;

impl World {
    pub(super) fn refused(&self, (_, _, weight): Who, allowance: Duration, error: &Error) {
        let kind = error.kind();
        let is_above = |rate: &ratelimit_core::Rate| weight > rate.burst_amount().unwrap_or(rate.amount());
        let is_heavy = self.limits.rates.iter().chain(&self.limits.total).any(is_above);
        match kind {
            ErrorKind::TooHeavy => assert!(is_heavy, "{error}"),
            _ if is_heavy => panic!("too heavy, but {error}"),
            ErrorKind::Limited => assert_eq!(allowance, Duration::ZERO, "{error}"),
            ErrorKind::DelayTooLong => {
                assert!(!allowance.is_zero() && allowance < Duration::MAX, "{allowance:?}: {error}");
            }
            ErrorKind::TooManyWaiting => assert!(self.limits.max_waiting.is_some(), "{error}"),
            ErrorKind::Store => assert!(self.store.has_failed(), "{error}"),
            _ => panic!("{error}"),
        }
        let is_behind = !self.waiters.is_empty() || self.is_late();
        assert!(is_behind || error.retry_after() != Some(Duration::ZERO), "{error}");
        assert_eq!(error.max_delay(), Some(allowance));
        assert_eq!(error.weight(), Some(weight));
    }

    /// Law 5: what a refusal says is so, to the nanosecond.
    pub(super) fn probe(&mut self, who: Who) {
        self.look();
        let is_exact = self.is_prompt
            && self.limits.in_flight.is_none()
            && self.paused_until.iter().all(|until| *until <= self.now())
            && !self.store.has_failed()
            && !self.was_slow
            && self.losses == 0
            && (self.waiters.is_empty() || self.limits.reserves() && self.limits.total.is_none());
        if !is_exact {
            return;
        }
        self.poll_woken(&mut Dice::new(1), true);
        let Err(error) = self.try_one(who) else { return };
        if error.kind() == ErrorKind::TooHeavy {
            return;
        }
        self.probes += 1;
        let Some(wait) = error.retry_after() else {
            assert!(!self.waiters.is_empty(), "somebody knows when");
            return;
        };
        let at = self.now() + u64::try_from(wait.as_nanos()).unwrap();
        for until in [at - 1, at] {
            loop {
                let wake = self.clock.next_wake().map_or(u64::MAX, Timestamp::as_nanos);
                self.go_to(wake.min(until));
                if wake >= until {
                    break;
                }
            }
            if until == at {
                // Others may end at this very moment.
                self.go_to(at);
            }
            let begin = SystemClock.now();
            let ended = self.try_one(who);
            self.was_slow |= SystemClock.now().saturating_since(begin) > SLOW;
            let wait = ended.as_ref().err().and_then(Error::retry_after);
            // A trip that took long has starts counted later by twice as long.
            if self.was_slow || until == at && wait.is_some_and(|wait| wait < Duration::from_millis(100)) {
                return;
            }
            assert_eq!(ended.is_ok(), until == at, "{who:?} at {until}, of {wait:?}: {ended:?}");
        }
    }

    /// Everybody who is left ends, in bounded time.
    pub(crate) fn drain(&mut self) {
        for _ in 0..2000 {
            self.look();
            self.poll_woken(&mut Dice::new(1), true);
            if self.waiters.is_empty() {
                return;
            }
            match self.clock.next_wake() {
                Some(wake) => {
                    self.is_prompt = true;
                    self.go_to(wake.as_nanos().max(self.now()));
                }
                None => {
                    assert!(self.permits.pop().is_some(), "somebody waits, and nobody will wake it");
                }
            }
        }
        let waiting: Vec<_> = self.waiters.iter().map(|w| (w.who, w.joined, w.allowance)).collect();
        panic!("somebody waits for ever: {waiting:?}");
    }
}
