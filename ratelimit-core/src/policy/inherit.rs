//! Replaced limits: new states that count every start which the old ones still remember.
//!
//! A sliding window reads the longest log again, and counts what only a fixed window or a token bucket still remembers
//! as started when that log begins. A fixed window counts the same, and floats, as nobody knows what opened it; one of
//! the same length goes on with the window that is open, or, of several lists, with those as one. A token bucket counts
//! the log, and keeps beyond it the weight that a token bucket owed, up to its burst. A user's own policy that stays
//! goes on as it is; one that is new is told what a window would count; what one that goes remembers nobody else can
//! read.

use super::{All, Builtin, FixedWindow, Guarded, Own, Prototype, SlidingWindow, TokenBucket};
use crate::rate::{Rate, Shape};
use crate::time::Timestamp;

/// When something started, and how much it weighs.
pub(crate) type Start = (Timestamp, u64);
type Log = Vec<Start>;

impl All {
    /// States for `rates` that count what all of `old` remember together.
    pub(crate) fn inheriting(rates: &[Guarded], old: &[&All], now: Timestamp) -> Self {
        All::carrying(rates, old, now, Debt::UpToBurst)
    }

    /// The same, owing so much of what was owed.
    pub(crate) fn carrying(rates: &[Guarded], lists: &[&All], now: Timestamp, debt: Debt) -> Self {
        let same = |rate| match lists {
            [only] => {
                only.states.iter().find(|(old, _)| is_counted_by(rate, old.rate)).map(|(_, state)| state)
            }
            _ => None,
        };
        let old: Vec<Remembered<'_>> = lists.iter().map(|all| Remembered::of(all, now)).collect();
        let states = rates.iter().map(|guarded| {
            let kept = |state| kept(Builtin::new(*guarded), state, now, debt);
            if let Some(kept) = same(guarded.rate).and_then(kept) {
                return (*guarded, kept);
            }
            let state = match Builtin::new(*guarded) {
                Builtin::SlidingWindow(fresh) => {
                    let log = merged(old.iter().map(|old| &old.window));
                    Builtin::SlidingWindow(fresh.remembering(log.into_iter()))
                }
                Builtin::TokenBucket(fresh) => {
                    Builtin::TokenBucket(debt.of(fresh, |fresh| token_bucket(&fresh, &old, now)))
                }
                Builtin::FixedWindow(fresh) => {
                    Builtin::FixedWindow(match fixed_windows(guarded.rate, lists) {
                        Some(windows) => fresh.joining(&windows, now),
                        None => fresh.remembering(&merged(old.iter().map(|old| &old.window)), now),
                    })
                }
            };
            (*guarded, state)
        });
        All { states: states.collect(), own: None }
    }

    /// These starts, which weigh so much, as they count at `now` beside others; `all` has counted them as well, after others,
    /// by parts of these rates, and of those that may be in a window which is open now `log` tells when they were.
    pub(crate) fn beside_others(mut self, all: &All, (weight, log): (u64, &[Start]), now: Timestamp) -> Self {
        debug_assert_eq!(self.states.len(), all.states.len(), "they are of the same limits");
        for ((guarded, state), (_, all)) in self.states.iter_mut().zip(&*all.states) {
            *state = match (&*state, Builtin::new(*guarded), all) {
                (Builtin::TokenBucket(state), Builtin::TokenBucket(fresh), Builtin::TokenBucket(all)) => {
                    let owing = Debt::All.of(fresh, |fresh| fresh.owing_like(all, now));
                    Builtin::TokenBucket(owing.owing_at_most(weight, now).or_later(state))
                }
                (Builtin::FixedWindow(state), Builtin::FixedWindow(fresh), _) => {
                    Builtin::FixedWindow(fresh.holding(log, now).no_looser_than(state, now))
                }
                // A log has them all.
                _ => continue,
            };
        }
        self
    }

    /// The longest of its fixed windows, if there is one.
    pub(crate) fn longest_fixed(&self) -> Option<u64> {
        let fixed = self.states.iter().filter(|(guarded, _)| guarded.rate.shape() == Shape::Fixed);
        fixed.map(|(guarded, _)| guarded.rate.per_nanos().saturating_add(guarded.guard)).max()
    }

