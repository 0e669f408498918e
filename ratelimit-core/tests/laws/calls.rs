//! What the oracle makes of calls: what each counts, and how it ends.

use ratelimit_core::Rate;

use crate::model::Start;
use crate::oracle::Oracle;
use crate::shape::{is_sliding, nanos};

/// A call that was started or charged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    key: usize,
    /// Whether it counts as in flight.
    runs: bool,
    /// Its first part.
    part: usize,
}

/// What a call counts: what was taken at its start, or added by a correction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    call: usize,
    weight: u64,
}

impl Oracle {
    /// A call begins: it takes its weight, and a place in flight.
    fn begins(&mut self, call: usize, key: usize, weight: u64, judged: bool) {
        assert_eq!(call, self.calls.len(), "permits are numbered in order");
        let runs = weight > 0 && self.has_unknown_turns();
        self.calls.push(Call { key, runs, part: self.parts.len() });
        self.running[key] += usize::from(runs);
        self.count(call, key, weight, judged);
    }

    fn count(&mut self, call: usize, key: usize, weight: u64, judged: bool) {
        let id = self.parts.len();
        self.parts.push(Part { call, weight });
        if weight > 0 {
            let at = self.tempo.policy(self.now);
            let debt = |rate: &Rate| nanos(*rate) * i128::from(weight) / i128::from(rate.amount());
            let mut rates = self.model.rates.iter().chain(&self.model.totals);
            self.extreme |= !judged && rates.any(|rate| debt(rate) > 1 << 56);
            self.model.take(Start { judged, ..Start::new(id, at, key, weight) });
        }
    }

    /// It did start: it leaves the line, and counts.
    pub(crate) fn started(&mut self, key: usize, weight: u64, call: usize) {
        self.begins(call, key, weight, true);
    }

    pub(crate) fn charged(&mut self, key: usize, weight: u64, call: usize) {
        let before = self.forecast();
        self.begins(call, key, weight, false);
        if weight > 0 {
            self.judge_sharers(key, &before);
        }
    }

    pub(crate) fn counted(&self, call: usize) -> u64 {
        let own = self.parts.iter().filter(|part| part.call == call);
        own.map(|part| part.weight).sum::<u64>().min(u64::from(u32::MAX))
    }

    /// Whether it began before everything was reset or replaced.
    pub(crate) fn is_of_before(&self, call: usize) -> bool {
        self.calls[call].part < self.settled
    }

    /// What it cost more counts from now on, whatever was reset or replaced since it began.
    pub(crate) fn correct(&mut self, call: usize, cost: u64) {
        let counted = self.counted(call);
        let key = self.calls[call].key;
        if cost < counted {
            self.give_back(call, counted - cost);
        } else if cost > counted {
            let before = self.forecast();
            self.count(call, key, cost - counted, false);
            self.judge_sharers(key, &before);
        }
    }

    /// Of what was taken last first.
    ///
    /// A sliding window gives back all of it, at once; a token bucket and a fixed window may give back less. Rates give
    /// back nothing of what was taken before everything was reset or replaced, so the call counts that on; a policy of
    /// one's own that stayed has counted it, and is told.
    fn give_back(&mut self, call: usize, mut given: u64) {
        let before = if self.model.own.is_some() { self.forecast() } else { Vec::new() };
        let (key, now) = (self.calls[call].key, self.tempo.policy(self.now));
        let parts = self.parts.iter_mut().enumerate().rev();
        let tells_all = self.model.own.is_some();
        let settled = self.settled;
        for (id, part) in parts.filter(|(id, part)| part.call == call && (tells_all || *id >= settled)) {
            let of_it = given.min(part.weight);
            (part.weight, given) = (part.weight - of_it, given - of_it);
            if of_it == 0 {
                continue;
            }
            if let Some(own) = &mut self.model.own {
                own.give_back(key, id, of_it);
            }
            // What was taken under other limits, or before a reset of its key, stays taken.
            let known = self.model.starts.iter_mut().find(|known| known.id == id);
            if let Some(known) = known.filter(|known| id >= self.settled && known.key.is_some()) {
                (known.weight, known.back) = (known.weight - of_it, now);
                self.exact &= self.model.rates.iter().chain(&self.model.totals).copied().all(is_sliding);
            }
        }
        if self.model.own.is_some() {
            self.judge(key, &before);
        }
        self.settle();
    }

    pub(crate) fn refund(&mut self, call: usize) {
        self.give_back(call, self.counted(call));
        self.end(call);
    }

    /// The call's body is over, and costs what it counts.
    pub(crate) fn end(&mut self, call: usize) {
        let Call { key, runs, .. } = self.calls[call];
        let before = self.forecast_unknown();
        let now = self.tempo.policy(self.now);
        if let Some(own) = &mut self.model.own {
            let parts = self.parts.iter().enumerate().filter(|(_, part)| part.call == call);
            for (id, part) in parts.filter(|(_, part)| part.weight > 0) {
                own.end(key, id, part.weight, now);
            }
        }
        self.running[key] -= usize::from(runs);
        self.judge_unknown(key, &before);
        self.settle();
    }
}
