//! A store of a few lines, whose time the tests set, and asks to play on it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::policy::{Guarded, Prototype};
use crate::rate::Rate;
use crate::store::ask::{Acquire, Ask, Entry, Known, Part, Plan, Said, Seen, Verb};
use crate::store::{Failure, Judged};

/// 2001: far from where times end.
pub(super) const BEGIN: u64 = 1_000_000_000_000_000;

/// A rate over so many microseconds, and its guard in microseconds.
pub(super) fn guarded(rate: Rate, guard: u64) -> Guarded {
    Guarded { rate, guard: guard * 1000 }
}

pub(super) fn sliding(amount: u32, micros: u64) -> Guarded {
    guarded(Rate::new(amount, Duration::from_micros(micros)), 0)
}

pub(super) fn bucket(amount: u32, micros: u64, burst: u32) -> Guarded {
    guarded(Rate::new(amount, Duration::from_micros(micros)).burst(burst), 0)
}

pub(super) fn fixed(amount: u32, micros: u64) -> Guarded {
    guarded(Rate::new(amount, Duration::from_micros(micros)).fixed(), 0)
}

pub(super) fn plan(rates: &[Guarded]) -> Arc<Plan> {
    Arc::new(Plan::new(0, rates, None))
}

pub(super) fn own_plan(rates: &[Guarded], own: &Prototype) -> Arc<Plan> {
    Arc::new(Plan::new(0, rates, Some(own)))
}

/// What is asked for of key `key`.
pub(super) fn part(plan: &Arc<Plan>, key: usize) -> Part {
    let entry = Entry::of_key(&"bucket".into(), Some(&key.to_string()));
    Part { entry, plan: Arc::clone(plan), known: Known::default() }
}

pub(super) fn total(plan: &Arc<Plan>) -> Part {
    Part { entry: Entry::total(&"bucket".into()), plan: Arc::clone(plan), known: Known::default() }
}

/// Never waits.
pub(super) fn now_or_never(weight: u32) -> Verb {
    Verb::Acquire(Acquire { weight, after: 0, slack: 0, allowance: 0, reserves: false })
}

/// Has a start reserved, however late.
pub(super) fn reserve(weight: u32) -> Verb {
    Verb::Acquire(Acquire { weight, after: 0, slack: 0, allowance: u64::MAX, reserves: true })
}

/// The same, whichever records were written.
pub(super) fn of_any_record(mut said: Said) -> Said {
    if let Said::Granted { born, .. } = &mut said {
        assert!(born[0] > 0, "it was written");
        *born = [0; 2];
    }
    said
}

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) now: u64,
    pub(super) records: HashMap<String, Kept>,
    /// Whether what is kept for long enough is forgotten at once.
    pub(super) forgets: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) bytes: Vec<u8>,
    pub(super) until: u64,
}

impl World {
    pub(super) fn new() -> Self {
        World { now: BEGIN, records: HashMap::new(), forgets: false }
    }

    pub(super) fn bytes(&self, part: &Part) -> Option<&[u8]> {
        self.bytes_of(&part.entry)
    }

    pub(super) fn bytes_of(&self, entry: &Entry) -> Option<&[u8]> {
        let kept = self.records.get(&entry.to_string())?;
        (!self.forgets || kept.until > self.now).then_some(&*kept.bytes)
    }

    pub(super) fn judge(&self, ask: &Ask) -> Result<Judged, Failure> {
        let states: Vec<_> = ask.entries().map(|entry| self.bytes_of(entry)).collect();
        ask.judge(Duration::from_micros(self.now), &states)
    }

    pub(super) fn try_ask(&mut self, ask: &Ask) -> Result<Said, Failure> {
        let judged = self.judge(ask)?;
        for (entry, written) in ask.entries().zip(judged.writes()) {
            if let Some(written) = written {
                let until = self.now + u64::try_from(written.keep_for().as_micros()).unwrap();
                let kept = Kept { bytes: written.state().to_vec(), until };
                self.records.insert(entry.to_string(), kept);
            }
        }
        Ok(judged.into_answer().0)
    }

    pub(super) fn try_play(&mut self, parts: &[Part], verb: Verb) -> Result<Said, Failure> {
        self.try_ask(&Ask::of(parts.to_vec(), verb))
    }

    pub(super) fn play(&mut self, parts: &[Part], verb: Verb) -> Said {
        self.try_play(parts, verb).expect("it is judged")
    }

    /// Whether it was granted now.
    pub(super) fn takes(&mut self, parts: &[Part], weight: u32) -> bool {
        matches!(self.play(parts, now_or_never(weight)), Said::Granted { wait: 0, .. })
    }

    /// For when a start was reserved.
    pub(super) fn reserves(&mut self, parts: &[Part], weight: u32) -> u64 {
        match self.play(parts, reserve(weight)) {
            Said::Granted { start, .. } => start,
            said => panic!("{said:?}"),
        }
    }

    pub(super) fn charge(&mut self, parts: &[Part], weight: u32) {
        self.play(parts, Verb::Charge { weight });
    }

    /// How long a call of that weight that is refused has to wait.
    pub(super) fn refused(&mut self, parts: &[Part], weight: u32) -> u64 {
        match self.play(parts, now_or_never(weight)) {
            Said::Refused(refused) => refused.retry_after.expect("it is known"),
            said => panic!("{said:?}"),
        }
    }

    pub(super) fn look(&mut self, parts: &[Part]) -> Vec<Seen> {
        match self.play(parts, Verb::Peek { weight: 1 }) {
            Said::Outlook(seen) => seen,
            said => panic!("{said:?}"),
        }
    }

    /// What is used of the first rate of the first of `parts`.
    pub(super) fn used(&mut self, parts: &[Part]) -> u32 {
        self.look(parts)[0].rates[0].used
    }
}