    /// Token buckets owe no more than their bursts at `now`.
    pub(crate) fn owe_up_to_burst(&mut self, now: Timestamp) {
        for (_, state) in &mut *self.states {
            if let Builtin::TokenBucket(bucket) = state {
                *bucket = bucket.clone().owing_up_to_burst(now);
            }
        }
    }

    /// The state of a user's policy for the entry `born`, where `old` was in force: the same state if it is the same
    /// policy, else one that takes what `old` remembers.
    pub(crate) fn inherit_own(&mut self, prototype: &Prototype, old: &Before<'_>, born: u64, now: Timestamp) {
        let kept = old.own.filter(|own| own.prototype().is(prototype));
        let own = kept.cloned().unwrap_or_else(|| {
            let mut own = Own::new(prototype, born);
            // Where it panics, whoever replaced the limits is told.
            own.remember(Remembered::of(old.rates, now).window.into_iter());
            own
        });
        self.own = Some(own);
    }

    /// States over all keys together: of what the old total and the keys remember, which share starts, whatever
    /// admits less. A rate that the total had before has counted every start already.
    pub(crate) fn inheriting_over_keys(
        rates: &[Guarded],
        total: &All,
        keys: &[&All],
        now: Timestamp,
    ) -> Self {
        let by_total = All::inheriting(rates, &[total], now);
        let by_keys = All::inheriting(rates, keys, now);
        let pairs = by_total.states.iter().cloned().zip(by_keys.states.iter().cloned());
        let states = pairs.map(|((guarded, by_total), (_, by_keys))| {
            let stays = total.states.iter().any(|(old, _)| old.rate == guarded.rate);
            let state = if stays { by_total } else { stricter(Builtin::new(guarded), by_total, by_keys) };
            (guarded, state)
        });
        All { states: states.collect(), own: None }
    }
}

/// How much of what was owed a token bucket owes under other limits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Debt {
    /// Up to its burst: nobody who lowers a limit is locked out for long.
    UpToBurst,
    /// All of it: who shares it under other limits may have taken it in good faith, and may still.
    All,
}

impl Debt {
    /// What `owing` makes of `fresh`, which owes nothing.
    fn of(self, fresh: TokenBucket, owing: impl FnOnce(TokenBucket) -> TokenBucket) -> TokenBucket {
        let burst = fresh.numbers().burst;
        match self {
            Debt::UpToBurst => owing(fresh),
            Debt::All => owing(fresh.with_burst(u32::MAX)).with_burst(burst),
        }
    }
}

/// What was in force for one entry.
pub(crate) struct Before<'a> {
    pub(crate) rates: &'a All,
    pub(crate) own: Option<&'a Own>,
}

/// Of two states of the rate of `fresh` what admits no more than either.
fn stricter(fresh: Builtin, a: Builtin, b: Builtin) -> Builtin {
    match (fresh, a, b) {
        (_, Builtin::TokenBucket(a), Builtin::TokenBucket(b)) => Builtin::TokenBucket(a.or_later(&b)),
        (Builtin::SlidingWindow(fresh), Builtin::SlidingWindow(a), Builtin::SlidingWindow(b)) => {
            let log = united(a.log().collect(), b.log().collect());
            Builtin::SlidingWindow(fresh.remembering(log.into_iter()))
        }
        (_, Builtin::FixedWindow(a), Builtin::FixedWindow(b)) => Builtin::FixedWindow(a.or_stricter(&b)),
        // One rate makes one kind of state.
        (_, a, _) => a,
    }
}

/// What one old list of rates still remembers of its starts.
struct Remembered<'a> {
    /// For windows: the longest log, and before it what only fixed windows and token buckets remember.
    window: Log,
    /// The same without the token buckets, for token buckets, which take what is owed as it is.
    log: Log,
    buckets: Vec<&'a TokenBucket>,
}

