//! Which steps a random schedule is made of, and how often each comes.

use crate::common::Dice;
use crate::schedule::{Limits, MS, Op, Step, extreme_amount, extreme_span};

/// Who calls in a schedule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Callers {
    keys: u64,
    /// Whether half of the calls weigh more than 1.
    heavy: bool,
    /// Whether things happen that make plans hard to foresee.
    disturbed: bool,
    /// Whether some wait for others' ends.
    bounded: bool,
    /// Weights and spans are any that there are, and the most that fits at first is this.
    extreme: Option<u32>,
}

/// How often a kind of step comes.
enum Often {
    Always(u64),
    Disturbed(u64),
    Bounded(u64),
}

/// A kind of step: how often it comes, and how one is made.
type Row = (Often, fn(&mut Dice, Callers) -> Op);

/// A new verb is a row here, an arm where steps are played, an event, and what the oracle makes of it.
const MIX: [Row; 19] = [
    (Often::Always(6), |dice, callers| Op::Try { key: callers.key(dice), weight: callers.weight(dice) }),
    (Often::Always(16), |dice, callers| {
        let (key, weight) = (callers.key(dice), callers.weight(dice));
        Op::Wait { key, weight, allowance: callers.allowance(dice) }
    }),
    (Often::Always(6), |dice, _| Op::Poll { order: dice.next(), all: !dice.one_in(3) }),
    (Often::Always(2), |dice, _| Op::Touch { who: dice.next() }),
    (Often::Always(6), |dice, _| Op::Cancel { who: dice.next() }),
    (Often::Always(6), |dice, callers| Op::Advance(Step::By(callers.span(dice)))),
    (Often::Always(8), |dice, _| {
        let (before, after) = dice.pick(&[(0, 0), (0, 0), (0, 0), (1, 0), (0, 1), (0, MS)]);
        Op::Advance(Step::Wake { before, after })
    }),
    // Executors that are blocked, machines that sleep: many windows at once.
    (Often::Always(1), |dice, _| Op::Advance(Step::By(dice.between(1, 100) * 200 * MS))),
    (Often::Always(2), |dice, callers| Op::Advance(Step::Back(callers.span(dice)))),
    (Often::Always(1), |dice, callers| Op::Charge { key: callers.key(dice), weight: callers.weight(dice) }),
    (Often::Bounded(10), |dice, _| Op::End { which: dice.next() }),
    (Often::Always(2), |dice, callers| Op::Peek { key: callers.key(dice), weight: callers.weight(dice) }),
    (Often::Disturbed(4), |dice, callers| Op::Pause { span: callers.span(dice) }),
    (Often::Disturbed(4), |dice, _| Op::Refund { which: dice.next() }),
    (Often::Disturbed(4), |dice, callers| {
        let cost = if dice.one_in(4) { 0 } else { callers.weight(dice) };
        Op::Correct { which: dice.next(), cost }
    }),
    (Often::Disturbed(2), |dice, callers| {
        let (limits, keeps_own) = (callers.limits(dice), !dice.one_in(4));
        Op::Register { limits, keeps_own }
    }),
    (Often::Disturbed(1), |dice, _| Op::Amounts { seed: dice.next() }),
    (Often::Disturbed(2), |dice, _| Op::Pace { slow: dice.one_in(2) }),
    (Often::Disturbed(4), |dice, callers| Op::Reset { key: dice.one_in(2).then(|| callers.key(dice)) }),
];

impl Callers {
    pub(crate) fn random(dice: &mut Dice, extreme: Option<u32>, bounded: bool) -> Self {
        // Some are quiet.
        let (disturbed, keys, heavy) = (dice.one_in(3), dice.pick(&[1, 1, 2, 3]), dice.one_in(2));
        let bounded = bounded || disturbed && dice.one_in(4);
        Callers { keys, heavy, disturbed, bounded, extreme }
    }

    fn chances(self, often: &Often) -> u64 {
        match often {
            Often::Always(chances) => *chances,
            Often::Disturbed(chances) => u64::from(self.disturbed) * chances,
            Often::Bounded(chances) => u64::from(self.bounded) * chances,
        }
    }

    fn key(self, dice: &mut Dice) -> usize {
        usize::try_from(dice.below(self.keys)).expect("small")
    }

    fn weight(self, dice: &mut Dice) -> u32 {
        if let Some(most) = self.extreme {
            return match dice.below(12) {
                0 => extreme_amount(dice),
                1..=3 => dice.pick(&[most, most - 1, most / 2, most / 2 + 1]),
                4..=8 => most >> dice.below(32),
                _ => 1,
            };
        }
        match dice.below(24) {
            0 => 0,
            1 => dice.pick(&[7, 7, u32::MAX]),
            2..=11 if self.heavy => u32::try_from(dice.between(2, 5)).expect("small"),
            _ => 1,
        }
    }

    fn limits(self, dice: &mut Dice) -> Limits {
        let limits = if self.extreme.is_some() { Limits::extreme(dice) } else { Limits::random(dice) };
        let limits = limits.with_fixed(dice);
        if self.bounded && dice.one_in(2) { limits.with_in_flight(dice) } else { limits }
    }

    fn allowance(self, dice: &mut Dice) -> u64 {
        match dice.below(8) {
            0 => 0,
            1..=4 => u64::MAX,
            _ => self.span(dice),
        }
    }

    fn span(self, dice: &mut Dice) -> u64 {
        match dice.below(6) {
            _ if self.extreme.is_some() => extreme_span(dice),
            0 => dice.pick(&[0, 1, 2, 8]),
            1 => dice.pick(&[10 * MS - 1, 10 * MS, 10 * MS + 1]),
            2 => dice.between(1, 12) * MS,
            3 => dice.between(1, 50 * MS),
            4 => dice.pick(&[20, 33, 50, 100]) * MS + dice.pick(&[0, 1]),
            _ => dice.between(1, 400 * MS),
        }
    }
}

impl Op {
    pub(crate) fn random(dice: &mut Dice, callers: Callers) -> Self {
        let chances = |row: &Row| callers.chances(&row.0);
        let mut left = dice.below(MIX.iter().map(chances).sum());
        for row in &MIX {
            match left.checked_sub(chances(row)) {
                Some(rest) => left = rest,
                None => return row.1(dice, callers),
            }
        }
        unreachable!("less than all chances")
    }
}
