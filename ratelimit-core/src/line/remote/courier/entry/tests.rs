//! A process that goes on by itself now and then, beside one record that has counted all its starts.

use super::*;
use crate::Rate;
use crate::dice::Dice;
use crate::policy::{Earliest, Guarded};
use crate::rate::Shape;
use crate::store::escaped;

const SECOND: u64 = 1_000_000;

struct World {
    plan: Arc<Plan>,
    own: Own,
    store: Record,
    now: u64,
    /// All that were not given back, in their order.
    starts: Vec<Start>,
    resets: u32,
    has_refunded: bool,
}

#[derive(Clone, Copy)]
struct Start {
    at: u64,
    /// What the store's record is called in which it was counted; 0 = it was started without the store.
    born: u32,
    /// After how many resets.
    resets: u32,
}

impl World {
    fn new(rates: &[Rate]) -> Self {
        World::with_share(rates, 1)
    }

    /// That one may go on by itself with one part of so many.
    fn with_share(rates: &[Rate], parts: u32) -> Self {
        let plan = |parts: u32| {
            let guarded =
                |rate: &Rate| Guarded { rate: rate.with_amounts(|amount| amount / parts), guard: 0 };
            Arc::new(Plan::new(0, &rates.iter().map(guarded).collect::<Vec<_>>(), None))
        };
        let (plan, share) = (plan(1), plan(parts));
        let own = Own::new(Entry::total(&escaped("api")), Under { whole: &plan, share: Some(&share) });
        let store = Record::fresh(&plan);
        World { own, store, plan, now: 1_000 * SECOND, starts: Vec::new(), resets: 0, has_refunded: false }
    }

    fn may_start(&self, record: &Record, weight: u32) -> bool {
        let at = record.clone().earliest(self.now, weight, 0).earliest;
        at == Earliest::At(Timestamp::from_nanos(self.now))
    }

    /// Starts as many as may, up to `most`, by the store or without it.
    fn start(&mut self, most: u32, is_away: bool) -> u32 {
        let mut started = 0;
        while started < most {
            let judge = if is_away { self.own.share.as_ref().unwrap() } else { &self.store };
            if !self.may_start(judge, 1) {
                break;
            }
            self.count(is_away);
            started += 1;
        }
        started
    }

    fn count(&mut self, is_away: bool) {
        let now = self.now;
        let acquire = Acquire { weight: 1, after: 0, slack: 0, allowance: 0, reserves: false };
        let verb = Verb::Acquire(acquire);
        let (wait, start) = (0, now);
        if is_away {
            let said = Said::Granted { wait, start, now, born: [0; 2] };
            self.own.note_alone((&verb, &said), 0, now, &self.plan);
        } else {
            self.store.commit((now, now), 1);
            self.store.stamp(now);
            let born = self.store.born;
            let said = Said::Granted { wait, start, now, born: [born, 0] };
            let ask = Ask::of(vec![self.own.part(&self.plan, now)], verb);
            self.own.note((&ask, &said), 0, (now, born));
        }
        assert!(self.may_start(&self.all(), 1), "at {now}: more than one record would let start");
        let born = if is_away { 0 } else { self.store.born };
        self.starts.push(Start { at: now, born, resets: self.resets });
    }

    /// A record that has counted all starts that count.
    fn all(&self) -> Record {
        let mut all = Record::fresh(&self.plan);
        for start in self.starts.iter().filter(|start| start.resets == self.resets) {
            all.commit((start.at, start.at), 1);
        }
        all
    }

    fn refund(&mut self, index: usize, is_away: bool) {
        let (now, Start { at: start, born, .. }) = (self.now, self.starts[index]);
        let born = self.own.born_of(start, born);
        let has_fixed = self.plan.counted.iter().any(|guarded| guarded.rate.shape() == Shape::Fixed);
        if is_away && born != 0 && has_fixed {
            // What the store knows of stays spent there, and its window is still the one that this has opened.
            return;
        }
        let is_over = |rate: Rate| rate.shape() == Shape::Fixed && start + rate.per_nanos() <= now;
        if self.plan.counted.iter().any(|guarded| is_over(guarded.rate)) {
            // The next windows were opened by what has started after those that it has opened.
            return;
        }
        self.starts.remove(index);
        self.has_refunded = true;
        let verb = Verb::Refund { start, weight: 1, given: 1, born: [born, 0] };
        if is_away {
            let said = Said::Done { now, born: [0; 2] };
            self.own.note_alone((&verb, &said), 0, now, &self.plan);
        } else {
            if self.store.counts(born) {
                self.store.refund((start, now), 1, 1);
            }
            self.store.stamp(now);
            let said = Said::Done { now, born: [self.store.born, 0] };
            let ask = Ask::of(vec![self.own.part(&self.plan, now)], verb);
            self.own.note((&ask, &said), 0, (now, self.store.born));
        }
    }

