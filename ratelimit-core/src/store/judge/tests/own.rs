//! A user's own policy over a store: saved and loaded, told times that never go back, and at fault for nobody else.

use std::slice::from_ref;

use super::super::AGAIN;
use super::world::{World, now_or_never, own_plan, part, plan, reserve, sliding};
use crate::dice::Dice;
use crate::error::ErrorScope;
use crate::policy::{Earliest, Outcome, Policy, Prototype};
use crate::store::ask::{Acquire, Part, Said, Verb};
use crate::time::Timestamp;

/// So much at a time, and a second after the last start as much again; watches that time never goes back.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    amount: u32,
    used: u32,
    last: Timestamp,
}

const SECOND: u64 = 1_000_000_000;

impl Watch {
    pub(super) fn new(amount: u32) -> Self {
        Watch { amount, used: 0, last: Timestamp::ZERO }
    }

    fn at(&self, now: Timestamp) -> Watch {
        assert!(now >= self.last, "time goes back from {} to {}", self.last.as_nanos(), now.as_nanos());
        assert_eq!(now.as_nanos() % 1000, 0, "whole microseconds");
        let is_over = now.as_nanos() > self.last.as_nanos() + SECOND;
        Watch { used: if is_over { 0 } else { self.used }, ..self.clone() }
    }
}

impl Policy for Watch {
    fn earliest(&self, now: Timestamp, weight: u32) -> Earliest {
        if weight > self.amount {
            Earliest::Never
        } else if self.at(now).used + weight <= self.amount {
            Earliest::At(now)
        } else {
            // Not a whole number of microseconds.
            Earliest::At(self.last.plus(SECOND + 1))
        }
    }

    fn commit(&mut self, now: Timestamp, weight: u32) {
        *self = Watch { used: self.at(now).used + weight, last: now, ..self.clone() };
    }

    fn settle(&mut self, start: Timestamp, now: Timestamp, weight: u32, outcome: &Outcome) {
        assert!(start <= now);
        let at = self.at(now);
        if let Outcome::Refund(given) = outcome {
            let recent = now.as_nanos() - start.as_nanos() <= SECOND;
            self.used = if recent { self.used.saturating_sub(weight.min(*given)) } else { at.used };
        }
    }

    fn idle_at(&self) -> Option<Timestamp> {
        Some(if self.used > 0 { self.last.plus(SECOND + 1) } else { self.last })
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }

    fn save(&self) -> Option<Vec<u8>> {
        let mut bytes = self.used.to_le_bytes().to_vec();
        bytes.extend(self.last.as_nanos().to_le_bytes());
        Some(bytes)
    }

    fn load(&self, bytes: &[u8]) -> Option<Box<dyn Policy>> {
        let (used, last) = bytes.split_first_chunk()?;
        let last = Timestamp::from_nanos(u64::from_le_bytes(last.try_into().ok()?));
        Some(Box::new(Watch { used: u32::from_le_bytes(*used), last, ..*self }))
    }
}

fn of(policy: impl Policy) -> Part {
    part(&own_plan(&[], &Prototype::new(policy)), 0)
}

#[test]
fn it_is_asked_in_microseconds_and_promises_no_earlier() {
    let of = of(Watch::new(2));
    let mut world = World::new();
    assert!(world.takes(from_ref(&of), 2));
    let wait = world.refused(from_ref(&of), 1);
    assert_eq!(wait, 1_000_001, "the first whole microsecond");
    world.now += wait - 1;
    assert!(!world.takes(from_ref(&of), 1));
    world.now += 1;
    assert!(world.takes(from_ref(&of), 1));
    assert_eq!(
        world.play(from_ref(&of), now_or_never(3)),
        Said::Never { rate: None, scope: ErrorScope::Key }
    );
}

/// A start may be made so much earlier than it counts: no sooner than the policy has said.
#[test]
fn it_lets_nobody_start_early_whose_answers_take_long() {
    let of = of(Watch::new(2));
    let mut world = World::new();
    let begin = world.now;
    assert!(world.takes(from_ref(&of), 2));
    world.now += 500_000;
    let far = Acquire { weight: 1, after: 0, slack: 250_000, allowance: u64::MAX, reserves: true };
    for _ in 0..2 {
        // The second finds room where the first is counted.
        let Said::Granted { start, wait, .. } = world.play(from_ref(&of), Verb::Acquire(far)) else {
            panic!()
        };
        assert_eq!((start, wait), (begin + 1_250_001, 500_001));
    }
}

