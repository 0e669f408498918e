//! Laws 1 to 3 by definition, over what all processes started.

use ratelimit_core::Rate;

/// Something that counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    /// By the clock, in nanoseconds.
    pub(crate) at: u64,
    pub(crate) key: usize,
    pub(crate) weight: u32,
    /// Whether it had to be within the limits: a charge only counts.
    pub(crate) is_judged: bool,
    /// How many things had happened when it was asked for, and when it was made.
    pub(crate) asked: usize,
    pub(crate) made: usize,
    /// How often its key, and everything, had been reset when it was asked for.
    pub(crate) age: (usize, usize),
    /// How often the store had lost everything when it was made.
    pub(crate) losses: usize,
}

/// How much is let pass.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leave {
    /// By how many nanoseconds starts may be later than they count.
    pub(crate) late: u64,
    /// Whether fixed windows are known to open and end as the starts tell.
    pub(crate) knows_windows: bool,
    /// Whether something may have been lost that others have started, or that the process that starts took to be over.
    pub(crate) loses: bool,
    /// By how much a window is longer than its rate says.
    pub(crate) guard: u64,
}

fn is_sliding(rate: Rate) -> bool {
    rate == Rate::new(rate.amount(), rate.per())
}

fn nanos(rate: Rate) -> u64 {
    u64::try_from(rate.per().as_nanos()).unwrap()
}

/// What is wrong with `starts` under `rate`, of one key or of all together.
pub(crate) fn fault(rate: Rate, key: Option<usize>, starts: &[Start], leave: Leave) -> Option<String> {
    let mut starts: Vec<Start> =
        starts.iter().copied().filter(|start| key.is_none_or(|key| start.key == key)).collect();
    starts.sort_by_key(|start| (start.at, start.made));
    if rate.burst_amount().is_none() && !is_sliding(rate) && leave.knows_windows {
        return windows_fault(rate, &starts, leave.guard);
    }
    for (index, last) in starts.iter().enumerate().filter(|(_, last)| last.is_judged) {
        let age = |start: &Start| if key.is_some() { start.age.0 } else { start.age.1 };
        let counts = |start: &&Start| {
            // What was charged after a start was reserved moves it no more. Of a fixed window more may have been charged
            // than it has, which is over with it.
            let is_charged = start.made < last.asked && (rate.burst_amount().is_some() || is_sliding(rate));
            age(start) == age(last) && (start.is_judged || is_charged)
        };
        let before = || starts[..=index].iter().filter(counts);
        for first in before() {
            let weight: u64 = before().filter(|s| s.at >= first.at).map(|s| u64::from(s.weight)).sum();
            let factor = if leave.loses { 1 + last.losses as u64 } else { 1 };
            if !fits(rate, weight, last.at - first.at, factor, leave.late) {
                return Some(format!(
                    "{weight} in {} ns under {rate}: {first:?} .. {last:?}",
                    last.at - first.at
                ));
            }
        }
    }
    None
}

fn fits(rate: Rate, weight: u64, span: u64, factor: u64, late: u64) -> bool {
    let (amount, per) = (u128::from(rate.amount()), u128::from(nanos(rate)));
    let (weight, factor) = (u128::from(weight), u128::from(factor));
    let span = u128::from(span.saturating_add(late));
    match rate.burst_amount() {
        Some(burst) => weight.saturating_sub(factor * u128::from(burst)) * per <= amount * span,
        None if is_sliding(rate) => span > per || weight <= factor * amount,
        // One window may be full at its end, the next one at its beginning.
        None => span > per || weight <= 2 * factor * amount,
    }
}

fn windows_fault(rate: Rate, starts: &[Start], guard: u64) -> Option<String> {
    let mut open: Option<(u64, u64)> = None;
    for start in starts {
        let weight = u64::from(start.weight);
        match &mut open {
            Some((opened, used)) if start.at < *opened + nanos(rate) + guard => {
                *used += weight;
                if *used > u64::from(rate.amount()) {
                    return Some(format!("{used} in one window of {rate}: {start:?}"));
                }
            }
            open => *open = Some((start.at, weight)),
        }
    }
    None
}