    fn reset(&mut self) {
        self.store.reset();
        self.store.stamp(self.now);
        let ask = Ask::of(vec![self.own.part(&self.plan, self.now)], Verb::Reset);
        let said = Said::Done { now: self.now, born: [self.store.born, 0] };
        self.own.note((&ask, &said), 0, (self.now, self.store.born));
        self.resets += 1;
    }

    /// Another process, that asks the store, starts as many as may, up to `most`.
    fn start_elsewhere(&mut self, most: u32) -> u32 {
        let now = self.now;
        let starts = (0..most).take_while(|_| {
            let may = self.may_start(&self.store, 1);
            if may {
                self.store.commit((now, now), 1);
                self.store.stamp(now);
            }
            may
        });
        u32::try_from(starts.count()).unwrap()
    }

    /// The store is back.
    fn tell(&mut self) {
        let Some(to_tell) = self.own.to_tell(self.now) else { return };
        if to_tell.idle_at(self.now) > self.now {
            self.store.join(&to_tell, self.now);
            self.store.stamp(self.now);
            self.own.record.born = self.store.born;
            self.own.told(self.now);
        } else {
            self.own.take_untold();
        }
    }
}

/// What it owed before was paid off by what went by since then, and not once more.
#[test]
fn no_second_burst_starts_after_an_outage() {
    let mut world = World::new(&[Rate::per_second(4).burst(20)]);
    assert_eq!(world.start(100, false), 20);
    for _ in 0..40 {
        world.now += SECOND / 4;
        assert_eq!(world.start(100, true), 1);
    }
    world.tell();
    assert_eq!(world.start(100, false), 0);
    world.now += SECOND;
    assert_eq!(world.start(100, false), 4, "and nobody waits for longer");
}

/// By themselves they would have opened others.
#[test]
fn fixed_windows_go_on_that_were_opened_before_an_outage() {
    let mut world = World::new(&[Rate::new(10, std::time::Duration::from_secs(100)).fixed()]);
    let begin = world.now;
    assert_eq!(world.start(1, false), 1);
    for (at, starts) in [(60, 1), (105, 1), (155, 8), (165, 1)] {
        world.now = begin + at * SECOND;
        assert_eq!(world.start(starts, true), starts);
    }
    world.now = begin + 170 * SECOND;
    world.tell();
    assert_eq!(world.start(100, false), 0);
}

fn fixed() -> (World, u64) {
    let rate = Rate::new(10, std::time::Duration::from_secs(100)).fixed();
    let world = World::with_share(&[rate], 2);
    let begin = world.now;
    (world, begin)
}

/// The windows of a process's own starts are not those that are open in the store.
#[test]
fn what_may_be_in_a_window_that_others_have_opened_is_told() {
    let (mut world, begin) = fixed();
    assert_eq!(world.start_elsewhere(1), 1);
    world.now = begin + 60 * SECOND;
    assert_eq!(world.start(1, false), 1);
    world.now = begin + 110 * SECOND;
    assert_eq!(world.start_elsewhere(1), 1);
    world.now = begin + 150 * SECOND;
    assert_eq!(world.start(4, true), 4);
    world.now = begin + 165 * SECOND;
    world.tell();
    world.now = begin + 209 * SECOND;
    assert_eq!(world.start_elsewhere(100), 5, "in the window that was opened at 110");
}

/// Nobody knows when the windows before would have been over.
#[test]
fn what_was_started_alone_opens_no_window_that_is_over_sooner() {
    let (mut world, begin) = fixed();
    assert_eq!(world.start_elsewhere(1), 1);
    world.now = begin + 90 * SECOND;
    assert_eq!(world.start(1, true), 1);
    world.now = begin + 150 * SECOND;
    assert_eq!(world.start(4, true), 4);
    world.now = begin + 160 * SECOND;
    world.tell();
    world.now = begin + 190 * SECOND;
    assert_eq!(world.start_elsewhere(100), 5, "in a window that may have been opened at 150");
    world.now = begin + 249 * SECOND;
    assert_eq!(world.start_elsewhere(100), 0);
}

