use std::cell::Cell;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Gate, Opened, Passage, SHUT, Terms};
use crate::clock::BEHIND;
use crate::dice::Dice;
use crate::line::state::Reading;
use crate::policy::token_bucket::TokenBucket;
use crate::policy::{Earliest, Outcome, Policy};
use crate::rate::Rate;
use crate::time::Timestamp;

const DAY: u64 = 86_400_000_000_000;

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

fn amount(dice: &mut Dice, extreme: bool) -> u32 {
    let most = if extreme { u64::from(u32::MAX) } else { 6 };
    let shift = if extreme { dice.below(32) } else { 0 };
    u32::try_from(dice.between(1, most) >> shift).expect("an amount").max(1)
}

/// A gate, and the policy that it stands for, which is told the true times.
struct Pair {
    gate: Gate,
    policy: TokenBucket,
    /// What was taken out, where it counts coarse readings and so is not the policy's.
    tat: Option<u64>,
    terms: Terms,
    opened: Option<Opened>,
    /// All words there were under the present terms and under those before.
    seen: (u64, u64),
    clock: u64,
    extreme: bool,
    /// So much slower than a rate of a few hundred nanoseconds.
    scale: u64,
    taken: Vec<(Timestamp, u32)>,
    granted: u64,
    refused: u64,
    /// Those of the refused who were by a reading that is behind.
    again: u64,
    shut: u64,
}

impl Pair {
    fn new(dice: &mut Dice, extreme: bool, grain: u64) -> Self {
        let scale = if dice.one_in(2) { 1000 } else { 1 };
        let per = if extreme { dice.next() >> dice.below(64) } else { scale * dice.between(1, 1000) }.max(1);
        let (weight, burst) = (amount(dice, extreme), amount(dice, extreme));
        let rate = Rate::new(weight, Duration::from_nanos(per));
        let window = u128::from(per) * u128::from(burst) / u128::from(weight);
        let guard =
            if dice.one_in(2) { 0 } else { dice.below(u64::try_from(window).unwrap_or(u64::MAX).max(1)) };
        let policy = TokenBucket::new(weight, per, burst, guard);
        let later = if dice.one_in(2) { 30 * DAY } else { 0 };
        let clock = if extreme { dice.next() >> dice.below(64) } else { later + dice.below(5000) };
        let (since, rate) = (at(dice.below(clock.saturating_add(1).max(1))), rate.burst(burst));
        let terms = Terms { since, at: since, numbers: policy.numbers(), rate, grain, born: 0 };
        Pair {
            gate: Gate::new(),
            policy,
            tat: None,
            terms,
            opened: None,
            seen: (0, 0),
            clock,
            extreme,
            scale,
            taken: Vec::new(),
            granted: 0,
            refused: 0,
            again: 0,
            shut: 0,
        }
    }

    fn open(&mut self, same: bool) -> bool {
        let Some(tat) = self.tat.or(self.policy.packed()) else { return false };
        if !same {
            self.seen.0 = self.seen.0.max(self.seen.1);
        }
        let last = (self.opened, self.seen.0.max(self.seen.1));
        let opened = self.gate.open(tat, &self.terms, at(self.clock), last);
        assert!(opened.is_some() || self.extreme);
        if let Some(Opened { shown, .. }) = opened {
            assert!(shown > self.seen.0, "a word of other terms has come again");
            self.opened = opened;
        }
        self.look();
        opened.is_some()
    }

    fn look(&mut self) {
        let word = self.gate.word.load(Ordering::Relaxed);
        if word != SHUT {
            self.seen.1 = self.seen.1.max(word);
        }
    }

    fn policy_time(&self, clock: u64) -> Timestamp {
        self.terms.at.plus(clock - self.terms.since.as_nanos())
    }

