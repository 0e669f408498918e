//! Random schedules: what is said is what the model says and what the policies say that were never bytes; nothing is
//! granted above a limit, and a refusal writes nothing.

use std::sync::Arc;
use std::time::Duration;

use super::model::Model;
use super::world::{BEGIN, World, guarded, of_any_record, part, plan, total};
use crate::dice::Dice;
use crate::error::ErrorScope;
use crate::policy::{All, Earliest, Guarded, Outcome};
use crate::rate::Rate;
use crate::store::ask::{Acquire, Part, Plan, Refused, Said, Verb};
use crate::store::record::KEEP;
use crate::time::Timestamp;

const SCHEDULES: u64 = if cfg!(miri) { 3 } else { 1_200 };
const STEPS: u64 = 40;

/// One entry beside its record.
struct Beside {
    model: Model,
    /// The states themselves, never put into bytes; not told of a clock that is put back.
    all: All,
    newest: u64,
}

struct Run {
    world: World,
    keyed: Arc<Plan>,
    total: Option<Arc<Plan>>,
    /// Three keys and the total.
    beside: Vec<Beside>,
    dice: Dice,
    /// Where the contract leaves open how much a refund gives back.
    is_exact: bool,
    was_put_back: bool,
    granted: Vec<(usize, u64, u32, u64)>,
    met: Met,
}

/// What was played, so that nothing is left out unseen.
#[derive(Debug, Default)]
struct Met {
    granted: u64,
    reserved: u64,
    later: u64,
    refused: u64,
    never: u64,
    back: u64,
    refunds: u64,
}

fn rate(dice: &mut Dice) -> Guarded {
    let (amount, per) = (dice.between(1, 6), dice.between(1_000, 2_000_000));
    // Not always a whole number of microseconds.
    let per = per * 1000 - if dice.one_in(3) { dice.below(1000) } else { 0 };
    let rate = Rate::new(u32::try_from(amount).unwrap(), Duration::from_nanos(per));
    let rate = match dice.below(3) {
        0 => rate,
        1 => rate.fixed(),
        _ => rate.burst(u32::try_from(dice.between(1, 6)).unwrap()),
    };
    let guard = dice.pick(&[0, 0, 1, 17, 20_000]).min(rate.window_nanos() / 2_000);
    guarded(rate, guard)
}