/// Counted later than they were, as nobody knows what time it is there.
#[test]
fn what_was_told_is_known_to_be_whatever_was_given_back_before() {
    let mut world = World::new(&[Rate::per_second(5).burst(8)]);
    let (now, born) = (world.now, [0; 2]);
    let acquire = Acquire { weight: 1, after: 0, slack: 0, allowance: 0, reserves: false };
    for start in [now + 300_000, now + 310_000] {
        let said = Said::Granted { wait: 0, start, now, born };
        world.own.note_alone((&Verb::Acquire(acquire), &said), 0, now, &world.plan);
    }
    let refund = Verb::Refund { start: now + 310_000, weight: 1, given: 1, born };
    world.own.note_alone((&refund, &Said::Done { now, born }), 0, now, &world.plan);
    world.tell();
    assert_eq!(world.own.born_of(now + 300_000, 0), world.store.born);
}

/// A charge is not judged, and counts however much it owes.
#[test]
fn what_is_owed_beyond_the_burst_is_told_as_well() {
    let mut world = World::new(&[Rate::per_second(10).burst(10)]);
    assert_eq!(world.start(10, false), 10);
    let (now, born) = (world.now, [0; 2]);
    let said = Said::Granted { wait: 0, start: now, now, born };
    world.own.note_alone((&Verb::Charge { weight: 100 }, &said), 0, now, &world.plan);
    world.now += SECOND;
    // First it is reminded of what it knew.
    let ask =
        Ask::of(vec![world.own.part(&world.plan, world.now)], Verb::Restore { records: vec![], lost: true });
    let said = Said::Done { now: world.now, born: [world.store.born, 0] };
    world.own.note((&ask, &said), 0, (world.now, world.store.born));
    world.tell();
    assert_eq!(world.store.rates_seen(world.now)[0].used, 100);
}

/// By the store more than its share was.
#[test]
fn who_started_more_than_its_share_is_not_locked_out() {
    let mut world = World::with_share(&[Rate::per_second(4).burst(20)], 2);
    for _ in 0..3600 {
        world.now += SECOND;
        assert_eq!(world.start(4, false), 4);
    }
    assert_eq!(world.start(1, true), 0);
    world.now += SECOND / 2;
    assert_eq!(world.start(100, true), 1, "two in a second");
}

/// Whatever comes between: never more than one record that has counted all of them would have let start, and once all is
/// told of logs and token buckets as many.
#[test]
fn told_or_not_no_more_start_than_by_one_record() {
    let rates: &[&[Rate]] = &[
        &[Rate::per_second(5)],
        &[Rate::per_second(5).fixed()],
        &[Rate::per_second(5).burst(8)],
        &[Rate::per_second(2).burst(3)],
        &[Rate::per_hour(20).burst(20)],
        &[Rate::per_hour(20)],
        &[Rate::per_second(5).burst(8), Rate::per_minute(60), Rate::per_minute(50).fixed()],
    ];
    let mut told = 0;
    for seed in 0..if cfg!(miri) { 5 } else { 3_000 } {
        let mut dice = Dice::new(seed);
        let rates = dice.pick(rates);
        let mut world = World::new(rates);
        let mut is_away = false;
        for _ in 0..60 {
            world.now += dice.below(dice.clone().pick(&[10, SECOND / 2, 3 * SECOND, 30 * SECOND]));
            match dice.below(10) {
                0 => is_away = true,
                1 | 2 if is_away => {
                    is_away = false;
                    world.tell();
                    told += 1;
                    let used = |record: &Record| {
                        record.rates_seen(world.now).iter().map(|rate| rate.used).sum::<u32>()
                    };
                    // One number cannot tell what a refund is worth, and no window which start has opened it.
                    let may_be_more =
                        world.has_refunded || rates.iter().any(|rate| rate.shape() == Shape::Fixed);
                    assert!(may_be_more || used(&world.store) <= used(&world.all()), "seed {seed}");
                }
                3 | 4 if !world.starts.is_empty() => {
                    let index = usize::try_from(dice.below(world.starts.len() as u64)).unwrap();
                    world.refund(index, is_away);
                }
                5 if !is_away && dice.one_in(3) => world.reset(),
                _ => {
                    let most = u32::try_from(dice.between(1, 12)).unwrap();
                    world.start(most, is_away);
                }
            }
        }
    }
    assert!(told > 1_000 || cfg!(miri));
}
