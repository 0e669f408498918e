//! Sliding windows with more starts than their log has room for: law 1 holds as it is, the log stays small, and what is
//! lost is less than one part in 2,048 of the window.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::collections::VecDeque;
use std::time::Duration;

use common::{Dice, Task, ns};
use ratelimit_core::clock::{Clock, ManualClock};
use ratelimit_core::{Bucket, ErrorKind, Permit, Rate, Registry};

/// Up to so many starts a window is exact.
const EXACT: u32 = 3072;
const PARTS: u64 = 2048;
const SECOND: u64 = 1_000_000_000;

/// A bucket, and by the law what counts in it, a start an entry.
struct World {
    rate: Rate,
    per: u64,
    clock: ManualClock,
    bucket: Bucket,
    starts: VecDeque<(u64, u64)>,
    counting: u64,
}

impl World {
    fn new(amount: u32, per: u64) -> Self {
        let (rate, clock) = (Rate::new(amount, ns(per)), ManualClock::new());
        clock.advance(ns(per / 7));
        let bucket = Bucket::named("b", rate).guard(Duration::ZERO).clock(clock.clone());
        World { rate, per, clock, bucket, starts: VecDeque::new(), counting: 0 }
    }

    fn now(&self) -> u64 {
        self.clock.now().as_nanos()
    }

    /// When `weight` could start, by the law.
    fn earliest(&self, weight: u32) -> u64 {
        let room = u64::from(self.rate.amount() - weight);
        let (mut at, mut counting) = (self.now(), self.counting);
        for (start, weight) in &self.starts {
            if counting <= room {
                break;
            }
            counting -= weight;
            at = at.max(start + self.per + 1);
        }
        at
    }

    fn started(&mut self, weight: u32) {
        self.starts.push_back((self.now(), u64::from(weight)));
        self.counting += u64::from(weight);
        self.assert_law();
    }

    /// Law 1 for the span that ends now.
    fn assert_law(&mut self) {
        let now = self.now();
        while let Some((_, weight)) = self.starts.front().filter(|(start, _)| start + self.per < now) {
            self.counting -= weight;
            self.starts.pop_front();
        }
        let counting = self.counting;
        assert!(counting <= u64::from(self.rate.amount()), "{counting} within {} until {now}", self.rate);
    }

    /// The permit, or how long to wait.
    fn take(&mut self, weight: u32) -> Result<Permit, Duration> {
        let permit = self.bucket.request().weight(weight).try_acquire().map_err(|error| {
            assert_eq!(error.kind(), ErrorKind::Limited);
            error.retry_after().expect("a wait")
        })?;
        self.started(weight);
        Ok(permit)
    }

    /// A refusal says the truth of the state, and is late by the law by less than a part of the window.
    fn assert_wait(&mut self, weight: u32, wait: Duration) {
        let (ours, law) =
            (self.now() + u64::try_from(wait.as_nanos()).expect("a wait"), self.earliest(weight));
        let part = self.per.div_ceil(PARTS);
        assert!(ours >= law && ours < law + part, "{} late under {}", ours - law, self.rate);
    }

    /// Refused until `wait` is over, granted then.
    fn assert_exact(&mut self, weight: u32, wait: Duration) {
        self.clock.advance(wait.saturating_sub(ns(1)));
        assert_eq!(self.take(weight).err(), Some(ns(1)));
        self.clock.advance(ns(1));
        assert!(self.take(weight).is_ok());
    }
}

fn amount(dice: &mut Dice) -> u32 {
    u32::try_from(dice.pick(&[10_000, 30_000, 100_000, 1_000_000])).expect("it fits")
}

