//! Records under other limits: of a higher generation, and of an equal one, as two versions of a program that run at
//! once write them in turn.

use std::sync::Arc;

use super::world::{World, bucket, fixed, now_or_never, part, plan, sliding};
use crate::dice::Dice;
use crate::error::ErrorScope;
use crate::policy::Guarded;
use crate::store::ask::{Part, Plan, Refused, Said};

const SCHEDULES: u64 = if cfg!(miri) { 3 } else { 600 };

fn of_generation(generation: u32, rates: &[Guarded]) -> Arc<Plan> {
    Arc::new(Plan::new(generation, rates, None))
}

/// Takes turns as two versions, at random times; the starts.
fn alternate(seed: u64, versions: &[Part; 2], world: &mut World) -> Vec<(u64, u64)> {
    let mut dice = Dice::new(seed);
    let mut starts = Vec::new();
    for _ in 0..60 {
        let later = dice.pick(&[0, 0, 10, 30_000, 400_000]);
        world.now += dice.below(later + 1);
        let version = dice.pick(&[0, 1]);
        let weight = u32::try_from(dice.pick(&[1, 1, 2])).unwrap();
        let parts = [versions[version].clone()];
        if dice.one_in(8) && world.now + 2_000_000 > starts.last().map_or(0, |(at, _)| *at) {
            if let Said::Granted { start, .. } = world.play(&parts, super::world::reserve(weight)) {
                starts.push((start, weight.into()));
            }
        } else if world.takes(&parts, weight) {
            starts.push((world.now, weight.into()));
        }
    }
    starts
}

fn most_in(span: u64, starts: &[(u64, u64)]) -> u64 {
    let within = |first: u64| {
        starts
            .iter()
            .filter(move |(at, _)| (first..=first + span).contains(at))
            .map(|(_, weight)| weight)
            .sum()
    };
    starts.iter().map(|(first, _)| within(*first)).max().unwrap_or(0)
}

/// Whichever version wrote last, and however long either has to wait, it is not longer than a window of the limits.
fn nobody_starves(world: &World, versions: &[Part; 2], window: u64) {
    for part in versions {
        let mut world = world.clone();
        let newest = world.records.values().next().is_some();
        assert!(newest);
        let begin = world.now;
        while !world.takes(std::slice::from_ref(part), 1) {
            let wait = world.refused(std::slice::from_ref(part), 1);
            world.now += wait;
            assert!(world.now - begin <= window + 1, "{} us and no end", world.now - begin);
        }
    }
}

#[test]
fn two_versions_of_a_window_admit_no_more_than_the_larger() {
    for seed in 0..SCHEDULES {
        let mut dice = Dice::new(seed ^ 0xa5a5);
        let mut amount = || u32::try_from(dice.between(2, 7)).unwrap();
        let (one, other) = (amount(), amount());
        let larger = u64::from(one.max(other));
        let windows = [dice.between(10_000, 1_000_000), dice.between(10_000, 1_000_000)];
        for (first, second) in [(windows[0], windows[0]), (windows[0], windows[1])] {
            let versions = [sliding(one, first), sliding(other, second)].map(|rate| part(&plan(&[rate]), 0));
            let mut world = World::new();
            let starts = alternate(seed, &versions, &mut world);
            let span = first.min(second);
            assert!(starts.len() > 1, "{seed}");
            assert!(most_in(span, &starts) <= larger, "{seed}: {one} and {other} in {span} us: {starts:?}");
            // What was reserved has to start first.
            world.now = world.now.max(starts.last().unwrap().0);
            nobody_starves(&world, &versions, first.max(second));
        }
    }
}

#[test]
fn two_versions_of_a_fixed_window_share_it() {
    for seed in 0..SCHEDULES {
        let mut dice = Dice::new(seed ^ 0x5a5a);
        let (one, other) = (dice.between(2, 7), dice.between(2, 7));
        let length = dice.between(10_000, 1_000_000);
        let rates = [one, other].map(|amount| fixed(u32::try_from(amount).unwrap(), length));
        let versions = rates.map(|rate| part(&plan(&[rate]), 0));
        let mut world = World::new();
        let starts = alternate(seed, &versions, &mut world);
        let (mut since, mut used) = (0, 0);
        for (at, weight) in &starts {
            if *at >= since + length {
                (since, used) = (*at, 0);
            }
            used += weight;
            assert!(used <= one.max(other), "{seed}: {one} and {other} in {length} us: {starts:?}");
        }
        world.now = world.now.max(starts.last().unwrap().0);
        nobody_starves(&world, &versions, length);
    }
}

