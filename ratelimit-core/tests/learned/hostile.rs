//! A server that says anything at any time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ratelimit_core::clock::{Clock, ManualClock};
use ratelimit_core::feedback::{Feedback, Scope};
use ratelimit_core::{Bucket, Permit, Rate, Request};

use crate::common::{FOREVER, Task, many, ms, ns};
use crate::world::{learned, rejected};

/// Seeded: the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn number(&mut self) -> Option<u64> {
        match self.roll(6) {
            0 => None,
            1 => Some(0),
            2 => Some(u64::MAX),
            3 => Some(u64::from(u32::MAX) + self.roll(3)),
            _ => Some(self.roll(50)),
        }
    }

    fn span(&mut self) -> Option<Duration> {
        match self.roll(7) {
            0 => None,
            1 => Some(Duration::ZERO),
            2 => Some(Duration::MAX),
            3 => Some(Duration::from_nanos(u64::MAX - self.roll(3))),
            4 => Some(ns(self.roll(1_000))),
            _ => Some(ms(self.roll(5_000))),
        }
    }

    fn answer(&mut self) -> Option<Feedback> {
        if self.roll(8) == 0 {
            return None;
        }
        let mut answer = Feedback::default().whole_seconds(self.roll(3) == 0).rejected(self.roll(6) == 0);
        (answer.limit, answer.remaining) = (self.number(), self.number());
        (answer.reset_after, answer.retry_after) = (self.span(), self.span());
        answer.scope = [Scope::Bucket, Scope::Global, Scope::Shared][self.index(3)];
        answer.bucket = (self.roll(3) == 0).then(|| ["", "a", "b", "\u{0}"][self.index(4)].into());
        Some(answer)
    }

    fn index(&mut self, sides: u64) -> usize {
        usize::try_from(self.roll(sides)).expect("a few")
    }
}

const WEIGHTS: [u32; 4] = [1, 0, 2, 7];

fn request<'b>(bucket: &'b Bucket, weight: u32, dice: &mut Dice) -> Request<'b> {
    let mut request = bucket.request().weight(weight);
    if dice.roll(3) > 0 {
        request = request.key(dice.roll(2));
    }
    if dice.roll(2) == 0 {
        request = request.route(dice.roll(2));
    }
    request
}

/// Whatever it says: nobody panics, and in no span of the rate's length starts more than it admits.
#[test]
fn cannot_raise_a_rate() {
    let mut started = 0;
    for seed in 0..many(300) {
        let mut dice = Dice(seed);
        let clock = ManualClock::new();
        let rate = Rate::new(10, Duration::from_secs(1));
        let limits = Bucket::named("hostile", Rate::per_day(100_000)).total(rate).guard(ns(0));
        let bucket = limits.clock(clock.clone());
        let (mut starts, mut held, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..200 {
            match dice.roll(6) {
                0 | 1 => {
                    let weight = WEIGHTS[dice.index(4)];
                    let request = request(&bucket, weight, &mut dice).max_delay(FOREVER);
                    waiting.push((weight, Task::new(request.acquire_async())));
                }
                2 => clock.advance(ms(dice.roll(400))),
                3 if !held.is_empty() => {
                    let permit: &Permit = &held[dice.index(held.len() as u64)];
                    permit.observe(&dice.answer());
                }
                4 if !held.is_empty() => drop(held.swap_remove(dice.index(held.len() as u64))),
                _ => request(&bucket, 1, &mut dice).observe(&dice.answer()).expect("it is open"),
            }
            waiting.retain_mut(|(weight, task)| match task.poll() {
                None => true,
                Some(Ok(permit)) => {
                    starts.push((clock.now(), *weight));
                    held.push(permit);
                    false
                }
                Some(Err(_)) => false,
            });
        }
        for (index, (since, _)) in starts.iter().enumerate() {
            let span = starts[index..].iter().take_while(|(at, _)| at.saturating_since(*since) <= ms(1000));
            let weight: u32 = span.map(|(_, weight)| weight).sum();
            assert!(weight <= 10, "seed {seed}: {weight} from {since:?}");
        }
        started += starts.len();
        assert!(catch_unwind(AssertUnwindSafe(|| drop((held, waiting)))).is_ok(), "seed {seed}");
    }
    println!("{started} calls started");
    assert!(started as u64 >= 10 * many(300), "{started}");
}

/// Also by going on and on: who has been held up for as long as anybody is to be goes.
#[test]
fn cannot_hold_anybody_up_for_longer_than_the_longest_pause() {
    for scope in [Scope::Bucket, Scope::Global] {
        let clock = ManualClock::new();
        let bucket = learned().max_pause(ms(60_000)).clock(clock.clone());
        let pause = |millis| bucket.request().observe(&rejected(millis).scope(scope)).expect("it is open");
        let wait = || Task::new(bucket.request().max_delay(FOREVER).acquire_async());
        pause(30_000);
        let mut early = wait();
        assert!(early.poll().is_none());
        clock.advance(ms(20_000));
        pause(30_000);
        let mut late = wait();
        assert!(early.poll().is_none() && late.poll().is_none());
        clock.advance(ms(30_000));
        pause(11_000);
        let refused = early.poll().expect("it is told").expect_err("61 s");
        assert_eq!(refused.retry_after(), Some(ms(11_000)));
        assert!(late.poll().is_none(), "41 s");
        clock.advance(ms(11_000));
        let found_out = late.poll().expect("it is its turn").expect("it may start");
        drop(found_out);
    }
}

/// One that begins after another was over is another.
#[test]
fn pauses_with_something_between_do_not_add_up() {
    let clock = ManualClock::new();
    let bucket = Bucket::named("slow", Rate::per_hour(1)).guard(ns(0)).max_pause(ms(60_000));
    let bucket = bucket.clock(clock.clone());
    drop(bucket.try_acquire().expect("the first"));
    let mut waits = Task::new(bucket.request().max_delay(FOREVER).acquire_async());
    for _ in 0..5 {
        bucket.request().observe(&rejected(50_000)).expect("it is open");
        assert!(waits.poll().is_none());
        clock.advance(ms(50_001));
    }
    assert!(waits.poll().is_none(), "it waits for its rate");
}