fn limits(dice: &mut Dice) -> Arc<Plan> {
    let most = dice.pick(&[1, 1, 2, 3]);
    plan(&(0..most).map(|_| rate(dice)).collect::<Vec<_>>())
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let keyed = limits(&mut dice);
        let total = dice.one_in(2).then(|| limits(&mut dice));
        let plans = [&keyed, &keyed, &keyed, total.as_ref().unwrap_or(&keyed)];
        let beside = plans.map(|plan| Beside {
            model: Model::new(&plan.counted),
            all: All::new(&plan.counted, None),
            newest: 0,
        });
        Run {
            world: World::new(),
            beside: beside.into_iter().collect(),
            keyed,
            total,
            dice,
            is_exact: true,
            was_put_back: false,
            granted: Vec::new(),
            met: Met::default(),
        }
    }

    fn parts(&self, key: usize) -> (Vec<Part>, Vec<usize>) {
        let mut parts = vec![part(&self.keyed, key)];
        let mut entries = vec![key];
        if let Some(plan) = &self.total {
            parts.push(total(plan));
            entries.push(3);
        }
        (parts, entries)
    }

    fn step(&mut self) {
        self.pass_time();
        let key = usize::try_from(self.dice.below(3)).unwrap();
        let weight = u32::try_from(self.dice.pick(&[1, 1, 1, 1, 1, 2, 2, 3, 7])).unwrap();
        match self.dice.below(20) {
            0 => self.charge(key, weight),
            1 => self.reset(key),
            2 => self.refund(),
            _ => self.acquire(key, weight),
        }
        let (parts, entries) = self.parts(key);
        let before = self.world.records.clone();
        let seen = self.world.look(&parts);
        assert_eq!(self.world.records, before, "a look writes nothing");
        for (seen, entry) in seen.iter().zip(entries) {
            if self.is_exact {
                let model = self.beside[entry].model.seen_at(self.world.now);
                let due = model.earliest(self.world.now, 1, 0).0;
                assert_eq!(seen.wait, due.map(|at| at - self.world.now));
            }
        }
    }

    fn pass_time(&mut self) {
        let later = self.dice.pick(&[0, 0, 1, 50, 3_000, 100_000, 700_000, 4_000_000]);
        self.world.now += self.dice.below(later + 1);
        if self.dice.one_in(40) {
            self.world.now -= self.dice.below(3_000_000);
            self.was_put_back = true;
            self.met.back += 1;
        }
    }

    fn ask(&mut self, weight: u32) -> Acquire {
        let dice = &mut self.dice;
        Acquire {
            weight,
            after: if dice.one_in(6) { dice.below(300_000) } else { 0 },
            slack: if dice.one_in(3) { dice.below(1_000_001) } else { 0 },
            allowance: match dice.below(3) {
                0 => 0,
                1 => dice.below(3_000_000),
                _ => u64::MAX,
            },
            reserves: dice.one_in(2),
        }
    }

    fn acquire(&mut self, key: usize, weight: u32) {
        let ask = self.ask(weight);
        let (parts, entries) = self.parts(key);
        let before = self.world.records.clone();
        let said = of_any_record(self.world.play(&parts, Verb::Acquire(ask)));
        let now = self.world.now;
        let taken = matches!(said, Said::Granted { .. });
        let is_back = entries.iter().any(|entry| self.beside[*entry].model.written > now);
        assert!(taken || is_back || self.world.records == before, "what is not granted writes nothing");
        if self.is_exact {
            let seen: Vec<Model> =
                entries.iter().map(|entry| self.beside[*entry].model.seen_at(now)).collect();
            let expected = expected(now, ask, &self.plans(&entries), |index, from| {
                seen[index].earliest(from, weight, ask.slack)
            });
            assert_eq!(said, expected, "{ask:?} of {entries:?} at {now}");
        }
        if !self.was_put_back {
            let beside: Vec<_> = entries.iter().map(|entry| &self.beside[*entry]).collect();
            let plans = self.plans(&entries);
            let expected = expected(now, ask, &plans, |index, from| {
                let Beside { all, newest, .. } = beside[index];
                by_policies(all.clone(), &plans[index].counted, from.max(*newest), ask)
            });
            assert_eq!(said, expected, "by the policies, {ask:?} of {entries:?} at {now}");
        }
        if is_back {
            for entry in &entries {
                let model = &mut self.beside[*entry].model;
                *model = Model { written: model.written.min(now), ..model.seen_at(now) };
            }
        }
        match said {
            Said::Granted { start, wait, .. } => {
                self.met.granted += 1;
                self.met.reserved += u64::from(wait > 0);
                self.granted.push((key, start, weight, now));
                self.take(&entries, start, weight);
            }
            Said::Later { .. } => self.met.later += 1,
            Said::Never { .. } => self.met.never += 1,
            Said::Refused(refused) => {
                self.met.refused += 1;
                self.is_kept(&parts, ask, refused);
            }
            said => panic!("{said:?}"),
        }
    }

    /// Refused a microsecond earlier, granted then: law 5, if nobody else comes.
    fn is_kept(&self, parts: &[Part], ask: Acquire, refused: Refused) {
        let wait = refused.retry_after.expect("rates know when");
        let ask = Verb::Acquire(Acquire { after: 0, allowance: 0, ..ask });
        let mut then = self.world.clone();
        then.now += wait;
        let said = then.clone().play(parts, ask.clone());
        assert!(matches!(said, Said::Granted { wait: 0, .. }), "{said:?}");
        then.now -= 1;
        if refused.rate.is_some() {
            let said = then.play(parts, ask);
            let by_rate = matches!(said, Said::Refused(Refused { retry_after: Some(1), .. }));
            assert!(by_rate, "{said:?}");
        }
    }

    fn plans(&self, entries: &[usize]) -> Vec<Arc<Plan>> {
        let plan = |entry: &usize| if *entry == 3 { self.total.as_ref().unwrap() } else { &self.keyed };
        entries.iter().map(|entry| Arc::clone(plan(entry))).collect()
    }

    fn take(&mut self, entries: &[usize], at: u64, weight: u32) {
        for (entry, plan) in entries.iter().zip(self.plans(entries)) {
            let beside = &mut self.beside[*entry];
            let mut model = beside.model.seen_at(self.world.now);
            model.take(at, weight);
            model.written = self.world.now;
            beside.model = model;
            if !self.was_put_back {
                let time = Timestamp::from_nanos(at);
                beside.all.remember_longer(KEEP, (time, at.saturating_sub(self.world.now)));
                beside.all.commit(time, weight);
                beside.all.set_guards(&plan.counted);
                beside.newest = at;
            }
        }
    }

    fn charge(&mut self, key: usize, weight: u32) {
        let (parts, entries) = self.parts(key);
        let Said::Granted { start, wait: 0, .. } = self.world.play(&parts, Verb::Charge { weight }) else {
            panic!("it is taken whatever the limits say");
        };
        let now = self.world.now;
        let newest = entries.iter().map(|entry| self.beside[*entry].model.seen_at(now).newest).max();
        assert!(!self.is_exact || start == newest.unwrap().max(now), "it counts from now, or in its turn");
        self.take(&entries, start, weight);
    }

    fn reset(&mut self, key: usize) {
        let (parts, entries) = self.parts(key);
        self.world.play(&parts, Verb::Reset);
        for (entry, plan) in entries.iter().zip(self.plans(&entries)) {
            let model = Model { written: self.world.now, ..Model::new(&plan.counted) };
            self.beside[*entry] = Beside { model, all: All::new(&plan.counted, None), newest: 0 };
        }
        self.granted.clear();
    }

    /// From then on only the policies tell how much is given back.
    fn refund(&mut self) {
        if self.was_put_back || self.granted.is_empty() || self.dice.one_in(2) {
            return;
        }
        let index = usize::try_from(self.dice.below(self.granted.len() as u64)).unwrap();
        let (key, start, weight, _) = self.granted.remove(index);
        let given = u32::try_from(self.dice.between(1, weight.into())).unwrap();
        let (parts, entries) = self.parts(key);
        let now = self.world.now;
        let said = self.world.play(&parts, Verb::Refund { start, weight, given, born: [0; 2] });
        assert!(matches!(said, Said::Done { now: done, .. } if done == now), "{said:?}");
        self.is_exact = false;
        self.met.refunds += 1;
        for entry in entries {
            let beside = &mut self.beside[entry];
            beside.model.written = now;
            let at = Timestamp::from_nanos;
            let opened = beside.all.newest_opening().map_or(0, Timestamp::as_nanos);
            let newest = at(beside.newest);
            beside.all.settle_reserved((at(start), newest), at(now), weight, &Outcome::Refund(given));
            if beside.newest == start && given == weight {
                let newest = beside.all.newest_start().map_or(now, Timestamp::as_nanos);
                beside.newest = newest.max(opened).min(start);
            }
        }
    }
}