#[test]
fn law_1_holds_over_random_schedules() {
    let (mut refused, mut late, mut full) = (0, 0_u64, 0);
    for seed in 0..12 {
        let mut dice = Dice::new(seed);
        let amount = amount(&mut dice);
        let mut world = World::new(amount, dice.pick(&[SECOND, 3_600 * SECOND, 86_400 * SECOND, 50_000]));
        let steps = 40_000;
        // More than is allowed, so that it is refused now and then.
        let heaviest = u64::from(amount) / 4_000;
        for _ in 0..steps {
            let weight = u32::try_from(dice.between(1, heaviest)).expect("it fits");
            match world.take(weight) {
                Ok(_started) => {}
                Err(wait) => {
                    refused += 1;
                    if dice.one_in(20) {
                        let due = world.now() + u64::try_from(wait.as_nanos()).expect("a wait");
                        late += u64::from(due > world.earliest(weight));
                        world.assert_wait(weight, wait);
                        world.assert_exact(weight, wait);
                    }
                }
            }
            let pace = world.per / 8_000;
            let span = match dice.below(400) {
                0 => dice.below(world.per / 50),
                1..=150 => 0,
                _ => dice.below(2 * pace + 2),
            };
            world.clock.advance(ns(span));
        }
        full += u64::from(world.starts.len() > EXACT as usize);
    }
    assert!(
        refused > 10_000 && late > 500 && full == 12,
        "{refused} refused, {late} late, {full} of full logs"
    );
}

#[test]
fn up_to_the_size_of_the_log_it_is_exact() {
    for seed in 0..4 {
        let mut dice = Dice::new(seed);
        let mut world = World::new(EXACT, 3_600 * SECOND);
        let (mut refused, mut longest) = (0, 0);
        for _ in 0..15_000 {
            match world.take(1) {
                Ok(_started) => longest = longest.max(world.starts.len()),
                Err(wait) => {
                    refused += 1;
                    assert_eq!(
                        world.now() + u64::try_from(wait.as_nanos()).expect("a wait"),
                        world.earliest(1)
                    );
                    if dice.one_in(3) {
                        world.assert_exact(1, wait);
                    }
                }
            }
            world.clock.advance(ns(dice.below(4_800 * SECOND / u64::from(EXACT))));
        }
        assert!(refused > 100 && longest == EXACT as usize, "{refused} refused, {longest} starts");
    }
}

/// What somebody gets in four days who takes whatever can be had as soon as it can be had, but never sooner than he is
/// ready: from the bucket, and by the law.
fn granted(amount: u32, weight: u32, spread: u64) -> [u32; 2] {
    let day = 86_400 * SECOND;
    [true, false].map(|from_bucket| {
        let (mut world, mut dice) = (World::new(amount, day), Dice::new(spread));
        let (end, mut granted) = (world.now() + 4 * day, 0);
        while world.now() < end {
            let due = world.earliest(weight) - world.now();
            let taken = match (from_bucket, due) {
                (true, _) => world.take(weight).map(drop),
                (false, 0) => {
                    world.started(weight);
                    Ok(())
                }
                (false, due) => Err(ns(due)),
            };
            granted += if taken.is_ok() { weight } else { 0 };
            world.clock.advance(taken.err().unwrap_or_else(|| ns(dice.below(spread))));
        }
        granted
    })
}

#[test]
fn hardly_less_is_granted_than_by_the_law() {
    let mut least: f64 = 1.0;
    for (amount, weight) in [(20_000, 1), (100_000, 7), (1_000_000, 50)] {
        let starts = u64::from(amount / weight);
        // At once, within a tenth of the window, somewhat faster than allowed, and just so.
        for tenths in [0, 1, 9, 10] {
            let spread = 2 * 86_400 * SECOND / 10 * tenths / starts + 1_000;
            let [ours, law] = granted(amount, weight, spread);
            let share = f64::from(ours) / f64::from(law);
            println!("{amount} a day by {weight}, every {:?} or less: {share:.5} of {law}", ns(spread));
            least = least.min(share);
        }
    }
    assert!(least > 1.0 - 1.5 / 2_048.0, "{least}");
}

