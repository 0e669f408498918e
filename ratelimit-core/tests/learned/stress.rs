//! Whatever happens, nobody is forgotten: at the end, when all calls are answered kindly, everybody has an answer.

use std::time::Duration;

use ratelimit_core::clock::ManualClock;
use ratelimit_core::feedback::{Feedback, Scope};
use ratelimit_core::{Bucket, ErrorKind, Permit, Rate};

use crate::common::{Dice, FOREVER, Task, many, ms, ns};
use crate::world::{ans, learned};

struct Stress {
    dice: Dice,
    clock: ManualClock,
    bucket: Bucket,
    waiting: Vec<Task>,
    sent: Vec<Permit>,
    granted: u64,
    refused: u64,
    answers: u64,
}

impl Stress {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let clock = ManualClock::new();
        let mut bucket = match dice.below(3) {
            0 => Bucket::named("stress", Rate::per_second(dice.between(1, 9).try_into().expect("small"))),
            _ => learned(),
        };
        if dice.one_in(3) {
            bucket = bucket.and(Rate::new(3, ms(700)).burst(3));
        }
        if dice.one_in(4) {
            bucket = bucket.total(Rate::per_second(6));
        }
        if dice.one_in(4) {
            bucket = bucket.in_flight(3);
        }
        if dice.one_in(4) {
            bucket = bucket.server_names(false);
        }
        let bucket = bucket.guard(ns(0)).clock(clock.clone());
        Stress {
            dice,
            clock,
            bucket,
            waiting: Vec::new(),
            sent: Vec::new(),
            granted: 0,
            refused: 0,
            answers: 0,
        }
    }

    fn pick<T>(dice: &mut Dice, from: &mut Vec<T>) -> Option<T> {
        let len = from.len() as u64;
        (len > 0).then(|| from.swap_remove(usize::try_from(dice.below(len)).expect("an index")))
    }

    fn step(&mut self) {
        match self.dice.below(16) {
            0..=4 => self.ask(),
            5..=8 => {
                if let Some(permit) = Self::pick(&mut self.dice, &mut self.sent) {
                    permit.observe(&self.answer());
                    self.answers += 1;
                    if self.dice.one_in(4) {
                        self.sent.push(permit);
                    }
                }
            }
            9 => drop(Self::pick(&mut self.dice, &mut self.sent)),
            10 => drop(Self::pick(&mut self.dice, &mut self.waiting)),
            11 => {
                if let Some(permit) = Self::pick(&mut self.dice, &mut self.sent) {
                    if self.dice.one_in(2) {
                        permit.refund();
                    } else {
                        permit.correct(u32::try_from(self.dice.below(4)).expect("small"));
                        self.sent.push(permit);
                    }
                }
            }
            12 if self.dice.one_in(4) => match self.dice.below(3) {
                0 => self.bucket.reset().expect("it is open"),
                1 => self.bucket.request().key(1).reset().expect("it is open"),
                _ => self.bucket.pause(ms(self.dice.below(900))).expect("it is open"),
            },
            _ => self.clock.advance(ms(self.dice.below(800))),
        }
        self.poll_woken();
    }

    fn ask(&mut self) {
        let mut request =
            self.bucket.request().weight(u32::try_from(self.dice.between(1, 2)).expect("small"));
        if self.dice.one_in(2) {
            request = request.key(self.dice.below(2));
        }
        if self.dice.one_in(2) {
            request = request.route(["a", "b", "c"][usize::try_from(self.dice.below(3)).expect("small")]);
        }
        let max_delay = match self.dice.below(3) {
            0 => Duration::ZERO,
            1 => ms(self.dice.below(3000)),
            _ => FOREVER,
        };
        let mut task = Task::new(request.max_delay(max_delay).acquire_async());
        match task.poll() {
            Some(ended) => self.end(ended),
            None => self.waiting.push(task),
        }
    }

    fn end(&mut self, ended: Result<Permit, ratelimit_core::Error>) {
        match ended {
            Ok(permit) => {
                self.granted += 1;
                self.sent.push(permit);
            }
            Err(refused) => {
                let kind = refused.kind();
                let usual = [ErrorKind::Limited, ErrorKind::DelayTooLong, ErrorKind::TooHeavy];
                assert!(usual.contains(&kind), "{refused}");
                self.refused += 1;
            }
        }
    }

    /// Only who is woken looks again.
    fn poll_woken(&mut self) {
        while let Some(index) = self.waiting.iter().position(Task::is_woken) {
            if let Some(ended) = self.waiting[index].poll() {
                self.waiting.remove(index);
                self.end(ended);
            }
        }
    }

    fn answer(&mut self) -> Option<Feedback> {
        let dice = &mut self.dice;
        let mut answer = Feedback::default();
        if dice.one_in(8) {
            return None;
        }
        if !dice.one_in(6) {
            answer = answer.remaining(dice.below(6));
        }
        if !dice.one_in(6) {
            answer = answer.limit(dice.below(6));
        }
        if !dice.one_in(4) {
            answer = answer.reset_after(ms(dice.below(3000))).whole_seconds(dice.one_in(3));
        }
        if dice.one_in(6) {
            answer = answer.rejected(true).scope(dice.pick(&[Scope::Bucket, Scope::Shared, Scope::Global]));
            if dice.one_in(2) {
                answer = answer.retry_after(ms(dice.below(3000)));
            }
        }
        if dice.one_in(3) {
            answer = answer.bucket(dice.pick(&["x", "y"]));
        }
        Some(answer)
    }

    /// Everything that was sent is answered, and time goes by.
    fn drain(&mut self) {
        for _ in 0..2_000 {
            if self.waiting.is_empty() && self.sent.is_empty() {
                return;
            }
            for permit in std::mem::take(&mut self.sent) {
                permit.observe(&ans(9, 8, 500));
            }
            self.poll_woken();
            if self.sent.is_empty() {
                let next = self.clock.next_wake();
                assert!(next.is_some() || self.waiting.is_empty(), "nobody will wake {}", self.waiting.len());
                if let Some(next) = next {
                    self.clock.set(next);
                }
                self.poll_woken();
            }
        }
        assert!(self.waiting.is_empty(), "{} wait for ever", self.waiting.len());
    }
}

#[test]
fn nobody_is_forgotten() {
    let mut sums = [0; 3];
    for seed in 0..many(4_000) {
        let mut stress = Stress::new(seed);
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            (0..80).for_each(|_| stress.step());
            stress.drain();
        }));
        assert!(done.is_ok(), "seed {seed}");
        sums = [sums[0] + stress.granted, sums[1] + stress.refused, sums[2] + stress.answers];
        // Nothing is in flight any more: as much may start as the server would let.
        drop(stress);
    }
    println!("{sums:?} granted, refused, answers");
    assert!(cfg!(miri) || sums.iter().all(|sum| *sum > 4_000));
}
