//! The script against the policies: the same answers, the same bytes, kept as long.

use std::sync::Arc;
use std::time::Duration;

use super::pair::{Pair, TIMED};
use super::*;
use crate::dice::Dice;
use crate::rate::Rate;
use crate::store::record::KEEP;

/// A random rate, most of them such that a few asks meet it.
fn rate(dice: &mut Dice) -> Guarded {
    let amount = match dice.below(8) {
        0 => dice.between(1, 100_000),
        1 => dice.between(1, 1000),
        _ => dice.between(1, 12),
    };
    let per = match dice.below(8) {
        0 => dice.between(1, 1_000_000_000_000_000),
        1 => dice.between(1, 100_000),
        2 => dice.between(1, 100) * 1_000_000_000,
        _ => dice.between(1, 3_000_000_000),
    };
    let rate = Rate::try_new(u32::try_from(amount).unwrap(), Duration::from_nanos(per)).unwrap();
    let rate = match dice.below(3) {
        0 => rate,
        1 => rate.fixed(),
        _ => rate.burst(u32::try_from(dice.between(1, 2 * amount)).unwrap()),
    };
    let guard = match dice.below(3) {
        0 => 0,
        1 => crate::limits::usual_guard(rate.window_nanos()),
        _ => dice.below(rate.window_nanos().max(1)),
    };
    Guarded { rate, guard }
}

fn rates(dice: &mut Dice, least: u64) -> Vec<Guarded> {
    let many = if dice.one_in(3) { dice.between(least, 3) } else { 1.max(least) };
    (0..many).map(|_| rate(dice)).collect()
}

/// What happened, by which the next asks are made.
struct Schedule {
    dice: Dice,
    seed: u64,
    now: u64,
    plan: Arc<Plan>,
    /// Limits of another version of the program.
    other: Option<Arc<Plan>>,
    total: Option<Arc<Plan>>,
    grants: Vec<(usize, u64, u32)>,
    /// What was granted last of each key, as a process remembers it.
    seen: Vec<(Entry, Known)>,
}

const KEYS: [Option<&str>; 3] = [None, Some("ann"), Some("")];

