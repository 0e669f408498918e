//! What a store loses: who notices, what is put back, and what may be forgotten.

use std::slice::from_ref;

use super::world::{
    World, bucket, fixed, guarded, now_or_never, of_any_record, part, plan, reserve, sliding, total,
};
use crate::dice::Dice;
use crate::policy::Guarded;
use crate::rate::Rate;
use crate::store::ask::{Acquire, Known, Part, Said, Verb};
use crate::store::record::Record;
use std::time::Duration;

const SCHEDULES: u64 = if cfg!(miri) { 3 } else { 400 };

/// A process: what it remembers of its own starts, and when it wrote last.
struct Process {
    remembers: World,
    known: Known,
}

impl Process {
    fn new() -> Self {
        Process { remembers: World::new(), known: Known::default() }
    }

    /// Whether it starts, after putting back what the store has lost.
    fn takes(&mut self, world: &mut World, of: &Part, weight: u32) -> bool {
        let known = Part { known: self.known, ..of.clone() };
        match world.play(from_ref(&known), now_or_never(weight)) {
            Said::Granted { start, now, born, .. } => {
                self.remembers.now = start;
                self.remembers.charge(from_ref(of), weight);
                self.known = Known { born: born[0], written: now };
                true
            }
            Said::Lost => {
                self.puts_back(world, of);
                self.takes(world, of, weight)
            }
            Said::Refused(_) => false,
            said => panic!("{said:?}"),
        }
    }

    fn puts_back(&mut self, world: &mut World, of: &Part) {
        let records = vec![self.remembers.bytes(of).map(<[u8]>::to_vec)];
        let known = Part { known: self.known, ..of.clone() };
        match world.play(from_ref(&known), Verb::Restore { records, lost: true }) {
            Said::Done { now, born } => self.known = Known { born: born[0], written: now },
            said => panic!("{said:?}"),
        }
    }
}

fn most_in(window: u64, starts: &[(u64, u64)]) -> u64 {
    let within = |first: u64| {
        starts
            .iter()
            .filter(move |(at, _)| (first..=first + window).contains(at))
            .map(|(_, weight)| weight)
            .sum()
    };
    starts.iter().map(|(first, _)| within(*first)).max().unwrap_or(0)
}

/// Each of them puts back what is its own before it starts anything, and none of it counts twice.
#[test]
fn after_a_loss_at_most_one_further_amount_passes() {
    for seed in 0..SCHEDULES {
        let mut dice = Dice::new(seed);
        let (amount, window) = (dice.between(3, 9), dice.between(100_000, 1_000_000));
        let of = part(&plan(&[sliding(u32::try_from(amount).unwrap(), window)]), 0);
        let mut world = World::new();
        let mut processes = [(); 4].map(|()| Process::new());
        let lost_at = dice.below(40);
        let mut starts = Vec::new();
        for step in 0..80 {
            world.now += dice.below(window / 3);
            if step == lost_at {
                world.records.clear();
            }
            let process = usize::try_from(dice.below(4)).unwrap();
            let weight = u32::try_from(dice.between(1, 2)).unwrap();
            if processes[process].takes(&mut world, &of, weight) {
                starts.push((world.now, u64::from(weight)));
            }
        }
        assert!(starts.len() > 10, "{seed}");
        assert!(most_in(window, &starts) <= 2 * amount, "{seed}: {starts:?}");
    }
}

/// Where all of them ask once before anybody starts more, not even that.
#[test]
fn what_everybody_has_put_back_counts_as_before() {
    for rate in [sliding(8, 1_000_000), bucket(8, 1_000_000, 8), fixed(8, 1_000_000)] {
        let of = part(&plan(&[rate]), 0);
        let mut world = World::new();
        let mut processes = [(); 4].map(|()| Process::new());
        for process in &mut processes {
            assert!(process.takes(&mut world, &of, 2));
        }
        world.records.clear();
        world.now += 1000;
        for process in &mut processes {
            // Each is told, although others have written before.
            let known = Part { known: process.known, ..of.clone() };
            let before = world.records.clone();
            assert_eq!(world.play(from_ref(&known), now_or_never(1)), Said::Lost, "{rate:?}");
            assert_eq!(world.records, before, "nothing is done");
            process.puts_back(&mut world, &of);
        }
        assert_eq!(world.used(from_ref(&of)), 8, "{rate:?}");
        assert!(processes.iter_mut().all(|process| !process.takes(&mut world, &of, 1)), "{rate:?}");
        world.now += 1_000_001;
        assert!(processes.iter_mut().all(|process| process.takes(&mut world, &of, 2)), "{rate:?}");
    }
}