/// Starts that are to come, refunds of them, a clock that is put back: it would panic, and nothing be answered.
#[test]
fn its_time_never_goes_back_and_it_is_forgotten_in_time() {
    for seed in 0..if cfg!(miri) { 2 } else { 500 } {
        let mut dice = Dice::new(seed);
        let rates = [sliding(3, 900_000)];
        let rates = &rates[..usize::from(dice.one_in(2))];
        let of = part(&own_plan(rates, &Prototype::new(Watch::new(3))), 0);
        let of = from_ref(&of);
        let mut world = World { forgets: true, ..World::new() };
        let mut granted: Vec<(u64, u32)> = Vec::new();
        for _ in 0..60 {
            let later = dice.pick(&[0, 100, 600_000, 1_500_000]);
            world.now += dice.below(later + 1);
            if dice.one_in(12) {
                world.now -= dice.below(5_000_000);
                granted.clear();
            }
            let weight = u32::try_from(dice.between(1, 3)).unwrap();
            let said = match dice.below(6) {
                0 => world.play(of, Verb::Charge { weight }),
                1 if !granted.is_empty() => {
                    let index = usize::try_from(dice.below(granted.len() as u64)).unwrap();
                    let (start, weight) = granted.remove(index);
                    let given = u32::try_from(dice.between(1, weight.into())).unwrap();
                    world.play(of, Verb::Refund { start, weight, given, born: [0; 2] })
                }
                2 => world.play(of, reserve(weight)),
                _ => world.play(of, now_or_never(weight)),
            };
            match said {
                Said::Granted { start, .. } => granted.push((start, weight)),
                Said::Refused(_) | Said::Done { .. } => {}
                said => panic!("{seed}: {said:?}"),
            }
            assert_eq!(world.look(of).len(), 1);
        }
    }
}

/// Asks for nothing and panics at nothing.
#[derive(Clone, Debug)]
pub(super) struct Calm;

impl Policy for Calm {
    fn earliest(&self, now: Timestamp, _weight: u32) -> Earliest {
        Earliest::At(now)
    }

    fn commit(&mut self, _now: Timestamp, _weight: u32) {}

    fn settle(&mut self, _start: Timestamp, _now: Timestamp, _weight: u32, _outcome: &Outcome) {}

    fn idle_at(&self) -> Option<Timestamp> {
        Some(Timestamp::ZERO)
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }

    fn save(&self) -> Option<Vec<u8>> {
        Some(b"calm".to_vec())
    }

    fn load(&self, bytes: &[u8]) -> Option<Box<dyn Policy>> {
        (bytes == b"calm").then(|| self.fork())
    }
}

#[derive(Clone, Debug)]
struct Moody {
    unsaved: bool,
    panics: bool,
}

impl Policy for Moody {
    fn earliest(&self, _now: Timestamp, _weight: u32) -> Earliest {
        Earliest::WhenSettled
    }

    fn commit(&mut self, _now: Timestamp, _weight: u32) {
        assert!(!self.panics, "not today");
    }

    fn settle(&mut self, _start: Timestamp, _now: Timestamp, _weight: u32, _outcome: &Outcome) {}

    fn idle_at(&self) -> Option<Timestamp> {
        None
    }

    fn fork(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }

    fn save(&self) -> Option<Vec<u8>> {
        (!self.unsaved).then(Vec::new)
    }

    fn load(&self, _bytes: &[u8]) -> Option<Box<dyn Policy>> {
        Some(Box::new(self.clone()))
    }
}

#[test]
fn who_does_not_know_when_is_asked_again() {
    let of = of(Moody { unsaved: false, panics: false });
    let mut world = World::new();
    world.charge(from_ref(&of), 1);
    let waits = Acquire { weight: 1, after: 0, slack: 0, allowance: 1, reserves: true };
    assert_eq!(world.play(from_ref(&of), Verb::Acquire(waits)), Said::Later { wait: AGAIN });
    let Said::Refused(refused) = world.play(from_ref(&of), now_or_never(1)) else { panic!("it is refused") };
    assert_eq!((refused.retry_after, refused.rate), (None, None));
    assert_eq!(world.look(from_ref(&of))[0].wait, None);
}

#[test]
fn what_cannot_be_saved_or_panics_is_a_failure_and_writes_nothing() {
    for (policy, part_of_it) in [
        (Moody { unsaved: true, panics: false }, "Policy::save"),
        (Moody { unsaved: false, panics: true }, "panicked"),
    ] {
        let shared = part(&plan(&[sliding(3, 1_000_000)]), 1);
        let parts = [of(policy), shared.clone()];
        let mut world = World::new();
        let failure = world.try_play(&parts, Verb::Charge { weight: 1 }).expect_err("it fails");
        assert!(failure.to_string().contains(part_of_it), "{failure}");
        assert!(world.records.is_empty() && crate::policy::own::noted().is_none());
        assert!(world.takes(&[shared], 3), "nothing was taken");
    }
}

/// Two versions, one with a policy of its own: who has none cannot know what it would say.
#[test]
fn a_record_with_a_policy_is_unreadable_without_it_and_no_other_way_round() {
    let (with, without) = (of(Watch::new(2)), part(&plan(&[sliding(2, 1_000_000)]), 0));
    let mut world = World::new();
    assert!(world.takes(from_ref(&without), 1));
    assert!(world.takes(from_ref(&with), 2), "the rates are gone, and the policy is new");
    let before = world.records.clone();
    let failure = world.try_play(from_ref(&without), now_or_never(1)).expect_err("it is unreadable");
    assert!(failure.to_string().contains("of another policy"), "{failure}");
    assert_eq!(world.records, before);
    assert!(!world.takes(from_ref(&with), 1), "nothing was reset");
}