/// Never more than the larger burst at once, nor faster than the faster rate.
#[test]
fn two_versions_of_a_token_bucket_admit_no_more_than_the_larger() {
    for seed in 0..SCHEDULES {
        let mut dice = Dice::new(seed ^ 0x3c3c);
        let mut amount = || u32::try_from(dice.between(2, 7)).unwrap();
        let ((one, other), bursts) = ((amount(), amount()), (amount(), amount()));
        let per = dice.between(10_000, 1_000_000);
        let rates = [bucket(one, per, bursts.0), bucket(other, per, bursts.1)];
        let versions = rates.map(|rate| part(&plan(&[rate]), 0));
        let mut world = World::new();
        let starts = alternate(seed, &versions, &mut world);
        let (amount, burst) = (u64::from(one.max(other)), u64::from(bursts.0.max(bursts.1)));
        for (index, (first, _)) in starts.iter().enumerate() {
            let mut started = 0;
            for (last, weight) in &starts[index..] {
                started += weight;
                let most = burst * per + (last - first) * amount;
                assert!(started * per <= most, "{seed}: {rates:?}: {starts:?}");
            }
        }
        world.now = world.now.max(starts.last().unwrap().0);
        // What one has taken at once is owed by the other at its own rate.
        nobody_starves(&world, &versions, burst * per / u64::from(one.min(other)) + 1);
    }
}

#[test]
fn what_other_limits_of_the_same_generation_remember_counts() {
    let kinds = [sliding(5, 1_000_000), bucket(5, 1_000_000, 5), fixed(5, 1_000_000)];
    for old in kinds {
        for new in kinds {
            let (old, new) = (plan(&[old]), plan(&[Guarded { guard: 1_000, ..new }, sliding(9, 70_000)]));
            let mut world = World::new();
            assert!(world.takes(&[part(&old, 0)], 5));
            assert!(!world.takes(&[part(&new, 0)], 1), "{old:?} {new:?}");
            let before = world.records.clone();
            world.now += world.refused(&[part(&new, 0)], 2);
            assert_eq!(world.records, before, "nobody rewrites what it does not change");
        }
    }
}

#[test]
fn starts_that_are_to_come_count_under_other_limits() {
    let kinds = [sliding(2, 1_000_000), bucket(2, 1_000_000, 2), fixed(2, 1_000_000)];
    for old in kinds {
        for new in kinds {
            let (old, new) = (part(&plan(&[old]), 0), part(&plan(&[new, sliding(50, 7_000)]), 0));
            let mut world = World::new();
            let mut starts: Vec<u64> =
                (0..7).map(|_| world.reserves(std::slice::from_ref(&old), 1)).collect();
            starts.extend((0..7).map(|_| world.reserves(std::slice::from_ref(&new), 1)));
            assert!(starts.is_sorted(), "{starts:?}");
            // Where the rate stays as it was the law does, too: a burst and the rate.
            let span = starts[13] - starts[0];
            assert!(span >= 5_000_000, "{old:?} {new:?}: 14 of 2/s in {span} us");
        }
    }
}

/// As each start is remembered for longer than its window, who does not know how long answers take counts on it.
#[test]
fn what_is_read_anew_is_remembered_for_as_long() {
    use crate::store::ask::{Acquire, Verb};
    let slack = 400_000;
    let (old, new) = (part(&plan(&[sliding(4, 1_000_000)]), 0), part(&plan(&[sliding(3, 1_000_000)]), 0));
    let (old, new) = (std::slice::from_ref(&old), std::slice::from_ref(&new));
    let mut world = World::new();
    assert!(world.takes(old, 2));
    let first = world.now;
    world.now += 700_000;
    let acquire = |weight| Verb::Acquire(Acquire { weight, after: 0, slack, allowance: 0, reserves: false });
    assert!(matches!(world.play(old, acquire(1)), Said::Granted { .. }), "counted a window after the first");
    world.now += 100_000;
    // A window and a slack after the first, which may have started as late as it is counted.
    assert_eq!(first + 1_000_000, world.now + 200_000);
    let said = world.play(new, acquire(1));
    assert!(matches!(said, Said::Refused(Refused { retry_after: Some(200_001), .. })), "{said:?}");
}

#[test]
fn limits_of_a_higher_generation_hold_for_older_programs_too() {
    let (old, new) = (of_generation(3, &[sliding(5, 1_000_000)]), of_generation(4, &[sliding(2, 3_000_000)]));
    let (old, new) = ([part(&old, 0)], [part(&new, 0)]);
    let mut world = World::new();
    assert!(world.takes(&old, 3));
    let before = world.bytes(&old[0]).unwrap().to_vec();
    assert!(!world.takes(&new, 1), "all counts");
    assert_eq!(world.bytes(&old[0]).unwrap(), before);
    world.now += 3_020_001;
    assert!(world.takes(&new, 1));
    assert_eq!(world.bytes(&new[0]).unwrap()[1..5], [4, 0, 0, 0]);
    // From now on by the new ones, whoever asks; and they are named.
    assert!(world.takes(&old, 1));
    let said = world.play(&old, now_or_never(1));
    let declared = new[0].plan.declared[0].rate;
    // With the usual guard: a record does not tell that.
    let refused = Refused { retry_after: Some(3_020_001), rate: Some(declared), scope: ErrorScope::Key };
    assert_eq!(said, Said::Refused(refused));
    let said = world.play(&old, now_or_never(3));
    assert_eq!(said, Said::Never { rate: Some(declared), scope: ErrorScope::Key });
    assert_eq!(world.bytes(&new[0]).unwrap()[1..5], [4, 0, 0, 0], "an older one writes it as it is");
    assert_eq!(world.used(&old), 2);
    world.charge(&old, 1);
    assert_eq!(world.bytes(&new[0]).unwrap()[1..5], [4, 0, 0, 0]);
}