#[test]
fn a_reset_and_a_clock_that_is_put_back_are_no_loss() {
    let of = part(&plan(&[sliding(5, 1_000_000)]), 0);
    let mut world = World::new();
    let mut process = Process::new();
    assert!(process.takes(&mut world, &of, 5));
    world.now += 10;
    world.play(from_ref(&of), Verb::Reset);
    assert!(process.takes(&mut world, &of, 4), "what was before the reset is not put back");
    world.now -= 800_000;
    assert!(process.takes(&mut world, &of, 1) && !process.takes(&mut world, &of, 1));
}

/// Nor for the one of two who wrote before it was, once the other has written.
#[test]
fn a_clock_that_is_put_back_is_no_loss_whoever_writes_next() {
    for rate in [sliding(4, 10_000_000), bucket(4, 10_000_000, 4), fixed(4, 10_000_000)] {
        let of = part(&plan(&[rate]), 0);
        let of = from_ref(&of);
        let mut world = World::new();
        let (mut one, mut other) = (Process::new(), Process::new());
        assert!(one.takes(&mut world, &of[0], 2));
        world.now -= 1_000_000;
        assert!(other.takes(&mut world, &of[0], 1), "{rate:?}");
        world.now += 100_000;
        let known = [Part { known: one.known, ..of[0].clone() }];
        assert!(world.takes(&known, 1), "{rate:?}");
        assert_eq!(world.used(of), 4, "what was started counts once: {rate:?}");
    }
}

/// A store that is behind, and whose clock was put back as well, is found out when that shows again what it showed.
#[test]
fn a_loss_is_noticed_as_the_clock_is_where_it_was() {
    let of = part(&plan(&[sliding(5, 10_000_000)]), 0);
    let mut world = World::new();
    let mut process = Process::new();
    assert!(process.takes(&mut world, &of, 1));
    let replica = world.records.clone();
    world.now += 10;
    assert!(process.takes(&mut world, &of, 2));
    world.records = replica;
    world.now -= 1;
    let known = [Part { known: process.known, ..of.clone() }];
    assert_eq!(world.used(&known), 1);
    world.now += 1;
    assert_eq!(world.play(&known, now_or_never(1)), Said::Lost);
}

/// Which record it is says so, and to others it is still the same.
#[test]
fn a_reset_voids_what_was_counted_before() {
    let of = part(&plan(&[sliding(5, 1_000_000)]), 0);
    let mut world = World::new();
    let (mut process, mut early) = (Process::new(), Vec::new());
    // More often than are told apart.
    for _ in 0..600 {
        assert!(process.takes(&mut world, &of, 5));
        let (start, born) = (world.now, [process.known.born, 0]);
        if let Some((start, born)) = early.pop() {
            world.play(from_ref(&of), Verb::Refund { start, weight: 5, given: 5, born });
            assert_eq!(world.used(from_ref(&of)), 5);
        }
        world.play(from_ref(&of), Verb::Refund { start, weight: 5, given: 1, born });
        assert_eq!(world.used(from_ref(&of)), 4);
        early.push((start, born));
        world.now += 10;
        let kept = world.records.values().map(|kept| kept.until).max();
        world.play(from_ref(&of), Verb::Reset);
        assert!(world.records.values().map(|kept| kept.until).max() >= kept, "others may look for it");
    }
}

/// What a replica has that was not told the last writes.
#[test]
fn a_store_that_is_behind_has_lost_something() {
    let of = part(&plan(&[sliding(5, 1_000_000)]), 0);
    let mut world = World::new();
    let mut process = Process::new();
    assert!(process.takes(&mut world, &of, 1));
    let replica = world.records.clone();
    world.now += 10;
    assert!(process.takes(&mut world, &of, 4));
    world.records = replica;
    world.now += 10;
    assert!(!process.takes(&mut world, &of, 1), "it puts back what is missing");
}

