//! The laws over starts, whatever clock they were noted by: times and spans in nanoseconds.

use std::collections::BTreeSet;
use std::time::Duration;

use ratelimit_core::Rate;

/// A start: when, and of which weight. Those that are judged together are in order of time.
pub(crate) type Start = (u64, u64);

/// A rate, and by how much more than it says calls have to be apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Law {
    pub(crate) rate: Rate,
    pub(crate) longer: Duration,
}

impl Law {
    fn length(self) -> u64 {
        nanos(self.rate.per() + self.longer)
    }

    fn amount(self) -> u64 {
        self.rate.amount().into()
    }

    pub(crate) fn is_fixed(self) -> bool {
        self.rate.to_string().ends_with("fixed")
    }

    /// What breaks it, if anything does. A fixed window may have been opened at one of `openings` as well as by a start.
    pub(crate) fn judge(self, starts: &[Start], openings: &[u64]) -> Result<(), String> {
        if self.is_fixed() {
            return self.windows(starts, openings).map(drop);
        }
        starts.iter().enumerate().try_for_each(|(index, _)| self.judge_from(&starts[index..]))
    }

    fn judge_from(self, starts: &[Start]) -> Result<(), String> {
        let Some((from, _)) = starts.first() else { return Ok(()) };
        let mut sum = 0;
        for (index, (at, weight)) in starts.iter().enumerate() {
            let span = at - from;
            sum += weight;
            let holds = match self.rate.burst_amount() {
                None if span > self.length() => break,
                None => sum <= self.amount(),
                Some(burst) if index == 0 => sum <= burst.into(),
                // Whoever comes behind somebody finds so much less there as the guard says.
                Some(burst) => {
                    let wide = |number: u64| i128::from(number);
                    let (per, longer) = (wide(nanos(self.rate.per())), wide(nanos(self.longer)));
                    let refilled = (wide(span) - longer) * wide(self.amount());
                    wide(sum) * per <= wide(burst.into()) * per + refilled
                }
            };
            if !holds {
                return Err(format!("{sum} within {span} ns from {from}"));
            }
        }
        Ok(())
    }

    /// When fixed windows opened that hold all of `starts`: each with one of them, or at one of `openings`, and none before
    /// the last one was over.
    ///
    /// Without `openings` that is law 3 to the letter. With them the one that a store had is among those that are looked
    /// for, whichever of the reserved starts was not used and given back too late to be taken out of its window. One that
    /// was given back in time opens nothing: its window then is over one length after its last start, so that those that
    /// are looked for, which open with the first start and are no longer, fit into it.
    pub(crate) fn windows(self, starts: &[Start], openings: &[u64]) -> Result<Vec<u64>, String> {
        let mut search = Search { law: self, starts, openings, tried: BTreeSet::new(), problem: None };
        match search.from(0, 0) {
            Some(mut windows) => {
                windows.reverse();
                Ok(windows)
            }
            None => Err(search.problem.unwrap_or_default()),
        }
    }
}

struct Search<'a> {
    law: Law,
    starts: &'a [Start],
    openings: &'a [u64],
    tried: BTreeSet<(usize, u64)>,
    /// The first that was found.
    problem: Option<String>,
}

impl Search<'_> {
    /// The windows of the starts from `index` on, the last one first, where none opens before `free`.
    fn from(&mut self, index: usize, free: u64) -> Option<Vec<u64>> {
        let Some((first, _)) = self.starts.get(index).copied() else { return Some(Vec::new()) };
        if !self.tried.insert((index, free)) {
            return None;
        }
        let length = self.law.length();
        let reaches = |at: &u64| (free..=first).contains(at) && first - at < length;
        let others: Vec<u64> = self.openings.iter().copied().filter(reaches).collect();
        std::iter::once(first).chain(others).find_map(|open| {
            let behind = self.starts.partition_point(|(at, _)| *at < open + length);
            let sum: u64 = self.starts[index..behind].iter().map(|(_, weight)| weight).sum();
            if sum > self.law.amount() {
                self.problem.get_or_insert(format!("{sum} in the window that opened at {open}"));
                return None;
            }
            let mut windows = self.from(behind, open + length)?;
            windows.push(open);
            Some(windows)
        })
    }
}

pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).expect("a span of a test")
}

/// The rates are of 100 ns.
fn breaks(rate: &str, longer: u64, starts: &[Start], openings: &[u64]) -> Option<String> {
    let rate: Rate = rate.parse().expect("a rate");
    Law { rate, longer: Duration::from_nanos(longer) }.judge(starts, openings).err()
}

#[test]
fn a_sliding_window_is_judged_over_every_closed_span() {
    let found = |longer, starts: &[Start]| breaks("3/100ns", longer, starts, &[]);
    assert_eq!(found(0, &[(0, 1), (50, 2), (101, 1), (151, 2)]), None);
    assert_eq!(found(0, &[(0, 1), (50, 2), (100, 1)]).as_deref(), Some("4 within 100 ns from 0"));
    assert_eq!(found(0, &[(0, 1), (50, 2), (150, 2)]).as_deref(), Some("4 within 100 ns from 50"));
    assert_eq!(found(0, &[(7, 4)]).as_deref(), Some("4 within 0 ns from 7"));
    assert_eq!(found(9, &[(0, 3), (109, 1)]).as_deref(), Some("4 within 109 ns from 0"));
    assert_eq!(found(9, &[(0, 3), (110, 1)]), None);
}

#[test]
fn a_token_bucket_is_judged_over_every_span() {
    let found = |longer, starts: &[Start]| breaks("10/100ns burst 3", longer, starts, &[]);
    assert_eq!(found(0, &[(0, 3), (10, 1), (20, 1), (50, 3)]), None);
    assert_eq!(found(0, &[(0, 3), (9, 1)]).as_deref(), Some("4 within 9 ns from 0"));
    assert_eq!(found(0, &[(0, 1), (100, 2), (115, 2), (120, 2)]).as_deref(), Some("6 within 20 ns from 100"));
    assert_eq!(found(0, &[(7, 4)]).as_deref(), Some("4 within 0 ns from 7"));
    assert_eq!(found(5, &[(0, 3), (14, 1)]).as_deref(), Some("4 within 14 ns from 0"));
    assert_eq!(found(5, &[(0, 3), (15, 1)]), None);
}

#[test]
fn a_fixed_window_opens_with_a_start_and_is_over_one_length_later() {
    let found = |longer, starts: &[Start]| breaks("3/100ns fixed", longer, starts, &[]);
    assert_eq!(found(0, &[(10, 1), (90, 2), (110, 3), (250, 1), (349, 2), (350, 3)]), None);
    let four = "4 in the window that opened at 10";
    assert_eq!(found(0, &[(10, 1), (90, 2), (109, 1)]).as_deref(), Some(four));
    assert_eq!(found(0, &[(10, 3), (120, 3), (219, 1)]).unwrap(), "4 in the window that opened at 120");
    assert_eq!(found(5, &[(10, 3), (114, 1)]).as_deref(), Some(four));
    assert_eq!(found(5, &[(10, 3), (115, 1)]), None);
}

/// Where attempts share a bucket, what opened the first window is in none of the lists.
#[test]
fn a_fixed_window_may_have_been_opened_by_a_start_that_nobody_made() {
    let starts = [(60, 1), (110, 3), (215, 2)];
    let found = |openings: &[u64]| breaks("3/100ns fixed", 0, &starts, openings);
    assert_eq!(found(&[]).as_deref(), Some("4 in the window that opened at 60"));
    assert_eq!(found(&[10]), None);
    assert!(found(&[11]).is_some(), "it was not over yet");
    assert_eq!(found(&[61]).as_deref(), Some("4 in the window that opened at 60"), "that start was before");
    let law = Law { rate: "3/100ns fixed".parse().expect("a rate"), longer: Duration::ZERO };
    assert_eq!(law.windows(&starts, &[10, 200]), Ok(vec![10, 110, 215]));
    // Too much is too much, wherever it opened.
    assert!(breaks("3/100ns fixed", 0, &[(60, 2), (110, 2)], &[10, 20, 59]).is_none());
    assert!(breaks("3/100ns fixed", 0, &[(60, 2), (90, 2)], &[0, 10, 20, 59]).is_some());
}
