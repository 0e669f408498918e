//! The law the guard is for: who starts at any time from a slack before to a guard after a start is counted keeps the
//! declared limits, however callers of different slack take turns.

use super::world::{World, bucket, fixed, guarded, now_or_never, part, plan, reserve, sliding, total};
use crate::dice::Dice;
use crate::policy::Guarded;
use crate::rate::{Rate, Shape};
use crate::store::ask::{Acquire, Said, Verb};
use crate::store::record::KEEP;
use std::time::Duration;

const SCHEDULES: u64 = if cfg!(miri) { 2 } else { 500 };
const STEPS: u64 = 60;

/// A call: when it was started, of which weight.
type Call = (u64, u64);

fn rate(dice: &mut Dice) -> Guarded {
    let amount = u32::try_from(dice.between(1, 6)).unwrap();
    let rate = Rate::new(amount, Duration::from_micros(dice.between(1_000, 2_000_000)));
    let rate = if dice.one_in(2) { rate } else { rate.burst(u32::try_from(dice.between(1, 6)).unwrap()) };
    let guard = dice.pick(&[0, 1, 20_000]).min(rate.window_nanos() / 2_000);
    guarded(rate, guard)
}

/// Whether no span of the calls has more than `rate` lets start in it.
fn is_kept(rate: Rate, calls: &[Call]) -> bool {
    let (amount, per) = (u64::from(rate.amount()), rate.per().as_micros());
    calls.iter().enumerate().all(|(index, first)| {
        let mut started = 0;
        calls[index..].iter().all(|last| {
            started += last.1;
            let span = u128::from(last.0 - first.0);
            match rate.shape() {
                Shape::Sliding => span > per || started <= amount,
                Shape::Burst(burst) => {
                    let beyond = u128::from(started.saturating_sub(burst.into()));
                    beyond * per <= span * u128::from(amount)
                }
                Shape::Fixed => unreachable!("its windows are the counted ones"),
            }
        })
    })
}

fn play(seed: u64, slacks: &[u64]) -> usize {
    let mut dice = Dice::new(seed);
    let (keyed, shared) = (plan(&[rate(&mut dice), rate(&mut dice)]), plan(&[rate(&mut dice)]));
    let mut world = World::new();
    let mut calls: [Vec<Call>; 3] = Default::default();
    let guard = |rates: &[Guarded]| rates.iter().map(|rate| rate.guard / 1000).min().unwrap();
    let guard = guard(&keyed.declared).min(guard(&shared.declared));
    for _ in 0..STEPS {
        let later = dice.pick(&[0, 1_000, 100_000, 1_000_000]);
        world.now += dice.below(later + 1);
        let key = usize::try_from(dice.below(2)).unwrap();
        let weight = u32::try_from(dice.pick(&[1, 1, 2, 3])).unwrap();
        let slack = dice.pick(slacks);
        let (allowance, reserves) = dice.pick(&[(0, false), (u64::MAX, true)]);
        let ask = Verb::Acquire(Acquire { weight, after: 0, slack, allowance, reserves });
        let parts = [part(&keyed, key), total(&shared)];
        if let Said::Granted { start, .. } = world.play(&parts, ask) {
            let (first, last) = (start - slack, start + guard);
            let at = match dice.below(3) {
                0 => first,
                1 => last,
                _ => dice.between(first, last),
            };
            for entry in [key, 2] {
                calls[entry].push((at, weight.into()));
            }
        }
    }
    for (calls, plan) in calls.iter_mut().zip([&keyed, &keyed, &shared]) {
        calls.sort_unstable();
        for guarded in &plan.declared {
            let rate = guarded.rate;
            assert!(is_kept(rate, calls), "{seed}: {rate} and {:?} us: {calls:?}", guarded.guard / 1000);
        }
    }
    calls[2].len()
}

#[test]
fn starts_within_slack_and_guard_keep_the_declared_limits() {
    for slacks in [&[0][..], &[KEEP], &[5_000], &[0, 1, 5_000, 250_000, KEEP]] {
        let granted: usize = (0..SCHEDULES).map(|seed| play(seed, slacks)).sum();
        assert!(granted > 10 * usize::try_from(SCHEDULES).unwrap(), "{granted} with {slacks:?}");
    }
}