/// Nobody has to wait for what the clock once showed: refusals tell that it was put back, and time passes again.
#[test]
fn a_clock_that_was_put_back_by_a_year_locks_nobody_out() {
    for rate in [sliding(2, 1_000_000), bucket(2, 1_000_000, 2), fixed(2, 1_000_000)] {
        let of = part(&plan(&[rate]), 0);
        let mut world = World::new();
        assert!(world.takes(from_ref(&of), 2));
        world.now -= 365 * 86_400 * 1_000_000;
        let begin = world.now;
        let wait = world.refused(from_ref(&of), 2);
        world.now += wait;
        assert!(world.takes(from_ref(&of), 2), "{rate:?}");
        assert!(world.now - begin <= 1_000_001, "{rate:?}");
    }
}

/// What a process remembers goes back with the clock, and what it puts back holds nobody up until that is where it was.
#[test]
fn what_is_remembered_goes_back_with_the_clock() {
    for rate in [sliding(3, 1_000_000), bucket(3, 1_000_000, 3), fixed(3, 1_000_000)] {
        let of = part(&plan(&[rate]), 0);
        let of = from_ref(&of);
        let mut world = World::new();
        let mut remembered = Record::fresh(&of[0].plan);
        for back in [0, 3_600_000_000, 0] {
            world.now -= back;
            let said = world.play(of, now_or_never(1));
            assert!(matches!(said, Said::Granted { .. }), "{rate:?}");
            remembered.note(&now_or_never(1), &said, world.now);
        }
        world.records.clear();
        let records = vec![remembered.write(world.now).map(|(bytes, _)| bytes)];
        world.play(of, Verb::Restore { records, lost: false });
        assert_eq!(world.used(of), 3, "{rate:?}");
        world.now += 1_000_001;
        assert!(world.takes(of, 3), "{rate:?}");
    }
}

fn rate(dice: &mut Dice) -> Guarded {
    let rate = Rate::new(
        u32::try_from(dice.between(1, 5)).unwrap(),
        Duration::from_micros(dice.between(1_000, 900_000)),
    );
    let rate = match dice.below(3) {
        0 => rate,
        1 => rate.fixed(),
        _ => rate.burst(u32::try_from(dice.between(1, 5)).unwrap()),
    };
    guarded(rate, dice.pick(&[0, 300]).min(rate.window_nanos() / 2_000))
}

/// Law 13: what is kept no longer than it has to be says what is kept for ever says.
#[test]
fn what_is_forgotten_in_time_admits_no_more() {
    for seed in 0..SCHEDULES {
        let mut dice = Dice::new(seed);
        let (keyed, shared) = (plan(&[rate(&mut dice), rate(&mut dice)]), plan(&[rate(&mut dice)]));
        let (mut keeps, mut forgets) = (World::new(), World { forgets: true, ..World::new() });
        for _ in 0..60 {
            let later = dice.pick(&[0, 1_000, 400_000, 3_000_000]);
            keeps.now += dice.below(later + 1);
            let parts = [part(&keyed, usize::try_from(dice.below(2)).unwrap()), total(&shared)];
            let weight = u32::try_from(dice.pick(&[1, 1, 2])).unwrap();
            let verb = match dice.below(8) {
                0 => Verb::Charge { weight },
                1 => reserve(weight),
                _ => {
                    let slack = dice.pick(&[0, 1_000_000]);
                    Verb::Acquire(Acquire { weight, after: 0, slack, allowance: 0, reserves: false })
                }
            };
            if let Some(last) = keeps.records.values().map(|kept| kept.until).max() {
                // To the very moment in which something may go.
                if dice.one_in(6) {
                    keeps.now = keeps.now.max(last - dice.below(2));
                }
            }
            forgets.now = keeps.now;
            let said = of_any_record(forgets.play(&parts, verb.clone()));
            assert_eq!(said, of_any_record(keeps.play(&parts, verb)), "{seed}");
        }
    }
}
