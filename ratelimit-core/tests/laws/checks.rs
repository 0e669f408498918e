//! What has to be so of a real bucket after whatever happened.

use ratelimit_core::clock::Timestamp;
use ratelimit_core::{Outlook, Rate};

use crate::run::Run;
use crate::schedule::KEYS;

impl Run {
    pub(crate) fn see_peeked(&mut self, key: usize, weight: u32, outlook: &Outlook) {
        self.oracle.settle();
        if !self.oracle.exact {
            return;
        }
        let oracle = &self.oracle;
        let waiting = oracle.waiters.iter().filter(|waiter| waiter.key == key && !waiter.failed);
        assert_eq!(outlook.waiting(), waiting.count(), "how many wait");
        let wait = outlook.wait().map(|wait| u64::try_from(wait.as_nanos()).expect("it fits"));
        if !oracle.model.fits(u64::from(weight)) {
            assert_eq!(wait, None, "it never fits");
        } else if weight == 0 {
            assert_eq!(wait, Some(0), "it is free");
        } else if oracle.is_alone(key) {
            let due = oracle.plan(key, u64::from(weight)).1;
            assert_eq!(wait.unwrap_or(u64::MAX), oracle.wait(due), "it would wait until {due:?}");
        }
        let (now, model) = (oracle.tempo.policy(oracle.now), &oracle.model);
        for (index, outlook) in outlook.rates().iter().enumerate() {
            let of = (index < model.rates.len()).then_some(key);
            let fits = |weight: u32| model.earliest(outlook.rate(), of, u64::from(weight)) <= now;
            let (rate, remaining) = (outlook.rate(), outlook.remaining());
            assert!(remaining == 0 || fits(remaining), "{remaining} of {rate} do not remain");
            let most = rate.burst_amount().unwrap_or(rate.amount());
            assert!(remaining == most || !fits(remaining + 1), "more than {remaining} of {rate} remain");
        }
    }

    /// Whose turn has come or who has failed was woken; who is due later will be.
    pub(crate) fn everybody_is_told(&self) {
        let oracle = &self.oracle;
        if oracle.waiters.is_empty() {
            return;
        }
        let is_woken = |id: usize| self.world.tasks[id].as_ref().is_some_and(crate::common::Task::is_woken);
        for (id, _) in oracle.turns.iter().flatten() {
            assert!(is_woken(*id), "it is the turn of {id}, and nobody told it");
        }
        for waiter in oracle.waiters.iter().filter(|waiter| waiter.failed) {
            assert!(is_woken(waiter.id), "{} has failed, and nobody told it", waiter.id);
        }
        let wake = self.world.clock.next_wake().map_or(u64::MAX, Timestamp::as_nanos);
        for key in (0..KEYS).filter(|key| oracle.turns[*key].is_none()) {
            if let Some(due) = self.known_due(key) {
                assert!(wake <= due, "somebody is due at {due}, the next wake comes at {wake}");
            }
        }
        if oracle.has_unknown_turns() {
            let ends = oracle.waiters.iter().filter(|waiter| !waiter.failed && waiter.deadline >= oracle.now);
            let ends = ends.map(|waiter| waiter.deadline.saturating_add(1)).min().unwrap_or(u64::MAX);
            assert!(wake <= ends, "an allowance is over at {ends}, the next wake comes at {wake}");
        }
    }

    /// Those who are left wait for what lies beyond the end of time.
    pub(crate) fn nobody_is_due(&self) {
        let dues = (0..KEYS).filter_map(|key| self.known_due(key));
        assert!(
            !self.oracle.exact || dues.min().is_none_or(|due| due == u64::MAX),
            "somebody waits, and nobody will wake it"
        );
    }

    /// When the first in line on `key` starts, unless that depends on other keys.
    fn known_due(&self, key: usize) -> Option<u64> {
        let oracle = &self.oracle;
        let first = oracle.waiters.iter().find(|waiter| !waiter.passed && !waiter.failed)?;
        (oracle.model.totals.is_empty() || first.key == key).then(|| oracle.first_due(key))?
    }

    /// Laws 1 to 3 once more, by definition.
    pub(crate) fn laws_hold(&self) {
        if self.registered {
            // What started under other limits may be more than these allow.
            return;
        }
        let model = &self.oracle.model;
        for key in 0..KEYS {
            let holds = |rate: &Rate| model.holds(*rate, Some(key));
            assert!(model.rates.iter().all(holds), "key {key} broke a law");
        }
        let holds = |rate: &Rate| model.holds(*rate, None);
        assert!(model.totals.iter().all(holds), "the total was broken");
    }
}
