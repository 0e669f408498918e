use super::*;
use crate::dice::Dice;

const SECOND: u64 = 1_000_000_000;

/// So hard may a kernel slew its clock, in parts in a million, unless an administrator wants more.
const SLEW: i64 = 500;

/// A clock and a counter of its own pace, both read by somebody who is held up at times.
struct Machine {
    anchor: Anchor,
    dice: Dice,
    /// In true time, which is the counter's.
    picos: u128,
    picos_a_tick: u128,
    /// By how many parts in a million the clock is faster than it should be.
    slew: i64,
    /// What the clock shows, in millionths of a nanosecond.
    nanos: i128,
    jumped: u64,
    known: u64,
}

impl Machine {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        Machine {
            anchor: Anchor::new(),
            picos: u128::from(dice.below(1 << 50)),
            picos_a_tick: u128::from(dice.between(200, 999)),
            slew: 0,
            nanos: i128::from(dice.below(1 << 50)) * 1_000_000,
            jumped: 0,
            known: 0,
            dice,
        }
    }

    fn pass(&mut self, nanos: u64) {
        self.picos += u128::from(nanos) * 1000;
        self.nanos += i128::from(nanos) * i128::from(1_000_000 + self.slew);
    }

    fn ticks(&self) -> u64 {
        let ticks = self.picos / self.picos_a_tick + u128::from(self.jumped);
        u64::try_from(ticks & u128::from(u64::MAX)).expect("64 bits")
    }

    fn clock(&self) -> u64 {
        u64::try_from(self.nanos / 1_000_000).expect("positive")
    }

    /// As a call does: the reading, and how far it may be off.
    fn reads(&mut self) {
        let ticks = self.ticks();
        if let Some(read) = self.anchor.time(|| ticks) {
            let clock = self.clock();
            assert!(read <= clock, "{} ahead", read - clock);
            assert!(clock - read < BEHIND, "{} behind", clock - read);
            self.known += 1;
        } else if let Some(outdated) = self.anchor.outdated(ticks) {
            let before = self.ticks();
            let (early, late) = (self.held_up(), self.held_up());
            self.pass(early);
            let nanos = self.clock();
            self.pass(late);
            let sight = Sight { before, nanos, after: self.ticks() };
            self.anchor.renew(outdated, sight);
            if self.dice.one_in(3) {
                // Another thread found the same to be outdated.
                self.pass(100);
                self.anchor.renew(outdated, Sight { after: self.ticks(), ..sight });
            }
        }
    }

    /// Of every order of magnitude from a few nanoseconds to as long as a thread stands still.
    fn held_up(&mut self) -> u64 {
        let shift = self.dice.below(24);
        if self.dice.one_in(2) { self.dice.below(1 << shift) } else { self.dice.between(5, 30) }
    }
}

/// Whatever the pace of the counter, however often it is asked, and whoever is held up between the readings of an anchor.
#[test]
fn a_reading_is_a_little_behind_and_never_ahead() {
    let mut known = 0;
    for seed in 0..if cfg!(miri) { 3 } else { 2_000 } {
        let mut machine = Machine::new(seed);
        for _ in 0..1_000 {
            let span = match machine.dice.below(300) {
                0 => machine.dice.below(3600 * SECOND),
                1..=9 => machine.dice.below(5_000_000),
                _ => machine.dice.below(20_000),
            };
            if machine.dice.one_in(100) {
                let slew = machine.dice.below(2 * SLEW.unsigned_abs() + 1);
                machine.slew = i64::try_from(slew).expect("small") - SLEW;
            }
            machine.pass(span);
            machine.reads();
        }
        known += machine.known;
    }
    assert!(cfg!(miri) || known > 100_000, "{known}");
}

/// As when a virtual machine goes on elsewhere: nothing is counted on until the pace is known anew.
#[test]
fn a_counter_that_was_set_is_not_counted_on() {
    for seed in 0..if cfg!(miri) { 3 } else { 500 } {
        let mut machine = Machine::new(seed);
        for _ in 0..1_000 {
            machine.pass(20_000);
            machine.reads();
        }
        assert!(machine.known > 200, "{}", machine.known);
        let before = machine.known;
        machine.jumped = machine.dice.next() | 1 << 40;
        for _ in 0..1_000 {
            machine.pass(20_000);
            machine.reads();
        }
        assert!(machine.known > before, "{}", machine.known);
    }
}

#[test]
fn a_pace_is_that_of_a_processor_or_none() {
    assert_eq!(pace(SPAN / 4, SPAN), 1 << (PARTS - 2));
    assert_eq!(pace(SPAN, SPAN), 0, "too slow");
    assert_eq!(pace(1, SPAN - 1), 0, "too short");
    assert_eq!((pace(0, 0), pace(u64::MAX, u64::MAX), pace(0, u64::MAX)), (0, 0, 0));
}

/// On this machine as it is, in real time.
#[test]
fn the_real_one_is_behind_the_clock() {
    let mut known = 0;
    for _ in 0..if cfg!(miri) { 2_000 } else { 200_000 } {
        let before = super::super::machine::now();
        let (read, counted) = match ANCHOR.time(platform::ticks) {
            Some(read) => (read, true),
            None => (slowly().unwrap_or(before), false),
        };
        let after = super::super::machine::now();
        assert!(read <= after && read + BEHIND > before, "{before} {read} {after}");
        known += u64::from(counted);
    }
    println!("{known} readings");
    assert!(known > 0 || !platform::is_trusted());
}