#[test]
fn a_refund_gives_back_no_more_than_it_took() {
    for seed in 0..6 {
        let mut dice = Dice::new(seed);
        let amount = amount(&mut dice);
        let mut world = World::new(amount, dice.pick(&[SECOND, 86_400 * SECOND]));
        let heaviest = u64::from(amount) / 3_000;
        let (mut permits, mut given_back, mut refused) = (Vec::new(), 0, 0);
        for _ in 0..40_000 {
            let weight = u32::try_from(dice.between(1, heaviest)).expect("it fits");
            let now = world.now();
            match world.take(weight) {
                Ok(permit) if dice.one_in(2) => permits.push((now, u64::from(weight), permit)),
                Ok(_started) => {}
                Err(wait) => {
                    // Never earlier than the law lets it.
                    refused += 1;
                    assert!(now + u64::try_from(wait.as_nanos()).expect("a wait") >= world.earliest(weight));
                }
            }
            if !permits.is_empty() && dice.one_in(3) {
                let which = usize::try_from(dice.below(permits.len() as u64)).expect("an index");
                let (start, weight, permit) = permits.swap_remove(which);
                permit.refund();
                let known = world.starts.iter().position(|known| *known == (start, weight));
                if let Some(place) = known {
                    world.starts.remove(place);
                    world.counting -= weight;
                    given_back += 1;
                }
            }
            world.clock.advance(ns(dice.below(world.per / 5_000)));
        }
        assert!(given_back > 1_000 && refused > 500, "{given_back} given back, {refused} refused");
    }
}

/// The plan of a line merges when the starts will, so that what was told comes true.
#[test]
fn those_who_wait_start_when_they_were_told() {
    let mut world = World::new(10_000, 3_600 * SECOND);
    let mut dice = Dice::new(1);
    for _ in 0..10_000 {
        assert!(world.take(1).is_ok());
        world.clock.advance(ns(dice.below(600_000_000)));
    }
    let told = |world: &World| world.now() + u64::try_from(wait(&world.bucket).as_nanos()).expect("a wait");
    let mut waiting = VecDeque::new();
    for _ in 0..2_000 {
        let due = told(&world);
        waiting.push_back((due, Task::waiting(&world.bucket)));
    }
    let mut moments = 0;
    while let Some((due, mut task)) = waiting.pop_front() {
        moments += u64::from(due > world.now());
        world.clock.advance(ns(due - world.now()).saturating_sub(ns(1)));
        assert!(!task.is_woken() || due == world.now(), "its turn comes at {due}");
        world.clock.advance(ns(due - world.now()));
        assert!(task.is_woken() && task.poll().is_some_and(|started| started.is_ok()), "told: {due}");
        world.started(1);
    }
    assert!(moments > 300, "{moments} different times");
}

fn wait(bucket: &Bucket) -> Duration {
    bucket.peek().expect("an outlook").wait().expect("it can start")
}

#[test]
fn replaced_limits_count_what_a_full_log_remembers() {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).guard(ns(0)).build();
    let bucket =
        registry.register(Bucket::named("b", Rate::per_day(50_000))).expect("limits that make sense");
    for _ in 0..40_000 {
        assert!(bucket.try_acquire().is_ok());
        clock.advance(ns(SECOND));
    }
    let remaining = |rate: Rate| {
        let bucket = registry.register(Bucket::named("b", rate)).expect("limits that make sense");
        let outlook = bucket.peek().expect("an outlook");
        outlook.rates().first().expect("a rate").remaining()
    };
    assert_eq!(remaining(Rate::per_day(60_000)), 20_000);
    assert_eq!(remaining(Rate::new(60_000, ns(2 * 86_400 * SECOND))), 20_000);
    // Of 40,000 seconds the last hour, and at most what counts late by a part of the longer window.
    let hour = 60_000 - remaining(Rate::per_hour(60_000));
    assert!((3_600..=3_600 + 2 * 86_400 / 2_048 + 1).contains(&hour), "{hour}");
}