/// What is given back, also of what is to come, never makes room for more than the limits let start.
#[test]
fn what_is_not_given_back_keeps_the_limits() {
    for seed in 0..SCHEDULES {
        let mut dice = Dice::new(seed);
        let rates: Vec<Guarded> = (0..dice.between(1, 2)).map(|_| rate(&mut dice)).collect();
        let of = part(&plan(&rates), 0);
        let mut world = World::new();
        let mut calls: Vec<Call> = Vec::new();
        for _ in 0..STEPS {
            let later = dice.pick(&[0, 1_000, 100_000, 1_000_000]);
            world.now += dice.below(later + 1);
            let weight = u32::try_from(dice.pick(&[1, 1, 2])).unwrap();
            if dice.one_in(3) {
                // From the last on, as a line is left.
                let at_most = dice.below(6);
                while calls.last().is_some_and(|(start, _)| *start > world.now) && !dice.one_in(at_most + 1) {
                    let (start, weight) = calls.pop().unwrap();
                    let weight = u32::try_from(weight).unwrap();
                    world.play(
                        std::slice::from_ref(&of),
                        Verb::Refund { start, weight, given: weight, born: [0; 2] },
                    );
                }
                continue;
            }
            let verb = if dice.one_in(2) { reserve(weight) } else { now_or_never(weight) };
            if let Said::Granted { start, .. } = world.play(std::slice::from_ref(&of), verb) {
                calls.push((start, weight.into()));
            }
        }
        for guarded in &of.plan.declared {
            assert!(is_kept(guarded.rate, &calls), "{seed}: {}: {calls:?}", guarded.rate);
        }
    }
}

#[test]
fn a_window_that_is_open_counts_though_a_later_one_was_reserved_in() {
    for rate in [fixed(2, 1_000_000), sliding(2, 1_000_000), bucket(2, 1_000_000, 2)] {
        let of = [part(&plan(&[rate]), 0)];
        let mut world = World::new();
        assert!(world.takes(&of, 2));
        let starts: Vec<u64> = (0..9).map(|_| world.reserves(&of, 2)).collect();
        for start in starts.into_iter().rev() {
            world.play(&of, Verb::Refund { start, weight: 2, given: 2, born: [0; 2] });
        }
        world.now += 10;
        assert!(world.refused(&of, 2) >= 999_990, "{rate:?}");
        if rate.rate.shape() == Shape::Fixed {
            // It knows of one window alone: what was before the last that was opened it cannot tell any more.
            continue;
        }
        world.now += 1_000_000;
        assert!(world.takes(&of, 2), "{rate:?}: nobody waits for longer than a window");
    }
}

/// A start of some slack may be made before the one that has opened its window: what the window before holds is not known
/// any more.
#[test]
fn nobody_starts_early_in_a_fixed_window_that_was_full() {
    let of = [part(&plan(&[fixed(2, 1_000_000)]), 0)];
    let mut world = World::new();
    let begin = world.now;
    assert!(world.takes(&of, 2));
    assert_eq!(world.reserves(&of, 1), begin + 1_000_000, "it opens the next one");
    world.now += 500_000;
    let far = Acquire { weight: 1, after: 0, slack: 250_000, allowance: u64::MAX, reserves: true };
    let Said::Granted { start, wait, .. } = world.play(&of, Verb::Acquire(far)) else { panic!() };
    assert_eq!((start, wait), (begin + 1_250_000, 500_000), "no sooner than it has opened");
}

/// What is counted behind the start that opens a fixed window is made in it; what opens one is made when the last one is
/// over, or fits into that as well.
#[test]
fn starts_within_slack_keep_to_their_fixed_window() {
    let mut early = 0;
    for seed in 0..SCHEDULES {
        let mut dice = Dice::new(seed);
        let amount = dice.between(1, 6);
        let length = dice.between(1_000, 2_000_000);
        let of = [part(&plan(&[fixed(u32::try_from(amount).unwrap(), length)]), 0)];
        let mut world = World::new();
        // When it opened, and what has started in it; of the one before what its end is and what fits into it.
        let (mut open, mut used, mut last) = (0, 0, (0, amount));
        for _ in 0..STEPS {
            let later = dice.pick(&[0, 1_000, 100_000, 1_000_000]);
            world.now += dice.below(later + 1);
            let slack = dice.pick(&[0, 0, 1, 5_000, 250_000, KEEP]);
            let weight = dice.between(1, amount.min(2));
            let (allowance, reserves) = dice.pick(&[(0, false), (u64::MAX, true)]);
            let ask =
                Acquire { weight: u32::try_from(weight).unwrap(), after: 0, slack, allowance, reserves };
            let Said::Granted { start, .. } = world.play(&of, Verb::Acquire(ask)) else { continue };
            if start >= open + length {
                last = (open + length, amount - used);
                (open, used) = (start, 0);
            }
            used += weight;
            assert!(used <= amount, "{seed}");
            early += u64::from(slack > 0);
            let is_in_it = start - slack >= open;
            let opens = start == open && (start - slack >= last.0 || used <= last.1);
            assert!(is_in_it || opens, "{seed}: {start} less {slack}, which opened at {open}");
        }
    }
    assert!(early > 2 * SCHEDULES, "{early}");
}

/// What the test above looks for is found where it is: by starts that are later than the guard lets them be.
#[test]
fn what_starts_later_than_the_guard_is_noticed() {
    let rate = Rate::per_second(2);
    assert!(is_kept(rate, &[(0, 2), (1_000_001, 2)]) && !is_kept(rate, &[(1, 2), (1_000_001, 1)]));
    let rate = rate.burst(3);
    assert!(is_kept(rate, &[(0, 3), (500_000, 1)]) && !is_kept(rate, &[(1, 3), (500_000, 1)]));
}