    /// A call now, whose coarse reading lags by `lag`, and what is read after a refusal by `behind`.
    fn pass(&mut self, weight: u32, lag: u64, (back, behind): (u64, u64)) {
        let now = self.policy_time(self.clock);
        let may = self.policy.earliest(now, weight);
        let reading = Reading { clock: at(self.clock.saturating_sub(back)), now: at(self.clock) };
        let coarse = at(self.clock.saturating_sub(lag));
        let grain = self.terms.grain;
        let passed = self.gate.pass(weight, || coarse).map(|start| Passage::Granted(start.grant(weight)));
        let shown = Cell::new(reading.clock);
        let behind = || {
            shown.set(at(self.clock.saturating_sub(behind)));
            Some(shown.get()).filter(|_| back == 0)
        };
        let read = || {
            shown.set(reading.clock);
            reading
        };
        match passed.unwrap_or_else(|| self.gate.decide(weight, behind, read)) {
            Passage::Granted(grant) => {
                assert_eq!(may, Earliest::At(now), "let through too early");
                assert!(grant.start >= now && grant.start <= now.plus(grain), "counted at {:?}", grant.start);
                assert_eq!((grant.weight, grant.waited, grant.born), (weight, 0, self.terms.born));
                self.policy.commit(now, weight);
                self.taken.push((now, weight));
                self.granted += 1;
            }
            Passage::Refused(rate, wait) => {
                assert_eq!(rate, self.terms.rate);
                let due =
                    shown.get().as_nanos() + wait - self.terms.since.as_nanos() + self.terms.at.as_nanos();
                self.again += u64::from(shown.get() < reading.clock);
                match may {
                    // By its coarse readings the gate counts starts up to one grain late, never early.
                    Earliest::At(at) => {
                        assert!(due >= at.as_nanos() && due - at.as_nanos() <= grain, "{due}, {at:?}");
                    }
                    other => assert!(other == Earliest::Never && self.extreme, "{other:?}"),
                }
                assert!(grain > 0 || may != Earliest::At(now), "refused in vain");
                self.refused += 1;
            }
            Passage::Shut => {
                assert!(self.extreme || may == Earliest::Never, "shut in vain");
                self.shut += 1;
            }
        }
        self.look();
    }

    /// Takes the state out, as whoever has the lock, changes it and puts it back.
    fn under_the_lock(&mut self, dice: &mut Dice) -> bool {
        if let (Some(word), Some(opened)) = (self.gate.shut(), self.opened) {
            let tat = opened.tat(word);
            assert!(self.gate.is_shut() && self.gate.shut().is_none());
            assert!(word <= self.seen.1, "the greatest is known");
            let (exact, late) = (self.policy.packed(), self.terms.grain * self.terms.numbers.ticks);
            assert!(exact.is_some_and(|exact| exact <= tat && tat <= exact + late), "{tat}, {exact:?}");
            self.tat = Some(tat).filter(|_| late > 0);
        }
        let now = self.policy_time(self.clock);
        if dice.one_in(2) && !self.taken.is_empty() && self.terms.grain == 0 {
            let place = usize::try_from(dice.below(self.taken.len() as u64)).expect("small");
            let (start, weight) = self.taken.swap_remove(place);
            self.policy.settle(start, now, weight, &Outcome::Refund(weight));
        }
        let same = dice.one_in(2) && self.seen.1 > self.seen.0;
        if !same {
            (self.terms.at, self.terms.since) = (now, at(self.clock));
            self.terms.born += 1;
        }
        self.open(same)
    }
}

fn play(seed: u64, extreme: bool, grain: u64) -> [u64; 4] {
    let mut dice = Dice::new(seed);
    let mut pair = Pair::new(&mut dice, extreme, grain);
    if !pair.open(false) {
        return [0, 0, 1, 0];
    }
    for _ in 0..60 {
        match dice.below(8) {
            0..=4 => {
                let (weight, lag) = (amount(&mut dice, extreme), dice.below(grain + 1));
                let back = if dice.one_in(4) { dice.below(50) } else { 0 };
                pair.pass(weight, lag, (back, dice.below(BEHIND)));
            }
            5 if !pair.under_the_lock(&mut dice) => break,
            _ => {
                let span = if extreme { dice.next() >> dice.below(64) } else { pair.scale * dice.below(400) };
                pair.clock = pair.clock.saturating_add(span);
            }
        }
    }
    [pair.granted, pair.refused, pair.shut, pair.again]
}

fn play_all(extreme: bool, grain: impl Fn(&mut Dice) -> u64) {
    let mut sums = [0; 4];
    let seeds = if cfg!(miri) { 5 } else { 20_000 };
    for seed in 0..seeds {
        let figures = play(seed, extreme, grain(&mut Dice::new(!seed)));
        sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
    }
    println!("{sums:?} granted, refused, shut, refused by a reading that is behind");
    assert!(cfg!(miri) || sums[..3].iter().all(|sum| *sum >= seeds / 10) && sums[3] > 0);
}

#[test]
fn it_decides_as_the_policy_does() {
    play_all(false, |_| 0);
}

#[test]
fn with_huge_numbers_it_is_shut_rather_than_wrong() {
    play_all(true, |_| 0);
}

/// Whatever is let through by readings that lag by a grain at most, the policy, told the true time of each start, lets
/// through at that time with its guard in full; and nobody is held up by more than a grain.
#[test]
fn by_coarse_readings_it_is_late_by_a_grain_and_never_early() {
    play_all(false, |dice| dice.between(1, 100));
}

