//! What an ask comes to, by the states of its entries: what a store runs in its transaction.

mod held;

use std::time::Duration;

use super::Failure;
use super::ask::{Acquire, Answer, Ask, Refused, Said, Verb, Windows};
use super::record::Record;
use crate::error::ErrorScope;
use crate::policy::all::Verdict;
use crate::policy::saved::END;
use crate::policy::{Earliest, own};
use held::{Held, by_windows};

/// After how long a user's policy is asked again that cannot tell when a call may start: 50 ms in microseconds.
const AGAIN: u64 = 50_000;

/// What an [`Ask`] comes to: what is to be written, and the answer.
///
/// # Examples
///
/// What a store does with it, in the transaction in which it has read:
///
/// ```
/// use rate_limited::store::{Answer, Ask, Entry, Judged};
/// use std::collections::HashMap;
///
/// fn write(ask: &Ask, judged: Judged, table: &mut HashMap<Entry, Vec<u8>>) -> Answer {
///     for (entry, written) in ask.entries().zip(judged.writes()) {
///         if let Some(written) = written {
///             table.insert(entry.clone(), written.state().to_vec());
///         }
///     }
///     judged.into_answer()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Judged {
    writes: Vec<Option<Written>>,
    answer: Answer,
}

/// A state that is to be written.
///
/// # Examples
///
/// In whole milliseconds and never less, where a store cannot be told more exactly how long to keep it:
///
/// ```
/// use rate_limited::store::Written;
///
/// fn millis(written: &Written) -> u128 {
///     written.keep_for().as_micros().div_ceil(1000)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    state: Vec<u8>,
    keep_for: Duration,
}

impl Judged {
    /// For each of the ask's entries in their order what is to be written; `None` = nothing: it stays as it is.
    pub fn writes(&self) -> impl ExactSizeIterator<Item = Option<&Written>> {
        self.writes.iter().map(Option::as_ref)
    }

    /// The answer, to be given once all is written.
    #[must_use]
    pub fn into_answer(self) -> Answer {
        self.answer
    }
}

impl Written {
    /// The state: some tens of bytes, and eight more for each start that a sliding window remembers, at most 3,072.
    #[must_use]
    pub fn state(&self) -> &[u8] {
        &self.state
    }

    /// For how long it has to be kept at least, in whole microseconds, at most ten years; after that it may be forgotten,
    /// as one that is not there would admit no more. It is somewhat longer than that takes, so that the next states are
    /// kept until the same time.
    #[must_use]
    pub fn keep_for(&self) -> Duration {
        self.keep_for
    }
}