impl Schedule {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let generation = if dice.one_in(20) { 3 } else { 0 };
        let keyed = rates(&mut dice, 0);
        let total = dice.one_in(4).then(|| Arc::new(Plan::new(generation, &rates(&mut dice, 1), None)));
        let plan = Arc::new(Plan::new(generation, &keyed, None));
        let now =
            if dice.one_in(50) { dice.below(5_000_000) } else { 1_700_000_000_000_000 + dice.below(1 << 40) };
        let other =
            dice.one_in(12).then(|| Arc::new(Plan::new(dice.pick(&[0, 5]), &rates(&mut dice, 0), None)));
        Schedule { dice, seed, now, plan, other, total, grants: Vec::new(), seen: Vec::new() }
    }

    fn all(&self) -> impl Iterator<Item = &Guarded> {
        self.plan.counted.iter().chain(self.total.iter().flat_map(|plan| &plan.counted))
    }

    /// Some span that has to do with the rates.
    fn span(&mut self) -> u64 {
        let spans: Vec<_> =
            self.all().map(|guarded| (guarded.rate.window_nanos() + guarded.guard, guarded.rate)).collect();
        let dice = &mut self.dice;
        if spans.is_empty() || dice.one_in(10) {
            return dice.below(3_000_000);
        }
        let (window, rate) = dice.pick(&spans);
        match dice.below(10) {
            0 => window,
            1 => window + 1,
            2 => window.saturating_sub(1),
            3 => window + dice.below(2_000_000),
            4 | 5 => window / u64::from(rate.amount()),
            6 => window + KEEP - 1 + dice.below(3),
            _ => dice.below(window.max(1)),
        }
    }

    /// One ask, or the same several times.
    fn alike(&mut self) -> Vec<Ask> {
        let times = if self.dice.one_in(6) { self.dice.between(2, 12) } else { 1 };
        vec![self.ask(); usize::try_from(times).unwrap()]
    }

    fn ask(&mut self) -> Ask {
        let index = if self.dice.one_in(4) { self.dice.below(3) } else { 0 };
        let index = usize::try_from(index).unwrap();
        let name = format!("b{}", self.seed);
        let mut parts = vec![part(&name, KEYS[index], &self.plan)];
        if let Some(total) = &self.total {
            parts.push(Part {
                entry: Entry::total(&escaped(&name)),
                plan: Arc::clone(total),
                known: Known::default(),
            });
        }
        let most = self.all().map(|guarded| guarded.rate.max_weight()).min().unwrap_or(9);
        let weight = match self.dice.below(12) {
            0 => most,
            1 => u32::try_from(self.dice.between(1, u64::from(most) + 1)).unwrap_or(u32::MAX),
            2 => u32::try_from(self.dice.between(1, 300)).unwrap().min(most),
            _ => 1,
        };
        let verb = match self.dice.below(16) {
            0 if !self.grants.is_empty() => {
                let (key, start, weight) = self.dice.pick(&self.grants);
                parts[0] = part(&name, KEYS[key], &self.plan);
                let given = u32::try_from(self.dice.between(1, weight.into())).unwrap();
                Verb::Refund { start, weight, given, born: [0; 2] }
            }
            1 => Verb::Charge { weight: weight.saturating_mul(self.dice.pick(&[1, 1, 1, 2, 300])) },
            2 if self.dice.one_in(4) => Verb::Peek { weight },
            3 if self.dice.one_in(20) => Verb::Reset,
            _ => Verb::Acquire(self.acquire(weight)),
        };
        if let Some(other) = self.other.as_ref().filter(|_| self.dice.one_in(8)) {
            parts[0].plan = Arc::clone(other);
        }
        if let Some(other) = self.other.as_ref().filter(|_| parts.len() > 1 && self.dice.one_in(24)) {
            parts[1].plan = Arc::clone(other);
        }
        for part in &mut parts {
            let seen = self.seen.iter().find(|(entry, _)| *entry == part.entry).map(|(_, known)| *known);
            if let Some(Known { born, written }) = seen.filter(|_| self.dice.one_in(3)) {
                // Also from when the clock shows more than it does now.
                let (later, other) =
                    (self.dice.pick(&[0, 0, 0, 1, 3_000_000]), self.dice.pick(&[0, 0, 1 << 24, 1]));
                part.known = Known { born: born.wrapping_add(other), written: written + later };
            }
        }
        Ask::of(parts, verb)
    }

    fn acquire(&mut self, weight: u32) -> Acquire {
        let allowance = match self.dice.below(4) {
            0 => 0,
            1 => u64::MAX,
            2 => self.span(),
            _ => self.span().saturating_mul(5),
        };
        let after = if self.dice.one_in(8) { self.span() } else { 0 };
        let slack = if self.dice.one_in(4) { self.dice.below(1_000_001) } else { 0 };
        Acquire { weight, after, slack, allowance, reserves: !self.dice.one_in(3) }
    }

    fn play(&mut self, pair: &mut Pair) {
        pair.plans.clear();
        // Some go on until rings are turned.
        let rounds = if self.dice.one_in(20) { self.dice.between(50, 200) } else { self.dice.between(5, 20) };
        for _ in 0..rounds {
            if self.dice.one_in(60) {
                self.now = self.now.saturating_sub(self.span().min(1 << 40));
            } else if !self.dice.one_in(3) {
                self.now += self.span().min(1 << 48);
            }
            let asks: Vec<_> = (0..self.dice.between(1, 3)).flat_map(|_| self.alike()).collect();
            let answers = pair.play(self.now, &asks, self.seed);
            for (ask, answer) in asks.iter().zip(answers) {
                let weight = match &ask.verb {
                    Verb::Acquire(acquire) => acquire.weight,
                    Verb::Charge { weight } => *weight,
                    _ => continue,
                };
                if let Ok(Answer(Said::Granted { start, now, born, .. })) = answer {
                    let entry = ask.entries().next().unwrap();
                    let key =
                        KEYS.iter().position(|key| Entry::of_key(&escaped(entry.bucket()), *key) == *entry);
                    self.grants.push((key.unwrap(), start, weight));
                    for (entry, born) in ask.entries().zip(born) {
                        self.seen.retain(|(known, _)| known != entry);
                        self.seen.push((entry.clone(), Known { born, written: now }));
                    }
                }
            }
        }
    }
}

fn schedules() -> u64 {
    let asked = std::env::var("REDIS_SCHEDULES").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(if cfg!(debug_assertions) { 4000 } else { 100_000 })
}

#[test]
fn the_script_does_what_the_policies_do() {
    let Some(server) = RedisServer::start() else { return };
    let mut pair = Pair::new(&server);
    let first = std::env::var("REDIS_SEED").ok().and_then(|text| text.parse().ok());
    let seeds: Vec<u64> = first.map_or((0..schedules()).collect(), |seed| vec![seed]);
    for seed in seeds.iter().copied() {
        Schedule::new(seed).play(&mut pair);
        if seed % 1000 == 999 {
            server.run::<String>("FLUSHALL");
            pair.states.clear();
        }
    }
    let [asks, acquires, read] = pair.counts;
    let (granted, others) = (acquires - read.min(acquires), asks - acquires);
    println!(
        "{} schedules, {asks} asks, {others} of them no acquires; {read} read by the client",
        seeds.len()
    );
    let [compared, alike] = pair.compared;
    println!("{compared} records, {alike} of them with their rings alike");
    if seeds.len() > 1000 {
        assert!(granted > asks / 2, "most are the script's");
        assert!(alike > compared / 2, "most are the same byte for byte");
    }
}

