//! What a bucket does while its store is away, and what it tells the store of that afterwards.

use std::collections::HashMap;
use std::sync::Arc;

use super::mirror::Mirror;
use crate::limits::Valid;
use crate::line::KeyId;
use crate::line::table::Table;
use crate::policy::Guarded;
use crate::store::{Acquire, Answer, Ask, Failure, Known, OnOutage, Part, Plan, Record, Said, Verb};

/// The process by itself.
#[derive(Debug)]
pub(super) struct Outage {
    manner: OnOutage,
    /// The share of the limits that this process keeps to, of a key and of all together.
    plans: (Arc<Plan>, Option<Arc<Plan>>),
    /// Its own states, by the entries' names.
    states: HashMap<String, Vec<u8>>,
    /// What was started meanwhile, to be told.
    started: Table<KeyId, Vec<(Part, Record)>>,
}

impl Outage {
    pub(super) fn new(limits: &Valid) -> Self {
        Outage {
            manner: limits.sharing.on_outage,
            plans: plans_of(limits),
            states: HashMap::new(),
            started: Table::default(),
        }
    }

    /// From now on a share of those limits holds.
    pub(super) fn set_limits(&mut self, limits: &Valid) {
        (self.manner, self.plans) = (limits.sharing.on_outage, plans_of(limits));
    }

    /// What is answered in the store's place; `None` = nothing is.
    pub(super) fn play(&mut self, ask: &Ask, key: KeyId, mirror: &Mirror) -> Option<Result<Said, Failure>> {
        let now = mirror.now();
        let said = match (self.manner, &ask.verb) {
            (OnOutage::Allow, Verb::Acquire(Acquire { after: 0, .. }) | Verb::Charge { .. }) => {
                Ok(Said::Granted { wait: 0, start: now, now, born: [0; 2] })
            }
            (OnOutage::Allow, Verb::Acquire(Acquire { after, .. })) => Ok(Said::Later { wait: *after }),
            (OnOutage::Deny | OnOutage::Allow, _) => return None,
            (OnOutage::Local { .. }, _) => self.play_alone(ask, key, mirror, now),
        };
        if let Ok(said) = &said {
            self.count(ask, key, said);
        }
        Some(said)
    }

    fn play_alone(&mut self, ask: &Ask, key: KeyId, mirror: &Mirror, now: u64) -> Result<Said, Failure> {
        let plans = std::iter::once(&self.plans.0).chain(&self.plans.1);
        let alone = |(part, plan): (&Part, &Arc<Plan>)| Part::of(part.entry.clone(), plan, Known::default());
        let ask = Ask::of(ask.parts.iter().zip(plans).map(alone).collect(), ask.verb.clone());
        let names: Vec<String> = ask.entries().map(ToString::to_string).collect();
        for (name, record) in names.iter().zip(mirror.records(key)) {
            // What this process has started before counts from its share.
            if let Some(record) = record.filter(|_| !self.states.contains_key(name)) {
                self.states.insert(name.clone(), record);
            }
        }
        let states: Vec<Option<&[u8]>> =
            names.iter().map(|name| self.states.get(name).map(Vec::as_slice)).collect();
        let judged = ask.judge(std::time::Duration::from_micros(now), &states)?;
        for (name, written) in names.into_iter().zip(judged.writes()) {
            if let Some(written) = written {
                self.states.insert(name, written.state().to_vec());
            }
        }
        let Answer(said) = judged.into_answer();
        Ok(said)
    }

    /// Remembers what was started, and what of that was given back.
    fn count(&mut self, ask: &Ask, key: KeyId, said: &Said) {
        let (Said::Granted { now, .. } | Said::Done { now, .. }) = *said else { return };
        let started = self.started.entry(key).or_insert_with(|| {
            let fresh = |part: &Part| (part.clone(), Record::fresh(&part.plan.without_own()));
            ask.parts.iter().map(fresh).collect()
        });
        for (_, record) in started {
            record.note(&ask.verb, said, now);
        }
    }

    /// What the store is to be told once it is back.
    pub(super) fn untold(&self, now: u64) -> Vec<Ask> {
        let untold = self.started.values().map(|started| {
            let parts =
                started.iter().map(|(part, _)| Part { known: Known::default(), ..part.clone() }).collect();
            let bytes = |record: &Record| record.write(now).map(|(bytes, _)| bytes);
            let records = started.iter().map(|(_, record)| bytes(record)).collect();
            Ask::of(parts, Verb::Restore { records, lost: false })
        });
        untold.collect()
    }

    /// It was told.
    pub(super) fn end(&mut self) {
        self.states.clear();
        self.started.clear();
    }
}

/// The share of `limits` that a process keeps to by itself.
fn plans_of(limits: &Valid) -> (Arc<Plan>, Option<Arc<Plan>>) {
    let share = |rates: &[Guarded]| -> Box<[Guarded]> {
        rates.iter().map(|guarded| share_of(*guarded, limits.sharing.on_outage)).collect()
    };
    let shared = Valid { rates: share(&limits.rates), totals: share(&limits.totals), ..limits.clone() };
    let (of_key, of_all) = Plan::of(&shared);
    (Arc::new(of_key), of_all.map(Arc::new))
}

/// A part of that rate: of its amount and its burst, rounded down, but at least 1.
#[expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the share is a part of 1"
)]
fn share_of(guarded: Guarded, manner: OnOutage) -> Guarded {
    let OnOutage::Local { share } = manner else { return guarded };
    let of = |amount: u32| ((f64::from(amount) * share) as u32).max(1);
    Guarded { rate: guarded.rate.with_amounts(of), ..guarded }
}