impl Ask {
    /// Judges at `now`, the store's time since 1970 cut to microseconds, by the states of its
    /// [entries](Ask::entries) in their order, `None` for one that is not there.
    ///
    /// It does nothing by itself. A time before that of the last write is taken for a clock that was put back; that is
    /// written even where nothing is granted, and nothing else is.
    ///
    /// # Errors
    ///
    /// Where a state cannot be read, or a user's policy panicked or cannot be [saved](crate::policy::Policy::save):
    /// nothing is to be written then.
    pub fn judge(&self, now: Duration, states: &[Option<&[u8]>]) -> Result<Judged, Failure> {
        let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX).min(END - 1);
        let mut states = states.iter().copied().chain(std::iter::repeat(None));
        let mut held = Held::read(self, &mut states, now)?;
        let before = held.windows.clone();
        let before = before.as_deref().into_iter().flatten();
        let played = self.play(now, &mut held);
        own::set_aside();
        let (mut said, changed) = played?;
        let Held { records, windows } = &mut held;
        let windows = windows.as_deref().into_iter().flatten();
        // Where nobody wrote down that the clock was put back, no time would pass until it is where it was.
        let is_asked = matches!(self.verb, Verb::Acquire(_));
        let is_written = |record: &Record| changed || is_asked && record.was_put_back();
        for record in records.iter_mut().filter(|record| is_written(record)) {
            record.stamp(now);
        }
        if let Said::Granted { born, .. } | Said::Done { born, .. } = &mut said {
            for (born, record) in born.iter_mut().zip(&*records) {
                *born = record.born;
            }
        }
        let mut writes = Vec::with_capacity(records.len() + windows.clone().count());
        for record in &*records {
            writes.push(if is_written(record) { Some(written(record, now)?) } else { None });
        }
        let is_told_anew = matches!(self.verb, Verb::Rename { .. } | Verb::Restore { .. });
        for (window, before) in windows.zip(before) {
            // What stays as it was is not written: one of them is of all keys, and who writes it holds up all others. But
            // what is told anew is kept for longer.
            let is_changed = changed && (is_told_anew || window != before);
            let is_written = is_changed || (changed || is_asked) && window.was_put_back();
            writes.push(is_written.then(|| Written::new(window.write(now))));
        }
        Ok(Judged { writes, answer: Answer(said) })
    }

    /// What it comes to, and whether anything changed.
    fn play(&self, now: u64, held: &mut Held) -> Result<(Said, bool), Failure> {
        let panicked = || Failure::of_state("the bucket's own policy panicked");
        let builds_on = matches!(self.verb, Verb::Charge { .. } | Verb::Refund { .. } | Verb::Peek { .. });
        if builds_on && !self.is_known(&held.records, now) {
            return Ok((Said::Lost, false));
        }
        let follows = builds_on || matches!(self.verb, Verb::Hear { .. });
        if let Some(name) = held.renamed().filter(|_| follows) {
            return Ok((Said::Renamed(name), false));
        }
        let weighs = self.weighs();
        match &self.verb {
            Verb::Acquire(ask) => {
                let said = self.acquire(*ask, now, held).ok_or_else(panicked)?;
                let is_taken = matches!(said, Said::Granted { .. });
                return Ok((said, is_taken));
            }
            Verb::Charge { weight } => {
                let start = held.charge((*weight, weighs), now).ok_or_else(panicked)?;
                return Ok((Said::Granted { wait: 0, start, now, born: [0; 2] }, true));
            }
            Verb::Peek { weight } => return Ok((Said::Outlook(held.look((*weight, weighs), now)), false)),
            Verb::Refund { start, weight, given, born } => {
                held.refund((*start, now), (*weight, *given, weighs), *born);
            }
            Verb::Hear { start, weight, heard } => held.hear((*start, *weight), now, heard),
            Verb::Rename { name, joins } => held.rename(name, *joins),
            Verb::Reset => held.reset(usize::MAX, now),
            Verb::ResetKey => held.reset(1, now),
            Verb::Restore { records, lost } => {
                for ((part, known), record) in self.parts.iter().zip(records).zip(&mut held.records) {
                    let is_told = !lost || !record.is_known(part.known, now);
                    if let Some(known) = known.as_ref().filter(|_| is_told) {
                        record.join(&Record::read(&part.plan, Some(known), now)?, now);
                    }
                }
            }
        }
        Ok((Said::Done { now, born: [0; 2] }, true))
    }

    /// Whether the store knows what the process that asks has seen last.
    fn is_known(&self, records: &[Record], now: u64) -> bool {
        self.parts.iter().zip(records).all(|(part, record)| record.is_known(part.known, now))
    }

    /// What the call weighs to the server.
    fn weighs(&self) -> u32 {
        self.windows.as_ref().map_or(0, |windows| windows.weighs)
    }

    /// `None` if the user's policy panicked.
    fn acquire(&self, ask: Acquire, now: u64, held: &mut Held) -> Option<Said> {
        let Acquire { weight, after, slack, allowance, reserves } = ask;
        if !self.is_known(&held.records, now) {
            return Some(Said::Lost);
        }
        if let Some(name) = held.renamed() {
            return Some(Said::Renamed(name));
        }
        let Held { records, windows } = held;
        let mut windows = windows.as_deref_mut();
        let counted_now = now.saturating_add(slack);
        let from = counted_now.saturating_add(after);
        let mut verdicts: Vec<Verdict> =
            records.iter_mut().map(|record| record.earliest(from, weight, slack)).collect();
        let weighs = self.weighs();
        if let Some(windows) = &windows {
            verdicts.push(by_windows(windows, (from, slack), weighs));
        }
        let is_later = |a: &(usize, &Verdict), b: &(usize, &Verdict)| b.1.earliest > a.1.earliest;
        let latest = verdicts.iter().enumerate().reduce(|a, b| if is_later(&a, &b) { b } else { a });
        let (index, verdict) = latest?;
        let record = records.get(index);
        let rate = record.and_then(|record| record.declared(verdict.rate));
        let scope = match record {
            None => ErrorScope::Server,
            Some(_) if index > 0 => ErrorScope::Bucket,
            Some(_) => ErrorScope::Key,
        };
        let refused = |retry_after| Some(Said::Refused(Refused { retry_after, rate, scope }));
        let at = match verdict.earliest {
            Earliest::Never => return Some(Said::Never { rate, scope }),
            Earliest::WhenSettled if allowance == 0 => return refused(None),
            Earliest::WhenSettled => return Some(Said::Later { wait: AGAIN }),
            Earliest::At(at) => at.as_nanos(),
        };
        let wait = at.saturating_sub(counted_now);
        let bears =
            self.windows.as_deref().filter(|_| record.is_none()).map_or(u64::MAX, Windows::longest_pause);
        if wait > allowance.min(bears) {
            return refused(Some(wait));
        }
        // What only the key holds up must not hold up others, who share the rest with it.
        let is_held_by_all = verdicts.iter().skip(1).all(|shared| shared.earliest == verdict.earliest);
        if at > from && !(reserves && is_held_by_all) || after > 0 && !reserves || at >= END {
            return Some(Said::Later { wait });
        }
        let is_taken = records.iter_mut().all(|record| record.commit((at, now), weight));
        if let Some([window, _]) = windows.as_mut().filter(|_| is_taken) {
            window.commit(at, weighs);
        }
        is_taken.then_some(Said::Granted { wait, start: at, now, born: [0; 2] })
    }
}

impl Written {
    fn new((state, micros): (Vec<u8>, u64)) -> Self {
        Written { state, keep_for: Duration::from_micros(micros) }
    }
}

fn written(record: &Record, now: u64) -> Result<Written, Failure> {
    let written = record.write(now).ok_or_else(|| {
        Failure::of_state("the bucket's own policy cannot be saved, which a store needs")
            .advise("implement `Policy::save` and `load`")
    })?;
    Ok(Written::new(written))
}

#[cfg(test)]
mod tests;