impl<'a> Remembered<'a> {
    fn of(all: &'a All, now: Timestamp) -> Self {
        let mut longest: Option<&SlidingWindow> = None;
        let (mut fixed, mut buckets) = (Vec::new(), Vec::new());
        for (_, state) in &*all.states {
            match state {
                Builtin::SlidingWindow(window) => {
                    longest = longest.filter(|known| known.window() >= window.window()).or(Some(window));
                }
                Builtin::TokenBucket(bucket) => buckets.push(bucket),
                Builtin::FixedWindow(window) => fixed.extend(window.remembered()),
            }
        }
        let log: Log = longest.map(|window| window.log().collect()).unwrap_or_default();
        // What is not in the log started before it begins.
        let begin = now.as_nanos().saturating_sub(longest.map_or(0, SlidingWindow::window));
        let most = |a: (Timestamp, u64), b: (Timestamp, u64)| (a.0.max(b.0), a.1.max(b.1));
        let log = beyond(log, fixed.into_iter().fold((Timestamp::ZERO, 0), most), begin);
        let owed = buckets.iter().map(|bucket| bucket.owed(now)).max().unwrap_or(0);
        let window = beyond(log.clone(), (now, owed), begin);
        Remembered { window, log, buckets }
    }
}

/// `log`, and before it what it lacks of the weight `known`, which started by `latest` and before `begin`.
fn beyond(mut log: Log, (latest, known): (Timestamp, u64), begin: u64) -> Log {
    let logged: u64 = log.iter().map(|(_, weight)| weight).sum();
    if known > logged {
        let start = latest.min(Timestamp::from_nanos(begin));
        let start = log.first().map_or(start, |(first, _)| start.min(*first));
        log.insert(0, (start, known - logged));
    }
    log
}

/// Whether a state of the rate `old` has counted every start that one of `rate` has to count: the same rate, or a fixed
/// window of the same length, whatever its amount.
fn is_counted_by(rate: Rate, old: Rate) -> bool {
    let fixed = |rate: Rate| rate.shape() == Shape::Fixed;
    rate == old || (fixed(rate) && fixed(old) && rate.per_nanos() == old.per_nanos())
}

/// Of each list the fixed window that has counted every start that one of `rate` has to count; `None` where one has none.
fn fixed_windows<'a>(rate: Rate, lists: &[&'a All]) -> Option<Vec<&'a FixedWindow>> {
    let window = |all: &&'a All| {
        all.states.iter().find_map(|(old, state)| match state {
            Builtin::FixedWindow(window) if is_counted_by(rate, old.rate) => Some(window),
            _ => None,
        })
    };
    lists.iter().map(window).collect()
}

/// The state of a rate that stays: it has counted every start already, whatever the others remember.
fn kept(fresh: Builtin, old: &Builtin, now: Timestamp, debt: Debt) -> Option<Builtin> {
    match (fresh, old) {
        (Builtin::TokenBucket(fresh), Builtin::TokenBucket(old)) => {
            Some(Builtin::TokenBucket(debt.of(fresh, |fresh| fresh.owing_like(old, now))))
        }
        (Builtin::SlidingWindow(fresh), Builtin::SlidingWindow(old)) => {
            Some(Builtin::SlidingWindow(fresh.remembering(old.log())))
        }
        (Builtin::FixedWindow(fresh), Builtin::FixedWindow(old)) => {
            Some(Builtin::FixedWindow(fresh.opened_like(old)))
        }
        _ => None,
    }
}

fn token_bucket(fresh: &TokenBucket, old: &[Remembered<'_>], now: Timestamp) -> TokenBucket {
    let counted = |log: &Log| fresh.clone().owing(log.iter().copied(), now);
    let mut state = counted(&merged(old.iter().map(|old| &old.log)));
    for old in old {
        let by_log = counted(&old.log);
        let kept = old.buckets.iter().map(|bucket| fresh.clone().owing_like(bucket, now));
        let kept = kept.fold(by_log.clone(), |state, kept| state.or_later(&kept));
        let beyond = kept.beyond(&by_log, now);
        state = state.owing_more(beyond, now).or_later(&kept);
    }
    state
}

/// All of several logs, in order of time.
fn merged<L: AsRef<[(Timestamp, u64)]>>(logs: impl Iterator<Item = L>) -> Log {
    let mut all: Log = logs.flat_map(|log| log.as_ref().to_vec()).collect();
    all.sort_unstable_by_key(|(start, _)| *start);
    all
}

/// Two logs that share starts: of each moment what the fuller of them has.
fn united(a: Log, b: Log) -> Log {
    let mut all = std::collections::BTreeMap::new();
    for (start, weight) in a.into_iter().chain(b) {
        let known: &mut u64 = all.entry(start).or_default();
        *known = weight.max(*known);
    }
    all.into_iter().collect()
}

#[cfg(test)]
mod tests;
