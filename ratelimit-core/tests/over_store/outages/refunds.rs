//! What is given back while a store fails now and then, and loses what it knows.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use ratelimit_core::store::OnOutage;
use ratelimit_core::{Bucket, Permit, Rate, RateOutlook};

use super::{Switched, process, starts, used, within_two_seconds};
use crate::common::Dice;
use crate::machine::{in_real_time, must};

/// It was put back then, into another record.
#[test]
fn what_was_counted_before_the_store_lost_it_can_be_given_back() {
    let store = Arc::new(Switched::default());
    let bucket = process(&store, 20, 1.0).total(Rate::per_hour(20));
    let permits = [(); 3].map(|()| bucket.try_acquire().unwrap());
    store.fail(2);
    assert_eq!(starts(&bucket, 2), 2);
    store.store.clear();
    assert_eq!(starts(&bucket, 1), 1);
    for (permit, left) in permits.into_iter().zip([5, 4, 3]) {
        permit.refund();
        let outlook = bucket.peek().unwrap();
        assert_eq!(outlook.rates().iter().map(RateOutlook::used).collect::<Vec<_>>(), [left, left]);
    }
}

/// Nothing was asked meanwhile: until then nobody knows what time it is there.
#[test]
fn what_is_given_back_with_the_first_answer_is_no_more_counted() {
    let store = Arc::new(Switched::default());
    let (bucket, other) = (process(&store, 20, 1.0), process(&store, 20, 1.0));
    store.fail(2);
    let permit = bucket.try_acquire().unwrap();
    assert_eq!(starts(&bucket, 1), 1);
    permit.refund();
    within_two_seconds(|| bucket.peek().is_ok());
    assert_eq!((used(&bucket), used(&other)), (1, 1));
}

/// It stays spent there; what was started without the store was not given back.
#[test]
fn what_the_store_has_counted_is_given_back_for_nothing_else_meanwhile() {
    let store = Arc::new(Switched::default());
    let (bucket, other) = (process(&store, 20, 1.0), process(&store, 20, 1.0));
    let permit = bucket.try_acquire().unwrap();
    store.fail(2);
    assert_eq!(starts(&bucket, 2), 2);
    store.fail(1);
    permit.refund();
    within_two_seconds(|| store.fails.load(Ordering::Relaxed) == 0);
    within_two_seconds(|| bucket.peek().is_ok() && used(&other) > 1);
    assert_eq!(used(&other), 3);
}

/// The store had been told of it before, without a reply that it is given back.
#[test]
fn what_was_told_is_given_back_for_nothing_that_is_still_to_be_told() {
    let store = Arc::new(Switched::default());
    let (bucket, other) = (process(&store, 20, 1.0), process(&store, 20, 1.0));
    store.fail(1);
    let permit = bucket.try_acquire().unwrap();
    assert_eq!((used(&bucket), used(&other)), (1, 1));
    store.fail(2);
    assert_eq!(starts(&bucket, 2), 2);
    store.fail(1);
    permit.refund();
    within_two_seconds(|| store.fails.load(Ordering::Relaxed) == 0);
    within_two_seconds(|| bucket.peek().is_ok() && used(&other) > 1);
    assert_eq!(used(&other), 3);
}

/// What time it is there nobody knows then, as no start was granted yet.
#[test]
fn what_was_over_before_the_first_answer_is_given_back_for_nothing() {
    const SPACING: Duration = Duration::from_millis(20);
    let store = Arc::new(Switched::default());
    let declared = || Bucket::named("api", Rate::new(1, SPACING).burst(5)).store(Arc::clone(&store));
    let (bucket, other) = (declared().on_outage(OnOutage::Local { share: 1.0 }), declared());
    store.fail(1);
    let permit = bucket.request().weight(5).try_acquire().unwrap();
    thread::sleep(7 * SPACING);
    drop(other.request().weight(500).charge().unwrap());
    let begin = Instant::now();
    permit.refund();
    within_two_seconds(|| bucket.peek().is_ok());
    let left = used(&other);
    let over = begin.elapsed().as_millis().div_ceil(SPACING.as_millis());
    assert!(u128::from(left) + over >= 500, "{left} after {over}");
}

const PROCESSES: usize = 3;
const KEYS: usize = 2;

/// What was started, given back, and given back while the store answered.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    started: u32,
    refunded: u32,
    surely: u32,
}

impl Counts {
    /// Whether `rate` counts all that was not given back, and, where nothing is lost, no more than that may be.
    fn check(self, rate: &RateOutlook, loses: bool, seed: u64) {
        let (used, Counts { started, refunded, surely }) = (rate.used(), self);
        must(used >= started - refunded, || format!("{rate:?} of {self:?}, seed {seed}"));
        // What a token bucket owes for two is rounded up.
        let is_exact = !loses && rate.rate() != Rate::per_hour(1000).burst(1000);
        assert!(!is_exact || used <= started - surely, "{rate:?} of {self:?}, seed {seed}");
    }
}

/// Some processes over one store, and what they have started.
struct World {
    store: Arc<Switched>,
    processes: Vec<Bucket>,
    /// Which were not given back yet, with their process and key.
    permits: Vec<(usize, usize, Permit)>,
    of_keys: [Counts; KEYS],
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
        let processes = processes.collect();
        World { store, processes, permits: Vec::new(), of_keys: [Counts::default(); KEYS] }
    }

    fn start(&mut self, process: usize, key: usize) {
        let mut permit = None;
        // What was started without the store may be counted somewhat later than it was, and holds up who comes then.
        within_two_seconds(|| {
            permit = self.processes[process].request().key(key).try_acquire().ok();
            permit.is_some()
        });
        let permit = permit.unwrap();
        self.permits.push((process, key, permit));
        self.of_keys[key].started += 1;
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
        self.of_keys[key].refunded += 1;
        self.of_keys[key].surely += u32::from(fails == 0);
    }
}

/// Else others would start in its place: what was not given back counts, whatever is lost on its way. What was given back
/// while the store answered counts no more.
#[test]
fn nothing_else_is_given_back() {
    in_real_time(|| {
        for seed in 0..60 {
            let mut dice = Dice::new(seed);
            let mut world = World::new(&mut dice);
            let mut answered = [true; PROCESSES];
            let loses = dice.one_in(2);
            for _ in 0..60 {
                let [process, key] =
                    [PROCESSES, KEYS].map(|of| usize::try_from(dice.below(of as u64)).unwrap());
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
            let mut of_all = Counts::default();
            for (key, counts) in world.of_keys.into_iter().enumerate() {
                let outlook = world.processes[0].request().key(key).peek().unwrap();
                outlook
                    .rates()
                    .split_last()
                    .unwrap()
                    .1
                    .iter()
                    .for_each(|rate| counts.check(rate, loses, seed));
                of_all.started += counts.started;
                of_all.refunded += counts.refunded;
                of_all.surely += counts.surely;
            }
            let outlook = world.processes[0].peek().unwrap();
            of_all.check(outlook.rates().last().unwrap(), loses, seed);
        }
    });
}