/// As many rates of each kind as there can be, of a key and of all together; or too many for a script, which are as well
/// judged, by the client.
#[test]
fn limits_of_every_size_are_judged() {
    let Some(server) = RedisServer::start() else { return };
    let mut pair = Pair::new(&server);
    let minute = Rate::per_minute(20);
    let kinds = [
        vec![minute],
        vec![minute.fixed()],
        vec![minute.burst(20)],
        vec![minute, minute.fixed(), minute.burst(9)],
    ];
    let mut by_script = 0;
    for (index, kind) in kinds.iter().enumerate() {
        for (rates, totals) in [(1, 0), (8, 0), (2, 1), (4, 4), (1, 8), (8, 8)] {
            let guarded = |many: usize| -> Vec<Guarded> {
                let kinds = kind.iter().cycle().take(many);
                kinds
                    .zip(1..)
                    .map(|(rate, guard)| Guarded { rate: *rate, guard: guard * 1_000_000 })
                    .collect()
            };
            let name = format!("{index}-{rates}-{totals}");
            let mut parts = vec![part(&name, None, &plan(&guarded(rates)))];
            if totals > 0 {
                let (entry, plan) = (Entry::total(&escaped(&name)), plan(&guarded(totals)));
                parts.push(Part { entry, plan, known: Known::default() });
            }
            let acquire = Acquire { weight: 2, after: 0, slack: 0, allowance: 0, reserves: false };
            let ask = Ask::of(parts, Verb::Acquire(acquire));
            by_script += usize::from(TIMED.acquire(&ask).is_some());
            let answers = pair.play(1_700_000_000_000_000, &vec![ask; 12], 0);
            let granted = answers.iter().filter(|answer| matches!(answer, Ok(Answer(Said::Granted { .. }))));
            assert!((4..=10).contains(&granted.count()), "{name}");
        }
    }
    assert_eq!(by_script, 4 * 6 - 3, "all but 16 sliding windows, 16 token buckets, and 16 of all kinds");
}

/// Also what has to be merged, which the script leaves to the client, and what it does with the rest of it.
#[test]
fn a_log_that_is_full_is_merged_and_goes_on() {
    let Some(server) = RedisServer::start() else { return };
    let mut pair = Pair::new(&server);
    let plan = plan(&[
        Guarded { rate: Rate::per_day(1_000_000), guard: 20_000_000 },
        Guarded { rate: Rate::per_hour(100_000), guard: 0 },
    ]);
    let (mut dice, mut now) = (Dice::new(1), 1_700_000_000_000_000);
    for _ in 0..60 {
        let asks: Vec<_> = (0..100)
            .map(|_| {
                let weight = if dice.one_in(50) { 1000 } else { 1 };
                let acquire = Acquire { weight, after: 0, slack: 0, allowance: 0, reserves: true };
                Ask::of(vec![part("full", None, &plan)], Verb::Acquire(acquire))
            })
            .collect();
        for ask in asks.chunks(usize::try_from(dice.between(1, 100)).unwrap()) {
            now += dice.below(20_000_000);
            // One after the other as time goes by, or all of them at once, each reserved for later.
            let size = if dice.one_in(4) { ask.len() } else { 1 };
            for ask in ask.chunks(size) {
                now += dice.below(3);
                pair.play(now, ask, 0);
            }
        }
    }
    let [asks, _, read] = pair.counts;
    assert!(asks == 6000 && (20..200).contains(&read), "{read} of {asks} were read by the client");
}

/// What was granted counts on, whatever the server's clock shows.
#[test]
fn a_clock_that_goes_back_admits_nothing_more() {
    let Some(server) = RedisServer::start() else { return };
    let mut pair = Pair::new(&server);
    for rate in [Rate::per_minute(5), Rate::per_minute(5).fixed(), Rate::per_minute(5).burst(5)] {
        let plan = plan(&[Guarded { rate, guard: 0 }]);
        let mut now = 1_700_000_000_000_000;
        let mut grants = |now: u64, asks: usize| {
            let acquire = Acquire { weight: 1, after: 0, slack: 0, allowance: 0, reserves: false };
            let ask = Ask::of(vec![part(&rate.to_string(), None, &plan)], Verb::Acquire(acquire));
            let answers = pair.play(now, &vec![ask; asks], 0);
            answers.iter().filter(|answer| matches!(answer, Ok(Answer(Said::Granted { .. })))).count()
        };
        assert_eq!(grants(now, 4), 4);
        now -= 3_600_000_000;
        assert_eq!(
            (grants(now, 3), grants(now + 59_000_000, 1)),
            (1, usize::from(rate.burst_amount().is_some()))
        );
        assert!(grants(now + 61_000_000, 9) >= 4, "nobody is locked out for an hour");
    }
}