/// However long the clock has run, and however often a bucket was reset or its limits were replaced.
#[test]
fn it_opens_as_often_as_terms_change() {
    let mut pair = Pair::new(&mut Dice::new(7), false, 0);
    pair.clock = 365 * DAY;
    for _ in 0..if cfg!(miri) { 20 } else { 100_000 } {
        assert!(pair.open(false));
        pair.clock += 1_000_000;
        pair.pass(1, 0, (0, 0));
        assert!(pair.gate.shut().is_some());
        pair.terms.born += 1;
        pair.policy = TokenBucket::new(1, 1_000_000, 10, 0);
    }
    assert_eq!((pair.shut, pair.granted), (0, pair.granted));
}

/// Opened for `amount` in `per` nanoseconds at once, nothing taken, with all words above `above`.
fn open(gate: &Gate, amount: u32, per: u64, above: u64) -> Opened {
    let policy = TokenBucket::new(amount, per, amount, 0);
    let rate = Rate::new(amount, Duration::from_nanos(per)).burst(amount);
    let terms = Terms { since: at(0), at: at(0), numbers: policy.numbers(), rate, grain: 10, born: above };
    gate.open(0, &terms, at(1000), (None, above)).expect("it fits")
}

fn read() -> Reading {
    Reading { clock: at(1000), now: at(1000) }
}

#[test]
fn while_it_is_shut_it_says_nothing_and_stays_shut() {
    let gate = Gate::new();
    let stays_shut = || {
        assert!(gate.pass(1, || at(1000)).is_none());
        assert!(matches!(gate.decide(1, || Some(at(1000)), read), Passage::Shut));
        assert!(gate.is_shut());
    };
    stays_shut();
    open(&gate, 5, 1000, 0);
    assert!(gate.pass(1, || at(1000)).is_some());
    gate.shut();
    stays_shut();
    open(&gate, 5, 1000, 1 << 62);
    // As the clock is read somebody takes the lock.
    assert!(gate.pass(1, || gate.shut().map_or(at(0), |_| at(1000))).is_none() && gate.is_shut());
}

/// What was read of the word before the clock was is that of other terms: a weight beyond what starts at once is told
/// by the new ones, before its cost, which need not fit into 64 bits, is compared.
#[test]
fn terms_that_change_while_the_clock_is_read_are_those_that_count() {
    let gate = Gate::new();
    for (heavy, amount) in [(1 << 31, 1), (6, 5)] {
        let before = open(&gate, u32::MAX, u64::from(u32::MAX), 1 << 62);
        let change = || {
            gate.shut();
            open(&gate, amount, 1 << 33, before.shown);
            at(1000)
        };
        assert!(gate.pass(heavy, change).is_none(), "{heavy}");
        assert!(gate.pass(amount, || at(1000)).is_some(), "nothing was taken");
    }
}

/// Refused by a quick reading is only who would be too early even if it lagged by as much as it may.
#[test]
fn a_reading_that_is_behind_refuses_nobody_who_may_be_due() {
    let gate = Gate::new();
    let policy = TokenBucket::new(1, 1_000_000, 1, 0);
    let rate = Rate::new(1, Duration::from_millis(1)).burst(1);
    let terms = Terms { since: at(0), at: at(0), numbers: policy.numbers(), rate, grain: 0, born: 0 };
    gate.open(0, &terms, at(1000), (None, 0)).expect("it fits");
    let decide = |now: u64, behind: u64| {
        gate.decide(1, || Some(at(behind)), || Reading { clock: at(now), now: at(now) })
    };
    assert!(matches!(decide(1000, 1000), Passage::Granted(_)));
    // Remembered from now on.
    assert!(matches!(decide(2000, 2000), Passage::Refused(_, 999_000)));
    let (due, read) = (1_001_000, 1_001_000 - BEHIND);
    assert!(matches!(decide(due, read - 1), Passage::Refused(_, wait) if wait == BEHIND + 1));
    assert!(matches!(decide(due, read), Passage::Granted(_)));
}

/// Half of their span: by then somebody has come, and if not the other half is left for those who come by the gate.
#[test]
fn numbers_hold_for_half_of_their_span() {
    let opened = open(&Gate::new(), 5, 1000, 0);
    let half = opened.since + opened.span / 2;
    assert!(opened.lasts(at(0)) && opened.lasts(at(opened.since)) && opened.lasts(at(half - 1)));
    assert!(!opened.lasts(at(half)) && !opened.lasts(at(u64::MAX)));
    let (gate, terms) = (Gate::new(), opened.terms);
    let again =
        |latest, last: Opened| gate.open(0, &terms, at(latest), (Some(last), last.shown)).expect("it fits");
    let first = gate.open(0, &terms, at(1000), (None, 0)).expect("it fits");
    gate.shut();
    assert_eq!(again(half - 1, first).fresh, first.fresh, "the same numbers");
    gate.shut();
    assert!(again(half, first).fresh > first.fresh, "new ones");
}