/// What is said where each of the entries says so of when.
fn expected(
    now: u64,
    ask: Acquire,
    plans: &[Arc<Plan>],
    earliest: impl Fn(usize, u64) -> (Option<u64>, Option<Rate>),
) -> Said {
    let from = now + ask.slack + ask.after;
    let due: Vec<_> = (0..plans.len()).map(|index| earliest(index, from)).collect();
    let declared = |index: usize, rate: Option<Rate>| {
        let counted = plans[index].counted.iter().position(|guarded| Some(guarded.rate) == rate)?;
        Some(plans[index].declared[counted].rate)
    };
    if let Some(index) = due.iter().position(|(at, _)| at.is_none()) {
        return Said::Never { rate: declared(index, due[index].1), scope: scope_of(index) };
    }
    let latest = due.iter().map(|(at, _)| at.unwrap()).max().unwrap();
    let index = due.iter().position(|(at, _)| *at == Some(latest)).unwrap();
    let wait = latest - (now + ask.slack);
    if wait > ask.allowance {
        let rate = declared(index, due[index].1);
        return Said::Refused(Refused { retry_after: Some(wait), rate, scope: scope_of(index) });
    }
    let only_the_key_waits = due.len() > 1 && due[1].0 < Some(latest);
    let reserved = ask.reserves && !only_the_key_waits;
    if latest > from && !reserved || ask.after > 0 && !ask.reserves {
        return Said::Later { wait };
    }
    Said::Granted { wait, start: latest, now, born: [0; 2] }
}

fn by_policies(mut all: All, rates: &[Guarded], from: u64, ask: Acquire) -> (Option<u64>, Option<Rate>) {
    let longer = rates.iter().map(|rate| Guarded { guard: rate.guard + ask.slack, ..*rate });
    all.set_guards(&longer.collect::<Vec<_>>());
    let verdict = all.earliest_if_early(Timestamp::from_nanos(from), ask.weight, ask.slack);
    match verdict.earliest {
        Earliest::At(at) => (Some(at.as_nanos()), verdict.rate),
        Earliest::Never | Earliest::WhenSettled => (None, verdict.rate),
    }
}

#[test]
fn what_is_said_is_what_the_model_and_the_policies_say() {
    let mut met = Met::default();
    for seed in 0..SCHEDULES {
        let mut run = Run::new(seed);
        for _ in 0..STEPS {
            run.step();
        }
        assert!(run.world.now > BEGIN - 200_000_000);
        met.granted += run.met.granted;
        met.reserved += run.met.reserved;
        met.later += run.met.later;
        met.refused += run.met.refused;
        met.never += run.met.never;
        met.back += run.met.back;
        met.refunds += run.met.refunds;
    }
    println!("{met:?}");
    let rare = [met.granted, met.reserved, met.later, met.refused, met.never, met.back, met.refunds];
    assert!(rare.iter().all(|met| *met >= SCHEDULES / 3), "{met:?}");
}

fn scope_of(index: usize) -> ErrorScope {
    if index > 0 { ErrorScope::Bucket } else { ErrorScope::Key }
}
