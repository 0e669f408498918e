//! What is given back while a store fails now and then, and loses what it knows.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ratelimit_core::store::OnOutage;
use ratelimit_core::{Bucket, Permit, Rate};

use super::{Switched, process, within_two_seconds};
use crate::common::Dice;
use crate::machine::{in_real_time, must};

const PROCESSES: usize = 3;
const KEYS: u32 = 2;

/// Some processes over one store, and what they have started.
struct World {
    store: Arc<Switched>,
    processes: Vec<Bucket>,
    /// Which were not given back yet, with their process and key.
    permits: Vec<(usize, u32, Permit)>,
    started: [u32; KEYS as usize],
    /// How many were given back, and how many of them while the store answered.
    refunded: [u32; KEYS as usize],
    surely: [u32; KEYS as usize],
}

impl World {
    fn new(dice: &mut Dice) -> Self {
        let store = Arc::new(Switched::default());
        let hourly = Rate::per_hour(1000);
        let rate = dice.pick(&[hourly, hourly.fixed(), hourly.burst(1000)]);
        let processes = (0..PROCESSES).map(|_| {
            let bucket = process(&store, 1000, 1.0).and(rate).total(hourly);
            bucket.on_outage(dice.pick(&[OnOutage::Allow, OnOutage::Local { share: 1.0 }]))
        });
        World {
            processes: processes.collect(),
            store,
            permits: Vec::new(),
            started: [0; 2],
            refunded: [0; 2],
            surely: [0; 2],
        }
    }

    fn start(&mut self, process: usize, key: u32) {
        let mut permit = None;
        // What was started without the store may be counted somewhat later than it was, and holds up who comes then.
        within_two_seconds(|| {
            permit = self.processes[process].request().key(key).try_acquire().ok();
            permit.is_some()
        });
        let permit = permit.unwrap();
        self.permits.push((process, key, permit));
        self.started[key as usize] += 1;
    }

    /// Gives one back while so many trips fail, and waits until all is told.
    fn refund(&mut self, dice: &mut Dice, fails: usize) {
        if self.permits.is_empty() {
            return;
        }
        let index = dice.below(self.permits.len() as u64);
        let (process, key, permit) = self.permits.swap_remove(usize::try_from(index).unwrap());
        self.store.fail(fails);
        permit.refund();
        within_two_seconds(|| self.store.fails.load(Ordering::Relaxed) == 0);
        within_two_seconds(|| self.processes[process].peek().is_ok());
        self.refunded[key as usize] += 1;
        self.surely[key as usize] += u32::from(fails == 0);
    }
}

/// Else others would start in its place: what was not given back counts, whatever is lost on its way. What was given back
/// while the store answered counts no more.
#[test]
fn nothing_else_is_given_back() {
    in_real_time(|| {
        for seed in 0..std::env::var("SEEDS").map_or(60, |s| s.parse().unwrap()) {
            let mut dice = Dice::new(seed);
            let mut world = World::new(&mut dice);
            let mut answered = [true; PROCESSES];
            let loses = dice.one_in(2);
            for _ in 0..60 {
                let process = usize::try_from(dice.below(3)).unwrap();
                let key = u32::try_from(dice.below(u64::from(KEYS))).unwrap();
                match dice.below(10) {
                    // Never so often that it counts as away.
                    0..=2 if std::mem::take(&mut answered[process]) => {
                        world.store.fail(1);
                        world.start(process, key);
                    }
                    3 if loses => world.store.store.clear(),
                    4 | 5 => world.refund(&mut dice, 1),
                    6 | 7 => world.refund(&mut dice, 0),
                    _ => {
                        world.start(process, key);
                        answered[process] = true;
                    }
                }
            }
            for (process, key) in (0..PROCESSES).flat_map(|process| (0..KEYS).map(move |key| (process, key)))
            {
                world.start(process, key);
            }
            for key in 0..KEYS {
                let outlook = world.processes[0].request().key(key).peek().unwrap();
                let of = |counts: [u32; KEYS as usize]| counts[key as usize];
                let least = of(world.started) - of(world.refunded);
                let most = of(world.started) - of(world.surely);
                for rate in outlook.rates().split_last().unwrap().1 {
                    let used = rate.used();
                    must(used >= least, || format!("{used} of {least} count by {rate:?}, seed {seed}"));
                    let is_exact = !loses && rate.rate().to_string() != "1000/h burst 1000";
                    assert!(
                        !is_exact || used <= most,
                        "{used} where {most} may count by {rate:?}, seed {seed}"
                    );
                }
                let total = outlook.rates().last().unwrap().used();
                let sum = |counts: [u32; KEYS as usize]| counts.iter().sum::<u32>();
                let least = sum(world.started) - sum(world.refunded);
                must(total >= least, || format!("{total} of {least} count in all, seed {seed}"));
                let most = sum(world.started) - sum(world.surely);
                assert!(loses || total <= most, "{total} where {most} may count in all, seed {seed}");
            }
        }
    });
}
