//! Law 8: dropping any of those who wait, at any poll, leaves the others as planned without them.

use std::time::Duration;

use ratelimit_core::Rate;

use crate::common::Dice;
use crate::oracle::Oracle;
use crate::run::Run;
use crate::schedule::{KEYS, Limits, Op};

const WAITERS: usize = 5;
const FOREVER: u64 = u64::MAX;

/// Limits, what is taken first, and who waits: key and weight.
struct Case {
    limits: Limits,
    taken: u32,
    waiters: [(usize, u32); WAITERS],
}

fn every(amount: u32, millis: u64) -> Rate {
    Rate::new(amount, Duration::from_millis(millis))
}

fn cases() -> Vec<Case> {
    let limits = |rates: &[Rate], totals: &[Rate]| Limits {
        rates: rates.into(),
        totals: totals.into(),
        ..Limits::default()
    };
    let one_key = [(1, 1), (1, 3), (1, 1), (1, 2), (1, 1)];
    let keys = [(1, 2), (2, 3), (1, 1), (0, 1), (2, 1)];
    vec![
        Case { limits: limits(&[every(3, 100)], &[]), taken: 3, waiters: one_key },
        Case { limits: limits(&[every(3, 30).burst(3)], &[]), taken: 3, waiters: one_key },
        Case { limits: limits(&[every(4, 100), every(3, 20).burst(5)], &[]), taken: 4, waiters: one_key },
        Case { limits: limits(&[every(3, 100)], &[every(4, 60).burst(3)]), taken: 3, waiters: keys },
        Case { limits: limits(&[every(3, 40).burst(3)], &[every(3, 50)]), taken: 3, waiters: keys },
    ]
}

impl Case {
    /// Those of `waiters` come, after `taken` was started.
    fn begin(&self, comes: impl Fn(usize) -> bool) -> Run {
        let mut run = Run::new(&self.limits, false);
        for key in 0..3 {
            run.play(&Op::Try { key, weight: self.taken });
        }
        for (_, (key, weight)) in self.waiters.iter().enumerate().filter(|(id, _)| comes(*id)) {
            run.play(&Op::Wait { key: *key, weight: *weight, allowance: FOREVER });
        }
        run
    }
}

/// One poll of somebody who was woken, or else a step of the clock; `false` if all have ended.
fn step(run: &mut Run) -> bool {
    match run.world.woken().first().copied() {
        Some(id) => run.follow_one(|world, events| world.poll(id, events)),
        None => match run.world.clock.next_wake() {
            Some(wake) => run.follow_one(|world, events| world.advance_to(wake.as_nanos(), events)),
            None => return false,
        },
    }
    true
}

fn finish(run: &mut Run) {
    while step(run) {}
    assert!(run.world.waiting().is_empty(), "somebody was forgotten");
}

fn forecast(oracle: &Oracle) -> Vec<(usize, u64)> {
    let forecast = (0..KEYS).flat_map(|key| oracle.plan(key, 1).0);
    let mut forecast: Vec<_> = forecast.map(|(id, due)| (id, due.expect("it is known"))).collect();
    forecast.sort_unstable();
    forecast
}

#[test]
fn any_subset_of_five_dropped_at_any_poll_leaves_the_others_as_planned() {
    let mut dropped = 0;
    for case in cases() {
        for subset in 0..1_u32 << WAITERS {
            for polls in 0.. {
                let mut run = case.begin(|_| true);
                if !(0..polls).all(|_| step(&mut run)) {
                    break;
                }
                let waiting: Vec<usize> = run.world.waiting();
                let mut leave: Vec<usize> = waiting.into_iter().filter(|id| subset & 1 << id != 0).collect();
                Dice::new(u64::from(subset)).shuffle(&mut leave);
                for id in leave {
                    run.follow_one(|world, events| world.drop_task(id, events));
                    dropped += 1;
                }
                let expected = forecast(&run.oracle);
                run.started.clear();
                finish(&mut run);
                if case.limits.totals.is_empty() {
                    run.started.sort_unstable();
                    assert_eq!(run.started, expected, "subset {subset:b} after {polls} polls");
                }
            }
        }
    }
    println!("{dropped} drops");
    assert!(dropped > 2000);
}

/// The others start exactly when they would have, had those dropped never come.
#[test]
fn who_is_dropped_before_anybody_starts_might_as_well_never_have_come() {
    for case in cases() {
        for subset in 0..1_u32 << WAITERS {
            let stays = |id: &usize| subset & 1 << id == 0;
            let mut without = case.begin(|id| stays(&id));
            finish(&mut without);
            let mut with = case.begin(|_| true);
            for id in (0..WAITERS).rev().filter(|id| !stays(id)) {
                with.follow_one(|world, events| world.drop_task(id, events));
            }
            finish(&mut with);
            let stayed: Vec<usize> = (0..WAITERS).filter(stays).collect();
            let renamed: Vec<_> = without.started.iter().map(|(id, at)| (stayed[*id], *at)).collect();
            assert_eq!(with.started, renamed, "subset {subset:b}");
        }
    }
}

#[test]
fn many_dropped_at_random_polls_leave_the_others_as_planned() {
    let limits = Limits { rates: vec![every(5, 50), every(7, 90).burst(6)], ..Limits::default() };
    for seed in 0..300 {
        let mut dice = Dice::new(seed);
        let mut run = Run::new(&limits, false);
        for _ in 0..40 {
            let weight = u32::try_from(dice.between(1, 4)).expect("small");
            run.play(&Op::Wait { key: 0, weight, allowance: FOREVER });
        }
        while step(&mut run) {
            let waiting = run.world.waiting();
            if dice.one_in(3) && !waiting.is_empty() {
                let id = dice.pick(&waiting);
                run.follow_one(|world, events| world.drop_task(id, events));
            }
        }
        assert!(run.world.waiting().is_empty() && run.oracle.exact, "seed {seed}");
        run.laws_hold();
    }
}
